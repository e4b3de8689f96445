//! Detector `count`: enough matches by enough authors within a time, by event time.
//! `detect = { kind = "count", within = "1h", min_count = 5, min_authors = 3 }`
//!
//! It holds when any stretch of `within` around the new match is full enough, so the order of arrival does not matter:
//! a late post counts in its own window. Matches by authors who are likely spam fill nothing.

use super::{Detector, Seen};
use crate::rule::group::Group;
use crate::settings::Section;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The longest window: a restart reads this much back.
const WITHIN_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Matches kept per group, by time the latest. Four times the highest `min_count`.
const MATCHES_MAX: usize = 4_096;
const MIN_COUNT_MAX: i64 = 1_024;

/// Matches kept per rule over all groups, some megabytes. Over it, the groups that were quiet longest are forgotten.
const MATCHES_TOTAL_MAX: usize = 50_000;

/// How long an alert waits for a further match, at least: shorter would open and close within one conversation.
const KEEP_MIN: SignedDuration = SignedDuration::from_hours(1);

#[derive(Clone, Debug)]
pub struct Count {
    within: SignedDuration,
    min_count: usize,
    min_authors: usize,
    /// By event time, then `seq`.
    groups: HashMap<Group, VecDeque<Seen>>,
    total: usize,
}

pub fn read(section: &Section<'_>) -> Option<Box<dyn Detector>> {
    if !section.has("within") {
        section.missing("within");
    }
    if !section.has("min_count") {
        section.missing("min_count");
    }
    let within = section.duration("within");
    let min_count = section.integer("min_count", 2..=MIN_COUNT_MAX);
    let min_authors =
        if section.has("min_authors") { section.integer("min_authors", 1..=MIN_COUNT_MAX) } else { Some(1) };
    if within.is_some_and(|within| within.is_zero() || within > WITHIN_MAX) {
        section.error("within", "`within` must lie between 1s and 7d".into(), None);
        return None;
    }
    if let (Some(count), Some(authors)) = (min_count, min_authors)
        && authors > count
    {
        let hint = Some("each author writes at least one of the posts".into());
        section.error("min_authors", format!("{authors} authors cannot write {count} posts"), hint);
        return None;
    }
    let size = |n: i64| usize::try_from(n).ok();
    let within = SignedDuration::try_from(within?).ok()?;
    Some(Box::new(Count::new(within, size(min_count?)?, size(min_authors?)?)))
}

impl Count {
    pub fn new(within: SignedDuration, min_count: usize, min_authors: usize) -> Self {
        Self { within, min_count, min_authors, groups: HashMap::new(), total: 0 }
    }

