//! Searches in an index of many mentions while others arrive: how long a page takes, beside only counting the same hits.

use super::machine::{self, Folder, Spread};
use super::report::{Goal, Report, Row};
use crate::cli::terminal;
use crate::index::{self, By, Page, Searcher, Writer};
use crate::query::Query;
use crate::watch::sample::Sample;
use anyhow::anyhow;
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// As the daemon does at a full rate.
const COMMIT_DOCUMENTS: u32 = 15_000;
/// What arrives each second meanwhile, with one commit.
const ARRIVING: i64 = 1_000;
const ARRIVING_AT_ONCE: i64 = 100;
/// Rounds of searches; ten of them at a time, so that what a round needs stays at hand no better than for a person.
const ROUNDS: usize = 200;
const WORST_ROUNDS: usize = 200;
const TELL_EVERY: u32 = 100_000;
const SOURCE_KIND: &str = "bluesky";

const FOUR: [By; 4] = [By::Source, By::Lang, By::Sentiment, By::Author];
const FIVE: [By; 5] = [By::Source, By::Lang, By::Sentiment, By::Author, By::Watch];

/// Ten hits with facets, as somebody at the page asks.
pub fn measure(folder: &Folder, mentions: u32, report: &mut Report) -> anyhow::Result<()> {
    let dir = folder.part("search")?;
    let mut sample = Sample::new(7, 0);
    let (mut writer, searcher) = index::open(&dir)?;
    fill(&mut writer, &mut sample, mentions)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let arriving = scope.spawn(|| arrive(&mut writer, &mut sample, mentions.into(), &done));
        let searched = search(&searcher, report);
        done.store(true, Ordering::Relaxed);
        arriving.join().map_err(|_| anyhow!("indexing ended by a defect"))??;
        searched
    })?;
    drop(writer);
    machine::remove(&dir);
    Ok(())
}

fn fill(writer: &mut Writer, sample: &mut Sample, mentions: u32) -> anyhow::Result<()> {
    let began = Instant::now();
    for seq in 1..=mentions {
        writer.put(&sample.mention(seq.into()), SOURCE_KIND, false)?;
        if seq % COMMIT_DOCUMENTS == 0 || seq == mentions {
            writer.commit(seq.into())?;
        }
        if seq % TELL_EVERY == 0 {
            terminal::note(&format!("  {:>4.0} s: {seq} mentions to search in", began.elapsed().as_secs_f64()));
        }
    }
    Ok(())
}

/// Puts new mentions until it is told to end.
fn arrive(writer: &mut Writer, sample: &mut Sample, mut seq: i64, done: &AtomicBool) -> anyhow::Result<()> {
    let (began, first) = (Instant::now(), seq);
    while !done.load(Ordering::Relaxed) {
        for _ in 0..ARRIVING_AT_ONCE {
            seq += 1;
            writer.put(&sample.mention(seq), SOURCE_KIND, false)?;
        }
        if (seq - first) % ARRIVING == 0 {
            writer.commit(seq)?;
        }
        let due = Duration::from_secs_f64((seq - first) as f64 / ARRIVING as f64);
        std::thread::park_timeout(due.saturating_sub(began.elapsed()));
    }
    Ok(())
}

/// What people ask: names of different frequency, a phrase, numbers.
fn ordinary() -> Vec<String> {
    let name = Sample::name;
    vec![
        name(1),
        name(10),
        name(150),
        format!("\"{}\"", Sample::phrase(1, 0)),
        format!("{} sentiment:<-0.2", name(1)),
        format!("({} OR {}) needs_answer:>0.7 -kind:reply", name(2), name(3)),
        format!("{} lang:de", name(1)),
    ]
}

fn search(searcher: &Searcher, report: &mut Report) -> anyhow::Result<()> {
    let page = |facets: &[By]| Page { limit: 10, facets: facets.to_vec(), ..Page::default() };
    let ordinary = ordinary();
    let asked: Vec<&str> = ordinary.iter().map(String::as_str).collect();
    for (name, goal, rounds, queries, facets) in [
        (["search, p50", "search, p99"], 10.0, ROUNDS, &asked[..], &FOUR[..]),
        (["search, five facets, p50", "search, five facets, p99"], 10.0, ROUNDS, &asked[..], &FIVE[..]),
        (["search everything, p50", "search everything, p99"], 100.0, WORST_ROUNDS, &[""][..], &FIVE[..]),
    ] {
        let counted = spread(searcher, queries, &Page::default(), rounds)?;
        let found = spread(searcher, queries, &page(facets), rounds)?;
        let rows = [(name[0], found.p50, counted.p50), (name[1], found.p99, counted.p99)];
        for (name, took, bare) in rows {
            let row = Row::new(name, took, "ms").beside("the same hits only counted", bare);
            report.add(if name.ends_with("p99") { row.goal(Goal::Most(goal)) } else { row });
        }
    }
    Ok(())
}

/// How long these queries take, one after the other, many times.
fn spread(searcher: &Searcher, queries: &[&str], page: &Page, rounds: usize) -> anyhow::Result<Spread> {
    let mut all = Vec::with_capacity(rounds * queries.len());
    for text in queries {
        let query = Query::parse(text).map_err(|errors| anyhow!("{errors:?}"))?;
        let mut took = Vec::with_capacity(rounds);
        let mut total = 0;
        for _ in 0..rounds {
            let began = Instant::now();
            total = searcher.search(&query, page, Timestamp::now())?.total;
            took.push(began.elapsed());
        }
        all.extend_from_slice(&took);
        let Spread { p50, p99 } = Spread::of(took);
        let asked = if text.is_empty() { "everything" } else { text };
        terminal::note(&format!(
            "  {asked}, {} facets: {total} hits, p50 {p50:.2} ms, p99 {p99:.2} ms",
            page.facets.len()
        ));
    }
    Ok(Spread::of(all))
}
