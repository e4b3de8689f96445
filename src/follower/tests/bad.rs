//! Weights that are not ours, and profiles that cannot be.

use super::super::file::{MANIFEST, MODEL, WEIGHTS, Weights};
use super::*;

fn refused(manifest: &str, weights: &str) -> String {
    Weights::parse(manifest, weights).err().expect("must be refused").to_string()
}

fn listed(weights: &str) -> String {
    let digest = blake3::hash(weights.as_bytes());
    format!("model = \"{MODEL}\"\nblake3 = \"{digest}\"\nbytes = {}\n", weights.len())
}

#[test]
fn the_manifest_names_the_model() {
    let manifest: toml::Table = toml::from_str(MANIFEST).unwrap();
    assert_eq!(manifest["model"].as_str(), Some(MODEL));
}

#[test]
fn altered_weights_are_refused_by_name() {
    let altered = WEIGHTS.replacen("-2.", "-3.", 1);
    for (manifest, weights, expected) in [
        (MANIFEST, altered.as_str(), "`follower-1`: expected blake3"),
        (MANIFEST, &WEIGHTS[1..], "`follower-1`: expected "),
        (MANIFEST, "", "bytes, found 0"),
        ("model = 3", WEIGHTS, "`unknown`: manifest"),
    ] {
        let error = refused(manifest, weights);
        assert!(error.contains(expected), "{error}");
    }
    assert!(Weights::parse(MANIFEST, WEIGHTS).is_ok());
}

#[test]
fn weights_of_another_shape_are_refused() {
    assert!(Weights::parse(&listed(WEIGHTS), WEIGHTS).is_ok());
    for (from, to, expected) in [
        ("\"format\": 1", "\"format\": 2", "expected format 1"),
        ("\"model\": \"follower-1\"", "\"model\": \"follower-2\"", "follower-2"),
        ("\"followers\": [0, 1, 2,", "\"followers\": [0, 2, 1,", "rise"),
        ("\"followers\": [0, 1, 2,", "\"followers\": [1, 2,", "rise"),
        ("{\"of\": [], \"log_odds\": [", "{\"of\": [], \"log_odds\": [0.5, ", "expected 1 finite"),
        ("{\"of\": []", "{\"of\": [], \"log_odds\": [0.5]},\n{\"of\": []", "there twice"),
        ("{\"of\": [\"posts\"]", "{\"of\": [\"likes\"]", "expected 1 finite"),
        ("{\"of\": [\"followers\", \"posts\"]", "{\"of\": [\"posts\", \"followers\", \"posts\"]", "there twice"),
        ("{\"at\": [0, 1], ", "{\"at\": [0, 1, 2], ", "trait has_avatar"),
        ("\"edges\": [0.0, ", "\"edges\": [0.0, 0.001, ", "rates"),
        ("\"rates\"", "\"ratios\"", "another shape"),
    ] {
        assert!(WEIGHTS.contains(from), "{from}");
        let other = WEIGHTS.replacen(from, to, 1);
        let error = refused(&listed(&other), &other);
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn what_cannot_be_is_unknown_and_told() {
    for (json, expected) in [
        (r#"{"followers":-5}"#, "followers taken as unknown: -5 is no count"),
        (r#"{"following":1.5}"#, "following taken as unknown: 1.5 is no count"),
        (r#"{"posts":"NaN"}"#, "posts taken as unknown: \"NaN\" is no count"),
        (r#"{"posts":[1,2]}"#, "posts taken as unknown: [1,2] is no count"),
        (r#"{"followers":99999999999}"#, "followers taken as unknown: 99999999999 is more than there can be"),
        (r#"{"followers":1e300}"#, "followers taken as unknown: 1e+300 is no count"),
        (r#"{"has_avatar":"yes"}"#, "has_avatar taken as unknown: \"yes\" is neither true nor false"),
        (r#"{"has_avatar":2}"#, "has_avatar taken as unknown: 2 is neither true nor false"),
        (r#"{"created_at":"soon"}"#, "created_at taken as unknown: \"soon\" is no time"),
        (
            r#"{"created_at":"2031-01-01T00:00:00Z"}"#,
            "created_at taken as unknown: 2031-01-01T00:00:00Z lies in the future",
        ),
        (
            r#"{"created_at":"1970-01-01T00:00:00Z"}"#,
            "created_at taken as unknown: 1970-01-01T00:00:00Z is before any network",
        ),
        (r#"{"handle":""}"#, "handle taken as unknown: it is empty"),
        (r#"{"handle":"@"}"#, "handle taken as unknown: it is empty"),
        (r#"{"handle":".example"}"#, "handle taken as unknown: it is empty"),
        (r#"{"handle":"ab\u202e99"}"#, "handle taken as unknown: it holds U+202E"),
        (r#"{"handle":"a b"}"#, "handle taken as unknown: it holds U+0020"),
        (r#"{"handle":7}"#, "handle taken as unknown: 7 are no words"),
    ] {
        let (found, doubts) = Profile::parse(json, now()).unwrap();
        assert_eq!(doubts.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
        assert_eq!(found, Profile::default(), "{json}");
        assert_eq!(model().likelihood(&found).known, Vec::<&str>::new());
    }
    let long = format!("{{\"handle\":\"{}\"}}", "9".repeat(2_000));
    let (found, doubts) = Profile::parse(&long, now()).unwrap();
    assert_eq!((found.handle, doubts.len()), (None, 1));
    assert!(doubts[0].why.len() < 80);
}

#[test]
fn what_is_odd_and_can_be_is_taken() {
    let found = profile(
        r#"{"id":12,"followers":12.0,"has_avatar":1,"posts":null,"likes":3,"created_at":"2026-11-22T13:00:00Z"}"#,
    );
    assert_eq!(
        (found.id.as_deref(), found.followers, found.has_avatar, found.posts),
        (Some("12"), Some(12), Some(true), None)
    );
    assert!(found.created_at.is_some(), "a peer's clock may run an hour ahead");
    let turned = profile(r#"{"name":"Anna \u202enredlaW\u202c\u0000","bio":"a\nb\u2066c"}"#);
    assert_eq!((turned.name.as_deref(), turned.bio.as_deref()), (Some("Anna nredlaW"), Some("a\nbc")));
    // Letters of another script that look alike count as letters, digits in disguise as digits.
    assert_eq!(spam(r#"{"handle":"аnn"}"#), spam(r#"{"handle":"ann"}"#));
    assert_eq!(spam(r#"{"handle":"ann１２３４"}"#), spam(r#"{"handle":"ann1234"}"#));
    for json in ["", "[]", "3", "{\"posts\":", "null", "{\"posts\":NaN}"] {
        assert!(Profile::parse(json, now()).is_err(), "{json}");
    }
}

#[test]
fn the_owners_part_of_a_handle_counts() {
    for (handle, part) in [
        ("ann99", "ann99"),
        ("@ann99", "ann99"),
        ("ann99@social4.example", "ann99"),
        ("@ann99@social4.example", "ann99"),
        ("ann99.bsky.example", "ann99"),
        ("ann.example", "ann"),
        ("ann.b99", "ann.b99"),
        ("ann.", "ann."),
        ("...", "..."),
        ("", ""),
    ] {
        assert_eq!(super::super::profile::local(handle), part, "{handle}");
    }
}
