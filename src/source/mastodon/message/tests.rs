//! Recorded messages, broken ones, and whatever else a server may send.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    message: Value,
    expected: Value,
}

fn now() -> Timestamp {
    "2026-11-18T13:00:00Z".parse().unwrap()
}

/// Every fixture as it goes over the wire: the payload put into a string, unless it is a number.
fn cases() -> Vec<(String, String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/source/mastodon");
    let mut cases: Vec<(String, String, Value)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let Case { mut message, expected } = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            if message["payload"].is_object() {
                message["payload"] = message["payload"].to_string().into();
            }
            (path.file_stem().unwrap().to_string_lossy().into_owned(), message.to_string(), expected)
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

/// An event as the fixtures write it: empty fields left out.
fn told(event: &Event) -> Value {
    let what = match &event.what {
        What::Post(post) => json!({"post": post}),
        What::PostDeleted { id } => json!({"post_deleted": id}),
        What::Followed { follower, notification, at } => {
            json!({"followed": {"by": follower, "notification": notification, "at": at}})
        }
        What::Failed { message } => json!({"failed": message}),
        What::Other => json!({"other": true}),
        What::Unknown { name } => json!({"unknown": name}),
    };
    let mut told = lean(what);
    if !event.stream.is_empty() {
        told["stream"] = json!(event.stream);
    }
    if let Some(id) = &event.id {
        told["id"] = json!(id);
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
    assert!(cases.len() >= 20, "{}", cases.len());
    for (name, message, expected) in &cases {
        let event = parse(message.as_bytes(), "m.example", now()).unwrap_or_else(|bad| panic!("{name}: {bad}"));
        assert_eq!(told(&event), *expected, "{name}");
    }
}

#[test]
fn a_message_cut_anywhere_is_refused() {
    for (name, message, _) in cases() {
        for cut in 0..message.len() {
            assert!(parse(&message.as_bytes()[..cut], "m.example", now()).is_err(), "{name} cut at {cut}");
        }
    }
}

#[test]
fn a_foreign_payload_is_refused_by_name() {
    for (message, reason) in [
        (r#"{"event":"update","payload":"{\"id\":7}"}"#, "payload_malformed"),
        (r#"{"event":"update","payload":"not json"}"#, "payload_malformed"),
        (r#"{"event":"update"}"#, "payload_malformed"),
        (r#"{"payload":"7"}"#, "message_not_json"),
        ("[]", "message_not_json"),
        ("", "message_not_json"),
    ] {
        let bad = parse(message.as_bytes(), "m.example", now()).unwrap_err();
        assert_eq!(bad.reason(), reason, "{message}");
    }
}

proptest! {
    #[test]
    fn never_panics_on_a_damaged_message(which in any::<prop::sample::Index>(), hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let cases = cases();
        let mut message = cases[which.index(cases.len())].1.clone().into_bytes();
        for (at, byte) in hits {
            let at = at.index(message.len());
            message[at] = byte;
        }
        if let Ok(Event { what: What::Post(post), .. }) = parse(&message, "m.example", now()) {
            prop_assert!(post.created_at <= now());
        }
    }
}
