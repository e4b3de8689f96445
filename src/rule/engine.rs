//! Judges mentions one after the other: which rules take them up, with what weight. `life` keeps the alerts.

use super::detect::Seen;
use super::group::{Group, groups};
use super::life::{Live, Pending};
use super::telling::{author_key, telling};
use super::{LATENESS_MAX, Mode, Rule, RuleSet};
use crate::alert::{Alert, Change, News, State};
use crate::mention::Mention;
use crate::query::eval::Subject;
use crate::query::reading::Reading;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// Windows are small and bounded; dropping what is too old to matter can wait this long.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// Its state is derived: windows by warming from stored mentions, alerts from the store.
pub struct Engine {
    pub(super) rules: Vec<Running>,
    pub(super) ruleset: String,
    pub(super) kinds: HashMap<String, &'static str>,
    /// By id; resolved ones until they are taken.
    pub(super) alerts: BTreeMap<String, Live>,
    /// Ids of alerts with a change that was not taken yet, in the order of their first change.
    pub(super) changed: Vec<String>,
    pruned_at: Option<Timestamp>,
    /// The words of the mention that is judged, read once for all rules; kept for its buffers.
    reading: Reading,
}

/// A rule and the groups that have an open alert.
pub(super) struct Running {
    pub(super) rule: Rule,
    pub(super) open: HashMap<Group, String>,
    /// When the latest alert of a group was resolved, or its wave ended: what is earlier is used up. Of mentions only
    /// warming asks.
    pub(super) cleared: HashMap<Group, Timestamp>,
}

/// What the engine did with a mention, for counters and "why not".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Rules whose `when` held.
    pub held: u32,
    /// Rules whose `when` was unknown.
    pub unknown: u32,
    /// Alerts that rules in shadow mode would have opened.
    pub shadow: u32,
    /// Came too late to alert ([`LATENESS_MAX`]), or is the brand's own.
    pub exempt: bool,
}

/// Why a rule did not take a mention up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    NoSuchRule,
    Off,
    OtherBrand,
    /// Written by an own account of the brand.
    Own,
    /// Came in more than [`LATENESS_MAX`] after it was written.
    Late,
    /// `when` is false.
    Not,
    /// `when` asks for something that is missing.
    Unknown,
    /// The rule did take it up: if there is no alert, its detector waits for more.
    Taken,
}

impl Engine {
    /// `alerts`: the stored alerts that are not resolved, and those resolved within [`RuleSet::recall_max`] (their
    /// mentions are used up; without them a restart could count these again).
    /// `kinds`: kind of each configured source, for `source:` in `when`.
    pub fn new(rules: RuleSet, kinds: Vec<(String, &'static str)>, alerts: Vec<Alert>) -> Self {
        let running = |rule| Running { rule, open: HashMap::new(), cleared: HashMap::new() };
        let mut engine = Self {
            rules: rules.rules.into_iter().map(running).collect(),
            ruleset: rules.hash,
            kinds: kinds.into_iter().collect(),
            alerts: BTreeMap::new(),
            changed: Vec::new(),
            pruned_at: None,
            reading: Reading::default(),
        };
        for alert in alerts {
            engine.restore(alert);
        }
        engine
    }

    /// Every alert that is not resolved, or whose end was not taken yet; by id.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values().map(|live| &live.alert)
    }

    /// Mentions that open alerts list: warm these too when they lie before [`RuleSet::window_max`], so that the most
    /// telling still come first.
    pub fn listed(&self) -> Vec<i64> {
        let mut listed: Vec<i64> = self.alerts.values().flat_map(|live| live.alert.mentions.clone()).collect();
        listed.sort_unstable();
        listed.dedup();
        listed
    }

