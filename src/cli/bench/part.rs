//! Each stage by itself, beside the bare means that it is made of. What is timed is called as the daemon calls it.

use super::frame::{Frame, Frames};
use super::machine::{self, Folder};
use super::report::{Goal, Report, Row};
use crate::classify::Classifier;
use crate::classify::encoder::{Encoder, Folder as Model};
use crate::flow::judge;
use crate::index;
use crate::mention::Mention;
use crate::post::{Post, Str};
use crate::query::names::Names;
use crate::source::bluesky::frame::{What, parse};
use crate::store::{self, Commit};
use crate::text::folded;
use crate::watch::sample::Sample;
use crate::watch::{Gate, Scratch, WatchSet};
use aho_corasick::AhoCorasick;
use jiff::Timestamp;
use serde::Deserialize;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tantivy::schema::{FAST, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{IndexWriter, TantivyDocument};

/// Of all posts, those that somebody watches for, while the filter is measured.
pub const SHARE: f64 = 0.02;

/// Posts a second that the filter is to take, on all cores: with the watches of one firm, and with those of many.
const FILTER_GOAL: f64 = 500_000.0;
pub(super) const FILTER_GOAL_MANY: f64 = 1_000_000.0;
pub(super) const MANY_WATCHES: usize = 10_000;

/// Each rate is the best of several rounds that take at least this long together.
const ROUNDS_TAKE: Duration = Duration::from_millis(600);
const ROUNDS_MIN: usize = 3;

/// Posts whose language only trigrams can tell: slow, so fewer are enough.
const OPEN_POSTS: usize = 1_000;
/// A round of the encoder takes a second or two.
const ENCODED_POSTS: usize = 500;

pub(super) const SOURCE: &str = "bluesky";

/// Rows of one commit of the store, and documents of one commit of the index, as at a full rate.
const COMMIT_ROWS: usize = crate::flow::ingest::COMMIT_ITEMS_MAX;
const COMMIT_DOCUMENTS: usize = 15_000;
/// As the daemon's own writer of the index.
const HEAP_BYTES: usize = 64_000_000;

/// Processor time that a post takes, in microseconds, added up stage by stage.
pub struct Parts {
    pub cost_us: f64,
}

/// Decoding, filtering, scoring: nothing touches the disk.
pub fn pure(frames: &Frames, watches: usize, report: &mut Report) -> anyhow::Result<Parts> {
    let frames = frames.all();
    let length = |frame: &Frame| decode(frame).map_or(0, |post| post.text.len());
    let ours = rate(frames.len(), || frames.iter().map(length).sum());
    let bare = rate(frames.len(), || frames.iter().map(bare_decode).sum());
    let row = Row::new("decode", ours, "posts/s").beside("serde_json alone, typed, one core", bare);
    report.add(row.goal(Goal::LeastOfLimit(0.7)));

    let mut sample = Sample::new(0, watches);
    let gate = gate(watches)?;
    let names = AhoCorasick::new(sample.literals())?;
    let filter = rate_on_all(frames, |part| {
        let mut scratch = Scratch::default();
        part.iter().filter_map(decode).filter(|post| !gate.matches(post, &mut scratch).is_empty()).count()
    });
    let bare = rate_on_all(frames, |part| {
        part.iter().filter(|frame| bare_decode(frame) > 0 && names.is_match(frame.bytes())).count()
    });
    let row = Row::new("filter", filter, "posts/s").beside("serde_json and aho-corasick, all cores", bare);
    report.add(row.goal(Goal::Least(if watches < MANY_WATCHES { FILTER_GOAL } else { FILTER_GOAL_MANY })));

    let classifier = Classifier::load()?;
    let posts: Vec<Post<'_>> = frames.iter().filter_map(decode).collect();
    let score =
        rate(posts.len(), || posts.iter().filter(|post| judge::judge(&classifier, post).scores.is_some()).count());
    let bare = rate(posts.len(), || posts.iter().map(|post| classifier.logits(&post.text)[0] as usize).sum());
    report.add(Row::new("score", score, "posts/s").beside("the linear model alone, one core", bare));
    let open: Vec<Post<'_>> = (0..OPEN_POSTS).map(|_| undeclared(sample.post(0.0))).collect();
    let slow =
        rate(open.len(), || open.iter().filter(|post| judge::judge(&classifier, post).cluster.is_some()).count());
    report.add(Row::new("score, language open", slow, "posts/s").beside("score", score));

    let texts: Vec<&str> = posts.iter().take(ENCODED_POSTS).map(|post| &*post.text).collect();
    let encoded = |threads| -> anyhow::Result<f64> {
        let encoder = Encoder::open(&Model::EMBEDDED, threads)?;
        Ok(rate(texts.len(), || encoder.logits(&texts).map_or(0, |logits| logits.len())))
    };
    let (all, one) = (encoded(machine::cores())?, encoded(1)?);
    report.add(Row::new("encoder, all cores", all, "posts/s").beside("on one core", one));

    let cores = machine::cores() as f64;
    Ok(Parts { cost_us: cores * 1e6 / filter + 1e6 / score })
}

/// Storing and indexing what was scored.
pub async fn written(folder: &Folder, frames: &Frames, mut parts: Parts, report: &mut Report) -> anyhow::Result<Parts> {
    let classifier = Classifier::load()?;
    let mentions: Vec<Mention> =
        (1..).zip(frames.all()).filter_map(|(seq, frame)| mention(frame, seq, &classifier)).collect();
    let dir = folder.part("parts")?;

    let bare = append(&dir, &mentions)?;
    let (rate, cost_us) = store(&dir, mentions.clone()).await?;
    parts.cost_us += cost_us;
    report.add(Row::new("store", rate, "rows/s").beside("the same lines appended and synced", bare));

    let (ours, bare) = tokio::task::block_in_place(|| -> anyhow::Result<_> {
        let bare = bare_index(&dir.join("bare"), &mentions)?;
        let before = machine::processor();
        let ours = index_all(&dir.join("index"), &mentions)?;
        parts.cost_us += (machine::processor() - before).as_secs_f64() * 1e6 / mentions.len() as f64;
        Ok((ours, bare))
    })?;
    let row = Row::new("index", ours, "documents/s").beside("tantivy alone, the same texts", bare);
    report.add(row.goal(Goal::LeastOfLimit(0.8)));
    machine::remove(&dir);
    Ok(parts)
}

/// Units a second: the best of some rounds.
pub(super) fn rate(units: usize, mut round: impl FnMut() -> usize) -> f64 {
    let (began, mut best, mut rounds) = (Instant::now(), Duration::MAX, 0);
    while rounds < ROUNDS_MIN || began.elapsed() < ROUNDS_TAKE {
        let start = Instant::now();
        black_box(round());
        best = best.min(start.elapsed());
        rounds += 1;
    }
    units as f64 / best.as_secs_f64()
}

pub(super) fn rate_on_all(frames: &[Frame], work: impl Fn(&[Frame]) -> usize + Sync) -> f64 {
    let share = frames.len().div_ceil(machine::cores());
    rate(frames.len(), || {
        std::thread::scope(|scope| {
            let threads: Vec<_> = frames.chunks(share).map(|part| scope.spawn(|| work(part))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
        })
    })
}

/// No author and no little word tells its language.
fn undeclared(mut post: Post<'_>) -> Post<'_> {
    post.lang = None;
    post
}

/// The sample's watches, ready to be asked.
pub(super) fn gate(watches: usize) -> anyhow::Result<Gate> {
    let brands = Sample::new(0, watches).brands();
    let set = WatchSet::compile(&brands, &[(SOURCE.to_owned(), SOURCE)], &Names::default());
    Ok(Gate::new(set.map_err(|_| anyhow::anyhow!("the sample's watches are bad"))?))
}

pub(super) fn decode(frame: &Frame) -> Option<Post<'_>> {
    let What::Post { post, .. } = parse(frame.bytes()).ok()?.what else { return None };
    let mut post = *post;
    post.source = SOURCE.into();
    Some(post)
}

/// What any reader of these frames has to do at least.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Bare<'a> {
    did: Str<'a>,
    time_us: i64,
    kind: Str<'a>,
    commit: BareCommit<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct BareCommit<'a> {
    operation: Str<'a>,
    collection: Str<'a>,
    rkey: Str<'a>,
    record: BareRecord<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct BareRecord<'a> {
    text: Str<'a>,
    created_at: Str<'a>,
    langs: Vec<Str<'a>>,
    tags: Vec<Str<'a>>,
    facets: Vec<BareFacet<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct BareFacet<'a> {
    features: Vec<BareFeature<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct BareFeature<'a> {
    uri: Option<Str<'a>>,
}

/// Something that depends on every field, so that none can be left out.
fn bare_decode(frame: &Frame) -> usize {
    let Ok(bare) = serde_json::from_slice::<Bare<'_>>(frame.bytes()) else { return 0 };
    let (commit, record) = (&bare.commit, &bare.commit.record);
    let links = record.facets.iter().flat_map(|facet| &facet.features).filter(|feature| feature.uri.is_some()).count();
    bare.did.len()
        + usize::from(bare.time_us > 0)
        + bare.kind.len()
        + commit.operation.len()
        + commit.collection.len()
        + commit.rkey.len()
        + record.text.len()
        + record.created_at.len()
        + record.langs.len()
        + record.tags.len()
        + links
}

fn mention(frame: &Frame, seq: i64, classifier: &Classifier) -> Option<Mention> {
    let post = decode(frame)?;
    let opinion = judge::judge(classifier, &post);
    Some(Mention {
        scores: opinion.scores,
        cluster: opinion.cluster,
        cluster_size: Some(1),
        ..Mention::new(post.into_owned(), seq, "brand", vec!["name".into()], Timestamp::now())
    })
}

/// The least that keeps the same: JSON Lines, synced as often as the store commits.
fn append(dir: &Path, mentions: &[Mention]) -> anyhow::Result<f64> {
    let mut file = std::fs::File::create(dir.join("lines"))?;
    let began = Instant::now();
    for batch in mentions.chunks(COMMIT_ROWS) {
        let mut lines = Vec::new();
        for mention in batch {
            serde_json::to_writer(&mut lines, mention)?;
            lines.push(b'\n');
        }
        file.write_all(&lines)?;
        file.sync_data()?;
    }
    Ok(mentions.len() as f64 / began.elapsed().as_secs_f64())
}

/// Rows a second, and processor time of one in microseconds.
async fn store(dir: &Path, mentions: Vec<Mention>) -> anyhow::Result<(f64, f64)> {
    let (mut writer, _reader) = store::open(dir).await?;
    let (count, mut mentions) = (mentions.len() as f64, mentions.into_iter().peekable());
    let (began, before) = (Instant::now(), machine::processor());
    while mentions.peek().is_some() {
        let new = mentions.by_ref().take(COMMIT_ROWS).map(Arc::new).collect();
        let cursors = vec![(SOURCE.into(), writer.next_seq().to_string())];
        writer.commit(&Commit { new, cursors, ..Commit::default() }).await?;
    }
    let (took, spent) = (began.elapsed().as_secs_f64(), machine::processor() - before);
    writer.close().await?;
    Ok((count / took, spent.as_secs_f64() * 1e6 / count))
}

fn index_all(dir: &Path, mentions: &[Mention]) -> anyhow::Result<f64> {
    let (mut writer, _searcher) = index::open(dir)?;
    let began = Instant::now();
    for (change, batch) in (1..).zip(mentions.chunks(COMMIT_DOCUMENTS)) {
        for mention in batch {
            writer.put(mention, SOURCE, false)?;
        }
        writer.commit(change)?;
    }
    Ok(mentions.len() as f64 / began.elapsed().as_secs_f64())
}

/// Only number, time and words (folded beforehand), as little as can be searched.
fn bare_index(dir: &Path, mentions: &[Mention]) -> anyhow::Result<f64> {
    std::fs::create_dir_all(dir)?;
    let mut schema = Schema::builder();
    let words = TextFieldIndexing::default()
        .set_tokenizer("default")
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(false);
    let seq = schema.add_u64_field("seq", FAST | INDEXED);
    let created = schema.add_i64_field("created", FAST);
    let text = schema.add_text_field("text", TextOptions::default().set_indexing_options(words));
    let index = tantivy::Index::create_in_dir(dir, schema.build())?;
    let mut writer: IndexWriter = index.writer_with_num_threads(1, HEAP_BYTES)?;
    let texts: Vec<String> = mentions.iter().map(|mention| folded(&mention.post.text)).collect();
    let began = Instant::now();
    for batch in mentions.iter().zip(&texts).collect::<Vec<_>>().chunks(COMMIT_DOCUMENTS) {
        for (mention, words) in batch {
            let mut document = TantivyDocument::default();
            document.add_u64(seq, mention.seq.cast_unsigned());
            document.add_i64(created, mention.post.created_at.as_microsecond());
            document.add_text(text, words);
            writer.add_document(document)?;
        }
        writer.commit()?;
    }
    Ok(mentions.len() as f64 / began.elapsed().as_secs_f64())
}
