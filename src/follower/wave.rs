//! Bursts of new followers of one own account, against what is usual for it at that hour of the week. Unfollows are watched
//! alike: many at once are mostly a network that removes accounts.
//!
//! What is usual is learnt as it goes and half forgotten in weeks: a level, times a factor for the hour of the day, times
//! one for the hour of the week, each drawn towards 1 as long as little was seen. Counts scatter more than chance: they
//! are negative binomial, their spread is learnt too. A burst is a sum of evidence (CUSUM, Page 1954) for four times the
//! usual rate against the highest rate that may still be usual; it ends when evidence for the usual rate has gathered.
//! Hours that were not observed are no evidence for anything.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a wave must be found at, in times of the usual rate.
const FACTOR: f64 = 4.0;
/// A rate below this many times the usual is on its way back.
const FACTOR_BACK: f64 = 2.0;
/// Evidence, as a logarithm, that opens a wave: by simulation, about one false wave in two account months (see the card).
const OPENS: f64 = 5.5;
const CLOSES: f64 = 3.0;
/// Fewer followers are no wave, however rare they are.
const COUNTED_MIN: u64 = 5;
/// Observed hours before anything is called a wave: until then there is nothing to compare with.
const HOURS_MIN: f64 = 6.0;
/// A wave that lasts longer is the new usual.
const HOURS_MAX: f64 = 7.0 * 24.0;
/// The level is that of the last ten days, the day that of four weeks, the week that of eight: in observed hours of each.
const MEMORY_LEVEL: f64 = 240.0;
const MEMORY_DAY: f64 = 28.0;
const MEMORY_WEEK: f64 = 8.0;
/// Follows that a level of which none was seen is worth.
const PRIOR_LEVEL: f64 = 0.5;
/// Follows that the factors of an unseen hour are worth beforehand: nights are far quieter than days, weekdays much alike.
const PRIOR_DAY: f64 = 2.0;
const PRIOR_WEEK: f64 = 30.0;
/// The highest rate that may still be usual is so many standard deviations above the expected.
const DOUBT: f64 = 1.0;
/// Spread of hours beyond chance, as a squared share of their mean, before any was seen; the weight of that in squared
/// follows, some days of a busy account. Nobody's hours are steadier than the least.
const SPREAD: f64 = 0.2;
const SPREAD_WEIGHT: f64 = 2_000.0;
const SPREAD_MIN: f64 = 0.03;
/// Hours by which the spread is remembered.
const MEMORY_SPREAD: f64 = 1_440.0;
/// What hours of a wave teach beside others. Not nothing: a burst that comes again every day is a rhythm.
const WAVE_WEIGHT: f64 = 0.3;
/// One hour teaches no more than this many standard deviations: an outlier is not what is usual.
const OUTLIER: f64 = 3.0;
/// And no more than this many of scatter, which has long tails.
const SCATTER: f64 = 4.0;

/// What was counted in a stretch of time that lies within one hour. Ten minutes are a good length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    pub start: Timestamp,
    /// Hours of it that were observed, `0..=1`; 0 in a gap.
    pub observed: f64,
    pub count: u64,
}

/// A burst.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// Begin of the first bin of it.
    pub from: Timestamp,
    /// End of the bin in which it could be told.
    pub found: Timestamp,
    /// When the rate was back; while it lasts, nothing.
    pub until: Option<Timestamp>,
    /// What would have been usual in the observed hours of it.
    pub expected: f64,
    /// What came. Unlike `expected`, up to the last bin seen.
    pub counted: u64,
    /// Observed hours of it.
    pub hours: f64,
}

/// Learns what is usual and finds waves. Bins come in the order of time; those that come late are passed over.
#[derive(Clone, Debug)]
pub struct Gauge {
    level: Tally,
    day: [Tally; 24],
    week: [Tally; 168],
    /// Squares of the hours' deviations beyond chance, over the squares of their means.
    spread: Tally,
    /// The hour under way: its number, observed hours, count, expected.
    hour: (i64, f64, f64, f64),
    /// Hours that were observed in all.
    seen: f64,
    last: Option<Timestamp>,
    /// Evidence for a wave, or while one is open for its end.
    evidence: f64,
    /// Since the evidence was last nothing.
    run: Option<Wave>,
    open: Option<Wave>,
}

/// A sum and what it is a share of; both fade.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sum: f64,
    of: f64,
}

