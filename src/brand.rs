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
