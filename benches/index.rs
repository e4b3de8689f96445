//! How fast mentions are indexed, held against a bare loop of tantivy over the same documents in the same run, and how
//! fast they are found. `cargo bench --bench index [-- MENTIONS]`; figures are the best of three rounds.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a report for people; nothing to recover")]

use jiff::Timestamp;
use reputed::index::{self, Page};
use reputed::mention::{AuthorSpam, Label, Mention, Probability, Scores, Tier};
use reputed::post::Post;
use reputed::query::Query;
use std::path::Path;
use std::time::{Duration, Instant};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{Index, IndexWriter, TantivyDocument};

const MENTIONS: usize = 200_000;
const ROUNDS: usize = 3;
/// What a second brings at the rate that the trials ask for.
const COMMIT_EVERY: usize = 15_000;
const HEAP_BYTES: usize = 64_000_000;

fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(MENTIONS);
    let mentions: Vec<Mention> = (1..=count).map(mention).collect();
    let bytes: usize = mentions.iter().map(|mention| mention.post.text.len()).sum();
    println!("{count} mentions of {} bytes of text, a commit every {COMMIT_EVERY}", bytes / count);
    println!("memory before: {}", memory());
    let mut best = [Duration::MAX; 2];
    let mut ticks = [0; 2];
    for round in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let begun = processor_ticks();
        best[0] = best[0].min(bare(&dir.path().join("bare"), &mentions));
        let between = processor_ticks();
        let (took, searcher, writer) = ours(&dir.path().join("ours"), &mentions);
        ticks[0] += between - begun;
        ticks[1] += processor_ticks() - between;
        best[1] = best[1].min(took);
        if round + 1 == ROUNDS {
            find(&searcher);
            drop(writer);
        }
    }
    let [bare, ours] = best.map(|took| count as f64 / took.as_secs_f64());
    println!("bare tantivy {bare:.0}/s, ours {ours:.0}/s, ratio {:.2}", ours / bare);
    // Steadier than the clock on a busy machine; the threads of tantivy and ours together.
    println!(
        "processor time: bare {}, ours {} ticks, ratio {:.2}",
        ticks[0],
        ticks[1],
        ticks[0] as f64 / ticks[1] as f64
    );
    println!("memory after: {}", memory());
    idle(&mentions);
}

fn ours(dir: &Path, mentions: &[Mention]) -> (Duration, index::Searcher, index::Writer) {
    let (mut writer, searcher) = index::open(dir).unwrap();
    let start = Instant::now();
    for (change, batch) in (1..).zip(mentions.chunks(COMMIT_EVERY)) {
        for mention in batch {
            writer.put(mention, "bluesky", false).unwrap();
        }
        writer.commit(change).unwrap();
    }
    (start.elapsed(), searcher, writer)
}

/// What the documentation of tantivy would have one write: its own tokenizer, one thread, the same heap.
fn bare(dir: &Path, mentions: &[Mention]) -> Duration {
    std::fs::create_dir(dir).unwrap();
    let (schema, fields) = bare_schema();
    let index = Index::create_in_dir(dir, schema).unwrap();
    let mut writer: IndexWriter = index.writer_with_num_threads(1, HEAP_BYTES).unwrap();
    let start = Instant::now();
    for batch in mentions.chunks(COMMIT_EVERY) {
        for mention in batch {
            writer.add_document(bare_document(&fields, mention)).unwrap();
        }
        writer.commit().unwrap();
    }
    start.elapsed()
}

struct BareFields {
    seq: Field,
    created: Field,
    texts: [Field; 2],
    keywords: [Field; 11],
    path: Field,
    numbers: [Field; 6],
}

fn bare_schema() -> (Schema, BareFields) {
    let mut schema = Schema::builder();
    let text = TextFieldIndexing::default()
        .set_tokenizer("default")
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(false);
    let raw = TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let options = |indexing: &TextFieldIndexing| TextOptions::default().set_indexing_options(indexing.clone());
    let fields = BareFields {
        seq: schema.add_u64_field("seq", FAST | INDEXED),
        created: schema.add_i64_field("created", FAST),
        texts: std::array::from_fn(|n| schema.add_text_field(&format!("text{n}"), options(&text))),
        keywords: std::array::from_fn(|n| schema.add_text_field(&format!("keyword{n}"), options(&raw))),
        path: schema.add_text_field("path", TextOptions::default().set_fast("raw")),
        numbers: std::array::from_fn(|n| schema.add_f64_field(&format!("number{n}"), FAST)),
    };
    (schema.build(), fields)
}