    /// Replays a stored mention (in the order of `seq`) into the windows without any effect. `seen_at` must be the
    /// `now` that it was judged at.
    pub fn warm(&mut self, mention: &Mention) {
        self.recall(mention);
        if exempt(mention, mention.seen_at).is_some() {
            return;
        }
        let subject = subject(&self.kinds, mention);
        self.reading.read(&mention.post);
        for running in &mut self.rules {
            let rule = &mut running.rule;
            let Some(when) = rule.when.as_ref().filter(|_| rule.mode != Mode::Off && rule.is_for(&mention.brand))
            else {
                continue;
            };
            if when.matches_reading(&subject, &self.reading) != Some(true) {
                continue;
            }
            let seen = seen(rule, &subject, &self.reading, mention, mention.seen_at);
            for group in groups(&rule.by, mention) {
                // An alert that was quiet ends before what comes in at that very moment.
                if running.cleared.get(&group).is_none_or(|at| mention.seen_at >= *at) {
                    rule.detector.see(&group, seen);
                }
            }
        }
    }

    /// Judges a new mention (never seen before, not an edit). `now` is its `seen_at`.
    pub fn judge(&mut self, mention: &Mention, now: Timestamp) -> Verdict {
        let mut verdict = Verdict { exempt: exempt(mention, now).is_some(), ..Verdict::default() };
        if verdict.exempt {
            return verdict;
        }
        let mut matches = Vec::new();
        {
            let subject = subject(&self.kinds, mention);
            self.reading.read(&mention.post);
            for (index, running) in self.rules.iter().enumerate() {
                let rule = &running.rule;
                if rule.mode == Mode::Off || !rule.is_for(&mention.brand) {
                    continue;
                }
                let Some(when) = &rule.when else { continue };
                match when.matches_reading(&subject, &self.reading) {
                    Some(true) => matches.push((index, seen(rule, &subject, &self.reading, mention, now))),
                    Some(false) => {}
                    None => verdict.unknown += 1,
                }
            }
        }
        for (index, seen) in matches {
            verdict.held += 1;
            for group in groups(&self.rules[index].rule.by, mention) {
                let opened = self.signal(index, group, seen, mention, now);
                verdict.shadow += u32::from(opened && self.rules[index].rule.mode == Mode::Shadow);
            }
        }
        verdict
    }

    /// How likely authors (by [`author_key`]) are spam, as is known now: windows count their matches accordingly.
    pub fn reckon(&mut self, spam: &HashMap<u64, Option<f32>>) {
        if spam.is_empty() {
            return;
        }
        let asks = |rule: &Rule| rule.discounts_spam || rule.detector.of().is_some();
        for running in self.rules.iter_mut().filter(|running| asks(&running.rule)) {
            running.rule.detector.reckon(spam);
        }
    }

    /// A mention was deleted: windows forget it; alerts keep their count but no longer list or quote it.
    pub fn forget(&mut self, seq: i64, _now: Timestamp) {
        for running in &mut self.rules {
            running.rule.detector.forget(seq);
        }
        let mut touched = Vec::new();
        for (id, live) in &mut self.alerts {
            let alert = &mut live.alert;
            let listed = alert.mentions.contains(&seq);
            let quoted = live.opener.map_or(listed, |opener| opener == seq);
            let title = match live.rule.map(|index| &self.rules[index].rule.say) {
                Some(say) if quoted && say.is_personal() => say.title_without_person(&alert.brand, alert.count),
                // What a removed rule quoted cannot be told any more.
                None if quoted => alert.rule.clone(),
                _ => alert.title.clone(),
            };
            if listed || title != alert.title {
                alert.title = title;
                alert.mentions.retain(|other| *other != seq);
                live.telling.remove(&seq);
                touched.push(id.clone());
            }
        }
        for id in touched {
            self.change(&id, None);
        }
    }

    /// Time passed: resolves what was quiet for `keep`. Call it about once a second.
    pub fn tick(&mut self, now: Timestamp) {
        let ends: Vec<(String, &str)> =
            self.alerts.iter().filter_map(|(id, live)| Some((id.clone(), self.end(live, now)?))).collect();
        for (id, why) in ends {
            self.end_alert(&id, why, now);
        }
        if self.pruned_at.is_none_or(|at| now.duration_since(at) >= PRUNE_EVERY) {
            self.pruned_at = Some(now);
            for running in &mut self.rules {
                running.rule.detector.prune(now - LATENESS_MAX);
            }
        }
    }

