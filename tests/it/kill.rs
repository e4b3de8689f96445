//! kill -9 of the real program at random moments under load, then everything compared with what was said: every post
//! stored once, every alert raised once, every delivery made at least once and always under one id.

use crate::house::{Daemon, House, pause};
use crate::jetstream::{self, Jetstream};
use crate::sink::Sink;
use reputed::index::Page;
use reputed::query::Query;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often the daemon is killed. `REPUTED_KILLS` asks for more in a long trial.
const KILLS: u64 = 200;

/// Said before each kill; one in three is wanted, one in five of those raises an alert: all of them together stay below
/// the groups that a rule keeps apart.
const POSTS: usize = 30;

const RULES: &str = r#"
schema = 1
[[rule]]
id = "outage"
say = "Outage: {text}"
when = "outage"
detect = { kind = "each" }
priority = "P2"
keep = "7d"
"#;

/// What was said, by how much of it must be found again.
#[derive(Default)]
struct Oracle {
    wanted: BTreeSet<String>,
    alerting: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_nor_doubled_by_kill_9() {
    let (jetstream, sink) = (Jetstream::start().await, Sink::start().await);
    let house = House::new(
        &format!(
            "[[brand]]\nid = \"velora\"\n[[brand.watch]]\nid = \"name\"\nquery = \"velora\"\n\
             {}{}",
            jetstream.source("sky"),
            sink.hook("ops")
        ),
        RULES,
    );
    let kills: u64 = std::env::var("REPUTED_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut oracle = Oracle::default();

    // The first connection has no cursor and hears only what is said after it.
    let daemon = house.start();
    daemon.until("/api/v1/sources", |answer| health(answer) == Some("live")).await;
    say(&jetstream, &mut oracle, 0);
    daemon.until("/api/v1/mentions?limit=1", |answer| answer["total"].as_u64() > Some(0)).await;
    daemon.kill();

    for round in 1..=kills {
        let mut child = house.spawn();
        // From before the store is open to well into the stream; spread evenly over the first 400 ms of a life.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let first = (random >> 33) % 200;
        pause(first);
        say(&jetstream, &mut oracle, round);
        pause((random >> 41) % 200);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    let daemon = house.start();
    let all = oracle.wanted.len() as u64;
    daemon.until("/api/v1/mentions?limit=1", |answer| answer["total"].as_u64() >= Some(all)).await;
    settled(&daemon).await;
    check_store(&house, &daemon, &oracle).await;
    check_sink(&sink, &oracle);
    let (status, took) = daemon.stop();
    assert!(status.success() && took < Duration::from_secs(10), "{status} after {took:?}");
}

fn health(answer: &Value) -> Option<&str> {
    answer["items"].as_array()?.iter().find(|source| source["id"] == "sky")?["health"].as_str()
}

fn say(jetstream: &Jetstream, oracle: &mut Oracle, round: u64) {
    let now = jiff::Timestamp::now().as_microsecond();
    let frames = (0..POSTS).map(|n| {
        let (did, rkey) = (format!("did:plc:author{}", n % 7), format!("r{round}n{n}"));
        let text = match n % 15 {
            0 => format!("velora outage number {round} at place {n}, nothing works"),
            3 | 6 | 9 | 12 => format!("velora seen in round {round} by person {n}"),
            _ => format!("something else, round {round} post {n}"),
        };
        let id = format!("at://{did}/app.bsky.feed.post/{rkey}");
        if n % 3 == 0 {
            oracle.wanted.insert(id.clone());
        }
        if n % 15 == 0 {
            oracle.alerting.insert(id);
        }
        // Not in the order of their times: the clock of the stream is not monotone.
        jetstream::post(now + (n as i64 * 7_919) % 300_000, &did, &rkey, &text)
    });
    jetstream.say(frames.collect::<Vec<_>>());
}

/// No delivery waits any more.
async fn settled(daemon: &Daemon) {
    daemon
        .until("/api/v1/deliveries?state=pending", |answer| answer["items"].as_array().is_some_and(Vec::is_empty))
        .await;
}

async fn check_store(house: &House, daemon: &Daemon, oracle: &Oracle) {
    let reader = house.reader().await;
    let stored = reader.mentions_since(jiff::Timestamp::MIN, 0, usize::MAX >> 1).await.unwrap();
    let ids: Vec<String> = stored.iter().map(|mention| mention.post.id.to_string()).collect();
    let distinct: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(distinct.len(), ids.len(), "a post is stored twice");
    assert_eq!(distinct, oracle.wanted, "what is stored is not what was said");

    let alerts = reader.alerts(None, None, usize::MAX >> 1, None).await.unwrap();
    let mut alerted = BTreeMap::new();
    for alert in &alerts {
        assert_eq!((alert.count, alert.mentions.len()), (1, 1), "{alert:?}");
        let mention = reader.mention(alert.mentions[0]).await.unwrap().unwrap();
        *alerted.entry(mention.post.id.to_string()).or_insert(0) += 1;
    }
    assert!(alerted.values().all(|count| *count == 1), "an alert was raised twice");
    assert_eq!(alerted.into_keys().collect::<BTreeSet<_>>(), oracle.alerting);

    let total = daemon.get("/api/v1/mentions?limit=1").await["total"].as_u64();
    assert_eq!(total, Some(oracle.wanted.len() as u64), "the index holds something else than the store");
    let searcher = reputed::index::open_read_only(&house.data().join("index")).unwrap();
    let query = Query::parse("outage").unwrap();
    let page = Page { limit: 1, ..Page::default() };
    let found = searcher.search(&query, &page, jiff::Timestamp::now()).unwrap();
    assert_eq!(found.total, oracle.alerting.len() as u64);
}

fn check_sink(sink: &Sink, oracle: &Oracle) {
    let mut ids: BTreeMap<(String, u64), BTreeSet<String>> = BTreeMap::new();
    for received in sink.received() {
        let alert = &received.body["data"]["alert"];
        let key = (alert["id"].as_str().unwrap().to_owned(), alert["revision"].as_u64().unwrap());
        ids.entry(key).or_default().insert(received.id);
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "one revision came under two ids");
    let alerts: BTreeSet<&String> = ids.keys().map(|(alert, _)| alert).collect();
    assert_eq!(alerts.len(), oracle.alerting.len(), "an alert was never delivered");
}