fn bare_document(fields: &BareFields, mention: &Mention) -> TantivyDocument {
    let post = &mention.post;
    let scores = mention.scores.as_ref().unwrap();
    let mut document = TantivyDocument::default();
    document.add_u64(fields.seq, mention.seq.cast_unsigned());
    document.add_i64(fields.created, post.created_at.as_microsecond());
    document.add_text(fields.texts[0], &*post.text);
    document.add_text(fields.texts[1], post.author.handle.as_deref().unwrap());
    document.add_text(fields.texts[1], post.author.name.as_deref().unwrap());
    let handle = post.author.handle.as_deref().unwrap();
    let keywords = [handle, &post.tags[0], &post.source, "bluesky", post.kind.name(), &scores.lang, &mention.brand];
    let more = [mention.watches[0].as_str(), mention.status.name(), scores.label.name(), "link"];
    for (field, value) in fields.keywords.iter().zip(keywords.into_iter().chain(more)) {
        document.add_text(*field, value);
    }
    // The link: its host, the parent domains, and each with the path.
    for term in ["news.shop.example", "shop.example", "example"] {
        document.add_text(fields.keywords[0], term);
        document.add_text(fields.path, format!("{term}{}", &post.links[0]["https://news.shop.example".len()..]));
    }
    let numbers = [
        f64::from(scores.sentiment),
        f64::from(scores.needs_answer.unwrap()),
        f64::from(scores.complaint.unwrap()),
        f64::from(mention.author_spam.spam.unwrap()),
        post.likes.unwrap() as f64,
        post.author.followers.unwrap() as f64,
    ];
    for (field, value) in fields.numbers.iter().zip(numbers) {
        document.add_f64(*field, value);
    }
    document
}

fn find(searcher: &index::Searcher) {
    let cases = [
        ("everything", "*"),
        ("a frequent word", "w1"),
        ("a rare word", "w19000"),
        ("a prefix", "w19*"),
        ("a phrase", "\"w1 w2\""),
        ("a loose phrase", "\"w1 w2\"~5"),
        ("words near each other", "w1 NEAR/5 (w2 OR w3)"),
        ("NOT a frequent word", "NOT w1"),
    ];
    for (name, text) in cases {
        let query = Query::parse(text).unwrap();
        let page = Page { limit: 10, ..Page::default() };
        let mut times: Vec<Duration> = Vec::new();
        let mut total = 0;
        for _ in 0..50 {
            let start = Instant::now();
            total = searcher.search(&query, &page, Timestamp::UNIX_EPOCH).unwrap().total;
            times.push(start.elapsed());
        }
        times.sort();
        println!("search {name}: {total} hits, p50 {:?}, worst of 50 {:?}", times[25], times[49]);
    }
}

/// What a quiet daemon pays: a writer that commits a few mentions now and then.
fn idle(mentions: &[Mention]) {
    let dir = tempfile::tempdir().unwrap();
    let before = memory();
    let (mut writer, _searcher) = index::open(dir.path()).unwrap();
    let opened = memory();
    for (change, batch) in (1..).zip(mentions.chunks(25).take(60)) {
        for mention in batch {
            writer.put(mention, "bluesky", false).unwrap();
        }
        writer.commit(change).unwrap();
    }
    println!("idle writer: {before} before, {opened} opened, {} after 60 commits of 25 mentions", memory());
}

/// User and system time of this process, all threads (proc(5): fields 14 and 15).
fn processor_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Anonymous memory of this process: mapped index files are the system's to drop.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let anonymous = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or("unknown");
    anonymous.trim().to_owned()
}

/// About 300 bytes of words by a rough Zipf law, some with letters that must be folded.
fn mention(seq: usize) -> Mention {
    let mut state = (seq as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut text = String::new();
    while text.len() < 300 {
        let skew = (next() % 1_000) as f64 / 1_000.0;
        let word = (20_000.0 * skew.powi(4)) as u64 + next() % 3;
        let ending = if next() % 10 == 0 { "é " } else { " " };
        text.push_str(&format!("w{word}{ending}"));
    }
    let created_at = Timestamp::from_second(1_790_000_000 + seq as i64 / 20).unwrap();
    let mut post = Post::new(format!("at://did:plc:x/app.bsky.feed.post/{seq}"), text, created_at);
    post.source = "sky".into();
    post.tags = vec![format!("tag{}", next() % 500).into()];
    post.links = vec![format!("https://news.shop.example/a/{}", next() % 5_000).into()];
    post.likes = Some(next() % 50);
    post.author.handle = Some(format!("user{}.example", next() % 50_000).into());
    post.author.name = Some("Ann Other".into());
    post.author.followers = Some(next() % 10_000);
    let unit = |value: u64| (value % 1_000) as f32 / 1_000.0;
    Mention {
        scores: Some(Scores {
            lang: "en".into(),
            lang_p: 0.9,
            sentiment: unit(next()),
            label: Label::Neutral,
            p: Probability { negative: 0.2, neutral: 0.5, positive: 0.3 },
            needs_answer: Some(unit(next())),
            complaint: Some(unit(next())),
            offensive: None,
            irony: None,
            emotion: None,
            tier: Tier::Fast,
            model: "fast-2".into(),
        }),
        author_spam: AuthorSpam { spam: Some(unit(next())), reasons: Vec::new() },
        ..Mention::new(post, seq as i64, "acme", vec!["name".into()], created_at)
    }
}