/// The rate that is usual at some hour.
#[derive(Clone, Copy, Debug)]
struct Usual {
    /// Follows an hour.
    rate: f64,
    /// What of it is due to the hour of the day, and to that of the week, as factors.
    day: f64,
    week: f64,
    /// Level and factor of the day, of which errors last for hours: variance as a squared share.
    doubt: f64,
    /// Of single hours beyond chance, as a squared share of the mean.
    spread: f64,
}

/// All waves of an account in its bins, oldest first.
pub fn waves(bins: impl IntoIterator<Item = Bin>) -> Vec<Wave> {
    let mut gauge = Gauge::default();
    let mut waves: Vec<Wave> =
        bins.into_iter().filter_map(|bin| gauge.see(&bin)).filter(|wave| wave.until.is_some()).collect();
    waves.extend(gauge.open);
    waves
}

impl Default for Gauge {
    fn default() -> Self {
        Self {
            level: Tally::default(),
            day: [Tally::default(); 24],
            week: [Tally::default(); 168],
            spread: Tally::default(),
            hour: (0, 0.0, 0.0, 0.0),
            seen: 0.0,
            last: None,
            evidence: 0.0,
            run: None,
            open: None,
        }
    }
}

impl Gauge {
    /// Takes a bin; says if a wave has just been found, or has just ended.
    pub fn see(&mut self, bin: &Bin) -> Option<Wave> {
        if bin.observed <= 0.0 || self.last.is_some_and(|last| bin.start <= last) {
            return None;
        }
        self.last = Some(bin.start);
        let number = bin.start.as_second().div_euclid(3_600);
        if number != self.hour.0 {
            self.learn_spread();
            self.hour.0 = number;
        }
        let usual = self.usual(number);
        self.seen += bin.observed;
        self.learn(bin, usual);
        match self.open.take() {
            Some(wave) => self.within(wave, bin, usual),
            None => self.between(bin, usual),
        }
    }

    /// The wave that has not ended.
    pub fn open(&self) -> Option<&Wave> {
        self.open.as_ref()
    }

    /// Follows an hour that are usual at a time.
    pub fn expected(&self, at: Timestamp) -> f64 {
        self.usual(at.as_second().div_euclid(3_600)).rate
    }

    fn between(&mut self, bin: &Bin, usual: Usual) -> Option<Wave> {
        let count = bin.count as f64;
        let highest = usual.rate * (1.0 + DOUBT * usual.doubt.sqrt());
        let evidence = evidence(count, bin.observed, highest, FACTOR, usual.spread);
        self.evidence = if self.seen < HOURS_MIN { 0.0 } else { (self.evidence + evidence).max(0.0) };
        if self.evidence == 0.0 {
            self.run = None;
            return None;
        }
        let end = bin.end();
        let start = Wave { from: bin.start, found: end, until: None, expected: 0.0, counted: 0, hours: 0.0 };
        let run = self.run.get_or_insert(start);
        run.add(bin, usual);
        run.found = end;
        if self.evidence < OPENS || run.counted < COUNTED_MIN {
            return None;
        }
        self.evidence = 0.0;
        self.open = self.run.take();
        self.open.clone()
    }

    fn within(&mut self, mut wave: Wave, bin: &Bin, usual: Usual) -> Option<Wave> {
        // Evidence for twice the usual rate is evidence against the end.
        let back = -evidence(bin.count as f64, bin.observed, usual.rate, FACTOR_BACK, usual.spread);
        self.evidence = (self.evidence + back).max(0.0);
        if self.evidence == 0.0 {
            if let Some(run) = self.run.take() {
                wave.join(&run);
            }
            wave.add(bin, usual);
        } else {
            let start = Wave { from: bin.start, found: bin.start, until: None, expected: 0.0, counted: 0, hours: 0.0 };
            self.run.get_or_insert(start).add(bin, usual);
        }
        if self.evidence >= CLOSES {
            self.evidence = 0.0;
            wave.until = self.run.take().map(|run| run.from);
            return Some(wave);
        }
        if wave.hours >= HOURS_MAX {
            let rate = wave.counted as f64 / wave.expected.max(f64::MIN_POSITIVE);
            self.level = Tally { sum: self.level.sum * rate, of: self.level.of };
            (self.evidence, self.run) = (0.0, None);
            wave.until = Some(bin.end());
            return Some(wave);
        }
        self.open = Some(wave);
        None
    }

