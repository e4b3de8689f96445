//! Hacker News by local peers: the walk, items that come late, deletions, and catching up by search.

use crate::listen::{Listening, Peer, answer};
use reputed::post::Kind;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

fn item(id: &str, text: &str) -> String {
    format!(r#"{{"id":{id},"type":"comment","by":"ann","parent":1,"time":1795251600,"text":"{text}"}}"#)
}

fn toml(peer: &Peer) -> String {
    format!("api = '{}'\nsearch = '{}'\nevery = '100ms'", peer.url("/v0/"), peer.url("/s"))
}

/// `/v0/item/7.json` gives `7`.
fn number(path: &str) -> &str {
    path.trim_start_matches("/v0/item/").trim_end_matches(".json")
}

#[tokio::test]
async fn walks_forward_and_follows_updates() {
    let newest = AtomicU64::new(3);
    let peer = Peer::serve(move |n, request| match request.uri().path() {
        "/v0/maxitem.json" => answer(200, &[], (if n < 2 { 3 } else { 4 }).max(newest.load(SeqCst)).to_string()),
        "/v0/updates.json" if n == 1 => answer(200, &[], r#"{"items":[2,1,99],"profiles":["ann"]}"#),
        "/v0/updates.json" => answer(200, &[], r#"{"items":[],"profiles":[]}"#),
        "/v0/item/1.json" if n > 0 => answer(200, &[], r#"{"id":1,"deleted":true,"type":"comment","time":1795251600}"#),
        "/v0/item/2.json" if n > 0 => answer(200, &[], item("2", "Brightleaf, edited")),
        "/v0/item/3.json" => answer(200, &[], "null"),
        path => answer(200, &[], item(number(path), "I like <i>Brightleaf<&#x2F;i>")),
    })
    .await;
    let mut source = Listening::start("hackernews", &toml(&peer), None);
    let first = source.post().await;
    assert_eq!((first.id.as_str(), first.kind, first.reply_to.as_deref()), ("1", Kind::Comment, Some("1")));
    assert_eq!(source.ids(3).await, ["-1", "2", "4"]);
    assert_eq!(peer.count("/v0/item/99.json"), 0);
    let cursor = source.stop().await.unwrap();
    assert!(cursor.contains("\"next\":5") && cursor.contains("[[3,1,"), "{cursor}");
}

#[tokio::test]
async fn catches_up_by_search_in_slices_that_are_not_cut_off() {
    let peer = Peer::serve(|_, request| match request.uri().path() {
        "/v0/maxitem.json" => answer(200, &[], "100000"),
        "/v0/updates.json" => answer(200, &[], "{}"),
        "/s/search_by_date" => search(request.uri().query().unwrap()),
        path => answer(200, &[], item(number(path), "nothing")),
    })
    .await;
    let away = jiff::Timestamp::now().as_second() - 3 * 3_600;
    let cursor = format!(r#"{{"next":10,"at":"{}"}}"#, jiff::Timestamp::from_second(away).unwrap());
    let mut source = Listening::start("hackernews", &toml(&peer), Some(cursor));
    let ids = source.ids(3).await;
    assert!(ids.iter().all(|id| id.starts_with("999")), "{ids:?}");
    source.until(|ledger| ledger.snapshot(jiff::Timestamp::now()).phase == reputed::ledger::Phase::Live).await;
    // Each second from before the absence was asked for once, in slices of at most half an hour.
    assert_eq!(peer.count("/v0/item/11.json"), 0);
    assert!(peer.count("/v0/item/100000.json") > 0);
    assert!(source.ledger.snapshot(jiff::Timestamp::now()).gap_count == 0);
}

/// More than half an hour is more than a search gives.
fn search(query: &str) -> axum::http::Response<axum::body::Body> {
    assert!(query.contains("typoTolerance=false") && query.contains("hitsPerPage=1000"), "{query}");
    let bound = |sign: &str| -> i64 {
        let query = query.replace("%3E", ">").replace("%3C", "<");
        let (_, rest) = query.split_once(sign).unwrap();
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    let (from, to) = (bound("created_at_i>="), bound("created_at_i<"));
    let count = if to - from > 1_800 { 1_001 } else { 300 };
    let id = 99_900 + from / 60 % 100;
    let hit = format!(r#"{{"objectID":"{id}","created_at_i":{from},"comment_text":"Brightleaf","_tags":["comment"]}}"#);
    answer(200, &[], format!(r#"{{"hits":[{hit}],"nbHits":{count}}}"#))
}
