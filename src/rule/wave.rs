//! Alerts about new followers: one a wave and account, updated while it goes on. `life` keeps them like all others.

use super::Mode;
use super::engine::Engine;
use super::group::Group;
use super::life::{Live, Opener, Pending};
use super::say::{Told, interval};
use crate::alert::{Alert, News, State};
use crate::brand::{Burst, Influx, Surge};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// A wave that is over for so long has ended: what comes late, after a silence of its source, may still be part of it.
const OVER_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Why an alert ended without a person.
const ENDED: &str = "the wave ended";

impl Engine {
    /// Judges a look at the followers of an own account. Its time is that of the alerts.
    pub fn observe(&mut self, influx: &Influx) {
        for index in 0..self.rules.len() {
            let rule = &self.rules[index].rule;
            if rule.mode == Mode::Off || !rule.is_for(&influx.brand) || !rule.detector.watches(influx) {
                continue;
            }
            let group = group(influx);
            if let Some(id) = self.rules[index].open.get(&group).cloned() {
                self.go_on(&id, index, influx);
            }
            let running = &self.rules[index];
            if running.open.contains_key(&group) {
                continue;
            }
            let cleared = running.cleared.get(&group);
            // A wave that was alerted on once is used up, however long it goes on.
            let is_new = |burst: &&Burst| cleared.is_none_or(|at| burst.surge.from >= *at);
            let found = influx.bursts.iter().filter(is_new).find(|burst| running.rule.detector.alarms(burst));
            if let Some(burst) = found {
                self.begin(index, group, influx, &burst.surge);
            }
        }
    }

    fn begin(&mut self, index: usize, group: Group, influx: &Influx, surge: &Surge) {
        let rule = &self.rules[index].rule;
        let begun = surge.from.to_string();
        let opener = Opener { source: &influx.source, id: &begun };
        let alert = Alert {
            opened_at: influx.at,
            updated_at: influx.at,
            title: rule.say.title(&told(influx, surge)),
            count: surge.counted,
            reasons: reasons(surge),
            growth: Some(*surge),
            ..self.blank(index, &group, opener)
        };
        self.start(index, group, Live::new(alert, Some(index), None));
    }

    /// The wave of an open alert, as it is now.
    fn go_on(&mut self, id: &str, index: usize, influx: &Influx) {
        let rule = &self.rules[index].rule;
        let Some(live) = self.alerts.get_mut(id).filter(|live| live.pending == Pending::Nothing) else { return };
        let alert = &mut live.alert;
        let from = alert.growth.map_or(alert.opened_at, |surge| surge.from);
        let same = |burst: &&Burst| burst.surge.until.is_none_or(|until| until > from);
        let surge = influx.bursts.iter().find(same).map(|burst| burst.surge);
        if let Some(surge) = surge.filter(|surge| is_news(alert.growth.as_ref(), surge)) {
            let before = alert.count;
            if surge.counted != before {
                alert.updated_at = alert.updated_at.max(influx.at);
            }
            alert.title = rule.say.title(&told(influx, &surge));
            (alert.count, alert.reasons, alert.growth) = (surge.counted, reasons(&surge), Some(surge));
            let least = rule.detector.least();
            let doubled = doublings(surge.counted, least) > doublings(before, least);
            let tell = doubled && alert.state == State::Open;
            self.change(id, tell.then_some(News::Updated));
        }
        // The next one shows as well that it is over.
        let next = |until: Timestamp| influx.bursts.iter().any(|burst| burst.surge.from >= until);
        let over = |until: Timestamp| influx.at.duration_since(until) >= OVER_FOR || next(until);
        if surge.is_none_or(|surge| surge.until.is_some_and(over)) {
            self.end_alert(id, ENDED, influx.at);
        }
    }
}

fn group(influx: &Influx) -> Group {
    let by = [("account", &influx.handle), ("source", &influx.source)];
    Group {
        brand: influx.brand.clone(),
        by: by.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect::<BTreeMap<_, _>>(),
    }
}

/// What is usual changes with every minute: worth a change are people.
fn is_news(before: Option<&Surge>, now: &Surge) -> bool {
    let people = |surge: &Surge| (surge.counted, surge.known, surge.unknown, surge.until);
    before.map(people) != Some(people(now))
}

/// How often `least` was doubled.
fn doublings(count: u64, least: u64) -> u32 {
    (count / least.max(1)).checked_ilog2().unwrap_or(0)
}

fn told<'a>(influx: &'a Influx, surge: &Surge) -> Told<'a> {
    let share = (surge.known > 0).then_some([surge.spam, surge.low, surge.high]);
    Told {
        brand: &influx.brand,
        count: surge.counted,
        mention: None,
        account: Some(&influx.handle),
        source: Some(&influx.source),
        usual: Some(surge.expected),
        share,
    }
}

fn reasons(surge: &Surge) -> Vec<String> {
    let Surge { counted, expected, known, unknown, .. } = surge;
    let mut reasons =
        vec![format!("{counted} new followers since {:.0} where {expected:.0} would be usual", surge.from)];
    if *known > 0 {
        reasons.push(format!("of those beyond it {} look like spam", interval(surge.low, surge.high)));
    }
    if surge.strange {
        reasons.push("they are unlike the profiles that the model was measured on".into());
    }
    match (known, unknown) {
        (0, _) => reasons.push("none of their profiles is known yet".into()),
        (_, 0) => {}
        (_, 1) => reasons.push("the profile of 1 of them is not known yet".into()),
        (_, unknown) => reasons.push(format!("the profiles of {unknown} of them are not known yet")),
    }
    reasons
}
