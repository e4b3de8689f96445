//! The schemas of what is told of followers.

use super::object;
use serde_json::{Value, json};

const FOLLOWER_PAGE: &[(&str, &str)] = &[
    ("items", "[FollowerEvent]"),
    ("source", "string"),
    ("account", "string"),
    ("handle", "string"),
    ("since", "time"),
    ("step", "string"),
    ("share", "Share"),
    ("suspicious", "[Suspect]"),
    ("suspicious_in_all", "integer"),
    ("groups", "[Alike]"),
    ("looked_at", "integer"),
    ("snapshot", "Snapshot?"),
    ("heard_since", "time?"),
    ("growth", "[Growth]"),
    ("waves", "[Wave]"),
];

const SUSPECT: &[(&str, &str)] = &[
    ("id", "string?"),
    ("handle", "string?"),
    ("name", "string?"),
    ("followers", "integer?"),
    ("following", "integer?"),
    ("posts", "integer?"),
    ("spam", "number"),
    ("said", "boolean?"),
    ("reasons", "[string]"),
];

/// What follower audits tell; shares and likelihoods lie in 0..=1, `low` and `high` are the ends of a 90 % interval.
pub fn schemas() -> Value {
    json!({
        "OwnAccount": object(&[
            ("source", "string"),
            ("account", "string?"),
            ("handle", "string"),
            ("brands", "[string]"),
            ("followers", "integer"),
            ("snapshot", "Snapshot?"),
        ]),
        "OwnAccountPage": object(&[("items", "[OwnAccount]")]),
        "Snapshot": object(&[
            ("began_at", "time"),
            ("ended_at", "time?"),
            ("named", "integer"),
            ("total", "integer?"),
            ("state", "string"),
        ]),
        "FollowerPage": object(FOLLOWER_PAGE),
        "FollowerEvent": object(&[
            ("source", "string"),
            ("account", "string"),
            ("follower", "string"),
            ("record", "string"),
            ("at", "time"),
            ("kind", "string"),
        ]),
        "Share": object(&[
            ("spam", "number"),
            ("low", "number"),
            ("high", "number"),
            ("known", "integer"),
            ("unknown", "integer"),
            ("strange", "boolean"),
        ]),
        "Suspect": object(SUSPECT),
        "Alike": object(&[("members", "integer"), ("shares", "[string]")]),
        "Growth": object(&[
            ("start", "time"),
            ("observed", "number"),
            ("genuine", "Count"),
            ("spam", "Count"),
            ("unknown", "integer"),
            ("unfollows", "integer"),
        ]),
        "Count": object(&[("value", "number"), ("low", "number"), ("high", "number")]),
        "Wave": object(&[
            ("from", "time"),
            ("found", "time"),
            ("until", "time?"),
            ("expected", "number"),
            ("counted", "integer"),
            ("hours", "number"),
            ("excess", "Excess"),
        ]),
        "Excess": object(&[
            ("count", "number"),
            ("spam", "number"),
            ("low", "number"),
            ("high", "number"),
            ("reading", "string"),
        ]),
    })
}
