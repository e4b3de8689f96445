//! Rules: which mentions become alerts, how urgent, and why. Pure: the clock is an argument, effects are collected and
//! applied by whoever runs the engine, so that live, test and backtest cannot disagree.

pub mod detect;

use crate::alert::{Alert, Change};
use crate::mention::Mention;
use crate::settings::Problem;
use jiff::{SignedDuration, Timestamp};

/// How late a mention may come in (event time against `now`) and still be judged; later ones are stored, never alerted.
/// A day covers a feed that is polled rarely and a source that was down overnight.
pub const LATENESS_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A rules file as read.
pub struct File<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// All rules of all files, checked and compiled.
pub struct RuleSet {}

impl RuleSet {
    /// `brands`, `hooks`: the configured ids, for checking references.
    ///
    /// # Errors
    /// Every problem of every file, errors and warnings; with errors among them nothing is loaded.
    pub fn read(
        _files: &[File<'_>],
        _brands: &[String],
        _hooks: &[String],
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        todo!("rule")
    }

    /// Hash over what was read (16 hex digits): every alert names it.
    pub fn hash(&self) -> &str {
        todo!("rule")
    }

    /// The longest window of any rule: how far back [`Engine::warm`] must be fed.
    pub fn window_max(&self) -> SignedDuration {
        todo!("rule")
    }

    pub fn ids(&self) -> Vec<&str> {
        todo!("rule")
    }
}

/// Judges mentions one after the other and keeps the open alerts. Its state is derived: windows by warming from stored
/// mentions, alerts from the store.
pub struct Engine {}

/// What the engine did with a mention, for counters and "why not".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Rules whose `when` held.
    pub held: u32,
    /// Rules whose `when` was unknown.
    pub unknown: u32,
    /// Came too late to alert ([`LATENESS_MAX`]), or is the brand's own.
    pub exempt: bool,
}

impl Engine {
    /// `open`: the stored alerts that are not resolved.
    /// `kinds`: kind of each configured source, for `source:` in `when`.
    pub fn new(_rules: RuleSet, _kinds: Vec<(String, &'static str)>, _open: Vec<Alert>) -> Self {
        todo!("rule")
    }

    /// Replays a stored mention (in the order of `seq`) into the windows without any effect.
    pub fn warm(&mut self, _mention: &Mention) {
        todo!("rule")
    }

    /// Judges a new mention (never seen before, not an edit).
    pub fn judge(&mut self, _mention: &Mention, _now: Timestamp) -> Verdict {
        todo!("rule")
    }

    /// A mention was deleted: windows forget it; alerts keep their count but no longer list it.
    pub fn forget(&mut self, _seq: i64, _now: Timestamp) {
        todo!("rule")
    }

    /// Time passed: resolves what was quiet for `keep`. Call it about once a second.
    pub fn tick(&mut self, _now: Timestamp) {
        todo!("rule")
    }

    /// By a person. `false`: no such open alert.
    pub fn acknowledge(&mut self, _alert: &str, _who: &str, _now: Timestamp) -> bool {
        todo!("rule")
    }

    /// By a person. `false`: no such open alert.
    pub fn resolve(&mut self, _alert: &str, _who: &str, _now: Timestamp) -> bool {
        todo!("rule")
    }

    /// What changed since the last call; one entry per alert, its latest state, at most one piece of news each
    /// (an alert opened and updated in between is told once, as opened).
    pub fn take_changes(&mut self) -> Vec<Change> {
        todo!("rule")
    }
}
