//! The Bluesky source against a local Jetstream that reorders, repeats, cuts, falls silent and forgets.

use crate::jetstream::{Fault, Jetstream, account, commit, new_wire, post};
use crate::listener::{Listener, gate};
use reputed::brand::FollowKind;
use reputed::ledger::Phase;
use reputed::source::Stop;
use reputed::source::bluesky::cursor::Cursor;
use reputed::source::bluesky::{Bluesky, Config, Endpoint};
use reputed::source::intake::Item;
use reputed::wire::backoff::Backoff;
use reputed::wire::websocket::MESSAGE_BYTES_MAX;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A moment in the past, as the tests' "now" of the network.
const T0: i64 = 1_795_000_000_000_000;

const SECOND: i64 = 1_000_000;

fn source(endpoints: &[String]) -> Arc<Bluesky> {
    let endpoints = endpoints.iter().map(|text| Endpoint::parse(text).unwrap()).collect();
    Arc::new(Bluesky::new(Config {
        backoff: Backoff::new(Duration::from_millis(5), Duration::from_millis(20)),
        silence_max: Duration::from_millis(400),
        ..Config::new(endpoints, "http://127.0.0.1:9".parse().unwrap())
    }))
}

fn listen(endpoints: &[String], cursor: Option<Cursor>) -> Listener {
    let gate = gate("bluesky", "bluesky", &[]);
    Listener::start(source(endpoints), "bluesky", gate, cursor.map(|cursor| cursor.text()))
}

fn wanted(n: i64, time_us: i64) -> Value {
    post(time_us, "did:plc:ann", &format!("r{n}"), &format!("velora bell number {n}"))
}

fn id(n: i64) -> String {
    format!("at://did:plc:ann/app.bsky.feed.post/r{n}")
}

#[tokio::test]
async fn hands_on_posts_deletes_and_follows() {
    let server = Jetstream::start().await;
    let gate = gate("bluesky", "bluesky", &[("velora.example", Some("did:plc:velora"))]);
    let cursor = Some(Cursor::at(T0).text());
    let follow = |n: i64, subject: &str| {
        let record = json!({"$type": "app.bsky.graph.follow", "subject": subject, "createdAt": "2026-11-18T11:06:40Z"});
        let parts = json!({"operation": "create", "collection": "app.bsky.graph.follow", "rkey": format!("f{n}"), "record": record});
        commit(T0 + n, "did:plc:bob", parts)
    };
    let delete = |collection: &str, rkey: &str| {
        commit(T0 + 9, "did:plc:bob", json!({"operation": "delete", "collection": collection, "rkey": rkey}))
    };
    server.say([
        wanted(1, T0 + 1),
        post(T0 + 2, "did:plc:bob", "b1", "nothing of interest"),
        follow(3, "did:plc:velora"),
        follow(4, "did:plc:somebody"),
        delete("app.bsky.feed.post", "b1"),
        delete("app.bsky.graph.follow", "f3"),
        account(T0 + 10, "did:plc:gone", false, Some("deleted")),
        account(T0 + 11, "did:plc:away", false, Some("deactivated")),
        json!({"did": "did:plc:odd", "kind": "commit"}),
    ]);
    let mut heard = Listener::start(source(&[server.v1()]), "bluesky", gate, cursor);
    heard.until(|heard| heard.items.len() == 5).await;
    assert_eq!(heard.posts(), [id(1)]);
    let Item::Follower(event, None) = &heard.items[1] else { panic!("{:?}", heard.items[1]) };
    assert_eq!(
        (event.account.as_str(), event.follower.as_str(), event.kind),
        ("did:plc:velora", "did:plc:bob", FollowKind::Follow)
    );
    assert!(
        matches!(&heard.items[2], Item::Delete { source, id, .. } if source == "bluesky" && id == "at://did:plc:bob/app.bsky.feed.post/b1")
    );
    assert!(matches!(&heard.items[3], Item::UnfollowRecord { record, .. } if *record == event.record));
    assert!(matches!(&heard.items[4], Item::AuthorGone { author, .. } if author == "did:plc:gone"));
    let (heard, ended) = heard.end().await;
    assert!(ended.is_ok());
    let told = heard.snapshot();
    assert_eq!((told.frames, told.posts, told.matched), (9, 2, 1));
    assert_eq!(told.errors.get("frame_incomplete"), Some(&1));
    let request = &server.requests()[0];
    for part in [
        "wantedCollections=app.bsky.feed.post",
        "wantedCollections=app.bsky.graph.follow",
        &format!("cursor={}", T0 - 5 * SECOND),
    ] {
        assert!(request.contains(part), "{request} lacks {part}");
    }
}

#[tokio::test]
async fn loses_nothing_to_disorder_repeats_and_cuts() {
    let server = Jetstream::start().await;
    // Thirty seconds of posts; every third comes 300 ms late, every seventh twice.
    for n in 0..300 {
        let late = if n % 3 == 0 { 300_000 } else { 0 };
        server.say(std::iter::repeat_n(wanted(n, T0 + n * SECOND / 10 - late), if n % 7 == 0 { 2 } else { 1 }));
    }
    // Each connection gets a little further than the rewind and is cut in the middle of a frame.
    for n in 0..12 {
        server.fault(Fault::CutAfter(24_000 + 1_237 * n));
    }
    let mut heard = listen(&[server.v1()], Some(Cursor::at(T0)));
    let all: BTreeSet<String> = (0..300).map(id).collect();
    let complete = |heard: &Listener| heard.posts().into_iter().map(str::to_owned).collect::<BTreeSet<_>>() == all;
    heard.until(complete).await;
    let told = heard.snapshot();
    assert!(told.reconnects >= 3, "{}", told.reconnects);
    assert_eq!((told.gap_count, told.errors.get("frame_not_json")), (0, None), "{told:?}");
    // A daemon that starts again from the stored cursor hears at most the rewind twice.
    let (heard, ended) = heard.end().await;
    assert!(ended.is_ok());
    let cursor = Cursor::parse(heard.cursor.as_deref().unwrap()).unwrap();
    assert!(cursor.time_us > T0 + 25 * SECOND, "{cursor:?}");
    server.say([wanted(300, T0 + 31 * SECOND)]);
    let mut again = listen(&[server.v1()], Some(cursor));
    again.until(|heard| heard.posts().last() == Some(&id(300).as_str())).await;
    assert!(again.items.len() < 100, "{}", again.items.len());
}

