//! The life of an alert: opened, updated in place, resolved, told when it is worth it.

use super::Mode;
use super::detect::{Part, Seen};
use super::engine::{Engine, Running};
use super::group::Group;
use super::say::{Told, interval};
use super::telling::telling;
use crate::alert::{Alert, News, State, TELLING_MAX};
use crate::mention::Mention;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// Open alerts of one rule. Further groups share one alert, which is told as it grows: summarised, not dropped.
pub const OPEN_MAX: usize = 500;

/// The key of [`Alert::group`] of that shared alert.
const OTHERS: &str = "others";

/// Why an alert ended without a person.
const QUIET: &str = "quiet";
const RULE_GONE: &str = "rule no longer live";

pub(super) struct Live {
    pub(super) alert: Alert,
    /// Index of its rule, unless that was removed or is no longer live.
    pub(super) rule: Option<usize>,
    /// The mention that opened it; unknown after a restart until it is warmed.
    pub(super) opener: Option<i64>,
    /// How telling the listed mentions are; unknown ones keep their place in front.
    pub(super) telling: HashMap<i64, f32>,
    pub(super) pending: Pending,
}

/// What an alert opens with: a post, or a wave and its begin.
pub(super) struct Opener<'a> {
    pub(super) source: &'a str,
    pub(super) id: &'a str,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pending {
    Nothing,
    Store,
    Tell(News),
}

impl Engine {
    /// One match of one group. `true`: it opened an alert.
    pub(super) fn signal(&mut self, index: usize, group: Group, seen: Seen, mention: &Mention, now: Timestamp) -> bool {
        // An alert whose time is over ends here, not at the next tick, so that the pace of ticks changes nothing.
        if let Some(id) = self.rules[index].open.get(&group).cloned()
            && let Some(why) = self.alerts.get(&id).and_then(|live| self.end(live, now))
        {
            self.end_alert(&id, why, now);
        }
        let running = &mut self.rules[index];
        running.rule.detector.see(&group, seen);
        if let Some(id) = running.open.get(&group).cloned() {
            self.update(&id, index, seen, mention, now);
            return false;
        }
        let Some(matches) = running.rule.detector.holds(&group, seen) else { return false };
        let group = if running.open.len() < OPEN_MAX { group } else { others(&group) };
        if let Some(id) = running.open.get(&group).cloned() {
            self.update(&id, index, seen, mention, now);
            return false;
        }
        self.open(index, group, &matches, mention, now);
        true
    }

    fn open(&mut self, index: usize, group: Group, matches: &[Seen], mention: &Mention, now: Timestamp) {
        let rule = &self.rules[index].rule;
        let counts = |seen: &&Seen| !(seen.spam && rule.detector.leaves_spam_out());
        let (matches, left_out): (Vec<&Seen>, Vec<&Seen>) = matches.iter().partition(counts);
        let Some(urgent) = matches.iter().min_by_key(|seen| rule.urgency.priority(seen)) else { return };
        let (count, part) = (matches.len() as u64, rule.detector.part(&group));
        let alert = Alert {
            title: rule.say.title(&told(mention, count, part.as_ref())),
            opened_at: matches.iter().map(|seen| seen.at).max().unwrap_or(now),
            updated_at: now,
            priority: rule.urgency.priority(urgent),
            priority_why: rule.urgency.why(urgent),
            count,
            spam_left_out: left_out.len() as u64,
            reasons: part.iter().flat_map(reasons).collect(),
            ..self.blank(index, &group, Opener::of(mention))
        };
        let mut live = Live::new(alert, Some(index), Some(mention.seq));
        for seen in matches {
            live.list(*seen);
        }
        self.start(index, group, live);
    }

    /// An alert that says nothing yet.
    pub(super) fn blank(&self, index: usize, group: &Group, opener: Opener<'_>) -> Alert {
        let rule = &self.rules[index].rule;
        Alert {
            id: alert_id(&rule.id, group, &opener),
            revision: 0,
            rule: rule.id.clone(),
            title: String::new(),
            priority: rule.urgency.base,
            priority_why: vec![rule.urgency.base_why()],
            reasons: Vec::new(),
            brand: group.brand.clone(),
            group: group.by.clone(),
            state: State::Open,
            opened_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            resolved_at: None,
            resolved_why: None,
            count: 0,
            spam_left_out: 0,
            ruleset: self.ruleset.clone(),
            mentions: Vec::new(),
            growth: None,
        }
    }

