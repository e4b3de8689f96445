//! How an account grew, by hour or day: genuine, unknown and spam, with intervals. What was not observed is no zero.

use super::share::{Histogram, Rates};
use super::wave::Bin;
use crate::brand::FollowKind;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Twenty-four years of days, or a year of hours: more is no picture and no table.
pub const STEPS_MAX: usize = 8_784;
/// A year of them.
pub(super) const BINS_MAX: usize = STEPS_MAX * 6;
/// Length of the bins in which waves are looked for. It divides an hour.
pub(super) const BIN_SECONDS: i64 = 600;
const DAY_SECONDS: i64 = 86_400;
/// Growth is told by the hour up to so many days, then by the day.
const BY_HOUR_DAYS_MAX: i64 = 7;

/// Somebody followed or unfollowed the account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    pub at: Timestamp,
    pub kind: FollowKind,
    /// Of spam, `0..=1`; nothing where the profile could not be had.
    pub likelihood: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Hour,
    Day,
}

/// A time in which nothing was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// A number of followers with the ends of its 90 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Count {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// One hour or day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub start: Timestamp,
    /// Part of it that was observed, `0..=1`.
    pub observed: f64,
    /// New followers, by parts: `genuine.value + spam.value + unknown` is all of them.
    pub genuine: Count,
    pub spam: Count,
    pub unknown: u64,
    pub unfollows: u64,
}

impl Step {
    /// What so long a time is drawn by.
    pub fn over(time: SignedDuration) -> Self {
        if time.as_hours() <= 24 * BY_HOUR_DAYS_MAX { Self::Hour } else { Self::Day }
    }

    pub fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3_600,
            Self::Day => DAY_SECONDS,
        }
    }
}

/// Growth from `from`, where steps begin, until the last step that begins before `until`; at most [`STEPS_MAX`] steps.
/// Gaps that overlap count twice: hand them in joined.
///
/// The spam of hours adds up to that of their day, counted from `from`. The ends of intervals do not: each says how far
/// its own hour is known.
pub fn series(
    events: impl IntoIterator<Item = Event>,
    rates: &Rates,
    (from, until): (Timestamp, Timestamp),
    step: Step,
    gaps: &[Gap],
) -> Vec<Point> {
    let seconds = step.seconds();
    let blank = rates.histogram([]);
    let mut sets = vec![(blank.clone(), 0_u64); steps(from, until, seconds)];
    for event in events {
        let Some((set, unfollows)) = place(from, event.at, seconds).and_then(|at| sets.get_mut(at)) else { continue };
        match (event.kind, event.likelihood) {
            (FollowKind::Unfollow, _) => *unfollows += 1,
            (FollowKind::Follow, likelihood) => set.add(&rates.histogram([likelihood])),
        }
    }
    let a_day = (DAY_SECONDS / seconds) as usize;
    let mut points = Vec::with_capacity(sets.len());
    for (day, sets) in sets.chunks(a_day).enumerate() {
        let mut whole = blank.clone();
        sets.iter().for_each(|(set, _)| whole.add(set));
        let share = rates.share(&whole);
        let each = rates.posterior(share.spam);
        let likely =
            |set: &Histogram| set.counts.iter().zip(&each).map(|(count, spam)| *count as f64 * spam).sum::<f64>();
        // What the parts of the day add up to by the measured rates, and what its share says.
        let scale = share.spam * whole.known() as f64 / likely(&whole).max(f64::MIN_POSITIVE);
        for (n, (set, unfollows)) in sets.iter().enumerate() {
            let start = moment(from, (day * a_day + n) as i64 * seconds);
            let own = if a_day == 1 { share } else { rates.share(set) };
            let known = set.known() as f64;
            let value = (likely(set) * scale).min(known);
            let spam = Count { value, low: value.min(own.low * known), high: value.max(own.high * known) };
            let genuine = Count { value: known - spam.value, low: known - spam.high, high: known - spam.low };
            let observed = observed(start, seconds, gaps);
            points.push(Point { start, observed, genuine, spam, unknown: set.unknown, unfollows: *unfollows });
        }
    }
    points
}

/// Bins of ten minutes from `from` on.
pub(super) fn counted(from: Timestamp, counts: Vec<u64>, gaps: &[Gap]) -> Vec<Bin> {
    let bin = |(n, count)| {
        let start = moment(from, n as i64 * BIN_SECONDS);
        Bin { start, observed: observed(start, BIN_SECONDS, gaps) * BIN_SECONDS as f64 / 3_600.0, count }
    };
    counts.into_iter().enumerate().map(bin).collect()
}

fn steps(from: Timestamp, until: Timestamp, seconds: i64) -> usize {
    let whole = until.as_second().saturating_sub(from.as_second()).max(0);
    usize::try_from((whole + seconds - 1) / seconds).map_or(STEPS_MAX, |steps| steps.min(STEPS_MAX))
}

fn place(from: Timestamp, at: Timestamp, seconds: i64) -> Option<usize> {
    usize::try_from((at.as_second() - from.as_second()).div_euclid(seconds)).ok()
}

fn moment(from: Timestamp, seconds: i64) -> Timestamp {
    from.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(from)
}

/// Part of a stretch of time that lies in no gap.
fn observed(start: Timestamp, seconds: i64, gaps: &[Gap]) -> f64 {
    let (start, end) = (start.as_second(), start.as_second() + seconds);
    let missing = gaps.iter().map(|gap| (gap.until.as_second().min(end) - gap.from.as_second().max(start)).max(0));
    (1.0 - missing.sum::<i64>() as f64 / seconds as f64).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
