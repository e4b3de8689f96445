//! How far the walk over item numbers is, and which numbers are still owed. Pure; kept in the cursor as JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};

/// Numbers that are asked for again later. Some in ten thousand never appear; more at once means an outage, and then
/// the oldest are let go.
pub const MISSING_MAX: usize = 1_000;

/// Items whose content is remembered to tell edits from new votes: about two days of the site.
const KNOWN_MAX: usize = 40_000;

/// Seconds to wait before each further try at a missing item.
const TRIES: [i64; 5] = [60, 300, 1_800, 7_200, 43_200];

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The next item number to ask for; 0 before the first start.
    pub next: u64,
    /// When the newest item that was taken was written.
    pub at: Option<Timestamp>,
    missing: VecDeque<Owed>,
}

/// Item number, tries so far, second at which it is due.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Owed(u64, usize, i64);

impl Progress {
    pub fn seen_at(&mut self, at: Timestamp) {
        self.at = Some(self.at.map_or(at, |last| last.max(at)));
    }

    /// The item was not there (`tries` times before). False: it is given up.
    pub fn owe(&mut self, id: u64, tries: usize, now: Timestamp) -> bool {
        let Some(wait) = TRIES.get(tries) else { return false };
        self.missing.push_back(Owed(id, tries + 1, now.as_second() + wait));
        if self.missing.len() > MISSING_MAX {
            self.missing.pop_front();
            return false;
        }
        true
    }

    /// Takes out what is due: item numbers with the tries so far.
    pub fn due(&mut self, now: Timestamp) -> Vec<(u64, usize)> {
        let (due, rest): (VecDeque<Owed>, _) = self.missing.iter().partition(|owed| owed.2 <= now.as_second());
        self.missing = rest;
        due.into_iter().map(|owed| (owed.0, owed.1)).collect()
    }
}

/// The content of recent items by hash.
#[derive(Default)]
pub struct Known {
    by_id: HashMap<String, u64>,
    order: VecDeque<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    New,
    Edited,
    /// Votes and answers, which nobody waits for.
    Same,
}

impl Known {
    pub fn learn(&mut self, id: &str, content: u64) -> Change {
        match self.by_id.insert(id.to_owned(), content) {
            Some(before) if before == content => Change::Same,
            Some(_) => Change::Edited,
            None => {
                self.order.push_back(id.to_owned());
                if self.order.len() > KNOWN_MAX
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.by_id.remove(&oldest);
                }
                Change::New
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn the_missing_are_asked_again_and_then_let_go() {
        let mut progress = Progress::default();
        assert!(progress.owe(7, 0, at(0)));
        assert_eq!(progress.due(at(59)), []);
        let kept = serde_json::to_string(&progress).unwrap();
        let mut progress: Progress = serde_json::from_str(&kept).unwrap();
        assert_eq!(progress.due(at(60)), [(7, 1)]);
        assert_eq!(progress.due(at(60)), []);
        assert!(!progress.owe(7, TRIES.len(), at(0)));
        let kept = (0..MISSING_MAX as u64 + 5).filter(|id| progress.owe(*id, 0, at(0))).count();
        assert_eq!((kept, progress.due(at(60)).len()), (MISSING_MAX, MISSING_MAX));
    }

    #[test]
    fn votes_are_no_edit() {
        let mut known = Known::default();
        let changes = [known.learn("a", 1), known.learn("a", 1), known.learn("a", 2), known.learn("b", 1)];
        assert_eq!(changes, [Change::New, Change::Same, Change::Edited, Change::New]);
        for id in 0..KNOWN_MAX {
            known.learn(&id.to_string(), 0);
        }
        assert_eq!((known.by_id.len(), known.order.len()), (KNOWN_MAX, KNOWN_MAX));
        assert_eq!(known.learn("a", 2), Change::New);
    }
}
