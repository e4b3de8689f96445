//! What goes over the wire, against known answers.

use super::body::body;
use super::signature::{Key, KeyError, sign};
use super::webhook::outcome;
use super::{KINDS, Message, Outcome};
use crate::alert::{Alert, Delivery, DeliveryState, News, Priority, State, delivery_id};
use crate::brand::Surge;
use crate::mention::Mention;
use crate::secret::Secret;
use crate::settings::Document;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_255_200 + second).unwrap()
}

fn message() -> Message {
    let alert = Alert {
        id: "5d41402abc4b2a76".into(),
        revision: 1,
        rule: "refund-storm".into(),
        title: "Refund complaints are piling up".into(),
        priority: Priority::P2,
        priority_why: vec!["base P3".into(), "one star: +1".into()],
        brand: "acme".into(),
        group: [("lang".to_owned(), "en".to_owned())].into(),
        state: State::Open,
        opened_at: at(0),
        updated_at: at(1),
        resolved_at: None,
        resolved_why: None,
        count: 5,
        spam_left_out: 0,
        ruleset: "00112233aabbccdd".into(),
        mentions: vec![7],
        reasons: Vec::new(),
        growth: None,
    };
    let mention: Mention = serde_json::from_value(json!({
        "id": "p1", "source": "bluesky", "text": "where is my money", "created_at": "2026-11-21T09:00:00Z",
        "url": "https://bsky.example/p1", "author": {"handle": "ann.example", "followers": 12000}, "rating": 1.0,
        "seq": 7, "brand": "acme", "watches": ["acme-name"], "seen_at": "2026-11-21T09:00:01Z",
        "scores": {"lang": "en", "lang_p": 1.0, "sentiment": -0.875, "label": "negative",
            "p": {"negative": 0.9, "neutral": 0.075, "positive": 0.025}, "needs_answer": 0.75, "complaint": 0.25,
            "offensive": null, "irony": null, "emotion": null, "tier": "fast", "model": "fast-2"},
        "author_spam": {"spam": null, "reasons": []}, "cluster": null, "status": "new"
    }))
    .unwrap();
    let delivery = Delivery {
        id: delivery_id(&alert.id, "ops", 1),
        hook: "ops".into(),
        alert: alert.id.clone(),
        revision: 1,
        news: News::Opened,
        body: alert,
        state: DeliveryState::Pending,
        attempts: 0,
        created_at: at(1),
        due_at: at(1),
        finished_at: None,
        last_error: None,
    };
    Message { delivery, mentions: vec![mention], base_url: "http://127.0.0.1:7700/".into(), test: false }
}

#[test]
fn the_body_is_the_contract() {
    let body: Value = serde_json::from_slice(&body(&message()).unwrap()).unwrap();
    assert_eq!(body["type"], "alert.opened");
    assert_eq!(body["timestamp"], json!(at(1)));
    let data = &body["data"];
    assert_eq!(
        data["alert"],
        json!({"id": "5d41402abc4b2a76", "revision": 1, "rule": "refund-storm",
            "title": "Refund complaints are piling up", "priority": "P2", "priority_why": ["base P3", "one star: +1"],
            "brand": "acme", "group": {"lang": "en"}, "state": "open", "opened_at": at(0), "updated_at": at(1),
            "resolved_at": null, "resolved_why": null, "count": 5, "spam_left_out": 0,
            "ruleset": "00112233aabbccdd"})
    );
    assert_eq!(data["links"]["open"], "http://127.0.0.1:7700/#/alerts/5d41402abc4b2a76");
    assert_eq!(data["links"]["ack"], "http://127.0.0.1:7700/#/alerts/5d41402abc4b2a76?ack");
    assert!(data.get("test").is_none());
    let mention = &data["mentions"][0];
    for (field, value) in [("id", "p1"), ("url", "https://bsky.example/p1"), ("text", "where is my money")] {
        assert_eq!(mention[field], value);
    }
    assert_eq!(mention["author"]["handle"], "ann.example");
    assert_eq!(mention["scores"]["label"], "negative");
    let reasons = ["negative (-0.88)", "1 of 5 stars", "waits for an answer (0.75)", "12000 people may have seen it"];
    assert_eq!(mention["reasons"], json!(reasons));
}

