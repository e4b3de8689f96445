//! Rules: which mentions become alerts, how urgent, and why. Pure: the clock is an argument, effects are collected and
//! applied by whoever runs the engine, so that live, test and backtest cannot disagree.
//!
//! Knows nothing of storage, hooks or HTTP. Windows are by event time; how long an alert stays open is by arrival.

pub mod detect;
mod engine;
pub mod group;
mod life;
mod priority;
mod read;
mod say;
mod telling;
mod wave;

#[cfg(test)]
mod tests;

pub use engine::{Engine, Verdict, WhyNot};
pub use read::named;
pub use telling::author_key;

use crate::alert::Alert;
use crate::query::Query;
use crate::query::names::Names;
use crate::settings::Problem;
use detect::{Detector, Known};
use group::{By, Group};
use jiff::SignedDuration;
use priority::Urgency;
use say::Say;

/// How late a mention may come in (event time against `now`) and still be judged; later ones are stored, never alerted.
/// A day covers a feed that is polled rarely and a source that was down overnight.
pub const LATENESS_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A rules file as read.
pub struct File<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// All rules of all files, checked and compiled.
#[derive(Clone, Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    hash: String,
}

#[derive(Clone, Debug)]
struct Rule {
    id: String,
    say: Say,
    mode: Mode,
    /// Empty: all.
    brands: Vec<String>,
    /// Nothing where the detector judges followers.
    when: Option<Query>,
    detector: Box<dyn Detector>,
    by: Vec<By>,
    urgency: Urgency,
    /// Authors who are likely spam count for less.
    discounts_spam: bool,
    /// An alert without a further match for this long is resolved.
    keep: SignedDuration,
    /// Hooks; empty: all.
    route: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Live,
    /// Judged and counted; its alerts are neither told nor stored, and start anew after a restart.
    Shadow,
    Off,
}

impl RuleSet {
    /// `brands`, `hooks`: the configured ids, `accounts`: the names of own accounts, for checking references. `names`: the lists that queries may refer to; a
    /// file's named queries are its own.
    ///
    /// # Errors
    /// Every problem of every file, errors and warnings; with errors among them nothing is loaded.
    pub fn read(
        files: &[File<'_>],
        brands: &[String],
        hooks: &[String],
        accounts: &[String],
        names: &Names,
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        read::read(files, brands, hooks, &Known { accounts, names })
    }

    /// Hash over what was read (16 hex digits): every alert names it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How far back, by event time, [`Engine::warm`] must be fed: the longest window of any rule and the lateness
    /// that a post may still join it with.
    pub fn window_max(&self) -> SignedDuration {
        self.rules.iter().map(|rule| rule.detector.window()).max().unwrap_or_default() + LATENESS_MAX
    }

    /// How long ago an alert may have been resolved for [`Engine::new`] to be told of it.
    pub fn recall_max(&self) -> SignedDuration {
        self.rules.iter().map(|rule| rule.detector.recall()).max().unwrap_or_default() + LATENESS_MAX
    }

    /// Whether any rule judges followers.
    pub fn watches_followers(&self) -> bool {
        self.rules.iter().any(|rule| rule.mode != Mode::Off && rule.when.is_none())
    }

    pub fn ids(&self) -> Vec<&str> {
        self.rules.iter().map(|rule| rule.id.as_str()).collect()
    }
}

impl Group {
    /// The group that a stored alert belongs to.
    fn of(alert: &Alert) -> Self {
        Self { brand: alert.brand.clone(), by: alert.group.clone() }
    }
}
