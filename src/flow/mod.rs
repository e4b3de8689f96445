//! The only loops of the program. Each takes channels and a stop token, does one thing, and is restarted by `supervise`
//! when it panics. Whatever decides something is called from here, on the judgement floor, with the time as an argument.

pub mod audit;
pub mod author;
pub mod commit;
pub mod deliver;
mod draft;
pub mod entrance;
pub mod follower;
pub mod growth;
pub mod index;
pub mod ingest;
pub mod judge;
mod patience;
pub mod pipeline;
pub mod rescore;
pub mod spam;
pub mod supervise;
mod under_way;

use crate::alert::{Alert, Delivery};
use crate::brand::{Influx, SnapshotStep};
use crate::mention::Mention;
use crate::post::Author;
use crate::source::intake::Item;
use crate::store::{AuthorCorrection, Patch, Rescored};
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::oneshot;

/// What time ingest goes by: the real one, or that of a recording being replayed faster than it happened, so that its
/// rules see each day as they would have.
#[derive(Clone, Debug)]
pub enum Clock {
    Real,
    /// Stands at `from` until it is first asked (ingest does so right before sources start, and opening a store may
    /// take a simulated hour), then runs `factor` times as fast, and ends in the present. It waits for what is heard:
    /// a disk that is slow for a second must not look like hours of silence to the rules.
    Replay {
        from: Timestamp,
        began: Arc<OnceLock<Instant>>,
        factor: f64,
        /// When the latest of what was heard happened, in seconds since 1970.
        heard: Arc<AtomicI64>,
    },
}

/// How far a replay runs ahead of what was heard: less than any alert's patience.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

impl Clock {
    pub fn replay(from: Timestamp, factor: f64) -> Self {
        Self::Replay { from, began: Arc::default(), factor, heard: Arc::new(from.as_second().into()) }
    }

    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        match self {
            Clock::Real => now,
            Clock::Replay { from, began, factor, heard } => {
                let began = began.get_or_init(Instant::now);
                let passed = SignedDuration::try_from_secs_f64(began.elapsed().as_secs_f64() * factor);
                let at = passed.ok().and_then(|passed| from.checked_add(passed).ok()).unwrap_or(now);
                let heard = Timestamp::from_second(heard.load(Relaxed)).and_then(|heard| heard.checked_add(AHEAD));
                at.min(heard.unwrap_or(now)).min(now)
            }
        }
    }

    /// When an item that came in by `now` counts as heard: in a replay when it happened, since posts of hours come
    /// in at once.
    pub fn hear(&self, item: &Item, now: Timestamp) -> Timestamp {
        let Clock::Replay { heard, .. } = self else { return now };
        let happened = match item {
            Item::Post(post, _) => post.edited_at.unwrap_or(post.created_at),
            Item::Follower(event, _) => event.at,
            _ => return now,
        };
        let happened = happened.min(Timestamp::now());
        heard.fetch_max(happened.as_second(), Relaxed);
        happened
    }
}

/// What a person or a door asks of the one writer; answered after the durable commit.
#[derive(Debug)]
pub enum Command {
    /// `false`: no such mention.
    Patch { seq: i64, patch: Patch, done: oneshot::Sender<bool> },
    /// `false`: no such open alert.
    Acknowledge { alert: String, who: String, done: oneshot::Sender<bool> },
    /// `false`: no such open alert.
    Resolve { alert: String, who: String, done: oneshot::Sender<bool> },
    /// `false`: nobody knows the author, or too many are corrected.
    CorrectAuthor { correction: AuthorCorrection, done: oneshot::Sender<bool> },
    /// The rules were replaced: take them over, with windows warmed from the store.
    Rules { done: oneshot::Sender<bool> },
    /// All mentions are to be scored by the best model, in the background. `false`: the fast tier is all there is.
    Rescore { done: oneshot::Sender<bool> },
    /// A dead letter back to pending under the same id. `false`: no such dead letter.
    Replay { delivery: String, done: oneshot::Sender<bool> },
}

/// What a loop of ours found out, to be stored; with a word to tell that it is on the disk.
pub type Told = (Found, oneshot::Sender<bool>);

#[derive(Debug)]
pub enum Found {
    Scores(Rescored),
    /// With the profiles that came along.
    Followers(SnapshotStep, Vec<Author<'static>>),
    /// For the rules; only their alerts are stored.
    Influx(Influx),
}

/// What happened, for whoever watches live.
#[derive(Clone, Debug)]
pub enum Event {
    Mention(Arc<Mention>),
    Alert(Arc<Alert>),
    Delivery(Arc<Delivery>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::Post;

    #[test]
    fn a_replay_runs_fast_but_not_ahead_of_what_was_heard() {
        let from = Timestamp::from_second(1_700_000_000).unwrap();
        let clock = Clock::replay(from, 1e9);
        // Less than a microsecond at this pace; were there no bound, it would pass and never be met.
        while clock.now() < from + AHEAD {}
        assert_eq!(clock.now(), from + AHEAD);
        let hear = |at| clock.hear(&Item::Post(Box::new(Post::new("a", "x", at)), Vec::new()), at);
        assert_eq!(hear(from + AHEAD), from + AHEAD);
        assert_eq!(hear(from), from);
        while clock.now() < from + AHEAD * 2 {}
        assert_eq!(clock.now(), from + AHEAD * 2);
        assert!(hear(Timestamp::MAX) <= Timestamp::now() && clock.now() <= Timestamp::now(), "it ends in the present");
    }
}
