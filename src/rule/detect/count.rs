//! Detector `count`: enough matches by enough authors within a time, by event time.
//! `detect = { kind = "count", within = "1h", min_count = 5, min_authors = 3 }`
//!
//! It holds when any stretch of `within` around the new match is full enough, so the order of arrival does not matter:
//! a late post counts in its own window. Matches by authors who are likely spam fill nothing.

use super::window::{MIN_COUNT_MAX, Matches, read_within};
use super::{Detector, Known, Seen};
use crate::rule::group::Group;
use crate::settings::Section;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Count {
    min_count: usize,
    min_authors: usize,
    matches: Matches,
}

pub fn read(section: &Section<'_>, _known: &Known<'_>) -> Option<Box<dyn Detector>> {
    if !section.has("min_count") {
        section.missing("min_count");
    }
    let within = read_within(section, Duration::from_secs(1));
    let min_count = section.integer("min_count", 2..=MIN_COUNT_MAX);
    let min_authors =
        if section.has("min_authors") { section.integer("min_authors", 1..=MIN_COUNT_MAX) } else { Some(1) };
    if let (Some(count), Some(authors)) = (min_count, min_authors)
        && authors > count
    {
        let hint = Some("each author writes at least one of the posts".into());
        section.error("min_authors", format!("{authors} authors cannot write {count} posts"), hint);
        return None;
    }
    let size = |n: i64| usize::try_from(n).ok();
    Some(Box::new(Count::new(within?, size(min_count?)?, size(min_authors?)?)))
}

impl Count {
    pub fn new(within: SignedDuration, min_count: usize, min_authors: usize) -> Self {
        Self { min_count, min_authors, matches: Matches::new(within) }
    }

    /// The fullest stretch of `within` that contains `at` and holds; the earliest of equals.
    fn fullest(&self, matches: &VecDeque<Seen>, at: Timestamp) -> Option<Vec<Seen>> {
        let within = self.matches.within;
        let apart = |a: &Seen, b: &Seen| b.at.duration_since(a.at);
        let first = matches.partition_point(|seen| at.duration_since(seen.at) > within);
        let mut authors: HashMap<u64, usize> = HashMap::new();
        let (mut end, mut counted) = (first, 0);
        let mut best: Option<(usize, usize, usize)> = None;
        for start in first..matches.len() {
            if matches[start].at > at {
                break;
            }
            while end < matches.len() && apart(&matches[start], &matches[end]) <= within {
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
}

impl Detector for Count {
    fn copy(&self) -> Box<dyn Detector> {
        Box::new(self.clone())
    }

    fn matches(&self) -> Option<&Matches> {
        Some(&self.matches)
    }

    fn matches_mut(&mut self) -> Option<&mut Matches> {
        Some(&mut self.matches)
    }

    fn holds(&self, group: &Group, seen: Seen) -> Option<Vec<Seen>> {
        if seen.spam { None } else { self.fullest(self.matches.of(group)?, seen.at) }
    }

    fn leaves_spam_out(&self) -> bool {
        true
    }

    fn least(&self) -> u64 {
        self.min_count as u64
    }

    fn keep_default(&self) -> SignedDuration {
        self.matches.keep_default()
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
            part: None,
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
        corrected.reckon(&HashMap::from([(1, Some(0.0)), (9, Some(1.0))]));
        assert_eq!(see(&mut corrected, 2, 2, false), Some(2));
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
