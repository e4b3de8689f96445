//! From the bytes of a frame to the decision whether anybody wants the post; decoding alone, beside a bare typed decode of
//! the same frames; and matching alone, at growing numbers of watches, beside a bare Aho-Corasick scan over the same names and texts (case folded
//! beforehand, no word borders, nothing evaluated): the figure to hold the filter against. `cargo bench --bench filter`.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use daachorse::DoubleArrayAhoCorasick;
use reputed::brand::{Brand, Watch};
use reputed::post::{Post, Str};
use reputed::query::names::Names;
use reputed::source::bluesky::frame::{self, What};
use reputed::text::folded;
use reputed::watch::sample::{Sample, jetstream_frame};
use reputed::watch::{Gate, Scratch, WatchSet};
use serde::Deserialize;
use std::hint::black_box;

const POSTS: usize = 10_000;
/// Of all posts, those that hold the name of a watch.
const SHARE: f64 = 0.02;

fn filter(c: &mut Criterion) {
    let mut group = c.benchmark_group("filter");
    group.throughput(Throughput::Elements(POSTS as u64)).sample_size(20);
    for watches in [100, 1_000, 10_000, 100_000] {
        let mut sample = Sample::new(1, watches);
        let posts: Vec<Post> = (0..POSTS).map(|_| sample.post(SHARE)).collect();
        let Ok(set) = WatchSet::compile(&sample.brands(), &[], &Names::default()) else { continue };
        let gate = Gate::new(set);
        let mut scratch = Scratch::default();
        group.bench_with_input(BenchmarkId::new("gate", watches), &posts, |b, posts| {
            b.iter(|| posts.iter().filter(|post| !gate.matches(black_box(post), &mut scratch).is_empty()).count());
        });

        let texts: Vec<String> = posts.iter().map(|post| folded(&post.text)).collect();
        if let Ok(automaton) = DoubleArrayAhoCorasick::<u32>::new(sample.literals()) {
            group.bench_with_input(BenchmarkId::new("bare_daachorse", watches), &texts, |b, texts| {
                b.iter(|| texts.iter().filter(|text| automaton.find_iter(black_box(text)).next().is_some()).count());
            });
        }
        // A DFA over more would not fit into a small machine's memory.
        if watches > 10_000 {
            continue;
        }
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::LeftmostLongest)
            .build(sample.literals());
        let Ok(automaton) = automaton else { continue };
        group.bench_with_input(BenchmarkId::new("bare_aho_corasick", watches), &texts, |b, texts| {
            b.iter(|| texts.iter().filter(|text| automaton.is_match(black_box(text.as_str()))).count());
        });
    }
    group.finish();
}

/// From a name to a query.
type Form = fn(&str) -> String;

/// Watches that all ask for the same, besides a name of their own.
fn alike(c: &mut Criterion) {
    const WATCHES: usize = 10_000;
    let mut group = c.benchmark_group("alike");
    group.throughput(Throughput::Elements(POSTS as u64)).sample_size(20);
    let forms: [(&str, Form); 4] = [
        ("name", str::to_owned),
        ("little_word", |name| format!("the AND {name}")),
        ("phrase", |name| format!("{name} OR \"of the {name}\"")),
        ("shared_word", |name| format!("customers AND {name}")),
    ];
    for (name, form) in forms {
        let mut sample = Sample::new(1, WATCHES);
        let named = sample.literals().into_iter().enumerate();
        let watches = named.map(|(n, name)| Watch { id: format!("w{n}"), query: form(&name) }).collect();
        let brand = Brand { id: "b".into(), name: "b".into(), watches, accounts: Vec::new() };
        let Ok(set) = WatchSet::compile(&[brand], &[], &Names::default()) else { continue };
        let gate = Gate::new(set);
        let mut posts: Vec<Post> = (0..POSTS).map(|_| sample.post(SHARE)).collect();
        for post in &mut posts {
            post.text = format!("the customers of {}", post.text).into();
        }
        let mut scratch = Scratch::default();
        group.bench_with_input(BenchmarkId::new("gate", name), &posts, |b, posts| {
            b.iter(|| posts.iter().filter(|post| !gate.matches(black_box(post), &mut scratch).is_empty()).count());
        });
    }
    group.finish();
}

