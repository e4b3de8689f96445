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
