//! Hits over time: how many of each hour, day or week, in UTC, by when they were posted.

use super::Error;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most steps between the first hit and the last: more make no picture, and a wrong year would make millions.
pub const STEPS_MAX: usize = 1_000;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// 1 January 1970 was a Thursday; weeks begin on Mondays (ISO 8601).
const FIRST_MONDAY: i64 = 4 * DAY;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    Hour,
    Day,
    /// From Monday on.
    Week,
}

impl Interval {
    pub const ALL: [(&'static str, Interval); 3] =
        [("hour", Interval::Hour), ("day", Interval::Day), ("week", Interval::Week)];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// Microseconds, and where one step begins.
    fn width(self) -> (i64, i64) {
        match self {
            Self::Hour => (HOUR, 0),
            Self::Day => (DAY, 0),
            Self::Week => (WEEK, FIRST_MONDAY),
        }
    }
}

/// The hits of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Where the step begins.
    pub at: Timestamp,
    pub count: u64,
}

/// Steps while they are counted. Hits come mostly in the order of time: the step of the one before is kept at hand.
pub(super) struct Over {
    interval: Interval,
    counts: BTreeMap<i64, u64>,
    step: i64,
    count: u64,
    /// The times of `step`, in microseconds since 1970.
    from: i64,
    until: i64,
}

impl Over {
    pub fn new(interval: Interval) -> Self {
        Self { interval, counts: BTreeMap::new(), step: 0, count: 0, from: 0, until: 0 }
    }

    /// Counts hits of these times, microseconds since 1970.
    pub fn add(&mut self, times: &[i64]) {
        for time in times {
            if !(self.from..self.until).contains(time) {
                self.turn_to(*time);
            }
            self.count += 1;
        }
    }

    fn turn_to(&mut self, time: i64) {
        self.keep();
        let (width, offset) = self.interval.width();
        self.step = (time - offset).div_euclid(width);
        self.from = self.step * width + offset;
        self.until = self.from + width;
    }

    fn keep(&mut self) {
        // One too many tells that there are too many: which ones, nobody will see.
        if self.count > 0 && (self.counts.len() <= STEPS_MAX || self.counts.contains_key(&self.step)) {
            *self.counts.entry(self.step).or_default() += self.count;
        }
        self.count = 0;
    }

    /// What another has counted.
    pub fn take_in(&mut self, mut other: Self) {
        self.keep();
        other.keep();
        for (step, count) in other.counts {
            (self.step, self.count) = (step, count);
            self.keep();
        }
        // Nothing is at hand now.
        (self.from, self.until) = (0, 0);
    }

    /// Every step from the first hit's to the last's, those between without any included.
    ///
    /// # Errors
    /// [`Error::Unfit`] when they are over [`STEPS_MAX`].
    pub fn finish(mut self) -> Result<Vec<Step>, Error> {
        self.keep();
        let (Some((&first, _)), Some((&last, _))) = (self.counts.first_key_value(), self.counts.last_key_value())
        else {
            return Ok(Vec::new());
        };
        let (width, offset) = self.interval.width();
        // The first step of all time begins before it.
        let at = |step: i64| Timestamp::from_microsecond(step * width + offset).unwrap_or(Timestamp::MIN);
        if last.abs_diff(first) >= STEPS_MAX as u64 {
            let name = self.interval.name();
            return Err(Error::Unfit(
                "over",
                format!(
                    "from {} to {} are more than {STEPS_MAX} {name}s: take a longer interval, or narrow `created:`",
                    at(first),
                    at(last)
                ),
            ));
        }
        let count = |step| self.counts.get(&step).copied().unwrap_or_default();
        Ok((first..=last).map(|step| Step { at: at(step), count: count(step) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(interval: Interval, times: &[&str]) -> Result<Vec<(String, u64)>, Error> {
        let mut over = Over::new(interval);
        for time in times {
            over.add(&[time.parse::<Timestamp>().unwrap().as_microsecond()]);
        }
        Ok(over.finish()?.into_iter().map(|step| (step.at.to_string(), step.count)).collect())
    }

    #[test]
    fn steps_begin_with_the_hour_the_day_and_the_monday() {
        // 22 November 2026 is a Sunday.
        let times = ["2026-11-22T23:59:59.999999Z", "2026-11-23T00:00:00Z", "2026-11-22T22:00:00Z"];
        for (interval, expected) in [
            (
                Interval::Hour,
                vec![("2026-11-22T22:00:00Z", 1), ("2026-11-22T23:00:00Z", 1), ("2026-11-23T00:00:00Z", 1)],
            ),
            (Interval::Day, vec![("2026-11-22T00:00:00Z", 2), ("2026-11-23T00:00:00Z", 1)]),
            (Interval::Week, vec![("2026-11-16T00:00:00Z", 2), ("2026-11-23T00:00:00Z", 1)]),
        ] {
            let found = counted(interval, &times).unwrap();
            let found: Vec<(&str, u64)> = found.iter().map(|(at, count)| (at.as_str(), *count)).collect();
            assert_eq!(found, expected);
        }
        assert_eq!(counted(Interval::Day, &[]).unwrap(), []);
        let old = counted(Interval::Day, &["1969-12-31T12:00:00Z", "1970-01-02T00:00:00Z"]).unwrap();
        assert_eq!(old.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 0, 1]);
    }

    #[test]
    fn too_many_steps_are_refused() {
        let reason = |result: Result<_, Error>| match result {
            Err(Error::Unfit("over", reason)) => reason,
            _ => String::new(),
        };
        let far = counted(Interval::Hour, &["2026-01-01T00:00:00Z", "2026-02-11T16:00:00Z"]);
        assert!(reason(far).contains("from 2026-01-01T00:00:00Z"));
        assert!(counted(Interval::Hour, &["2026-01-01T00:00:00Z", "2026-02-11T15:00:00Z"]).is_ok());
        let mut over = Over::new(Interval::Day);
        for step in (0..10 * STEPS_MAX as i64).chain(0..10) {
            over.add(&[step * DAY]);
        }
        assert!(over.counts.len() <= STEPS_MAX + 1, "memory is bounded");
        assert!(reason(over.finish().map(|_| Vec::new())).contains("longer interval"));
    }
}
