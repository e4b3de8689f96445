//! Detectors: what turns matching mentions over time into a signal. One file and one row each.
//! A detector knows times and authors only, never a text, an alert or a clock.

pub mod count;
pub mod each;

use super::group::Group;
use crate::settings::Section;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::fmt;

/// What is kept of a matching mention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    pub seq: i64,
    /// Event time, never after its arrival.
    pub at: Timestamp,
    /// Hash of the author; all posts of a source that names none share one.
    pub author: u64,
    /// Which additions to the priority held, one bit each.
    pub adds: u32,
    /// How telling it is, higher first.
    pub telling: f32,
    /// The author is likely spam, and the rule discounts that.
    pub spam: bool,
}

impl Clone for Box<dyn Detector> {
    fn clone(&self) -> Self {
        self.copy()
    }
}

/// One per rule. Its state is a function of what it has seen, in any order, and of what was cleared.
pub trait Detector: fmt::Debug + Send + Sync {
    /// The same detector with the same state: an engine takes a copy of its rule set, which stays as it was read.
    fn copy(&self) -> Box<dyn Detector>;

    /// Takes in a match.
    fn see(&mut self, _group: &Group, _seen: Seen) {}

    /// Asked after [`Detector::see`]. `Some`: with `seen` the signal holds, and every match that it rests on, with those
    /// among them that were left out.
    fn holds(&self, group: &Group, seen: Seen) -> Option<Vec<Seen>>;

    /// The group's alert was resolved: what led to it is used up.
    fn clear(&mut self, _group: &Group) {}

    /// The mention was deleted.
    fn forget(&mut self, _seq: i64) {}

    /// What is known of some authors has changed: whether they are likely spam.
    fn reckon(&mut self, _spam: &HashMap<u64, bool>) {}

    /// Nothing with an event time before `oldest` will come any more.
    fn prune(&mut self, _oldest: Timestamp) {}

    /// How far apart two matches can be and still count together.
    fn window(&self) -> SignedDuration {
        SignedDuration::ZERO
    }

    /// The fewest matches that make a signal; an alert that grows is told at each doubling of it.
    fn least(&self) -> u64 {
        1
    }

    /// How long an alert waits for a further match when the rule does not say.
    fn keep_default(&self) -> SignedDuration;

    /// Matches by likely spam signal nothing: they are only told of, beside those that count.
    fn leaves_spam_out(&self) -> bool {
        false
    }

    /// One alert per near-identical text when the rule has no `by`; else one per brand.
    fn by_cluster(&self) -> bool {
        false
    }
}

/// One kind of detector: its name in `detect = { kind = "..." }` and how its keys are read.
pub struct KindRow {
    pub kind: &'static str,
    /// Reads the kind's own keys. `None` after reporting a problem.
    pub read: fn(&Section<'_>) -> Option<Box<dyn Detector>>,
}

pub const KINDS: &[KindRow] =
    &[KindRow { kind: "each", read: each::read }, KindRow { kind: "count", read: count::read }];

/// Named by the rules format, not built yet: said so, rather than called unknown.
pub const PLANNED: &[&str] = &[
    "rate",
    "spike",
    "drop",
    "distinct",
    "absence",
    "new_value",
    "sequence",
    "cluster",
    "share",
    "growth",
    "unanswered",
];
