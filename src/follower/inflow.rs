//! New followers of one own account, counted by ten minutes with the likelihoods of their profiles. Looking for waves in
//! it takes the same time however many there are.

use super::excess::{Excess, excess};
use super::growth::{BIN_SECONDS, BINS_MAX, Gap, counted};
use super::share::{Histogram, Rates, Share};
use super::wave::{Bin, Gauge, Wave};
use crate::brand::{Burst, Hour, Surge};
use jiff::Timestamp;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct Inflow {
    /// By the number of the ten minutes, since 1970.
    tens: BTreeMap<i64, Histogram>,
}

/// A wave in an inflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub wave: Wave,
    /// Of all who came in it.
    pub share: Share,
    pub excess: Excess,
    pub hours: Vec<Hour>,
}

impl Inflow {
    /// Somebody followed. `likelihood` of spam, `0..=1`; nothing where the profile is not known.
    pub fn see(&mut self, at: Timestamp, likelihood: Option<f64>, rates: &Rates) {
        self.tens.entry(number(at)).or_default().add(&rates.histogram([likelihood]));
    }

    /// The profile of somebody who was seen without one is known now.
    pub fn learn(&mut self, at: Timestamp, likelihood: f64, rates: &Rates) {
        if let Some(set) = self.tens.get_mut(&number(at)).filter(|set| set.unknown > 0) {
            set.unknown -= 1;
            set.add(&rates.histogram([Some(likelihood)]));
        }
    }

    pub fn forget(&mut self, before: Timestamp) {
        self.tens = self.tens.split_off(&number(before));
    }

    /// Waves that last or ended after `since`, oldest first. `from`: since when follows are heard, at most
    /// the last year; `now`: until when.
    pub fn waves(
        &self,
        rates: &Rates,
        (from, now): (Timestamp, Timestamp),
        since: Timestamp,
        gaps: &[Gap],
    ) -> Vec<Found> {
        let from = start(number(from).max(number(now) - BINS_MAX as i64));
        // The last ten minutes are not over: what is still to come is no silence.
        let to_come = Gap { from: now, until: start(number(now) + 1) };
        let mut counts = vec![0; usize::try_from(number(now) - number(from) + 1).unwrap_or(0)];
        for (ten, set) in self.tens.range(number(from)..=number(now)) {
            counts[(ten - number(from)) as usize] = set.known() + set.unknown;
        }
        let gaps: Vec<Gap> = gaps.iter().copied().filter(|gap| gap.from < now).chain([to_come]).collect();
        let (mut gauge, mut waves, mut usual) = (Gauge::default(), Vec::new(), Vec::new());
        for bin in counted(from, counts, &gaps) {
            usual.push((bin, gauge.expected(bin.start) * bin.observed));
            waves.extend(gauge.see(&bin).filter(|wave| wave.until.is_some()));
        }
        waves.extend(gauge.open().cloned());
        waves.retain(|wave| wave.until.is_none_or(|until| until > since));
        let found = |wave: Wave| {
            let until = wave.until.unwrap_or_else(|| start(number(now) + 1));
            let share = rates.share(&self.set(rates, wave.from, until));
            let before = rates.share(&self.set(rates, from, wave.from));
            let inside = usual.iter().filter(|(bin, _)| wave.from <= bin.start && bin.start < until);
            Found { excess: excess(&wave, &share, &before), share, hours: hours(inside), wave }
        };
        waves.into_iter().map(found).collect()
    }

    fn set(&self, rates: &Rates, from: Timestamp, until: Timestamp) -> Histogram {
        let mut all = rates.histogram([]);
        self.tens.range(number(from)..number(until)).for_each(|(_, set)| all.add(set));
        all
    }
}

impl Found {
    /// What a rule and an alert tell of it.
    pub fn burst(self) -> Burst {
        let Self { wave, share, excess, hours } = self;
        let surge = Surge {
            from: wave.from,
            until: wave.until,
            counted: wave.counted,
            expected: wave.expected,
            spam: excess.spam,
            low: excess.low,
            high: excess.high,
            known: share.known,
            unknown: share.unknown,
            strange: share.strange,
        };
        Burst { surge, hours }
    }
}

fn number(at: Timestamp) -> i64 {
    at.as_second().div_euclid(BIN_SECONDS)
}

