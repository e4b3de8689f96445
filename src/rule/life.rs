//! The life of an alert: opened, updated in place, resolved, told when it is worth it.

use super::Mode;
use super::detect::Seen;
use super::engine::{Engine, Running};
use super::group::Group;
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
        let running = &mut self.rules[index];
        let rule = &running.rule;
        let counts = |seen: &&Seen| !(seen.spam && rule.detector.leaves_spam_out());
        let (matches, left_out): (Vec<&Seen>, Vec<&Seen>) = matches.iter().partition(counts);
        let Some(urgent) = matches.iter().min_by_key(|seen| rule.urgency.priority(seen)) else { return };
        let alert = Alert {
            id: alert_id(&rule.id, &group, mention),
            revision: 0,
            rule: rule.id.clone(),
            title: rule.say.title(mention, matches.len() as u64),
            priority: rule.urgency.priority(urgent),
            priority_why: rule.urgency.why(urgent),
            brand: group.brand.clone(),
            group: group.by.clone(),
            state: State::Open,
            opened_at: matches.iter().map(|seen| seen.at).max().unwrap_or(now),
            updated_at: now,
            resolved_at: None,
            resolved_why: None,
            count: matches.len() as u64,
            spam_left_out: left_out.len() as u64,
            ruleset: self.ruleset.clone(),
            mentions: Vec::new(),
        };
        let id = alert.id.clone();
        running.open.insert(group, id.clone());
        let mut live = Live {
            alert,
            rule: Some(index),
            opener: Some(mention.seq),
            telling: HashMap::new(),
            pending: Pending::Nothing,
        };
        for seen in matches {
            live.list(*seen);
        }
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
        alert.count += 1;
        alert.updated_at = alert.updated_at.max(now);
        if !rule.say.is_personal() {
            alert.title = rule.say.title(mention, alert.count);
        }
        let priority = rule.urgency.priority(&seen);
        let raised = priority < alert.priority;
        if raised {
            alert.priority = priority;
            alert.priority_why = rule.urgency.why(&seen);
        }
        let grown = alert.state == State::Open && is_doubling(alert.count, rule.detector.least());
        live.list(seen);
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
            if let (Some(index), Some(at)) = (rule, alert.resolved_at) {
                let cleared = self.rules[index].cleared.entry(group).or_insert(at);
                *cleared = at.max(*cleared);
            }
            return;
        }
        let id = alert.id.clone();
        if let Some(index) = rule {
            self.rules[index].open.insert(group, id.clone());
        }
        let live = Live { alert, rule, opener: None, telling: HashMap::new(), pending: Pending::Nothing };
        self.alerts.insert(id, live);
    }

    /// What restored alerts do not say of the mentions that they list.
    pub(super) fn recall(&mut self, mention: &Mention) {
        for live in self.alerts.values_mut().filter(|live| live.alert.mentions.contains(&mention.seq)) {
            live.telling.insert(mention.seq, telling(mention));
            if alert_id(&live.alert.rule, &Group::of(&live.alert), mention) == live.alert.id {
                live.opener = Some(mention.seq);
            }
        }
    }
}

impl Live {
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

/// 16 hex digits over rule, group and the opening mention.
fn alert_id(rule: &str, group: &Group, opener: &Mention) -> String {
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
    part(&opener.post.source);
    part(&opener.post.id);
    hasher.finalize().to_hex()[..16].to_owned()
}
