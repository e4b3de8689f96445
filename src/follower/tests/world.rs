//! An invented world of followers: how likely the model finds each kind of profile, and when they come. The measured
//! rates are a finite sample of it: every run draws another truth that they leave open.

use crate::follower::share::{Histogram, Rates};
use crate::follower::wave::Bin;
use jiff::Timestamp;

/// SplitMix64: the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Within `0..1`, never 0.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    pub fn normal(&mut self) -> f64 {
        let length = (-2.0 * self.uniform().ln()).sqrt();
        length * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Gamma with mean 1. By Wilson and Hilferty's cube, which is near enough for noise, and below shape 1 by a power.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * (shape + 1.0) / shape * self.uniform().powf(1.0 / shape);
        }
        let spread = 1.0 / (9.0 * shape);
        (1.0 - spread + spread.sqrt() * self.normal()).max(0.0).powi(3)
    }

    pub fn poisson(&mut self, mean: f64) -> u32 {
        if mean > 50.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u32;
        }
        let (mut count, mut left) = (0, self.uniform());
        let end = (-mean).exp();
        while left > end {
            count += 1;
            left *= self.uniform();
        }
        count
    }
}

/// A kind of profile: on how many of the labelled ones the model's likelihood fell into each of its bins, told by models
/// that did not see them.
#[derive(Clone, Copy)]
pub struct Kind(pub [u32; 10]);

/// The two that the model was measured on, as in `weights.json`.
pub const GENUINE: Kind = Kind([516, 106, 80, 54, 47, 31, 20, 12, 6, 5]);
pub const SPAM: Kind = Kind([3, 3, 0, 3, 7, 7, 9, 18, 14, 34]);
/// Spam by style: no post; more than 500 followers; 10 posts and more.
pub const EMPTY: Kind = Kind([0, 0, 0, 0, 0, 0, 2, 2, 7, 22]);
pub const AGED: Kind = Kind([3, 2, 0, 1, 2, 2, 3, 9, 4, 0]);
pub const BOUGHT_POSTS: Kind = Kind([3, 3, 0, 3, 1, 1, 1, 1, 0, 1]);
/// People who are new: fewer than 100 followers, 1 to 9 posts. And those who never post.
pub const NEWCOMERS: Kind = Kind([9, 10, 12, 9, 5, 8, 9, 3, 0, 1]);
pub const READERS: Kind = Kind([0, 0, 3, 9, 11, 5, 7, 2, 3, 4]);
/// Invented people who are as bad as they get: fewer than ten followers, hundreds followed from a list that the network
/// proposes, next to no posts.
pub const PACKED: Kind = Kind([0, 0, 1, 2, 4, 11, 17, 19, 20, 26]);

/// What a kind may be in truth: the labelled ones are a few of it.
#[derive(Clone, Copy)]
pub struct Truth([f64; 10]);

impl Kind {
    pub fn drawn(self, dice: &mut Dice) -> Truth {
        let mut sum = 0.0;
        let sums = self.0.map(|count| {
            let shape = f64::from(count) + 0.1;
            sum += shape * dice.gamma(shape);
            sum
        });
        Truth(sums.map(|part| part / sum))
    }
}

impl Truth {
    fn bin(&self, dice: &mut Dice) -> usize {
        let at = dice.uniform();
        self.0.iter().position(|sum| at < *sum).unwrap_or(9)
    }
}

/// Likelihoods of a set in which each follower is spam by chance.
pub fn set(dice: &mut Dice, known: usize, share: f64, people: Truth, spam: Truth) -> Histogram {
    let mut set = Histogram { counts: vec![0; 10], unknown: 0 };
    for _ in 0..known {
        let truth = if dice.uniform() < share { spam } else { people };
        set.counts[truth.bin(dice)] += 1;
    }
    set
}

/// Those of the model: the estimator knows the labelled profiles, and not the truth that they were drawn from.
pub fn rates() -> Rates {
    let counts = |kind: Kind| kind.0.map(u64::from);
    let edges = [0.0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0];
    Rates::new(&edges, &counts(GENUINE), &counts(SPAM)).unwrap()
}

/// A stream of genuine followers.
#[derive(Clone, Copy)]
pub struct Stream {
    /// Follows an hour, on average.
    pub rate: f64,
    /// Of the gamma noise of hours: the smaller, the wilder.
    pub shape: f64,
    /// Growth in a day.
    pub trend: f64,
    /// Holidays, outages of the recording.
    pub quiet_days: bool,
    pub outages: bool,
}

pub const BINS_HOUR: usize = 6;

/// 2026-01-05, a Monday.
pub const BEGIN: i64 = 1_767_571_200;

pub fn at(bin: usize) -> Timestamp {
    Timestamp::from_second(BEGIN + 600 * bin as i64).unwrap()
}

impl Stream {
    pub fn calm(rate: f64) -> Self {
        Self { rate, shape: 10.0, trend: 0.0, quiet_days: false, outages: false }
    }

    /// What is usual in an hour since the begin: six times as much in the evening as in the morning, less at weekends.
    pub fn usual(&self, hour: usize) -> f64 {
        let day = 0.9 * (std::f64::consts::TAU * (hour as f64 - 19.0) / 24.0).cos();
        let weekend = if hour / 24 % 7 >= 5 { 0.7 } else { 1.1 };
        self.rate * day.exp() / 1.21 * weekend * (1.0 + self.trend).powf(hour as f64 / 24.0)
    }

    /// Bins of ten minutes; `extra` comes on top, in times of what is usual, and does not share its noise.
    pub fn bins(&self, dice: &mut Dice, days: usize, extra: impl Fn(usize) -> f64) -> Vec<Bin> {
        let mut bins = Vec::new();
        let (mut quiet, mut out) = (false, 0);
        for hour in 0..days * 24 {
            if hour % 24 == 0 {
                quiet = self.quiet_days && dice.uniform() < 0.1;
            }
            if self.outages && out == 0 && dice.uniform() < 0.004 {
                out = if dice.uniform() < 0.2 { 48 } else { 1 + (dice.uniform() * 6.0) as usize };
            }
            let rate = self.usual(hour) * dice.gamma(self.shape) * if quiet { 0.5 } else { 1.0 };
            for part in 0..BINS_HOUR {
                let bin = hour * BINS_HOUR + part;
                let rate = rate + extra(bin) * self.usual(hour);
                let count = u64::from(dice.poisson(rate / BINS_HOUR as f64));
                let hours = 1.0 / BINS_HOUR as f64;
                bins.push(if out > 0 {
                    Bin { start: at(bin), observed: 0.0, count: 0 }
                } else {
                    Bin { start: at(bin), observed: hours, count }
                });
            }
            out = out.saturating_sub(1);
        }
        bins
    }
}

/// Who came in a stretch of time: as usual, and beyond it.
#[derive(Clone, Copy, Default)]
pub struct Came {
    pub own: u64,
    pub extra: u64,
}

impl Came {
    /// Their likelihoods; of one in twenty nothing is known.
    pub fn set(self, dice: &mut Dice, own: Truth, extra: Truth) -> Histogram {
        let mut set = Histogram { counts: vec![0; 10], unknown: 0 };
        for (count, truth) in [(self.own, own), (self.extra, extra)] {
            for _ in 0..count {
                if dice.uniform() < 0.05 {
                    set.unknown += 1;
                } else {
                    set.counts[truth.bin(dice)] += 1;
                }
            }
        }
        set
    }
}