/// The least that a typed decode can do: the four fields that nobody can go without.
#[derive(Deserialize)]
struct Bare<'a> {
    did: &'a str,
    #[serde(borrow)]
    commit: BareCommit<'a>,
}

#[derive(Deserialize)]
struct BareCommit<'a> {
    rkey: &'a str,
    #[serde(borrow)]
    record: BareRecord<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct BareRecord<'a> {
    text: Str<'a>,
    created_at: &'a str,
}

fn decode(c: &mut Criterion) {
    let mut sample = Sample::new(1, 1_000);
    let frames: Vec<String> = (0..POSTS).map(|_| jetstream_frame(&sample.post(SHARE))).collect();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(POSTS as u64)).sample_size(20);
    group.bench_function("bare_serde_json", |b| {
        let read = |frame: &String| {
            let bare: Bare<'_> = serde_json::from_str(frame).ok()?;
            let record = &bare.commit.record;
            Some(bare.did.len() + bare.commit.rkey.len() + record.text.len() + record.created_at.len())
        };
        b.iter(|| frames.iter().filter_map(|frame| read(black_box(frame))).sum::<usize>());
    });
    group.bench_function("frame_parse", |b| {
        b.iter(|| frames.iter().filter(|frame| frame::parse(black_box(frame.as_bytes())).is_ok()).count());
    });
    group.finish();
}

/// Frame bytes to decision, on one thread and on two.
fn whole(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame_to_decision");
    group.throughput(Throughput::Elements(POSTS as u64)).sample_size(20);
    for watches in [1_000, 10_000] {
        let mut sample = Sample::new(1, watches);
        let frames: Vec<String> = (0..POSTS).map(|_| jetstream_frame(&sample.post(SHARE))).collect();
        let Ok(set) = WatchSet::compile(&sample.brands(), &[], &Names::default()) else { continue };
        let gate = Gate::new(set);
        let wanted = |frames: &[String], scratch: &mut Scratch| {
            let is_wanted = |frame: &&String| match frame::parse(frame.as_bytes()).map(|event| event.what) {
                Ok(What::Post { mut post, .. }) => {
                    post.source = "bluesky".into();
                    !gate.matches(&post, scratch).is_empty()
                }
                _ => false,
            };
            frames.iter().filter(is_wanted).count()
        };
        for threads in [1, 2] {
            group.bench_function(format!("{watches}_watches/{threads}_threads"), |b| {
                b.iter(|| {
                    std::thread::scope(|scope| {
                        for frames in frames.chunks(POSTS / threads) {
                            scope.spawn(|| black_box(wanted(black_box(frames), &mut Scratch::default())));
                        }
                    });
                });
            });
        }
    }
    group.finish();
}

/// What stands before any filter: folding and splitting.
fn text(c: &mut Criterion) {
    let mut group = c.benchmark_group("text");
    let mut sample = Sample::new(1, 0);
    let latin: Vec<String> = (0..1_000).map(|_| sample.post(0.0).text.to_string()).collect();
    let ascii: Vec<String> = latin.iter().map(|text| text.replace('é', "e")).collect();
    let japanese: Vec<String> =
        ascii.iter().map(|text| text.chars().filter(char::is_ascii_lowercase).map(kana).collect()).collect();
    for (name, texts) in [("ascii", ascii), ("latin", latin), ("japanese", japanese)] {
        group.throughput(Throughput::Bytes(texts.iter().map(|text| text.len() as u64).sum()));
        let mut folded = String::new();
        group.bench_with_input(BenchmarkId::new("fold_and_words", name), &texts, |b, texts| {
            b.iter(|| {
                let words = |text: &String| {
                    reputed::text::fold(text, &mut folded);
                    reputed::text::words(&folded).count()
                };
                texts.iter().map(words).sum::<usize>()
            });
        });
    }
    group.finish();
}

/// Any letter of another script, the same for the same letter.
fn kana(letter: char) -> char {
    char::from_u32(0x3042 + u32::from(letter) % 0x50).unwrap_or('あ')
}

criterion_group!(benches, whole, decode, filter, alike, text);
criterion_main!(benches);
