//! Detectors: what turns matching mentions over time, or looks at followers, into a signal. One file and one row each.
//! A detector knows times and authors only, never a text, an alert or a clock.

pub mod count;
pub mod each;
pub mod growth;
pub mod share;
pub mod window;

use super::group::Group;
use crate::brand::{Burst, Influx};
use crate::mention::AuthorSpam;
use crate::query::Query;
use crate::query::names::Names;
use crate::settings::Section;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::fmt;
use window::Matches;

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
    /// Whether it is what [`Detector::of`] asks for; nothing where that is not known.
    pub part: Option<bool>,
}

/// How large a part of a group's matches is what [`Detector::of`] asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub of: String,
    pub count: u64,
    pub known: u64,
    /// Ends of the 90 % interval of `count` of `known`, `0..=1`.
    pub low: f64,
    pub high: f64,
    pub unknown: u64,
    /// It is large enough for an alert.
    pub holds: bool,
}

/// What the alerts of a detector tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    Mentions,
    /// A part of many mentions.
    Part,
    Followers,
}

/// What the keys of a detector may refer to.
pub struct Known<'a> {
    /// Handles and native ids of the configured own accounts.
    pub accounts: &'a [String],
    pub names: &'a Names,
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

    /// A second question to each match.
    fn of(&self) -> Option<&Query> {
        None
    }

    /// The matches that it looks back on.
    fn matches(&self) -> Option<&Matches> {
        None
    }

    fn matches_mut(&mut self) -> Option<&mut Matches> {
        None
    }

    /// Takes in a match.
    fn see(&mut self, group: &Group, seen: Seen) {
        if let Some(matches) = self.matches_mut() {
            matches.see(group, seen);
        }
    }

    /// Asked after [`Detector::see`]. `Some`: with `seen` the signal holds, and every match that it rests on, with those
    /// among them that were left out.
    fn holds(&self, group: &Group, seen: Seen) -> Option<Vec<Seen>>;

    /// For a detector with [`Detector::of`]: the answers within its window. An alert grows while they hold.
    fn part(&self, _group: &Group) -> Option<Part> {
        None
    }

    /// Whether it judges the followers of this account.
    fn watches(&self, _influx: &Influx) -> bool {
        false
    }

    /// Whether a wave is a signal.
    fn alarms(&self, _burst: &Burst) -> bool {
        false
    }

    /// The group's alert was resolved: what led to it is used up.
    fn clear(&mut self, group: &Group) {
        if let Some(matches) = self.matches_mut() {
            matches.clear(group);
        }
    }

    /// The mention was deleted.
    fn forget(&mut self, seq: i64) {
        if let Some(matches) = self.matches_mut() {
            matches.forget(seq);
        }
    }

    /// What is known of some authors has changed: how likely they are spam.
    fn reckon(&mut self, spam: &HashMap<u64, Option<f32>>) {
        for (seen, spam) in self.matches_mut().into_iter().flat_map(|matches| matches.by(spam)) {
            seen.spam = spam.is_some_and(|spam| spam >= AuthorSpam::LIKELY_FROM);
        }
    }

    /// Nothing with an event time before `oldest` will come any more.
    fn prune(&mut self, oldest: Timestamp) {
        if let Some(matches) = self.matches_mut() {
            matches.prune(oldest);
        }
    }

    /// How far apart two matches can be and still count together.
    fn window(&self) -> SignedDuration {
        self.matches().map_or(SignedDuration::ZERO, |matches| matches.within)
    }

    /// For how long a resolved alert matters: what led to it is used up.
    fn recall(&self) -> SignedDuration {
        self.window()
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
    pub tells: Tells,
    /// Reads the kind's own keys. `None` after reporting a problem.
    pub read: fn(&Section<'_>, &Known<'_>) -> Option<Box<dyn Detector>>,
}

pub const KINDS: &[KindRow] = &[
    KindRow { kind: "each", tells: Tells::Mentions, read: each::read },
    KindRow { kind: "count", tells: Tells::Mentions, read: count::read },
    KindRow { kind: "share", tells: Tells::Part, read: share::read },
    KindRow { kind: "growth", tells: Tells::Followers, read: growth::read },
];

/// Named by the rules format, not built yet: said so, rather than called unknown.
pub const PLANNED: &[&str] =
    &["rate", "spike", "drop", "distinct", "absence", "new_value", "sequence", "cluster", "unanswered"];

/// Parses the query under `key`.
pub fn read_query(section: &Section<'_>, key: &str, text: &str, names: &Names) -> Option<Query> {
    match Query::parse_with(text, names) {
        Ok(query) => Some(query),
        Err(errors) => {
            for error in errors {
                section.error_inside(key, error.span.start, error.message, error.hint);
            }
            None
        }
    }
}
