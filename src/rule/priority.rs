//! How urgent a mention makes its alert, with every contribution in words.

use crate::alert::Priority;
use crate::query::Query;
use crate::query::eval::Subject;
use crate::query::reading::Reading;

/// Additions of one rule; which of them held is kept in the bits of a `u32`.
pub const ADDS_MAX: usize = 32;

/// A base and what moves it. An alert is as urgent as its most urgent mention.
#[derive(Clone, Debug)]
pub struct Urgency {
    pub base: Priority,
    pub adds: Vec<Add>,
}

#[derive(Clone, Debug)]
pub struct Add {
    /// `if`: counted when it holds, not when it is unknown.
    pub query: Query,
    /// Positive: more urgent.
    pub steps: i32,
    pub why: String,
}

impl Urgency {
    /// Which additions hold for this mention, one bit each.
    pub fn adds(&self, subject: &Subject<'_>, reading: &Reading) -> u32 {
        let holds = |add: &Add| add.query.matches_reading(subject, reading) == Some(true);
        let held = self.adds.iter().enumerate().filter(|(_, add)| holds(add));
        held.fold(0, |bits, (n, _)| bits | 1 << n)
    }

    pub fn priority(&self, adds: u32) -> Priority {
        self.base.raised(self.held(adds).map(|add| add.steps).sum())
    }

    /// `base P3`, `one star: +1`.
    pub fn why(&self, adds: u32) -> Vec<String> {
        let base = format!("base {}", self.base.name());
        std::iter::once(base).chain(self.held(adds).map(|add| format!("{}: {:+}", add.why, add.steps))).collect()
    }

    fn held(&self, adds: u32) -> impl Iterator<Item = &Add> {
        self.adds.iter().enumerate().filter(move |(n, _)| adds >> n & 1 == 1).map(|(_, add)| add)
    }
}
