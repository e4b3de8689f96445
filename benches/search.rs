//! How long a search takes in an index at rest, with and without facets, in each order. `cargo bench --bench search`;
//! REPUTED_BENCH_MENTIONS says how many mentions are searched (200,000 unless it is set).
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a report for people; nothing to recover")]

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use reputed::index::{self, By, Interval, Page, Searcher, Sort};
use reputed::query::Query;
use reputed::watch::sample::Sample;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

const MENTIONS: i64 = 200_000;
/// What a second brings at the rate that the trials ask for.
const COMMIT_EVERY: i64 = 15_000;

fn searches(criterion: &mut Criterion) {
    let count = std::env::var("REPUTED_BENCH_MENTIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(MENTIONS);
    let dir = tempfile::tempdir().unwrap();
    let (_writer, searcher) = fill(dir.path(), count);
    let name = Sample::name;
    let cases = [
        ("word", name(1)),
        ("rare word", name(150)),
        ("phrase", format!("\"{}\"", Sample::phrase(1, 0))),
        ("numbers", format!("({} OR {}) sentiment:<-0.2 needs_answer:>0.5", name(1), name(2))),
        ("everything", String::new()),
    ];
    let facets = vec![By::Source, By::Lang, By::Sentiment, By::Author, By::Watch];
    let ten = Page { limit: 10, ..Page::default() };
    let pages = [
        ("counted", Page::default()),
        ("ten", ten.clone()),
        ("ten by relevance", Page { sort: Sort::Relevance, ..ten.clone() }),
        ("ten by priority", Page { sort: Sort::Priority, ..ten.clone() }),
        ("four facets", Page { facets: facets[..4].to_vec(), ..ten.clone() }),
        ("five facets over days", Page { facets, over: Some(Interval::Day), ..ten }),
    ];
    for (name, text) in cases {
        let query = Query::parse(&text).unwrap();
        let mut group = criterion.benchmark_group(name);
        println!("{name}: {} hits", searcher.search(&query, &pages[0].1, Timestamp::UNIX_EPOCH).unwrap().total);
        for (name, page) in &pages {
            group.bench_function(*name, |bencher| {
                bencher.iter(|| black_box(searcher.search(&query, page, Timestamp::UNIX_EPOCH).unwrap()));
            });
        }
        group.finish();
    }
}

fn fill(dir: &Path, count: i64) -> (index::Writer, Searcher) {
    let mut sample = Sample::new(7, 0);
    let (mut writer, searcher) = index::open(dir).unwrap();
    let (mut generating, began) = (Duration::ZERO, Instant::now());
    for seq in 1..=count {
        let making = Instant::now();
        let mention = sample.mention(seq);
        generating += making.elapsed();
        writer.put(&mention, "bluesky", false).unwrap();
        if seq % COMMIT_EVERY == 0 || seq == count {
            writer.commit(seq).unwrap();
        }
    }
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().map_or(0, |file| file.len()));
    let rate = count as f64 / (began.elapsed() - generating).as_secs_f64();
    println!("{count} mentions, {:.1} MB, {rate:.0}/s", files.sum::<u64>() as f64 / 1e6);
    (writer, searcher)
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = searches
}
criterion_main!(benches);
