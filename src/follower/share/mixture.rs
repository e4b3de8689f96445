//! The likelihood of one share of spam, with the two histograms as they explain best what was measured and what is seen.
//! For a fixed share this is concave in both histograms, so that Newton's method finds the one best pair; the two
//! constraints, that each sums to 1, leave a system of two equations.

use super::{halve, normal};

/// Newton's method doubles the digits: more steps mean that rounding moves it.
const STEPS_MAX: usize = 60;
/// Of the log-likelihood: far below what an interval shows.
const GAIN_MIN: f64 = 1e-7;
/// Of the way to where a bin would be empty, which is infinitely unlikely.
const WAY_MAX: f64 = 0.9;

pub(super) struct Mixture<'c> {
    /// `[bins]`, all above 0.
    genuine: &'c [f64],
    spam: &'c [f64],
    set: &'c [f64],
    /// The best pair of the last share, where the search for the next begins.
    pair: Pair,
}

/// Likelihood at one share, and how it changes with the share.
pub(super) struct At {
    pub value: f64,
    pub slope: f64,
}

#[derive(Clone)]
struct Pair {
    /// `[bins]`, sum 1.
    genuine: Vec<f64>,
    spam: Vec<f64>,
}

impl<'c> Mixture<'c> {
    /// Counts by bin: measured on genuine and on spam profiles, and of the set.
    pub fn new(genuine: &'c [f64], spam: &'c [f64], set: &'c [f64]) -> Self {
        Self { genuine, spam, set, pair: Pair { genuine: normal(genuine), spam: normal(spam) } }
    }

    /// The log-likelihood of a share of spam, under the best pair of histograms.
    pub fn at(&mut self, spam: f64) -> At {
        let mut value = self.value(spam, &self.pair);
        for _ in 0..STEPS_MAX {
            let (step, gain) = self.newton(spam);
            if gain < GAIN_MIN {
                break;
            }
            let way = |from: &[f64], step: &mut dyn Iterator<Item = f64>| {
                let ways = from.iter().zip(step).filter(|(_, step)| *step < 0.0);
                ways.fold(1.0_f64, |way, (from, step)| way.min(-WAY_MAX * from / step))
            };
            let mut length = way(&self.pair.genuine, &mut step.iter().map(|step| step[0]));
            length = length.min(way(&self.pair.spam, &mut step.iter().map(|step| step[1])));
            let (next, at) = loop {
                let next = self.pair.moved(&step, length);
                let at = self.value(spam, &next);
                if at > value || length < GAIN_MIN {
                    break (next, at);
                }
                length /= 2.0;
            };
            if at <= value {
                break;
            }
            (self.pair, value) = (next, at);
        }
        let Pair { genuine, spam: of_spam } = &self.pair;
        let slopes = self.set.iter().zip(genuine).zip(of_spam).filter(|((set, _), _)| **set > 0.0);
        let slope = slopes.map(|((set, g), s)| set * (s - g) / ((1.0 - spam) * g + spam * s)).sum();
        At { value, slope }
    }

    /// The share that explains the set best.
    pub fn top(&mut self, halvings: usize) -> f64 {
        halve(0.0, 1.0, halvings, |spam| self.at(spam).slope > 0.0)
    }

    /// The log-likelihood that histograms would reach which explain every bin alone.
    pub fn full(&self) -> f64 {
        let full = |counts: &[f64]| {
            let sum: f64 = counts.iter().sum();
            counts.iter().filter(|count| **count > 0.0).map(|count| count * (count / sum).ln()).sum::<f64>()
        };
        full(self.genuine) + full(self.spam) + full(self.set)
    }

    fn value(&self, spam: f64, pair: &Pair) -> f64 {
        let bins = pair.genuine.iter().zip(&pair.spam).enumerate();
        bins.map(|(bin, (g, s))| {
            let seen = if self.set[bin] > 0.0 { self.set[bin] * ((1.0 - spam) * g + spam * s).ln() } else { 0.0 };
            self.genuine[bin] * g.ln() + self.spam[bin] * s.ln() + seen
        })
        .sum()
    }

    /// A step of both histograms, `[bins]`, and twice what it would gain if the likelihood were a parabola.
    fn newton(&self, spam: f64) -> (Vec<[f64; 2]>, f64) {
        // Of each bin: the gradient, and the inverse of the negative second derivatives, symmetric: [gg, gs, ss].
        let bins: Vec<([f64; 2], [f64; 3])> = (0..self.set.len())
            .map(|bin| {
                let (g, s) = (self.pair.genuine[bin], self.pair.spam[bin]);
                let mixed = (1.0 - spam) * g + spam * s;
                let seen = self.set[bin] / mixed;
                let (of_g, of_s) = (self.genuine[bin] / g, self.spam[bin] / s);
                let gradient = [of_g + (1.0 - spam) * seen, of_s + spam * seen];
                let (of_g, of_s, seen) = (of_g / g, of_s / s, seen / mixed);
                let (gg, gs, ss) = ((1.0 - spam).powi(2) * seen, spam * (1.0 - spam) * seen, spam * spam * seen);
                // Written out without the terms that cancel.
                let determinant = of_g * of_s + of_g * ss + of_s * gg;
                (gradient, [(of_s + ss) / determinant, -gs / determinant, (of_g + gg) / determinant])
            })
            .collect();
        let times = |[gg, gs, ss]: [f64; 3], [g, s]: [f64; 2]| [gg * g + gs * s, gs * g + ss * s];
        let (mut sum, mut way) = ([0.0; 3], [0.0; 2]);
        for (gradient, inverse) in &bins {
            let step = times(*inverse, *gradient);
            (way[0], way[1]) = (way[0] + step[0], way[1] + step[1]);
            (sum[0], sum[1], sum[2]) = (sum[0] + inverse[0], sum[1] + inverse[1], sum[2] + inverse[2]);
        }
        let determinant = sum[0] * sum[2] - sum[1] * sum[1];
        let price =
            [(sum[2] * way[0] - sum[1] * way[1]) / determinant, (sum[0] * way[1] - sum[1] * way[0]) / determinant];
        let mut gain = 0.0;
        let steps = bins.iter().map(|(gradient, inverse)| {
            let step = times(*inverse, [gradient[0] - price[0], gradient[1] - price[1]]);
            gain += gradient[0] * step[0] + gradient[1] * step[1];
            step
        });
        (steps.collect(), gain)
    }
}

impl Pair {
    fn moved(&self, step: &[[f64; 2]], length: f64) -> Self {
        let moved = |from: &[f64], kind: usize| {
            let moved: Vec<f64> = from.iter().zip(step).map(|(from, step)| from + length * step[kind]).collect();
            // Against rounding, which adds up over many steps.
            normal(&moved)
        };
        Self { genuine: moved(&self.genuine, 0), spam: moved(&self.spam, 1) }
    }
}
