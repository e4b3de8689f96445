//! Detector `share`: too large a part of the matches within a time is spam, negative, or whatever `of` asks.
//! `detect = { kind = "share", of = "spam", within = "24h", min_share = 0.3, min_count = 30 }`
//!
//! What is not known of a match is left out of the share, and told. Few matches can have any share by chance, so the lower
//! end of its 90 % interval must reach `min_share` (Wilson, Probable Inference, 1927).

use super::window::{MIN_COUNT_MAX, Matches, read_within};
use super::{Detector, Known, Part, Seen, read_query};
use crate::query::Query;
use crate::rule::group::Group;
use crate::settings::Section;
use jiff::SignedDuration;
use std::collections::HashMap;
use std::time::Duration;

/// Words for what is asked for most.
const SHORT: [(&str, &str); 2] = [(SPAM, "spam:>=0.5"), ("negative", "sentiment:negative")];
const SPAM: &str = "spam";
/// The same of what is told of an author later.
const SPAM_FROM: f32 = 0.5;
/// Fewer known matches say nothing of a share.
const MIN_COUNT_MIN: i64 = 5;
/// Standard deviations on either side that hold 90 %.
const SIDES_90: f64 = 1.645;

#[derive(Clone, Debug)]
pub struct Share {
    of: Query,
    /// `of` as it was written.
    says: String,
    /// `of` asks for spam and nothing else: what is told of an author later answers it, too.
    is_of_spam: bool,
    min_share: f64,
    min_count: u64,
    matches: Matches,
}

pub fn read(section: &Section<'_>, known: &Known<'_>) -> Option<Box<dyn Detector>> {
    for key in ["of", "min_share", "min_count"] {
        if !section.has(key) {
            section.missing(key);
        }
    }
    let of = if section.has("of") { section.required_str("of") } else { None };
    let is_of_spam = of.as_deref() == Some(SPAM);
    let says = of.map(|of| SHORT.iter().find(|(short, _)| *short == of).map_or(of, |(_, long)| (*long).to_owned()));
    let of = says.as_ref().and_then(|says| read_query(section, "of", says, known.names));
    let within = read_within(section, Duration::from_secs(1));
    let min_share = section.float("min_share", 0.01..=1.0);
    let min_count = section.integer("min_count", MIN_COUNT_MIN..=MIN_COUNT_MAX);
    let min_count = u64::try_from(min_count?).ok()?;
    let (of, says, matches) = (of?, says?, Matches::new(within?));
    Some(Box::new(Share { of, says, is_of_spam, min_share: min_share?, min_count, matches }))
}

impl Share {
    /// The matches of the window that ends with the latest.
    fn window(&self, group: &Group) -> impl Iterator<Item = &Seen> {
        let matches = self.matches.of(group);
        let latest = matches.and_then(|matches| matches.back()).map(|seen| seen.at);
        let inside =
            move |seen: &&Seen| latest.is_some_and(|latest| latest.duration_since(seen.at) <= self.matches.within);
        matches.into_iter().flatten().filter(inside)
    }
}

impl Detector for Share {
    fn copy(&self) -> Box<dyn Detector> {
        Box::new(self.clone())
    }

    fn of(&self) -> Option<&Query> {
        Some(&self.of)
    }

    fn matches(&self) -> Option<&Matches> {
        Some(&self.matches)
    }

    fn matches_mut(&mut self) -> Option<&mut Matches> {
        Some(&mut self.matches)
    }

    fn part(&self, group: &Group) -> Option<Part> {
        let count = |wanted: Option<bool>| self.window(group).filter(|seen| seen.part == wanted).count() as u64;
        let (count, others, unknown) = (count(Some(true)), count(Some(false)), count(None));
        let known = count + others;
        let (low, high) = wilson(count, known);
        let holds = known >= self.min_count && low >= self.min_share;
        Some(Part { of: self.says.clone(), count, known, low, high, unknown, holds })
    }

    /// Those that are `of`.
    fn holds(&self, group: &Group, _seen: Seen) -> Option<Vec<Seen>> {
        let of = self.window(group).filter(|seen| seen.part == Some(true));
        self.part(group).is_some_and(|part| part.holds).then(|| of.copied().collect())
    }

    fn reckon(&mut self, spam: &HashMap<u64, Option<f32>>) {
        if self.is_of_spam {
            for (seen, spam) in self.matches.by(spam) {
                seen.part = spam.map(|spam| spam >= SPAM_FROM);
            }
        }
    }

    fn keep_default(&self) -> SignedDuration {
        self.matches.keep_default()
    }
}

/// The ends of the 90 % interval of a share, `0..=1`.
fn wilson(count: u64, of: u64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (n, share, square) = (of as f64, count as f64 / of as f64, SIDES_90 * SIDES_90);
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let side = SIDES_90 * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt() / (1.0 + square / n);
    ((middle - side).clamp(0.0, 1.0), (middle + side).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_the_known_one() {
        for (count, of, low, high) in [
            (0, 0, 0.0, 1.0),
            (0, 30, 0.0, 0.083),
            (15, 30, 0.356, 0.644),
            (30, 30, 0.917, 1.0),
            (500, 1_000, 0.474, 0.526),
        ] {
            let found = wilson(count, of);
            assert!((found.0 - low).abs() < 5e-4 && (found.1 - high).abs() < 5e-4, "{count} of {of}: {found:?}");
        }
    }
}
