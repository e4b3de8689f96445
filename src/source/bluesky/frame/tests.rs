//! Recorded frames, broken ones, and whatever else may come over the wire.

use super::*;
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const TIME_US: i64 = 1_795_000_000_123_456;

#[derive(Deserialize)]
struct Case {
    frame: Box<RawValue>,
    expected: Value,
}

/// Every fixture, by name.
fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/source/bluesky");
    let mut cases: Vec<(String, Case)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "profiles.json" && name != "followers.json"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap().to_string_lossy().into_owned(), case)
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

fn frame(name: &str) -> String {
    let (_, case) = cases().into_iter().find(|(case, _)| case == name).unwrap();
    let value: Value = serde_json::from_str(case.frame.get()).unwrap();
    value.to_string()
}

/// An event as the fixtures write it: empty fields left out.
fn told(event: &Event<'_>) -> Value {
    let mut told = match &event.what {
        What::Post { post, facets_ignored } => json!({"post": lean(json!(post)), "facets_ignored": facets_ignored}),
        What::PostDeleted { id } => json!({"post_deleted": id}),
        What::Followed { follower, subject, record } => {
            json!({"followed": {"follower": follower, "subject": subject, "record": record}})
        }
        What::Unfollowed { follower, record } => json!({"unfollowed": {"follower": follower, "record": record}}),
        What::AccountDeleted { author } => json!({"account_deleted": author}),
        What::Outdated => json!({"outdated": true}),
        What::Ended { name, message } => json!({"ended": [name, message]}),
        What::Other => json!({"other": true}),
    };
    if let Some(seq) = event.seq {
        told["seq"] = json!(seq);
    }
    if event.time_us != TIME_US {
        told["time_us"] = json!(event.time_us);
    }
    told
}

fn lean(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().map(|(key, value)| (key, lean(value)));
            kept.filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())).collect()
        }
        other => other,
    }
}

#[test]
fn every_fixture_is_understood_as_expected() {
    let cases = cases();
    assert!(cases.len() >= 30, "{}", cases.len());
    for (name, case) in &cases {
        let event = parse(case.frame.get().as_bytes()).unwrap_or_else(|bad| panic!("{name}: {bad}"));
        assert_eq!(told(&event), case.expected, "{name}");
    }
}

#[test]
fn a_frame_cut_anywhere_is_refused() {
    for (name, case) in cases() {
        let frame = case.frame.get().as_bytes();
        for cut in 0..frame.len() {
            assert!(parse(&frame[..cut]).is_err(), "{name} cut at {cut}");
        }
    }
}

#[test]
fn words_are_borrowed() {
    let frame = frame("key-order").replace("\\\\\\\"", "'");
    let Ok(Event { what: What::Post { post, .. }, .. }) = parse(frame.as_bytes()) else { panic!("{frame}") };
    for text in [&post.text, post.author.id.as_ref().unwrap(), post.lang.as_ref().unwrap()] {
        assert!(matches!(text.0, std::borrow::Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn what_lacks_its_parts_is_refused_by_name() {
    for (bad, expected) in [
        (r#"{"did":"d","kind":"commit"}"#, Bad::Lacks("time_us")),
        (r#"{"time_us":1,"kind":"commit"}"#, Bad::Lacks("did")),
        (r#"{"did":"d","time_us":1}"#, Bad::Lacks("kind")),
        (r#"{"did":"d","time_us":1,"kind":"commit"}"#, Bad::Lacks("commit")),
        (r#"{"did":"d","time_us":1,"kind":"account"}"#, Bad::Lacks("account")),
        (
            r#"{"did":"d","time_us":1,"kind":"commit","commit":{"operation":"create","collection":"app.bsky.feed.post","rkey":"r"}}"#,
            Bad::Lacks("commit.record"),
        ),
        (r#"{"payload":{"$type":"x#commit","did":"d"}}"#, Bad::Lacks("payload.time")),
    ] {
        assert_eq!(parse(bad.as_bytes()), Err(expected), "{bad}");
    }
    assert_eq!(parse(b"\xff\xfe"), Err(Bad::Text));
    assert!(matches!(parse(b"null"), Err(Bad::Json(_))));
    let words_that_are_none = frame("post").replace(r#""text":"#, r#""text":7,"words":"#);
    assert!(matches!(parse(words_that_are_none.as_bytes()), Err(Bad::Record(_))));
}

proptest! {
    #[test]
    fn never_panics_on_a_damaged_frame(which in any::<prop::sample::Index>(), hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let cases = cases();
        let mut frame = cases[which.index(cases.len())].1.frame.get().as_bytes().to_vec();
        for (at, byte) in hits {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        if let Ok(Event { what: What::Post { post, .. }, .. }) = parse(&frame) {
            prop_assert!(post.id.starts_with("at://"));
        }
    }

    #[test]
    fn facets_never_cut_a_character(text in "\\PC{0,40}", start in 0_usize..60, end in 0_usize..60) {
        let record = json!({"text": text, "facets": [{"index": {"byteStart": start, "byteEnd": end}, "features": [{"uri": "https://a.example"}]}]});
        let frame = json!({"did": "did:plc:a", "time_us": TIME_US, "kind": "commit", "commit": {"operation": "create", "collection": POST, "rkey": "r", "record": record}}).to_string();
        match parse(frame.as_bytes()).unwrap().what {
            What::Post { post, facets_ignored } => {
                let sound = text.get(start..end).is_some();
                prop_assert_eq!((post.links.len(), facets_ignored), if sound { (1, 0) } else { (0, 1) });
            }
            what => prop_assert_eq!(what, What::Other),
        }
    }
}