fn start(number: i64) -> Timestamp {
    Timestamp::from_second(number.saturating_mul(BIN_SECONDS)).unwrap_or(Timestamp::MAX)
}

fn hours<'b>(bins: impl Iterator<Item = &'b (Bin, f64)>) -> Vec<Hour> {
    let mut hours: Vec<Hour> = Vec::new();
    let hour = |at: Timestamp| at.as_second().div_euclid(3_600);
    for (bin, expected) in bins {
        match hours.last_mut().filter(|last| hour(last.start) == hour(bin.start)) {
            Some(last) => {
                last.counted += bin.count;
                last.expected += expected;
            }
            None => hours.push(Hour { start: bin.start, counted: bin.count, expected: *expected }),
        }
    }
    hours
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_767_571_200 + 60 * minute).unwrap()
    }

    fn rates() -> Rates {
        Rates::new(&[0.0, 0.3, 0.7, 1.0], &[900, 80, 20], &[20, 80, 900]).unwrap()
    }

    /// A follower each ten minutes for four days, then for an hour thirty more each.
    fn burst(likelihood: Option<f64>) -> Inflow {
        let mut inflow = Inflow::default();
        for minute in (0..4 * 1_440).step_by(10) {
            inflow.see(at(minute), Some(0.1), &rates());
        }
        for minute in 4 * 1_440..4 * 1_440 + 60 {
            (0..3).for_each(|_| inflow.see(at(minute), likelihood, &rates()));
        }
        inflow
    }

    fn look(inflow: &Inflow, minute: i64) -> Vec<Found> {
        inflow.waves(&rates(), (at(0), at(4 * 1_440 + minute)), at(0), &[])
    }

    #[test]
    fn a_wave_is_found_while_it_comes_and_told_by_the_hour() {
        let inflow = burst(Some(0.9));
        assert_eq!(look(&inflow, 0), []);
        let found = look(&inflow, 25).remove(0);
        assert!(found.wave.until.is_none() && found.wave.from == at(4 * 1_440), "{found:?}");
        let whole = look(&inflow, 59).remove(0);
        assert!(whole.excess.low > 0.5 && whole.share.known == 180, "{whole:?}");
        let [hour] = &whole.hours[..] else { panic!("{:?}", whole.hours) };
        assert!(hour.counted == 180 && (3.0..12.0).contains(&hour.expected), "{hour:?}");
        assert!(look(&inflow, 600)[0].wave.until.is_some());
        assert_eq!(inflow.waves(&rates(), (at(0), at(9_000)), at(8_000), &[]), [], "over before");
    }

    /// A look right after the beginning of ten minutes sees few followers in them, which is not the end of a wave.
    #[test]
    fn minutes_to_come_are_no_silence() {
        let mut inflow = burst(Some(0.9));
        for minute in 0..4 * 1_440 {
            (0..30).for_each(|_| inflow.see(at(minute), Some(0.1), &rates()));
        }
        for minute in 4 * 1_440..4 * 1_440 + 60 {
            (0..300).for_each(|_| inflow.see(at(minute), Some(0.9), &rates()));
        }
        for minute in 50..60 {
            inflow.forget(at(0));
            let mut seen = inflow.clone();
            seen.tens.retain(|ten, _| *ten <= number(at(4 * 1_440 + minute)));
            seen.tens.insert(
                number(at(4 * 1_440 + minute)),
                rates().histogram(vec![Some(0.9); 1 + 300 * (minute as usize % 10)]),
            );
            let found = look(&seen, minute);
            assert!(found.last().unwrap().wave.until.is_none(), "{minute}");
        }
    }

    #[test]
    fn profiles_that_come_later_count() {
        let mut inflow = burst(None);
        let unknown = look(&inflow, 59).remove(0);
        assert!(unknown.share.known == 0 && unknown.excess.low == 0.0, "{unknown:?}");
        for minute in 4 * 1_440..4 * 1_440 + 60 {
            // One more than there are changes nothing.
            (0..4).for_each(|_| inflow.learn(at(minute), 0.9, &rates()));
        }
        assert_eq!(look(&inflow, 59), look(&burst(Some(0.9)), 59));
        inflow.forget(at(9_000));
        assert_eq!(look(&inflow, 59), []);
    }
}