    fn usual(&self, number: i64) -> Usual {
        let (day, week) = (&self.day[number.rem_euclid(24) as usize], &self.week[number.rem_euclid(168) as usize]);
        let of = if self.level.of > 0.0 { self.level.of } else { 1.0 };
        let level = Tally { sum: self.level.sum + PRIOR_LEVEL, of };
        let factor = |tally: &Tally, prior: f64| (tally.sum + prior) / (tally.of + prior);
        let (of_day, of_week) = (factor(day, PRIOR_DAY), factor(week, PRIOR_WEEK));
        Usual {
            rate: level.sum / level.of * of_day * of_week,
            day: of_day,
            week: of_week,
            doubt: 1.0 / level.sum + 1.0 / (day.of + PRIOR_DAY),
            spread: self.hourly(),
        }
    }

    /// The spread of single hours, as a squared share of their mean.
    fn hourly(&self) -> f64 {
        let (sum, of) = (self.spread.sum + SPREAD * SPREAD_WEIGHT, self.spread.of + SPREAD_WEIGHT);
        (sum / of).max(SPREAD_MIN)
    }

    fn learn(&mut self, bin: &Bin, usual: Usual) {
        let expected = usual.rate * bin.observed;
        let most = if self.seen < HOURS_MIN {
            f64::INFINITY
        } else {
            expected + OUTLIER * (expected + expected * expected * (usual.spread + usual.doubt)).sqrt() + 1.0
        };
        let count = (bin.count as f64).min(most);
        self.hour.1 += bin.observed;
        self.hour.2 += count;
        self.hour.3 += expected;
        // An hour that scatters teaches less than its count would say.
        let warm = self.seen >= HOURS_MIN;
        let rate = if warm { usual.rate } else { usual.rate.max(count / bin.observed) };
        let mut weight = 1.0 / (1.0 + rate * self.hourly());
        if self.open.is_some() {
            weight *= WAVE_WEIGHT;
        }
        self.level.add(count * weight, bin.observed * usual.day * usual.week * weight, bin.observed / MEMORY_LEVEL);
        if !warm {
            return;
        }
        let number = self.hour.0;
        let (day, week) =
            (&mut self.day[number.rem_euclid(24) as usize], &mut self.week[number.rem_euclid(168) as usize]);
        day.add(count * weight / usual.week, expected * weight / (usual.day * usual.week), bin.observed / MEMORY_DAY);
        week.add(count * weight, expected * weight / usual.week, bin.observed / MEMORY_WEEK);
    }

    /// At the end of an hour, if most of it was seen and was usual.
    fn learn_spread(&mut self) {
        let (number, observed, count, expected) = self.hour;
        self.hour = (number, 0.0, 0.0, 0.0);
        if observed < 0.5 || self.seen < HOURS_MIN {
            return;
        }
        // What is not known well yet is no scatter. Quiet hours tell little of it.
        let usual = self.usual(number);
        let known = expected + expected * expected * usual.doubt;
        let weight = (1.0 + expected * self.hourly()).powi(-2);
        let square = (count - expected).powi(2).min(SCATTER.powi(2) * (known + expected * expected * self.hourly()));
        self.spread.add(weight * (square - known), weight * expected * expected, 1.0 / MEMORY_SPREAD);
    }
}

impl Bin {
    fn end(&self) -> Timestamp {
        // Observed hours are at most one: far from any overflow but at the end of time.
        self.start.checked_add(jiff::SignedDuration::from_secs_f64(self.observed * 3_600.0)).unwrap_or(self.start)
    }
}

impl Wave {
    fn add(&mut self, bin: &Bin, usual: Usual) {
        self.counted += bin.count;
        self.expected += usual.rate * bin.observed;
        self.hours += bin.observed;
    }

    fn join(&mut self, later: &Self) {
        self.counted += later.counted;
        self.expected += later.expected;
        self.hours += later.hours;
    }
}

impl Tally {
    fn add(&mut self, sum: f64, of: f64, fades: f64) {
        self.sum = self.sum * (1.0 - fades) + sum;
        self.of = self.of * (1.0 - fades) + of;
    }
}

/// Log-likelihood ratio of `factor` times a rate against the rate, for counts that are negative binomial. It adds up over
/// the parts of an hour to what the whole hour would say.
fn evidence(count: f64, hours: f64, rate: f64, factor: f64, spread: f64) -> f64 {
    let shape = 1.0 / spread;
    let more = (shape + factor * rate) / (shape + rate);
    count * (factor / more).ln() - hours * shape * more.ln()
}

#[cfg(test)]
mod tests;