    /// By a person. `false`: no such open alert.
    pub fn acknowledge(&mut self, alert: &str, _who: &str, _now: Timestamp) -> bool {
        let Some(live) = self.alerts.get_mut(alert).filter(|live| live.alert.state != State::Resolved) else {
            return false;
        };
        if live.alert.state == State::Open {
            live.alert.state = State::Acknowledged;
            self.change(alert, Some(News::Acknowledged));
        }
        true
    }

    /// By a person. `false`: no such open alert.
    pub fn resolve(&mut self, alert: &str, who: &str, now: Timestamp) -> bool {
        let open = self.alerts.get(alert).is_some_and(|live| live.alert.state != State::Resolved);
        if open {
            self.end_alert(alert, who, now);
        }
        open
    }

    /// What changed since the last call; one entry per alert, its latest state, at most one piece of news each
    /// (an alert opened and updated in between is told once, as opened).
    pub fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for id in std::mem::take(&mut self.changed) {
            let Some(live) = self.alerts.get_mut(&id) else { continue };
            let news = match std::mem::replace(&mut live.pending, Pending::Nothing) {
                Pending::Tell(news) => Some(news),
                Pending::Nothing | Pending::Store => None,
            };
            let rule = live.rule.map(|index| &self.rules[index].rule);
            if rule.is_none_or(|rule| rule.mode == Mode::Live) {
                let hooks = rule.map(|rule| rule.route.clone()).unwrap_or_default();
                changes.push(Change { alert: live.alert.clone(), news, hooks });
            }
            if live.alert.state == State::Resolved {
                self.alerts.remove(&id);
            }
        }
        changes
    }

    /// Why the rule did not take the mention up, at the time it came in.
    pub fn why_not(&self, rule: &str, mention: &Mention) -> WhyNot {
        let Some(Running { rule, .. }) = self.rules.iter().find(|running| running.rule.id == rule) else {
            return WhyNot::NoSuchRule;
        };
        if rule.mode == Mode::Off {
            return WhyNot::Off;
        }
        if !rule.is_for(&mention.brand) {
            return WhyNot::OtherBrand;
        }
        if let Some(why) = exempt(mention, mention.seen_at) {
            return why;
        }
        // A rule about followers takes no mention.
        match rule.when.as_ref().map_or(Some(false), |when| when.matches(&subject(&self.kinds, mention))) {
            Some(true) => WhyNot::Taken,
            Some(false) => WhyNot::Not,
            None => WhyNot::Unknown,
        }
    }
}

impl Rule {
    pub(super) fn is_for(&self, brand: &str) -> bool {
        self.brands.is_empty() || self.brands.iter().any(|known| known == brand)
    }
}

fn subject<'a>(kinds: &HashMap<String, &'static str>, mention: &'a Mention) -> Subject<'a> {
    let source_kind = kinds.get(mention.post.source.as_str()).copied().unwrap_or("");
    // As it was when it came in, so that a rule says the same of it whenever it is asked.
    Subject { post: &mention.post, source_kind, mention: Some(mention), now: Some(mention.seen_at) }
}

fn seen(rule: &Rule, subject: &Subject<'_>, reading: &Reading, mention: &Mention, now: Timestamp) -> Seen {
    Seen {
        seq: mention.seq,
        // A clock that runs ahead does not reach into windows to come.
        at: mention.post.created_at.min(now),
        author: author_key(&mention.post.source, &mention.post.author),
        adds: rule.urgency.adds(subject, reading),
        telling: telling(mention),
        spam: rule.discounts_spam && mention.author_spam.is_likely(),
        part: rule.detector.of().and_then(|of| of.matches_reading(subject, reading)),
    }
}

/// Why no rule may alert on it.
fn exempt(mention: &Mention, now: Timestamp) -> Option<WhyNot> {
    if mention.is_own() {
        return Some(WhyNot::Own);
    }
    (now.duration_since(mention.post.created_at) > LATENESS_MAX).then_some(WhyNot::Late)
}