    /// The fullest stretch of `within` that contains `at` and holds; the earliest of equals.
    fn fullest(&self, matches: &VecDeque<Seen>, at: Timestamp) -> Option<Vec<Seen>> {
        let apart = |a: &Seen, b: &Seen| b.at.duration_since(a.at);
        let first = matches.partition_point(|seen| at.duration_since(seen.at) > self.within);
        let mut authors: HashMap<u64, usize> = HashMap::new();
        let (mut end, mut counted) = (first, 0);
        let mut best: Option<(usize, usize, usize)> = None;
        for start in first..matches.len() {
            if matches[start].at > at {
                break;
            }
            while end < matches.len() && apart(&matches[start], &matches[end]) <= self.within {
                if !matches[end].spam {
                    *authors.entry(matches[end].author).or_default() += 1;
                    counted += 1;
                }
                end += 1;
            }
            let full = counted >= self.min_count && authors.len() >= self.min_authors;
            if full && best.is_none_or(|(_, _, most)| counted > most) {
                best = Some((start, end, counted));
            }
            if matches[start].spam {
                continue;
            }
            counted -= 1;
            if let Some(count) = authors.get_mut(&matches[start].author) {
                *count -= 1;
                if *count == 0 {
                    authors.remove(&matches[start].author);
                }
            }
        }
        best.map(|(from, to, _)| matches.range(from..to).copied().collect())
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

impl Detector for Count {
    fn copy(&self) -> Box<dyn Detector> {
        Box::new(self.clone())
    }

    fn see(&mut self, group: &Group, seen: Seen) {
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

    fn holds(&self, group: &Group, seen: Seen) -> Option<Vec<Seen>> {
        if seen.spam { None } else { self.fullest(self.groups.get(group)?, seen.at) }
    }

    fn leaves_spam_out(&self) -> bool {
        true
    }

    fn reckon(&mut self, spam: &HashMap<u64, bool>) {
        for seen in self.groups.values_mut().flatten() {
            seen.spam = spam.get(&seen.author).copied().unwrap_or(seen.spam);
        }
    }

    fn clear(&mut self, group: &Group) {
        self.total -= self.groups.remove(group).map_or(0, |matches| matches.len());
    }

    fn forget(&mut self, seq: i64) {
        self.retain(|seen| seen.seq != seq);
    }

    fn prune(&mut self, oldest: Timestamp) {
        let within = self.within;
        self.retain(|seen| oldest.duration_since(seen.at) <= within);
    }

    fn window(&self) -> SignedDuration {
        self.within
    }

    fn least(&self) -> u64 {
        self.min_count as u64
    }

    fn keep_default(&self) -> SignedDuration {
        // Not shorter than the window: an alert that closes while its window is still full would open again at once.
        self.within.max(KEEP_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn seen(seq: i64, minute: i64, author: u64) -> Seen {
        Seen {
            seq,
            at: Timestamp::from_second(1_800_000_000 + minute * 60).unwrap(),
            author,
            adds: 0,
            telling: 0.0,
            spam: false,
        }
    }

    fn feed(count: &mut Count, posts: &[(i64, u64)]) -> Vec<Option<usize>> {
        let group = Group::default();
        let feed = posts.iter().zip(1..);
        feed.map(|((minute, author), seq)| {
            let seen = seen(seq, *minute, *author);
            count.see(&group, seen);
            count.holds(&group, seen).map(|all| all.len())
        })
        .collect()
    }

    #[test]
    fn counts_within_its_window() {
        let hour = SignedDuration::from_hours(1);
        type Case = (&'static str, &'static [(i64, u64)], &'static [Option<usize>]);
        let cases: &[Case] = &[
            ("enough", &[(0, 1), (10, 2), (60, 3)], &[None, None, Some(3)]),
            ("a minute too far", &[(0, 1), (10, 2), (61, 3)], &[None, None, None]),
            ("too few authors", &[(0, 1), (1, 1), (2, 1), (3, 2)], &[None, None, None, Some(4)]),
            ("late, in its own window", &[(0, 1), (300, 9), (40, 2), (20, 3)], &[None, None, None, Some(3)]),
            ("late, and nobody beside it", &[(300, 1), (301, 2), (0, 3)], &[None, None, None]),
        ];
        for (name, posts, expected) in cases {
            let mut count = Count::new(hour, 3, 2);
            assert_eq!(feed(&mut count, posts), *expected, "{name}");
        }
    }

    #[test]
    fn likely_spam_fills_no_window() {
        let mut count = Count::new(SignedDuration::from_hours(1), 2, 2);
        let group = Group::default();
        let see = |count: &mut Count, seq, author, spam| {
            let seen = Seen { spam, ..seen(seq, seq, author) };
            count.see(&group, seen);
            count.holds(&group, seen).map(|all| all.len())
        };
        assert_eq!(see(&mut count, 1, 1, true), None);
        assert_eq!(see(&mut count, 2, 2, false), None);
        assert_eq!(see(&mut count, 3, 3, true), None);
        assert_eq!(see(&mut count, 4, 4, false), Some(4), "with what lies between");
        assert_eq!(see(&mut count, 5, 5, true), None, "spam signals nothing, however full it is");
        let mut corrected = Count::new(SignedDuration::from_hours(1), 2, 2);
        assert_eq!(see(&mut corrected, 1, 1, true), None);
        corrected.reckon(&HashMap::from([(1, false), (9, true)]));
        assert_eq!(see(&mut corrected, 2, 2, false), Some(2));
    }

    #[test]
    fn is_bounded_and_forgets() {
        let mut count = Count::new(SignedDuration::from_hours(1), 3, 1);
        let group = |n: i64| Group { brand: n.to_string(), ..Group::default() };
        for n in 0..i64::try_from(MATCHES_TOTAL_MAX).unwrap() + 10 {
            count.see(&group(n), seen(n, n, 1));
        }
        assert!(count.total <= MATCHES_TOTAL_MAX && count.total == count.groups.len());
        assert!(!count.groups.contains_key(&group(0)), "the quietest goes first");
        for n in 0..i64::try_from(MATCHES_MAX).unwrap() + 10 {
            count.see(&Group::default(), seen(n, 0, 1));
        }
        assert_eq!(count.groups[&Group::default()].len(), MATCHES_MAX);
        count.prune(seen(0, 100_000, 0).at);
        assert_eq!((count.total, count.groups.len()), (0, 0));
    }

    proptest! {
        /// Whether it has ever held does not depend on the order of arrival, and agrees with trying every stretch.
        #[test]
        fn order_does_not_matter(mut posts in prop::collection::vec((0_i64..300, 0_u64..4), 1..20), min in 2_usize..5, authors in 1_usize..3) {
            let hour = SignedDuration::from_hours(1);
            let held = |posts: &[(i64, u64)]| feed(&mut Count::new(hour, min, authors), posts).iter().any(Option::is_some);
            let forward = held(&posts);
            let brute = posts.iter().any(|(from, _)| {
                let inside: Vec<_> = posts.iter().filter(|(at, _)| (*from..=*from + 60).contains(at)).collect();
                inside.len() >= min && inside.iter().map(|(_, author)| author).collect::<HashSet<_>>().len() >= authors
            });
            posts.reverse();
            prop_assert_eq!(forward, held(&posts));
            prop_assert_eq!(forward, brute);
        }
    }
}
