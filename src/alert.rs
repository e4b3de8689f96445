//! An alert: what a rule raises, updated in place until it is resolved. And a delivery: one alert revision for one hook.

use crate::brand::Surge;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// P1 (drop everything) to P5 (for the record). `P1 < P2`: the more urgent sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    P1,
    P2,
    P3,
    P4,
    P5,
}

impl Priority {
    pub const ALL: [(&'static str, Priority); 5] =
        [("P1", Priority::P1), ("P2", Priority::P2), ("P3", Priority::P3), ("P4", Priority::P4), ("P5", Priority::P5)];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// `steps` more urgent (negative: less), clamped to P1..P5.
    pub fn raised(self, steps: i32) -> Self {
        Self::ALL[(self as i32 - steps).clamp(0, 4) as usize].1
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Open,
    Acknowledged,
    Resolved,
}

impl State {
    pub const ALL: [(&'static str, State); 3] =
        [("open", State::Open), ("acknowledged", State::Acknowledged), ("resolved", State::Resolved)];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// The most mentions that an alert carries along; the count goes on.
pub const TELLING_MAX: usize = 10;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Derived from rule, group and what opened it (a mention, the begin of a wave), so that a replay gives the same one.
    pub id: String,
    /// Counts what is worth telling: 1 at opening, one more for each change that hooks hear of.
    pub revision: u32,
    pub rule: String,
    pub title: String,
    pub priority: Priority,
    /// Every contribution to the priority, in words.
    pub priority_why: Vec<String>,
    /// What it rests on beside its mentions, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    pub brand: String,
    pub group: BTreeMap<String, String>,
    pub state: State,
    /// Event time of the latest mention that it was opened with; of a wave, when it was found.
    pub opened_at: Timestamp,
    /// When its latest mention or follower came in: quiet counts from here.
    pub updated_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
    /// Why it was resolved: `quiet` (nothing further within `keep`), what else ended it, or who did it.
    pub resolved_why: Option<String>,
    /// Mentions, or new followers.
    pub count: u64,
    /// Further matches that did not count, since their authors are likely spam.
    #[serde(default)]
    pub spam_left_out: u64,
    /// Hash of the rule set that raised it.
    pub ruleset: String,
    /// `seq` of up to [`TELLING_MAX`] mentions, most telling first.
    pub mentions: Vec<i64>,
    /// Of an alert about new followers; it has no mentions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<Surge>,
}

/// What a hook hears of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum News {
    #[serde(rename = "alert.opened")]
    Opened,
    #[serde(rename = "alert.updated")]
    Updated,
    #[serde(rename = "alert.acknowledged")]
    Acknowledged,
    #[serde(rename = "alert.resolved")]
    Resolved,
}

impl News {
    pub const ALL: [(&'static str, News); 4] = [
        ("alert.opened", News::Opened),
        ("alert.updated", News::Updated),
        ("alert.acknowledged", News::Acknowledged),
        ("alert.resolved", News::Resolved),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// What the rules want done: the alert as it is now, and whether hooks hear of it (`None`: stored, not told).
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub alert: Alert,
    pub news: Option<News>,
    /// Hooks to tell; empty means every hook.
    pub hooks: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Waits for its first or next attempt.
    Pending,
    Delivered,
    /// A newer revision went out in its place.
    Superseded,
    /// Given up: refused, or out of attempts. Can be replayed.
    Dead,
}

impl DeliveryState {
    pub const ALL: [(&'static str, DeliveryState); 4] = [
        ("pending", DeliveryState::Pending),
        ("delivered", DeliveryState::Delivered),
        ("superseded", DeliveryState::Superseded),
        ("dead", DeliveryState::Dead),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// One row of the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Stable for (alert, hook, revision): see [`delivery_id`]. The peer deduplicates by it.
    pub id: String,
    pub hook: String,
    pub alert: String,
    pub revision: u32,
    pub news: News,
    /// The alert as it was told.
    pub body: Alert,
    pub state: DeliveryState,
    pub attempts: u32,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub last_error: Option<String>,
}

impl Delivery {
    /// A fresh row: what `hook` is to hear of `alert` as it is now.
    pub fn pending(alert: &Alert, hook: &str, news: News, now: Timestamp) -> Self {
        Self {
            id: delivery_id(&alert.id, hook, alert.revision),
            hook: hook.to_owned(),
            alert: alert.id.clone(),
            revision: alert.revision,
            news,
            body: alert.clone(),
            state: DeliveryState::Pending,
            attempts: 0,
            created_at: now,
            due_at: now,
            finished_at: None,
            last_error: None,
        }
    }
}

/// `msg_` and 32 hex digits over (alert, hook, revision).
pub fn delivery_id(alert: &str, hook: &str, revision: u32) -> String {
    let hash = blake3::hash(format!("{alert}\0{hook}\0{revision}").as_bytes());
    format!("msg_{}", &hash.to_hex()[..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an older version stored, and what has neither mentions nor a wave, stay as they are.
    #[test]
    fn an_alert_is_read_as_it_was_written() {
        let old = r#"{"id":"a","revision":1,"rule":"r","title":"t","priority":"P2","priority_why":[],"brand":"acme",
            "group":{},"state":"open","opened_at":"2026-11-21T09:00:00Z","updated_at":"2026-11-21T09:00:00Z",
            "resolved_at":null,"resolved_why":null,"count":1,"ruleset":"h","mentions":[7]}"#;
        let alert: Alert = serde_json::from_str(old).unwrap();
        assert!(alert.growth.is_none() && alert.reasons.is_empty());
        let mut same: serde_json::Value = serde_json::from_str(old).unwrap();
        same["spam_left_out"] = 0.into();
        assert_eq!(serde_json::to_value(&alert).unwrap(), same);
        let (from, until) = (Timestamp::UNIX_EPOCH, None);
        let (spam, low, high, strange) = (0.7, 0.6, 0.8, false);
        let surge =
            Surge { from, until, counted: 412, expected: 31.0, spam, low, high, known: 292, unknown: 120, strange };
        let grown = Alert { growth: Some(surge), reasons: vec!["many".into()], mentions: Vec::new(), ..alert };
        let text = serde_json::to_string(&grown).unwrap();
        assert_eq!(serde_json::from_str::<Alert>(&text).unwrap(), grown);
    }

    #[test]
    fn priority_is_clamped() {
        assert_eq!(Priority::P3.raised(1), Priority::P2);
        assert_eq!(Priority::P3.raised(-9), Priority::P5);
        assert_eq!(Priority::P1.raised(1), Priority::P1);
    }

    #[test]
    fn delivery_ids_are_stable_and_apart() {
        assert_eq!(delivery_id("a", "h", 1), delivery_id("a", "h", 1));
        assert_ne!(delivery_id("a", "h", 1), delivery_id("a", "h", 2));
        assert_ne!(delivery_id("ab", "c", 1), delivery_id("a", "bc", 1));
    }
}
