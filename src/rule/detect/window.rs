//! The matches of each group that a detector looks back on, by event time, bounded.

use super::Seen;
use crate::rule::group::Group;
use crate::settings::Section;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The longest window: a restart reads this much back.
const WITHIN_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Matches kept per group, by time the latest. Four times the highest `min_count`.
pub const MATCHES_MAX: usize = 4_096;
pub const MIN_COUNT_MAX: i64 = 1_024;

/// Matches kept per rule over all groups, some megabytes. Over it, the groups that were quiet longest are forgotten.
pub const MATCHES_TOTAL_MAX: usize = 50_000;

/// How long an alert waits for a further match, at least: shorter would open and close within one conversation.
const KEEP_MIN: SignedDuration = SignedDuration::from_hours(1);

#[derive(Clone, Debug)]
pub struct Matches {
    pub within: SignedDuration,
    /// By event time, then `seq`.
    groups: HashMap<Group, VecDeque<Seen>>,
    total: usize,
}

/// `within`, from `least` to 7 days. `None` after reporting a problem.
pub fn read_within(section: &Section<'_>, least: Duration) -> Option<SignedDuration> {
    if !section.has("within") {
        section.missing("within");
    }
    let within = section.duration("within")?;
    if within < least || within > WITHIN_MAX {
        let least = if least < Duration::from_secs(3_600) { "1s" } else { "1h" };
        section.error("within", format!("`within` must lie between {least} and 7d"), None);
        return None;
    }
    SignedDuration::try_from(within).ok()
}

impl Matches {
    pub fn new(within: SignedDuration) -> Self {
        Self { within, groups: HashMap::new(), total: 0 }
    }

    pub fn of(&self, group: &Group) -> Option<&VecDeque<Seen>> {
        self.groups.get(group)
    }

    /// Not shorter than the window: an alert that closes while its window is still full would open again at once.
    pub fn keep_default(&self) -> SignedDuration {
        self.within.max(KEEP_MIN)
    }

    pub fn see(&mut self, group: &Group, seen: Seen) {
        if self.total >= MATCHES_TOTAL_MAX {
            self.shrink();
        }
        let matches = self.groups.entry(group.clone()).or_default();
        let place = matches.partition_point(|other| (other.at, other.seq) < (seen.at, seen.seq));
        matches.insert(place, seen);
        self.total += 1;
        if matches.len() > MATCHES_MAX {
            matches.pop_front();
            self.total -= 1;
        }
    }

    pub fn clear(&mut self, group: &Group) {
        self.total -= self.groups.remove(group).map_or(0, |matches| matches.len());
    }

    pub fn forget(&mut self, seq: i64) {
        self.retain(|seen| seen.seq != seq);
    }

    /// The matches by some authors, each with how likely its author is spam.
    pub fn by<'m>(
        &'m mut self,
        spam: &'m HashMap<u64, Option<f32>>,
    ) -> impl Iterator<Item = (&'m mut Seen, Option<f32>)> {
        let all = self.groups.values_mut().flatten();
        all.filter_map(|seen| spam.get(&seen.author).map(|spam| (seen, *spam)))
    }

    pub fn prune(&mut self, oldest: Timestamp) {
        let within = self.within;
        self.retain(|seen| oldest.duration_since(seen.at) <= within);
    }

    /// Forgets the groups that were quiet longest, a quarter of all matches at once so that it happens seldom.
    fn shrink(&mut self) {
        let mut quiet: Vec<(Timestamp, Group)> = self
            .groups
            .iter()
            .map(|(group, matches)| (matches.back().map_or(Timestamp::MIN, |seen| seen.at), group.clone()))
            .collect();
        quiet.sort();
        for (_, group) in quiet {
            if self.total <= MATCHES_TOTAL_MAX / 4 * 3 {
                break;
            }
            self.clear(&group);
        }
    }

    fn retain(&mut self, keep: impl Fn(&Seen) -> bool) {
        self.groups.retain(|_, matches| {
            matches.retain(&keep);
            !matches.is_empty()
        });
        self.total = self.groups.values().map(VecDeque::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(seq: i64, minute: i64) -> Seen {
        let at = Timestamp::from_second(1_800_000_000 + minute * 60).unwrap();
        Seen { seq, at, author: 1, adds: 0, telling: 0.0, spam: false, part: None }
    }

    #[test]
    fn is_bounded_and_forgets() {
        let mut matches = Matches::new(SignedDuration::from_hours(1));
        let group = |n: i64| Group { brand: n.to_string(), ..Group::default() };
        for n in 0..i64::try_from(MATCHES_TOTAL_MAX).unwrap() + 10 {
            matches.see(&group(n), seen(n, n));
        }
        assert!(matches.total <= MATCHES_TOTAL_MAX && matches.total == matches.groups.len());
        assert!(!matches.groups.contains_key(&group(0)), "the quietest goes first");
        for n in 0..i64::try_from(MATCHES_MAX).unwrap() + 10 {
            matches.see(&Group::default(), seen(n, 0));
        }
        assert_eq!(matches.groups[&Group::default()].len(), MATCHES_MAX);
        matches.prune(seen(0, 100_000).at);
        assert_eq!((matches.total, matches.groups.len()), (0, 0));
    }
}
