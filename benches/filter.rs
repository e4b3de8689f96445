//! Matching alone, at growing numbers of watches, beside a bare Aho-Corasick scan over the same names and texts (case folded
//! beforehand, no word borders, nothing evaluated): the figure to hold the filter against. `cargo bench --bench filter`.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use reputed::post::Post;
use reputed::text::folded;
use reputed::watch::sample::Sample;
use reputed::watch::{Gate, Scratch, WatchSet};
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
        let Ok(set) = WatchSet::compile(&sample.brands(), &[]) else { continue };
        let gate = Gate::new(set);
        let mut scratch = Scratch::default();
        group.bench_with_input(BenchmarkId::new("gate", watches), &posts, |b, posts| {
            b.iter(|| posts.iter().filter(|post| !gate.matches(black_box(post), &mut scratch).is_empty()).count());
        });

        // A DFA over more would not fit into a small machine's memory.
        if watches > 10_000 {
            continue;
        }
        let texts: Vec<String> = posts.iter().map(|post| folded(&post.text)).collect();
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

criterion_group!(benches, filter, text);
criterion_main!(benches);
