//! Judges mentions one after the other and keeps the open alerts.

use super::detect::Seen;
use super::group::{Group, groups};
use super::telling::{author, telling};
use super::{LATENESS_MAX, Mode, Rule, RuleSet};
use crate::alert::{Alert, Change, News, State, TELLING_MAX};
use crate::mention::Mention;
use crate::query::eval::Subject;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// Open alerts of one rule. Further groups share one alert, which is told as it grows: summarised, not dropped.
pub const OPEN_MAX: usize = 500;

/// The key of [`Alert::group`] of that shared alert.
const OTHERS: &str = "others";

/// Windows are small and bounded; dropping what is too old to matter can wait this long.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// Why an alert ended without a person.
const QUIET: &str = "quiet";
const RULE_GONE: &str = "rule no longer live";

/// Its state is derived: windows by warming from stored mentions, alerts from the store.
pub struct Engine {
    rules: Vec<Running>,
    ruleset: String,
    kinds: HashMap<String, &'static str>,
    /// By id; resolved ones until they are taken.
    alerts: BTreeMap<String, Live>,
    /// Ids of alerts with a change that was not taken yet, in the order of their first change.
    changed: Vec<String>,
    pruned_at: Option<Timestamp>,
}

/// A rule and the groups that have an open alert.
struct Running {
    rule: Rule,
    open: HashMap<Group, String>,
    /// When the latest stored alert of a group was resolved: earlier arrivals are used up. Only warming asks.
    cleared: HashMap<Group, Timestamp>,
}

struct Live {
    alert: Alert,
    /// Index of its rule, unless that was removed or is no longer live.
    rule: Option<usize>,
    /// The mention that opened it; unknown after a restart until it is warmed.
    opener: Option<i64>,
    /// How telling the listed mentions are; unknown ones keep their place in front.
    telling: HashMap<i64, f32>,
    pending: Pending,
}

#[derive(Clone, Copy, PartialEq)]
enum Pending {
    Nothing,
    Store,
    Tell(News),
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
    /// `alerts`: the stored alerts that are not resolved, and those resolved within [`RuleSet::window_max`] (their
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
        for running in &mut self.rules {
            let rule = &mut running.rule;
            if rule.mode == Mode::Off || !rule.is_for(mention) || rule.when.matches(&subject) != Some(true) {
                continue;
            }
            let seen = seen(rule, &subject, mention, mention.seen_at);
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
            for (index, running) in self.rules.iter().enumerate() {
                let rule = &running.rule;
                if rule.mode == Mode::Off || !rule.is_for(mention) {
                    continue;
                }
                match rule.when.matches(&subject) {
                    Some(true) => matches.push((index, seen(rule, &subject, mention, now))),
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
        if !rule.is_for(mention) {
            return WhyNot::OtherBrand;
        }
        if let Some(why) = exempt(mention, mention.seen_at) {
            return why;
        }
        match rule.when.matches(&subject(&self.kinds, mention)) {
            Some(true) => WhyNot::Taken,
            Some(false) => WhyNot::Not,
            None => WhyNot::Unknown,
        }
    }

    /// One match of one group. `true`: it opened an alert.
    fn signal(&mut self, index: usize, group: Group, seen: Seen, mention: &Mention, now: Timestamp) -> bool {
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
        match running.open.get(&group).cloned() {
            Some(id) => self.update(&id, index, seen, mention, now),
            None => self.open(index, group, &matches, mention, now),
        }
        true
    }

    fn open(&mut self, index: usize, group: Group, matches: &[Seen], mention: &Mention, now: Timestamp) {
        let running = &mut self.rules[index];
        let rule = &running.rule;
        let urgent = matches.iter().map(|seen| seen.adds).min_by_key(|adds| rule.urgency.priority(*adds)).unwrap_or(0);
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
        alert.count += 1;
        alert.updated_at = alert.updated_at.max(now);
        if !rule.say.is_personal() {
            alert.title = rule.say.title(mention, alert.count);
        }
        let priority = rule.urgency.priority(seen.adds);
        let raised = priority < alert.priority;
        if raised {
            alert.priority = priority;
            alert.priority_why = rule.urgency.why(seen.adds);
        }
        let grown = alert.state == State::Open && is_doubling(alert.count, rule.detector.least());
        live.list(seen);
        self.change(id, (raised || grown).then_some(News::Updated));
    }

    /// Why the alert is over, if it is. One whose last change nobody has heard of yet waits for the next call.
    fn end(&self, live: &Live, now: Timestamp) -> Option<&'static str> {
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

    fn end_alert(&mut self, id: &str, why: &str, now: Timestamp) {
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
    fn change(&mut self, id: &str, news: Option<News>) {
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

    fn restore(&mut self, alert: Alert) {
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
    fn recall(&mut self, mention: &Mention) {
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

impl Rule {
    fn is_for(&self, mention: &Mention) -> bool {
        self.brands.is_empty() || self.brands.contains(&mention.brand)
    }
}

fn subject<'a>(kinds: &HashMap<String, &'static str>, mention: &'a Mention) -> Subject<'a> {
    let source_kind = kinds.get(mention.post.source.as_str()).copied().unwrap_or("");
    Subject { post: &mention.post, source_kind, mention: Some(mention) }
}

fn seen(rule: &Rule, subject: &Subject<'_>, mention: &Mention, now: Timestamp) -> Seen {
    Seen {
        seq: mention.seq,
        // A clock that runs ahead does not reach into windows to come.
        at: mention.post.created_at.min(now),
        author: author(mention),
        adds: rule.urgency.adds(subject),
        telling: telling(mention),
    }
}

/// Why no rule may alert on it.
fn exempt(mention: &Mention, now: Timestamp) -> Option<WhyNot> {
    if mention.is_own() {
        return Some(WhyNot::Own);
    }
    (now.duration_since(mention.post.created_at) > LATENESS_MAX).then_some(WhyNot::Late)
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
