//! The Mastodon source against a local server that breaks off, limits and refuses.

use crate::fedi::{Fedi, TOKEN, status};
use crate::listener::{Listener, gate};
use jiff::{SignedDuration, Timestamp};
use reputed::secret::Secret;
use reputed::source::intake::Item;
use reputed::source::mastodon::{Config, Cursor, Mastodon, Stream};
use reputed::wire::backoff::Backoff;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn listen(server: &Fedi, token: &str, streams: &[&str], cursor: Option<Cursor>) -> Listener {
    let url = server.rest.url("").parse().unwrap();
    let streams = streams.iter().map(|name| Stream::parse(name).unwrap()).collect();
    let source = Arc::new(Mastodon::new(Config {
        backoff: Backoff::new(Duration::from_millis(5), Duration::from_millis(20)),
        ..Config::new(url, Secret::new(token), streams)
    }));
    let gate = gate("mastodon", "mastodon", &[("velora", None)]);
    Listener::start(source, "mastodon", gate, cursor.map(|cursor| cursor.text()))
}

/// A cursor at `newest` of `public`, left `ago`.
fn left(newest: &str, ago: SignedDuration) -> Option<Cursor> {
    let mut cursor = Cursor::new(Timestamp::now() - ago);
    cursor.heard("public", newest);
    Some(cursor)
}

async fn subscribed(server: &Fedi, count: usize) {
    let waiting = async {
        while server.subscribed().len() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::listener::PATIENCE, waiting).await.expect("subscribes");
}

#[tokio::test]
async fn hands_on_what_the_streams_tell() {
    let server = Fedi::start().await;
    let mut heard = listen(&server, TOKEN, &["public", "user", "list:7"], None);
    subscribed(&server, 3).await;
    server.say(&["public"], status(101, "velora bells"));
    server.say(&["public"], status(102, "nothing of interest"));
    server.tell(&["public"], "delete", json!("101"));
    let edited = json!({"edited_at": "2026-11-18T12:00:00Z"});
    let mut edit = status(101, "velora bells, corrected");
    edit["edited_at"] = edited["edited_at"].clone();
    server.tell(&["public"], "status.update", edit.to_string().into());
    server.tell(&["public"], "update", json!("{\"id\":"));
    heard.until(|heard| heard.items.len() == 3).await;
    assert_eq!(heard.posts(), ["101", "101"]);
    assert!(matches!(&heard.items[1], Item::Delete { source, id, .. } if source == "mastodon" && id == "101"));
    // The own account is looked up by its handle meanwhile; until it is known nobody can follow it.
    heard.until(|heard| heard.snapshot().parts.contains_key("velora")).await;
    let follow = json!({"id": "9001", "type": "follow", "created_at": "2026-11-18T11:06:40Z", "account": {"id": "501", "acct": "ann"}});
    server.tell(&["user"], "notification", follow.to_string().into());
    heard.until(|heard| heard.items.len() == 4).await;
    assert!(matches!(&heard.items[3], Item::Follower(event, None) if event.account == "77" && event.follower == "501"));
    let (heard, ended) = heard.end().await;
    assert!(ended.is_ok());
    let errors = heard.snapshot().errors;
    assert_eq!((errors.get("payload_malformed"), errors.get("stream")), (Some(&1), Some(&1)), "{errors:?}");
    let cursor = Cursor::parse(heard.cursor.as_deref().unwrap()).unwrap();
    assert_eq!((cursor.newest["public"].as_str(), cursor.newest["user:notification"].as_str()), ("102", "9001"));
}

#[tokio::test]
async fn catches_up_after_a_gap_and_waits_when_told() {
    let server = Fedi::start().await;
    for id in 1..=205 {
        server.write(status(id, &format!("velora {id}")));
    }
    let reset = Timestamp::now() + SignedDuration::from_millis(300);
    server.instead_of_page(429, &[("x-ratelimit-reset", reset.to_string())]);
    server.instead_of_page(502, &[]);
    let mut heard = listen(&server, TOKEN, &["public"], left("100", SignedDuration::from_mins(5)));
    heard.until(|heard| heard.posts().len() == 105).await;
    let expected: Vec<String> = (101..=205).map(|id| id.to_string()).collect();
    assert_eq!(heard.posts(), expected, "oldest first, none twice");
    assert_eq!((heard.snapshot().throttled, heard.snapshot().gap_count), (1, 0));
    // What is written while nobody is connected comes by the next timeline, live or not.
    server.write(status(206, "velora in the gap"));
    server.cut();
    heard.until(|heard| heard.posts().last() == Some(&"206")).await;
    subscribed(&server, 2).await;
    server.say(&["public"], status(207, "velora live"));
    heard.until(|heard| heard.posts().last() == Some(&"207")).await;
    let (heard, _) = heard.end().await;
    // The last post may have come while the last page was still on its way: then it comes again.
    let newest = &Cursor::parse(heard.cursor.as_deref().unwrap()).unwrap().newest["public"];
    assert!(["206", "207"].contains(&newest.as_str()), "{newest}");
}

#[tokio::test]
async fn says_what_it_could_not_catch_up_with() {
    let server = Fedi::start().await;
    for id in 1..=1_100 {
        server.write(status(id, "velora"));
    }
    let mut heard = listen(&server, TOKEN, &["public"], left("1", SignedDuration::from_hours(2)));
    heard.until(|heard| !heard.gaps.is_empty()).await;
    assert_eq!(heard.posts().len(), 1_000);
    assert!(heard.gaps[0].reason.contains("more was missed"), "{:?}", heard.gaps);
    // A timeline that is switched off is an empty one, with status 200.
    let silent = Fedi::start().await;
    let mut heard = listen(&silent, TOKEN, &["public"], left("1", SignedDuration::from_hours(2)));
    heard.until(|heard| !heard.gaps.is_empty()).await;
    assert!(heard.gaps[0].reason.contains("perhaps switched off"), "{:?}", heard.gaps);
    silent.instead_of_page(403, &[]);
    let mut heard = listen(&silent, TOKEN, &["public"], left("1", SignedDuration::from_hours(2)));
    heard.until(|heard| !heard.gaps.is_empty()).await;
    assert!(heard.gaps[0].reason.contains("could not be read"), "{:?}", heard.gaps);
}

#[tokio::test]
async fn tells_that_the_token_is_bad() {
    let server = Fedi::start().await;
    let heard = listen(&server, "another", &["public"], None);
    let waiting = async {
        while !heard.snapshot().errors.contains_key("token") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::listener::PATIENCE, waiting).await.expect("is told");
    let says = heard.snapshot().last_error.unwrap();
    assert!(!says.contains("another"), "{says}");
    let (_, ended) = heard.end().await;
    assert!(ended.is_ok());
}
