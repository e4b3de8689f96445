//! What the store carries on this machine: mentions a second, latency of a commit, keys looked up, bytes a mention.
//! `cargo bench --bench store`; `STORE_ROWS=1000000` for another size than the default. Writes into the target folder,
//! since a folder in memory would make every sync free.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use jiff::{SignedDuration, Timestamp};
use reputed::mention::{AuthorSpam, Emotion, Label, Mention, Probability, Scores, Tier};
use reputed::post::{Author, Post, Str};
use reputed::store::{self, Commit, Reader, Writer};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: i64 = 200_000;
const TEXT: &str = "Third week without an answer from support, and now the update ate my settings again. Has anybody \
                    found a way to get through to a person? Asking for a friend who is me.";

/// A mention as a busy network gives it: long random ids, a full author, all scores.
fn mention(seq: i64, base: Timestamp) -> Mention {
    let hash = blake3::hash(&seq.to_le_bytes()).to_hex();
    let author = blake3::hash(&(seq / 3).to_le_bytes()).to_hex();
    let did = format!("did:plc:{}", &author[..24]);
    // Bluesky counts its keys up by the time.
    let record = format!("3m{seq:011}");
    let text = |text: &str| Some(Str::from(text.to_owned()));
    let created_at = base + SignedDuration::from_millis(seq);
    let mut post = Post::new(format!("at://{did}/app.bsky.feed.post/{record}"), format!("{TEXT} {seq}"), created_at);
    post.source = "bluesky".into();
    post.url = Some(format!("https://bsky.app/profile/{did}/post/{record}").into());
    post.lang = text("en");
    post.author = Author {
        id: Some(did.into()),
        handle: Some(format!("{}.example", &author[..9]).into()),
        name: text("Ann Example"),
        bio: None,
        followers: Some(120),
        following: Some(80),
        posts: Some(900),
        has_avatar: Some(true),
        avatar_hash: None,
        created_at: Some(base),
    };
    let scores = Scores {
        lang: "en".into(),
        lang_p: 0.987_654_3,
        sentiment: -0.812_345_7,
        label: Label::Negative,
        p: Probability { negative: 0.853_210_1, neutral: 0.105_925_5, positive: 0.040_864_4 },
        needs_answer: Some(0.812_345_6),
        complaint: Some(0.912_345_6),
        offensive: Some(0.012_345_6),
        irony: Some(0.312_345_6),
        emotion: Some(Emotion { anger: 0.712_345_6, joy: 0.012_345_6, optimism: 0.112_345_6, sadness: 0.162_963_2 }),
        tier: Tier::Fast,
        model: "fast-2".into(),
    };
    Mention {
        scores: Some(scores),
        author_spam: AuthorSpam { spam: Some(0.123_456_7), reasons: vec!["young account".into()] },
        cluster: Some(hash[..16].to_owned()),
        cluster_size: Some(1),
        ..Mention::new(post, seq, "acme", vec!["acme-name".into()], created_at + SignedDuration::from_millis(300))
    }
}

/// The middle, the 99th of a hundred, and the worst, in milliseconds.
fn spread(mut all: Vec<Duration>) -> String {
    all.sort_unstable();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms", at(0.5), at(0.99), at(1.0))
}

/// Processor time of all threads of this process so far; zero where the system does not tell. On a busy machine it says
/// more than the clock.
fn processor() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
    Duration::from_nanos(spent.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum())
}

fn syncs(dir: &Path) -> Vec<Duration> {
    let mut file = File::create(dir.join("sync")).unwrap();
    (0..200)
        .map(|_| {
            file.write_all(&[1; 4_096]).unwrap();
            let start = Instant::now();
            file.sync_data().unwrap();
            start.elapsed()
        })
        .collect()
}

/// Commits `rows` new mentions in batches.
async fn write(writer: &mut Writer, dir: &Path, rows: i64, batch: i64, base: Timestamp) {
    let (mut latencies, mut log, mut spent) = (Vec::new(), 0, Duration::ZERO);
    for _ in 0..rows / batch {
        let next = writer.next_seq();
        let commit = Commit {
            new: (next..next + batch).map(|seq| Arc::new(mention(seq, base))).collect(),
            cursors: vec![("bluesky".into(), next.to_string())],
            ..Commit::default()
        };
        let (start, before) = (Instant::now(), processor());
        writer.commit(&commit).await.unwrap();
        latencies.push(start.elapsed());
        spent += processor() - before;
        log = log.max(std::fs::metadata(dir.join("reputed.db-wal")).map_or(0, |data| data.len()));
    }
    let took: Duration = latencies.iter().sum();
    let (rate, cost) = (rows as f64 / took.as_secs_f64(), spent.as_secs_f64() * 1e6 / rows as f64);
    println!("new mentions, {batch} a commit: {rate:.0} rows/s, {cost:.1} us of processor a row");
    println!("    a commit: {}, log up to {} MiB", spread(latencies), log >> 20);
}

async fn look_up(reader: &Reader, rows: i64, base: Timestamp) {
    for (name, from) in [("known", 1), ("unknown", rows * 10)] {
        let posts: Vec<Post<'_>> = (0..40_000).map(|n| mention(from + n * (rows / 40_000).max(1), base).post).collect();
        let keys: Vec<_> = posts.iter().map(|post| store::key(&post.id)).collect();
        let (start, before, mut found) = (Instant::now(), processor(), 0);
        for chunk in keys.chunks(2_000) {
            found += reader.known(chunk).await.unwrap().len();
        }
        let (took, spent) = (start.elapsed(), processor() - before);
        let (rate, cost) = (keys.len() as f64 / took.as_secs_f64(), spent.as_secs_f64() * 1e6 / keys.len() as f64);
        println!("{name} keys, 2000 a call: {rate:.0} keys/s, {cost:.1} us of processor a key, {found} found");
    }
}

async fn read(reader: &Reader) {
    let (start, mut after, mut count) = (Instant::now(), 0, 0_usize);
    while count < 50_000 {
        let page = reader.changes(after, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        (after, count) = (last.change, count + page.len());
    }
    println!("changes for the index: {:.0} rows/s", count as f64 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    let authors = reader.authors_to_look_up("bluesky", Timestamp::UNIX_EPOCH, 100).await.unwrap();
    println!("authors to look up: {} in {:.1} ms", authors.len(), start.elapsed().as_secs_f64() * 1e3);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let rows = std::env::var("STORE_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(ROWS);
    let base: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!("fdatasync of 4 KiB: {}", spread(syncs(dir.path())));
    let (mut writer, reader) = store::open(dir.path()).await.unwrap();
    for (rows, batch) in [(rows / 2, 1_000), (rows / 2, 4_000), (2_000, 5)] {
        write(&mut writer, dir.path(), rows, batch, base).await;
    }
    look_up(&reader, rows, base).await;
    read(&reader).await;
    let count = writer.next_seq() - 1;
    let start = Instant::now();
    writer.commit(&Commit { deleted: (1..=1_000).collect(), ..Commit::default() }).await.unwrap();
    println!("1000 deletions: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    writer.close().await.unwrap();
    let size = std::fs::metadata(dir.path().join("reputed.db")).unwrap().len();
    println!("file: {} MiB, {:.0} bytes a mention", size >> 20, size as f64 / count as f64);
}
