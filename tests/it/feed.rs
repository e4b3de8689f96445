//! Feeds over HTTP: conditional requests, edits, moves, gaps, and feeds that fail beside others that do not.

use crate::listen::{Listening, Peer, answer};
use reputed::ledger::{Ledger, Phase};
use reputed::source::Stop;

fn rss(items: &[(&str, &str)]) -> String {
    let item = |(id, text): &(&str, &str)| {
        format!("<item><guid>{id}</guid><title>Brightleaf</title><description>{text}</description></item>")
    };
    let items: String = items.iter().map(item).collect();
    format!("<rss version='2.0'><channel><title>t</title>{items}</channel></rss>")
}

fn toml(urls: &[String]) -> String {
    format!("urls = {urls:?}\nevery = '100ms'\nhost_every = '1ms'")
}

fn part(ledger: &Ledger, starts: &str) -> bool {
    ledger.snapshot(jiff::Timestamp::now()).parts.values().any(|state| state.starts_with(starts))
}

fn errors(ledger: &Ledger, reason: &str) -> u64 {
    ledger.snapshot(jiff::Timestamp::now()).errors.get(reason).copied().unwrap_or(0)
}

#[tokio::test]
async fn asks_conditionally_and_tells_new_from_edited_and_known() {
    let validators = [("etag", "W/\"x-1\""), ("last-modified", "Sat, 21 Nov 2026 09:00:00 GMT")];
    let peer = Peer::serve(move |n, _| match n {
        0 => answer(200, &validators, rss(&[("b", "two"), ("a", "one")])),
        1 | 2 => answer(304, &[], ""),
        _ => answer(200, &[], rss(&[("c", "three"), ("b", "two, edited"), ("a", "one")])),
    })
    .await;
    let mut source = Listening::start("feed", &toml(&[peer.url("/feed")]), None);
    assert_eq!(source.ids(2).await, ["b", "a"]);
    let new = source.post().await;
    assert_eq!((new.id.as_str(), new.edited_at), ("c", None));
    assert_eq!(new.kind, reputed::post::Kind::Article);
    let tags = peer.header("/feed", "if-none-match");
    assert_eq!(tags[..3], [None, Some("W/\"x-1\"".to_owned()), Some("W/\"x-1\"".to_owned())]);
    assert_eq!(peer.header("/feed", "if-modified-since")[1].as_deref(), Some("Sat, 21 Nov 2026 09:00:00 GMT"));
    assert!(peer.header("/feed", "user-agent")[0].as_deref().unwrap().starts_with("reputed/"));
    let cursor = source.stop().await;

    // From the cursor nothing comes twice; the date of first sight has stayed.
    let later = Peer::serve(|_, _| answer(200, &[], rss(&[("d", "four"), ("b", "two, again"), ("a", "one")]))).await;
    let cursor = cursor.unwrap().replace(&peer.address.to_string(), &later.address.to_string());
    let mut source = Listening::start("feed", &toml(&[later.url("/feed")]), Some(cursor));
    let batch = source.batch().await.unwrap();
    assert_eq!(batch.items.len(), 2, "{batch:?}");
    assert!(batch.gaps.is_empty());
    let mut source = Listening::start("feed", &toml(&[later.url("/feed")]), source.stop().await);
    source.until(|ledger| part(ledger, "good")).await;
    assert_eq!(source.ledger.snapshot(jiff::Timestamp::now()).posts, 0);
}

#[tokio::test]
async fn an_edit_keeps_its_first_date() {
    let peer = Peer::serve(|n, _| answer(200, &[], rss(&[("a", if n == 0 { "one" } else { "two" })]))).await;
    let mut source = Listening::start("feed", &toml(&[peer.url("/")]), None);
    let (first, edit) = (source.post().await, source.post().await);
    assert_eq!((edit.id.as_str(), edit.text.as_str()), ("a", "two"));
    assert!(edit.edited_at.is_some_and(|at| at >= first.created_at));
    assert_eq!(edit.created_at.as_second(), first.created_at.as_second());
}

#[tokio::test]
async fn a_window_that_moved_on_is_a_gap() {
    let peer = Peer::serve(|n, _| answer(200, &[], rss(&[(if n == 0 { "a" } else { "z" }, "text")]))).await;
    let mut source = Listening::start("feed", &toml(&[peer.url("/")]), None);
    assert!(source.batch().await.unwrap().gaps.is_empty());
    assert_eq!(source.batch().await.unwrap().gaps.len(), 1);
}

#[tokio::test]
async fn a_broken_feed_holds_up_nobody() {
    let peer = Peer::serve(|n, request| match request.uri().path() {
        "/good" => answer(200, &[], rss(&[(["a", "b", "c", "d", "e"][n.min(4)], "text")])),
        "/page" => answer(200, &[("content-type", "text/html")], "<!doctype html><html>Down for repairs</html>"),
        "/cut" => answer(200, &[], "<rss version='2.0'><channel><item><title>Bri"),
        "/big" => answer(200, &[], vec![b' '; 20 << 20]),
        "/busy" => answer(429, &[("retry-after", "3600")], ""),
        _ => answer(500, &[], ""),
    })
    .await;
    let urls = ["/page", "/cut", "/big", "/busy", "/dead", "/good"].map(|path| peer.url(path));
    let mut source = Listening::start("feed", &toml(&urls), None);
    assert_eq!(source.ids(5).await, ["a", "b", "c", "d", "e"]);
    let reasons = ["html_page", "broken_feed", "too_large", "http_status"];
    source.until(|ledger| reasons.iter().all(|reason| errors(ledger, reason) > 0)).await;
    let told = source.ledger.snapshot(jiff::Timestamp::now());
    assert_eq!((told.phase, told.throttled, told.parts.len()), (Phase::Live, 1, 6));
    assert_eq!(peer.count("/busy"), 1);
}

#[tokio::test]
async fn a_feed_that_is_gone_ends() {
    let peer = Peer::serve(|_, _| answer(410, &[], "")).await;
    let source = Listening::start("feed", &toml(&[peer.url("/")]), None);
    let ledger = source.ledger.clone();
    let (_, cursor, ended) = source.rest().await;
    assert!(matches!(ended, Err(Stop::Ended)), "{ended:?}");
    assert!(part(&ledger, "gone"));
    // It is not asked again after a restart.
    let again = Listening::start("feed", &toml(&[peer.url("/")]), cursor).rest().await;
    assert!(matches!(again.2, Err(Stop::Ended)) && peer.count("/") == 1);
}

#[tokio::test]
async fn a_permanent_move_is_kept_when_it_lasts() {
    let peer = Peer::serve(|n, request| match request.uri().path() {
        "/old" => answer(301, &[("location", "/new")], ""),
        _ => answer(200, &[], rss(&[(["a", "b", "c", "d", "e", "f"][n.min(5)], "text")])),
    })
    .await;
    let mut source = Listening::start("feed", &toml(&[peer.url("/old")]), None);
    source.ids(6).await;
    assert_eq!(peer.count("/old"), 3);
}