    pub(super) fn start(&mut self, index: usize, group: Group, live: Live) {
        let id = live.alert.id.clone();
        self.rules[index].open.insert(group, id.clone());
        self.alerts.insert(id.clone(), live);
        self.change(&id, Some(News::Opened));
    }

    fn update(&mut self, id: &str, index: usize, seen: Seen, mention: &Mention, now: Timestamp) {
        let rule = &self.rules[index].rule;
        let Some(live) = self.alerts.get_mut(id) else { return };
        let alert = &mut live.alert;
        if seen.spam && rule.detector.leaves_spam_out() {
            alert.spam_left_out += 1;
            self.change(id, None);
            return;
        }
        let part = rule.detector.part(&Group::of(alert));
        // A share that is no longer too large lets its alert end.
        if part.as_ref().is_some_and(|part| !part.holds) {
            return;
        }
        alert.count = part.as_ref().map_or(alert.count + 1, |part| part.count);
        alert.updated_at = alert.updated_at.max(now);
        alert.reasons = part.iter().flat_map(reasons).collect();
        if !rule.say.is_personal() {
            alert.title = rule.say.title(&told(mention, alert.count, part.as_ref()));
        }
        let priority = rule.urgency.priority(&seen);
        let raised = priority < alert.priority && (part.is_none() || seen.part == Some(true));
        if raised {
            alert.priority = priority;
            alert.priority_why = rule.urgency.why(&seen);
        }
        // A share comes and goes; it is told once.
        let grown = part.is_none() && alert.state == State::Open && is_doubling(alert.count, rule.detector.least());
        if part.is_none() || seen.part == Some(true) {
            live.list(seen);
        }
        self.change(id, (raised || grown).then_some(News::Updated));
    }

    /// Why the alert is over, if it is. One whose last change nobody has heard of yet waits for the next call.
    pub(super) fn end(&self, live: &Live, now: Timestamp) -> Option<&'static str> {
        if live.alert.state == State::Resolved || live.pending != Pending::Nothing {
            return None;
        }
        match live.rule {
            None => Some(RULE_GONE),
            Some(index) => {
                let quiet = now.duration_since(live.alert.updated_at);
                (quiet >= self.rules[index].rule.keep).then_some(QUIET)
            }
        }
    }

    pub(super) fn end_alert(&mut self, id: &str, why: &str, now: Timestamp) {
        let Some(live) = self.alerts.get_mut(id) else { return };
        live.alert.state = State::Resolved;
        live.alert.resolved_at = Some(now);
        live.alert.resolved_why = Some(why.to_owned());
        if let Some(index) = live.rule {
            let group = Group::of(&live.alert);
            let running = &mut self.rules[index];
            running.rule.detector.clear(&group);
            if live.alert.growth.is_some() {
                running.cleared.extend(used_up(&live.alert).map(|at| (group.clone(), at)));
            }
            if running.open.get(&group).is_some_and(|open| open == id) {
                running.open.remove(&group);
            }
        }
        self.change(id, Some(News::Resolved));
    }

    /// Notes a change; a revision is counted once between two calls of [`Engine::take_changes`].
    pub(super) fn change(&mut self, id: &str, news: Option<News>) {
        let Some(live) = self.alerts.get_mut(id) else { return };
        if live.pending == Pending::Nothing {
            self.changed.push(id.to_owned());
        }
        let told = matches!(live.pending, Pending::Tell(_));
        live.alert.revision += u32::from(news.is_some() && !told);
        live.pending = match (live.pending, news) {
            (Pending::Nothing | Pending::Store, None) => Pending::Store,
            (before, None) => before,
            (Pending::Tell(News::Opened), Some(News::Updated | News::Acknowledged)) => Pending::Tell(News::Opened),
            (_, Some(news)) => Pending::Tell(news),
        };
    }

    pub(super) fn restore(&mut self, alert: Alert) {
        let live = |running: &Running| running.rule.id == alert.rule && running.rule.mode == Mode::Live;
        let rule = self.rules.iter().position(live);
        let group = Group::of(&alert);
        if alert.state == State::Resolved {
            if let (Some(index), Some(at)) = (rule, used_up(&alert)) {
                let cleared = self.rules[index].cleared.entry(group).or_insert(at);
                *cleared = at.max(*cleared);
            }
            return;
        }
        let id = alert.id.clone();
        if let Some(index) = rule {
            self.rules[index].open.insert(group, id.clone());
        }
        self.alerts.insert(id, Live::new(alert, rule, None));
    }

    /// What restored alerts do not say of the mentions that they list.
    pub(super) fn recall(&mut self, mention: &Mention) {
        for live in self.alerts.values_mut().filter(|live| live.alert.mentions.contains(&mention.seq)) {
            live.telling.insert(mention.seq, telling(mention));
            if alert_id(&live.alert.rule, &Group::of(&live.alert), &Opener::of(mention)) == live.alert.id {
                live.opener = Some(mention.seq);
            }
        }
    }
}

