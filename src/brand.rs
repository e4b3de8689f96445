//! A brand: who we listen for. Owns watches and own accounts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    pub id: String,
    pub name: String,
    pub watches: Vec<Watch>,
    pub accounts: Vec<OwnAccount>,
}

/// A saved query, not yet parsed: `query` is checked when the config is read and compiled by `watch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    pub id: String,
    pub query: String,
}

/// An account of the brand; its posts, replies and followers are followed too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAccount {
    /// Id of the source it lives on.
    pub source: String,
    pub handle: String,
    /// Native id (a DID, say); looked up by its source when absent.
    pub id: Option<String>,
}

/// Somebody followed or unfollowed an own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowerEvent {
    pub source: String,
    /// Native id of the own account.
    pub account: String,
    /// Native id of the follower.
    pub follower: String,
    /// Native id of the follow record: an unfollow names only this.
    pub record: String,
    pub at: Timestamp,
    pub kind: FollowKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FollowKind {
    Follow,
    Unfollow,
}

/// A step of a snapshot: the whole list of an own account's followers, read page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotStep {
    pub source: String,
    /// Native id of the own account.
    pub account: String,
    pub at: Timestamp,
    pub what: Listed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// The list begins. `total`: followers by the account's own profile.
    Began {
        total: Option<u64>,
    },
    /// Native ids of followers, and where the next page begins.
    Page {
        followers: Vec<String>,
        next: Option<String>,
    },
    Ended(SnapshotState),
}

/// How a snapshot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotState {
    Open,
    /// Who is not in it does not follow.
    Whole,
    /// The server named fewer than there are: nothing follows from who is not in it.
    Short,
    /// The server keeps the list to itself, or there are more than we read.
    Hidden,
}

/// What is known of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    pub began_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Where to go on.
    #[serde(skip)]
    pub next: Option<String>,
    /// Different followers in it.
    pub named: u64,
    pub total: Option<u64>,
    pub state: SnapshotState,
}

/// A look at the new followers of an own account.
#[derive(Clone, Debug, PartialEq)]
pub struct Influx {
    pub brand: String,
    pub source: String,
    /// Native id of the own account, and its handle.
    pub account: String,
    pub handle: String,
    pub at: Timestamp,
    /// Waves that last or ended lately, oldest first.
    pub bursts: Vec<Burst>,
}

/// A wave, and when they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Burst {
    pub surge: Surge,
    pub hours: Vec<Hour>,
}

/// Part of a wave that lies within one hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hour {
    pub start: Timestamp,
    pub counted: u64,
    /// New followers that are usual then.
    pub expected: f64,
}

/// More new followers than usual, and how many of those beyond the usual are spam.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Surge {
    pub from: Timestamp,
    /// While it lasts, nothing.
    pub until: Option<Timestamp>,
    /// New followers in it, and how many are usual then.
    pub counted: u64,
    pub expected: f64,
    /// Share of spam among those beyond the usual whose profile is known, `0..=1`, and the ends of its 90 % interval.
    pub spam: f64,
    pub low: f64,
    pub high: f64,
    /// New followers whose profile is known, and whose is not.
    pub known: u64,
    pub unknown: u64,
    /// They are unlike those that the model was measured on; the interval is as wide as that asks for.
    pub strange: bool,
}
