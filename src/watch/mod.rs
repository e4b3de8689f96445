//! Watches: all queries of all brands compiled into one structure that asks them all of a post at once.
//! The gate holds the current set, swapped whole when the config is read again, and the own accounts.

use crate::brand::Brand;
use crate::post::Post;
use crate::query;
use std::sync::Arc;

/// A brand that wants the post, and which of its watches matched (built-in ones included).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub brand: Arc<str>,
    pub watches: Vec<Arc<str>>,
}

/// Buffers of one matching thread, reused from post to post.
#[derive(Default)]
pub struct Scratch {}

/// All watches, compiled.
pub struct WatchSet {}

/// A watch whose query cannot be compiled.
#[derive(Clone, Debug)]
pub struct BadWatch {
    pub brand: String,
    pub watch: String,
    pub error: query::Error,
}

impl WatchSet {
    /// `kinds`: the kind of each configured source, for `source:`.
    ///
    /// # Errors
    /// Every bad query; none of the set is used.
    pub fn compile(_brands: &[Brand], _kinds: &[(String, &'static str)]) -> Result<Self, Vec<BadWatch>> {
        todo!("watch")
    }
}

/// What lets a post in. Shared by all sources; matching takes no lock.
pub struct Gate {}

impl Gate {
    pub fn new(_set: WatchSet) -> Self {
        todo!("watch")
    }

    /// Puts a new set in place; matching goes on meanwhile.
    pub fn swap(&self, _set: WatchSet) {
        todo!("watch")
    }

    /// The brands that want this post; empty (no allocation) for nearly all.
    pub fn matches(&self, _post: &Post<'_>, _scratch: &mut Scratch) -> Vec<Match> {
        todo!("watch")
    }

    /// Native ids of the own accounts on a source: those configured and those looked up since.
    pub fn own_accounts(&self, _source: &str) -> Arc<[String]> {
        todo!("watch")
    }

    /// Handles of own accounts on a source whose native id is not known yet.
    pub fn unresolved_handles(&self, _source: &str) -> Vec<String> {
        todo!("watch")
    }

    /// A source found out the native id of an own account.
    pub fn resolve(&self, _source: &str, _handle: &str, _id: &str) {
        todo!("watch")
    }

    /// Whether `account` (native id) on `source` is an own account of anybody.
    pub fn is_own(&self, _source: &str, _account: &str) -> bool {
        todo!("watch")
    }
}