/// It tells what it rests on by itself.
#[test]
fn an_alert_about_followers_has_no_mentions() {
    let mut message = message();
    message.mentions.clear();
    let alert = &mut message.delivery.body;
    alert.mentions.clear();
    alert.reasons = vec!["412 new followers where 31 are usual".into()];
    let (spam, low, high, strange) = (0.75, 0.5, 0.875, false);
    let (counted, expected, known, unknown) = (412, 31.0, 292, 120);
    alert.growth =
        Some(Surge { from: at(0), until: None, counted, expected, spam, low, high, known, unknown, strange });
    let body: Value = serde_json::from_slice(&body(&message).unwrap()).unwrap();
    assert_eq!(body["data"]["mentions"], json!([]));
    let alert = &body["data"]["alert"];
    assert_eq!(alert["reasons"], json!(["412 new followers where 31 are usual"]));
    assert_eq!(
        alert["growth"],
        json!({"from": at(0), "until": null, "counted": 412, "expected": 31.0, "spam": 0.75, "low": 0.5, "high": 0.875,
            "known": 292, "unknown": 120, "strange": false})
    );
}

#[test]
fn a_test_is_marked_and_mentions_are_bounded() {
    let mut message = message();
    message.test = true;
    message.mentions = vec![message.mentions[0].clone(); 30];
    let body: Value = serde_json::from_slice(&body(&message).unwrap()).unwrap();
    assert_eq!(body["data"]["test"], true);
    assert_eq!(body["data"]["mentions"].as_array().unwrap().len(), 10);
}

/// The bytes 0..32, and 100..124; the signatures were computed apart, with Python's hmac.
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECRET_OLD: &str = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7";

#[test]
fn signatures_are_known() {
    let key = |text: &str| Key::parse(&Secret::new(text)).unwrap();
    let body = br#"{"type":"alert.opened"}"#;
    let one = sign(&[key(SECRET)], "msg_0123", 1_795_255_200, body).unwrap();
    assert_eq!(one, "v1,jt0IJJAqrmWEWnXnG6800+yciDu+jZsVPJgcWnV5/44=");
    let both = sign(&[key(SECRET), key(SECRET_OLD)], "msg_0123", 1_795_255_200, body).unwrap();
    assert_eq!(both, format!("{one} v1,n44o3O1oyvYpxjfxE/NMl0uejyNvgRHx04lpOdyuIXk="));
    assert_ne!(sign(&[key(SECRET)], "msg_0123", 1_795_255_201, body).unwrap(), one);
    assert_eq!(sign(&[], "msg_0123", 1_795_255_200, body), None);
}

#[test]
fn bad_keys_are_refused_without_being_shown() {
    for (text, error) in [
        ("whsec_not base64!", KeyError::NotBase64),
        ("whsec_", KeyError::Size(0)),
        ("whsec_AAAAAAAAAAAAAAAAAAAAAA==", KeyError::Size(16)),
    ] {
        let found = Key::parse(&Secret::new(text)).unwrap_err();
        assert_eq!(found, error);
        assert!(!found.to_string().contains(text));
    }
    assert_eq!(format!("{:?}", Key::parse(&Secret::new(SECRET)).unwrap()), "***");
}

#[test]
fn statuses_by_what_comes_next() {
    let after = Some(Duration::from_secs(7));
    let name = |status| match outcome(status, after) {
        Outcome::Delivered => "delivered",
        Outcome::Retry { after: Some(_), .. } => "retry",
        Outcome::Retry { after: None, .. } => "retry at once",
        Outcome::Refused { .. } => "refused",
        Outcome::Halted { .. } => "halted",
    };
    for (expected, statuses) in [
        ("delivered", &[200, 201, 202, 204, 299][..]),
        ("retry", &[408, 425, 429, 500, 501, 502, 503, 504, 520, 599]),
        ("halted", &[401, 403, 410]),
        ("refused", &[100, 300, 301, 302, 307, 308, 304, 400, 402, 404, 405, 409, 413, 418, 422, 451, 600]),
    ] {
        for status in statuses {
            assert_eq!(name(*status), expected, "{status}");
        }
    }
}

#[test]
fn keys_are_checked_all_at_once() {
    let text =
        "url = \"ftp://x.example\"\nsecret = \"whsec_plain\"\nallow = [\"10.0.0.0/99\"]\ntimeout = \"1h\"\nsecrt = 1\n";
    let document = Document::parse("c", text);
    let read = KINDS.iter().find(|row| row.kind == "webhook").unwrap().read;
    assert!(read(&document.root()).is_none());
    let lines: Vec<String> = document.into_problems().iter().map(ToString::to_string).collect();
    let expected = [
        "c:1:7: error: cannot post to `ftp:`",
        "c:2:10: error: `secret` must not stand in the file",
        "c:3:9: error: `10.0.0.0/99` is no address range",
        "c:4:11: error: `timeout` must lie between",
        "c:5:1: error: unknown key `secrt`",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(expected) {
        assert!(line.starts_with(start), "{line}");
    }
    let document = Document::parse("c", "timeout = \"5s\"\n");
    assert!(read(&document.root()).is_none());
    assert_eq!(document.into_problems()[0].message, "the file lacks `url`");
}
