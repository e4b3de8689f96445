//! An invented world of followers: how likely the model finds each kind of profile, and when they come. The measured
//! rates are a finite sample of it, so that the estimator never sees the truth.

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

/// A kind of profile: mean and spread of the model's logit on it.
#[derive(Clone, Copy)]
pub struct Kind(pub f64, pub f64);

/// The two that the model was measured on: an AUC of 0.95, and about the histograms of `follower-1`.
pub const GENUINE: Kind = Kind(-5.1, 2.5);
pub const SPAM: Kind = Kind(0.5, 2.3);
/// Spam of other styles: no picture, no post; old accounts; with posts that were bought.
pub const EMPTY: Kind = Kind(2.6, 1.3);
pub const AGED: Kind = Kind(-1.4, 1.4);
pub const BOUGHT_POSTS: Kind = Kind(-2.9, 1.5);
/// People who are new to the network, of whom the model is less sure.
pub const NEWCOMERS: Kind = Kind(-2.5, 2.3);

impl Kind {
    pub fn likelihood(self, dice: &mut Dice) -> f64 {
        1.0 / (1.0 + (-(self.0 + self.1 * dice.normal())).exp())
    }
}

/// As in `follower-1`.
pub const EDGES: [f64; 11] = [0.0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0];

/// Likelihoods of a set in which each follower is spam by chance.
pub fn set(dice: &mut Dice, rates: &Rates, known: usize, share: f64, people: Kind, spam: Kind) -> Histogram {
    rates.histogram((0..known).map(|_| {
        let kind = if dice.uniform() < share { spam } else { people };
        Some(kind.likelihood(dice))
    }))
}

/// Rates measured on 877 genuine and 98 spam profiles.
pub fn rates(dice: &mut Dice) -> Rates {
    let blank = Rates::new(&EDGES, &[1; 10], &[1; 10]).unwrap();
    let genuine = set(dice, &blank, 877, 0.0, GENUINE, SPAM);
    let spam = set(dice, &blank, 98, 1.0, GENUINE, SPAM);
    Rates::new(&EDGES, &genuine.counts, &spam.counts).unwrap()
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

/// Who came in a stretch of time.
#[derive(Clone, Copy, Default)]
pub struct Came {
    pub people: u64,
    pub spam: u64,
}

impl Came {
    pub fn share(self) -> f64 {
        self.spam as f64 / (self.people + self.spam).max(1) as f64
    }

    /// Their likelihoods; of one in twenty nothing is known.
    pub fn set(self, dice: &mut Dice, rates: &Rates, people: Kind, spam: Kind) -> Histogram {
        let mut set = Histogram::default();
        for (count, kind) in [(self.people, people), (self.spam, spam)] {
            let known = (0..count).map(|_| (dice.uniform() >= 0.05).then(|| kind.likelihood(dice)));
            set.add(&rates.histogram(known.collect::<Vec<_>>()));
        }
        set
    }
}
