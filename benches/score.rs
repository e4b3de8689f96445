//! What scoring costs: the linear model alone, the language alone, the whole of `score` on one core; the encoder on one and
//! two. One iteration is one pass over posts of some 100 bytes each, so elements per second are posts per second.
//! `cargo bench --bench score`

#![expect(clippy::expect_used, reason = "a bench without weights has nothing to measure")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use reputed::classify::Classifier;
use reputed::classify::encoder::{Encoder, Folder};
use std::hint::black_box;

/// Invented. Most are English, as on the networks we listen to; a third are not, and two need the slow way of telling
/// the language.
const POSTS: [&str; 12] = [
    "@kestrelbank hi, my card was declined twice this morning and nobody picks up the phone. What is going on?",
    "Just tried the new Fernwald app and I have to say the search is so much faster than it was last year 😍",
    "Lumora opens its third store in Leeds on Monday, doors at nine, the first hundred guests get a free lamp",
    "oh great, another two hours of delay with Nordhaven Air, exactly what I needed before the big meeting 🙄",
    "Anyone else unable to log in to Brightpost since the update? It keeps asking me for a code I never get",
    "RT @daily: Kestrel Bank names a new head of finance after a year of losses https://news.example/kestrel",
    "The support team of Fernwald was really kind today, they replaced my kettle without asking any question",
    "lumora lamp arrived broken AGAIN!!!! third time now, never ordering there again. refund please #lumorafail",
    "Das Update von gestern ist wirklich gelungen, alles läuft schneller als vorher. Danke an das ganze Team!",
    "J'essaie de joindre le service client de Nordhaven depuis ce matin, toujours personne au bout du fil…",
    "Fernwaldのアプリ、アップデートしてからログインできなくなった。問い合わせても返事がない。誰か同じ人いますか？",
    "Kestrel Bank Leeds, Lumora Oslo, Brightpost Lyon: grand opening weekend, live music, lucky draw, 10-18h",
];

fn score(criterion: &mut Criterion) {
    let classifier = Classifier::load().expect("the embedded weights load");
    let mut group = criterion.benchmark_group("score");
    group.throughput(Throughput::Elements(POSTS.len() as u64));
    group.bench_function("linear", |bencher| {
        bencher.iter(|| POSTS.iter().map(|post| classifier.logits(black_box(post))[0]).sum::<f32>());
    });
    group.bench_function("language", |bencher| {
        bencher.iter(|| POSTS.iter().map(|post| classifier.language(black_box(post), None).p).sum::<f32>());
    });
    group.bench_function("whole", |bencher| {
        bencher.iter(|| POSTS.iter().map(|post| classifier.score(black_box(post), None).sentiment).sum::<f32>());
    });
    group.bench_function("whole, language declared", |bencher| {
        bencher.iter(|| POSTS.iter().map(|post| classifier.score(black_box(post), Some("en")).sentiment).sum::<f32>());
    });
    let encoder = |threads| Encoder::open(&Folder::EMBEDDED, threads).expect("the embedded weights load");
    for threads in [1, 2] {
        let encoder = encoder(threads);
        group.bench_function(format!("encoder, threads {threads}"), |bencher| {
            bencher.iter(|| encoder.logits(black_box(&POSTS)).map_or(0, |logits| logits.len()));
        });
    }
    group.finish();
}

criterion_group!(benches, score);
criterion_main!(benches);
