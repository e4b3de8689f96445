//! One transaction while it is put together, and whom to tell once it is on the disk.

use super::Found;
use crate::alert::{Delivery, DeliveryState};
use crate::mention::{AuthorSpam, Mention};
use crate::rule::Engine;
use crate::store::{Commit, DeliveryOutcome, Key, Known};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A cursor that moved without anything to store waits this long for company.
const CURSOR_PATIENCE: Duration = Duration::from_secs(1);

/// The outcome of a delivery waits this long for company, so that it costs no fsync of its own while fresh frames wait.
/// A crash in between repeats the delivery under the same id.
const OUTCOME_PATIENCE: Duration = Duration::from_millis(200);
/// This many outcomes are company enough.
const OUTCOMES_MAX: usize = 1_000;

#[derive(Default)]
pub struct Draft {
    pub commit: Commit,
    /// Items taken in, wanted or not.
    pub items: usize,
    /// What is known of the posts met so far: of the store, and of this draft itself, since a post may come twice.
    pub known: HashMap<Key, Vec<Known>>,
    /// What watchers knew of what is deleted: its identity only.
    pub gone: Vec<Mention>,
    pub done: Vec<oneshot::Sender<()>>,
    pub answers: Vec<(oneshot::Sender<bool>, bool)>,
    /// When the first of its frames came in.
    pub received_at: Option<Instant>,
    /// When it got its first content.
    begun: Option<Instant>,
}

impl Draft {
    pub fn is_empty(&self) -> bool {
        self.commit.is_empty() && self.done.is_empty() && self.answers.is_empty()
    }

    /// From when on it is to be committed; `None` while it is empty.
    pub fn due(&mut self, now: Instant) -> Option<Instant> {
        if self.is_empty() {
            return None;
        }
        Some(*self.begun.get_or_insert(now) + self.patience())
    }

    /// How long it may wait for company: not at all once anybody waits for it.
    fn patience(&self) -> Duration {
        let commit = &self.commit;
        let awaited = !self.done.is_empty() || !self.answers.is_empty() || commit.rows() > 0;
        match commit.outcomes.len() {
            _ if awaited => Duration::ZERO,
            0 => CURSOR_PATIENCE,
            1..OUTCOMES_MAX => OUTCOME_PATIENCE,
            _ => Duration::ZERO,
        }
    }

    /// Takes in what a loop of ours found out; the rules tell what follows from it when their changes are taken.
    pub fn take(&mut self, found: Found, engine: &mut Engine) {
        match found {
            Found::Scores(rescored) => self.commit.rescored.push(rescored),
            Found::Followers(step, authors) => {
                let authors = authors.into_iter().map(|author| (step.source.clone(), author));
                self.commit.authors.extend(authors);
                self.commit.snapshots.push(step);
            }
            Found::Influx(influx) => engine.observe(&influx),
        }
    }

    /// The new mention of this draft with that number.
    pub fn new_mention(&mut self, seq: i64) -> Option<&mut Arc<Mention>> {
        let new = &mut self.commit.new;
        let at = new.binary_search_by_key(&seq, |mention| mention.seq).ok()?;
        new.get_mut(at)
    }

    /// Takes an edit in, in place of an older version.
    pub fn edit(&mut self, mention: Mention) {
        let mention = Arc::new(mention);
        match self.new_mention(mention.seq) {
            Some(new) => *new = mention,
            None => {
                self.commit.edited.retain(|edited| edited.seq != mention.seq);
                self.commit.edited.push(mention);
            }
        }
    }
}

/// An edit that is older than what we hold.
pub fn older(offered: Option<Timestamp>, held: Option<Timestamp>) -> bool {
    matches!((offered, held), (Some(offered), Some(held)) if offered < held) || (offered.is_none() && held.is_some())
}

/// What is told of a deleted mention.
pub fn tombstone(mention: &Mention) -> Mention {
    Mention {
        post: mention.post.tombstone(),
        scores: None,
        author_spam: AuthorSpam::default(),
        cluster: None,
        cluster_size: None,
        assignee: None,
        note: None,
        correction: None,
        brand: mention.brand.clone(),
        watches: mention.watches.clone(),
        ..*mention
    }
}

pub fn replayed(dead: &Delivery, now: Timestamp) -> DeliveryOutcome {
    DeliveryOutcome {
        id: dead.id.clone(),
        state: DeliveryState::Pending,
        attempts: 0,
        due_at: now,
        finished_at: None,
        last_error: dead.last_error.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_edit_is_told_from_a_newer_one() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        for (offered, held, is_older) in [
            (None, None, false),
            (at(5), None, false),
            (None, at(5), true),
            (at(4), at(5), true),
            (at(5), at(5), false),
            (at(6), at(5), false),
        ] {
            assert_eq!(older(offered, held), is_older, "{offered:?} {held:?}");
        }
    }

    #[test]
    fn only_what_nobody_waits_for_waits_for_company() {
        let now = Instant::now();
        let cursor = || {
            let mut draft = Draft::default();
            draft.commit.cursors.push(("s".into(), "here".into()));
            draft
        };
        let outcome = || DeliveryOutcome {
            id: "msg".into(),
            state: DeliveryState::Delivered,
            attempts: 1,
            due_at: Timestamp::UNIX_EPOCH,
            finished_at: None,
            last_error: None,
        };
        assert_eq!(Draft::default().due(now), None);
        let mut draft = cursor();
        assert_eq!(draft.due(now), Some(now + CURSOR_PATIENCE));
        let later = now + CURSOR_PATIENCE / 2;
        assert_eq!(draft.due(later), Some(now + CURSOR_PATIENCE), "it counts from its beginning");
        draft.commit.outcomes.push(outcome());
        assert_eq!(draft.due(later), Some(now + OUTCOME_PATIENCE));
        draft.commit.outcomes.extend((1..OUTCOMES_MAX).map(|_| outcome()));
        assert_eq!(draft.due(later), Some(now));
        let (done, _taken) = oneshot::channel();
        assert_eq!(Draft { done: vec![done], ..cursor() }.due(now), Some(now));
        let mut deleting = cursor();
        deleting.commit.deleted.push(1);
        assert_eq!(deleting.due(now), Some(now));
    }
}