impl<'a> Opener<'a> {
    fn of(mention: &'a Mention) -> Self {
        Self { source: &mention.post.source, id: &mention.post.id }
    }
}

impl Live {
    pub(super) fn new(alert: Alert, rule: Option<usize>, opener: Option<i64>) -> Self {
        Self { alert, rule, opener, telling: HashMap::new(), pending: Pending::Nothing }
    }

    /// Puts a mention among the most telling, the earlier of equals first. The opener stays listed: the title is its.
    fn list(&mut self, seen: Seen) {
        self.telling.insert(seen.seq, seen.telling);
        self.alert.mentions.push(seen.seq);
        let weight = |seq: &i64| self.telling.get(seq).copied().unwrap_or(f32::INFINITY);
        self.alert.mentions.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.cmp(b)));
        if self.alert.mentions.len() > TELLING_MAX {
            let last = self.alert.mentions.iter().rposition(|seq| Some(*seq) != self.opener);
            let dropped = self.alert.mentions.remove(last.unwrap_or(TELLING_MAX));
            self.telling.remove(&dropped);
        }
    }
}

fn others(group: &Group) -> Group {
    Group { brand: group.brand.clone(), by: BTreeMap::from([(OTHERS.to_owned(), "all".to_owned())]) }
}

/// Twice, four times, eight times `least`: a growing alert is told ever more seldom.
fn is_doubling(count: u64, least: u64) -> bool {
    count > least && count.is_multiple_of(least) && (count / least).is_power_of_two()
}

/// Until when what led to a resolved alert is used up. A wave that ended does not use up the next.
fn used_up(alert: &Alert) -> Option<Timestamp> {
    alert.growth.and_then(|surge| surge.until).or(alert.resolved_at)
}

fn told<'a>(mention: &'a Mention, count: u64, part: Option<&Part>) -> Told<'a> {
    let share = part.map(|part| [part.count as f64 / part.known.max(1) as f64, part.low, part.high]);
    let source = Some(mention.post.source.as_str());
    Told { brand: &mention.brand, count, mention: Some(mention), source, share, ..Told::default() }
}

fn reasons(part: &Part) -> Vec<String> {
    let Part { of, count, known, low, high, unknown, .. } = part;
    let told = (*unknown > 0).then(|| format!("of {unknown} more it is not known"));
    [format!("{count} of {known} are `{of}`, {}", interval(*low, *high))].into_iter().chain(told).collect()
}

/// 16 hex digits over rule, group and what opened it.
fn alert_id(rule: &str, group: &Group, opener: &Opener<'_>) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    part(rule);
    part(&group.brand);
    for (name, value) in &group.by {
        part(name);
        part(value);
    }
    part(opener.source);
    part(opener.id);
    hasher.finalize().to_hex()[..16].to_owned()
}
