//! The one draft that is being committed: what of it no look-up in the store can see yet, and when the next may follow.

use super::draft::Draft;
use crate::brand::FollowerEvent;
use crate::mention::Mention;
use crate::store::{Key, Known};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Ingest's end of the way to `commit`.
pub struct UnderWay {
    drafts: mpsc::Sender<Draft>,
    committed: watch::Receiver<u64>,
    sent: u64,
    known: HashMap<Key, Vec<Known>>,
    new: Vec<Arc<Mention>>,
    followers: Vec<FollowerEvent>,
}

/// Nobody commits any more; why, that task tells.
#[derive(Clone, Copy, Debug)]
pub struct Gone;

impl UnderWay {
    /// `committed` counts what is on the disk of what was sent by `drafts`.
    pub fn new(drafts: mpsc::Sender<Draft>, committed: watch::Receiver<u64>) -> Self {
        let (known, new, followers) = (HashMap::new(), Vec::new(), Vec::new());
        Self { drafts, committed, sent: 0, known, new, followers }
    }

    /// Returns once nothing is under way. Safe to drop and ask again.
    ///
    /// # Errors
    /// The committing task has ended.
    pub async fn settled(&mut self) -> Result<(), Gone> {
        let sent = self.sent;
        self.committed.wait_for(|committed| *committed == sent).await.map(drop).map_err(|_| Gone)
    }

    /// Hands a draft over; after [`Self::settled`], so that there is one at a time.
    ///
    /// # Errors
    /// As `settled`.
    pub async fn send(&mut self, mut draft: Draft) -> Result<(), Gone> {
        self.known = std::mem::take(&mut draft.known);
        self.new.clone_from(&draft.commit.new);
        self.followers.clone_from(&draft.commit.followers);
        self.sent += 1;
        self.drafts.send(draft).await.map_err(|_| Gone)
    }

    /// To be called before the store is asked: from then on what is committed is found there.
    pub fn look(&mut self) {
        if *self.committed.borrow() == self.sent {
            self.known.clear();
            self.new.clear();
            self.followers.clear();
        }
    }

    pub fn known(&self, key: &Key) -> Option<&Vec<Known>> {
        self.known.get(key)
    }

    /// New mentions.
    pub fn new_mentions(&self) -> &[Arc<Mention>] {
        &self.new
    }

    pub fn followers(&self) -> &[FollowerEvent] {
        &self.followers
    }
}