#[tokio::test]
async fn notices_a_half_open_socket() {
    let server = Jetstream::start().await;
    server.fault(Fault::Silence);
    server.say([wanted(1, T0)]);
    let mut heard = listen(&[server.v1()], Some(Cursor::at(T0)));
    heard.until(|heard| heard.posts() == [id(1)]).await;
    assert_eq!(heard.snapshot().errors.get("connection_silent"), Some(&1));
    assert_eq!(heard.snapshot().phase, Phase::Live);
}

#[tokio::test]
async fn tells_what_the_server_forgot() {
    let server = Jetstream::start().await;
    server.say([wanted(1, T0), wanted(2, T0 + 7_200 * SECOND)]);
    server.forget_before(T0 + 3_600 * SECOND);
    let mut heard = listen(&[server.v1()], Some(Cursor::at(T0)));
    heard.until(|heard| !heard.items.is_empty()).await;
    assert_eq!(heard.posts(), [id(2)]);
    assert_eq!(heard.gaps.len(), 1);
    assert_eq!(heard.gaps[0].from.as_microsecond(), T0);
    assert_eq!(heard.gaps[0].to.as_microsecond(), T0 + 7_200 * SECOND);
}

#[tokio::test]
async fn gets_past_a_frame_that_is_too_large() {
    let server = Jetstream::start().await;
    let large = post(T0 + SECOND / 2, "did:plc:ann", "large", &"velora ".repeat(MESSAGE_BYTES_MAX / 7 + 1));
    server.say([wanted(1, T0), large, wanted(2, T0 + 60 * SECOND)]);
    let mut heard = listen(&[server.v1()], Some(Cursor::at(T0)));
    heard.until(|heard| heard.posts().contains(&id(2).as_str())).await;
    let told = heard.snapshot();
    assert_eq!(told.errors.get("frame_too_large"), Some(&2), "{told:?}");
    let gap = &heard.gaps[0];
    assert_eq!((gap.from.as_microsecond(), gap.to.as_microsecond()), (T0, T0 + SECOND), "{:?}", heard.gaps);
    assert_eq!(heard.gaps.len(), 1);
}

#[tokio::test]
async fn fails_over_by_time() {
    let (first, second) = (Jetstream::start().await, Jetstream::start().await);
    first.fault(Fault::Refuse(503, "down for maintenance"));
    second.say([wanted(1, T0)]);
    let seq_of_another = Cursor { seq: Some(77), host: "elsewhere.example".to_owned(), time_us: T0 };
    let mut heard = listen(&[first.v2(), second.v1()], Some(seq_of_another));
    heard.until(|heard| heard.posts() == [id(1)]).await;
    assert!(second.requests()[0].ends_with(&format!("cursor={}", T0 - 5 * SECOND)), "{:?}", second.requests());
    let parts = heard.snapshot().parts;
    assert!(parts[&first.addr.to_string()].contains("503"), "{parts:?}");
    assert!(parts[&second.addr.to_string()].contains("listening"), "{parts:?}");
}

#[tokio::test]
async fn the_new_wire_resumes_by_sequence() {
    let server = Jetstream::start().await;
    server.say([new_wire(7_001, &wanted(1, T0)), new_wire(7_002, &wanted(2, T0 + SECOND))]);
    let mut heard = listen(&[server.v2()], Some(Cursor::at(T0)));
    heard.until(|heard| heard.posts() == [id(1), id(2)]).await;
    let (heard, _) = heard.end().await;
    let cursor = Cursor::parse(heard.cursor.as_deref().unwrap()).unwrap();
    assert_eq!((cursor.seq, cursor.host.as_str()), (Some(7_001), server.addr.to_string().as_str()));
    server.fault(Fault::Refuse(400, r#"{"error":"CursorTooOld","message":"floor is 9000"}"#));
    server.fault(Fault::Greet(json!({"$type": "error", "error": "ConsumerTooSlow", "message": "behind"})));
    let mut again = listen(&[server.v2()], Some(cursor));
    again.until(|heard| heard.posts() == [id(1), id(2)]).await;
    let requests = server.requests();
    assert!(requests[0].contains("collections=app.bsky.feed.post") && !requests[0].contains("wanted"), "{requests:?}");
    assert!(requests[1].ends_with("cursor=7001"), "{requests:?}");
    assert!(requests[2].ends_with(&format!("cursor={}", T0 - 5 * SECOND)), "{requests:?}");
    assert!(again.snapshot().errors.contains_key("ended_by_peer"));
}

#[tokio::test]
async fn returns_when_nobody_listens_any_more() {
    let server = Jetstream::start().await;
    server.say([wanted(1, T0)]);
    let mut heard = listen(&[server.v1()], Some(Cursor::at(T0)));
    heard.until(|heard| heard.items.len() == 1).await;
    let ended = tokio::spawn(heard.hang_up());
    server.say([wanted(2, T0 + SECOND)]);
    assert!(matches!(ended.await.unwrap(), Err(Stop::Closed)));
}
