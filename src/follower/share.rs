//! How many of a set of followers are spam, with a 90 % interval. Not a count over a threshold: where spam is rare, that
//! counts more people than spam. The likelihoods of the set are a mixture of two histograms, those that the model gave to
//! genuine and to spam profiles when it was measured, and the share is how they must be mixed.
//!
//! The measured histograms come from few profiles, so they are free to move as far as their own counts allow: the
//! interval holds every share for which some pair of histograms explains both what was measured and what is seen
//! (profile likelihood). And other spam is easier or harder to tell than the measured, as other people are: both
//! histograms may lean. Newcomers and people who never post are as genuine as others, so people lean for free; spam that
//! looks like people has a price. What leans was not measured, so its histogram counts for few profiles. Sources: Murphy
//! and van der Vaart, On Profile Likelihood, 2000; Barlow and Beeston, Fitting using finite Monte Carlo samples, 1993.

mod mixture;

use mixture::Mixture;
use serde::{Deserialize, Serialize};

/// Of chi-square with one degree of freedom: twice the log-likelihood may fall by so much within a 90 % interval.
const DROP_90: f64 = 2.7055;
/// Followers beyond which more of them make nothing surer: what is left is how far the set is like what was measured. By
/// simulation, with spam of other styles.
const WORTH_MAX: f64 = 1_000.0;
/// Halvings of the interval 0..=1, for five digits, and for three while a lean is only tried.
const HALVINGS: usize = 17;
const HALVINGS_TRIED: usize = 10;
/// How much likelier people may look than the measured, in log-odds. On average the labelled newcomers lean by 1.6, those
/// who follow five times as many as follow them by 2.3, those who never post by 3.
const LEANS_PEOPLE: [f64; 5] = [0.0, 1.0, 1.5, 2.0, 3.0];
/// The same of spam, and how wide its histogram is then: one style of it scatters less than all styles together. Labelled
/// spam without posts leans by 1.9, that with more than 500 followers by -1.7, that with 10 posts and more by -3.1.
const LEANS_SPAM: [(f64, f64); 6] = [(0.0, 1.0), (0.0, 0.75), (-1.5, 0.75), (1.5, 0.75), (-3.0, 0.75), (3.0, 0.75)];
/// One standard deviation of the lean of spam that is expected beforehand: what a lean costs.
const LEAN_SPAM: f64 = 1.0;
/// Profiles that a leant histogram counts for: kinds differ in more than where they lie. By simulation, see the card.
const LEANT_WORTH: f64 = 30.0;
/// The outermost bins end nowhere: log-odds of most of their profiles lie within so much of the inner edge.
const OUTER: f64 = 2.0;
/// Of the standard normal distribution: a set that is stranger than all but one in a thousand is not what was measured.
const STRANGE: f64 = 3.09;
/// Least part of a measured histogram that a bound from its tail may rest on; less is a handful of profiles.
const TAIL_MIN: f64 = 0.05;

/// How the model's likelihoods fell on profiles whose truth is known and that it was not fitted to.
#[derive(Clone, Debug)]
pub struct Rates {
    edges: Vec<f64>,
    /// The edges as log-odds, the outermost in place of the infinite: `[bins + 1]`.
    log_odds: Vec<f64>,
    /// `[bins]`, with the doubt of one profile spread over them, so that nothing is impossible.
    genuine: Vec<f64>,
    spam: Vec<f64>,
}

/// Why rates cannot be used.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum RatesError {
    #[error("edges of likelihood bins must rise from 0 to 1, with one between at least, got {0:?}")]
    Edges(Vec<f64>),
    #[error("{edges} edges need {} counts, got {counts}", .edges - 1)]
    Counts { edges: usize, counts: usize },
    #[error("no {0} profile was measured")]
    Nobody(&'static str),
}

/// The likelihoods of a set of followers, counted by bin. Sets that share nobody add up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// `[bins]`
    pub counts: Vec<u64>,
    /// Followers whose profile could not be had.
    pub unknown: u64,
}

/// The share of spam among the followers whose profiles are known, `0..=1` each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// What explains the set best. With nobody known, the middle of the interval, which says nothing.
    pub spam: f64,
    /// Ends of the 90 % interval.
    pub low: f64,
    pub high: f64,
    pub known: u64,
    pub unknown: u64,
    /// The set is no mixture of what was measured: other spam, or other people. The interval is then as wide as both.
    pub strange: bool,
}

impl Share {
    /// With followers beside them of whom people said that they are spam, or not: these are certain.
    pub fn with_said(self, (spam, people): (usize, usize)) -> Self {
        let said = spam + people;
        if said == 0 {
            return self;
        }
        let whole = self.known + said as u64;
        let with = |share: f64| (share * self.known as f64 + spam as f64) / whole as f64;
        Self { spam: with(self.spam), low: with(self.low), high: with(self.high), known: whole, ..self }
    }
}

impl Rates {
    /// `edges`: `[bins + 1]`, rising from 0 to 1, of two bins at least. `genuine` and `spam`: `[bins]` profiles.
    ///
    /// # Errors
    /// Refuses edges that do not rise, counts that do not fit them, and a kind of which nobody was measured.
    pub fn new(edges: &[f64], genuine: &[u64], spam: &[u64]) -> Result<Self, RatesError> {
        let rise = edges.windows(2).all(|pair| pair[0] < pair[1]);
        if edges.len() < 3 || !rise || edges.first() != Some(&0.0) || edges.last() != Some(&1.0) {
            return Err(RatesError::Edges(edges.to_vec()));
        }
        for (name, counts) in [("genuine", genuine), ("spam", spam)] {
            if counts.len() + 1 != edges.len() {
                return Err(RatesError::Counts { edges: edges.len(), counts: counts.len() });
            }
            if counts.iter().all(|count| *count == 0) {
                return Err(RatesError::Nobody(name));
            }
        }
        let mut log_odds: Vec<f64> = edges.iter().map(|edge| (edge / (1.0 - edge)).ln()).collect();
        let last = log_odds.len() - 1;
        (log_odds[0], log_odds[last]) = (log_odds[1] - OUTER, log_odds[last - 1] + OUTER);
        let doubt = 1.0 / genuine.len() as f64;
        let counts = |counts: &[u64]| counts.iter().map(|count| *count as f64 + doubt).collect();
        Ok(Self { edges: edges.to_vec(), log_odds, genuine: counts(genuine), spam: counts(spam) })
    }

    /// Counts likelihoods of spam, `0..=1`; `None` and what is no number for a profile that could not be had.
    pub fn histogram(&self, likelihoods: impl IntoIterator<Item = Option<f64>>) -> Histogram {
        let mut histogram = Histogram { counts: vec![0; self.genuine.len()], unknown: 0 };
        for likelihood in likelihoods {
            match likelihood.filter(|likelihood| !likelihood.is_nan()) {
                Some(likelihood) => histogram.counts[self.bin(likelihood)] += 1,
                None => histogram.unknown += 1,
            }
        }
        histogram
    }

    /// The bin of a likelihood; an edge belongs to the bin above it.
    pub fn bin(&self, likelihood: f64) -> usize {
        let inner = &self.edges[1..self.edges.len() - 1];
        inner.partition_point(|edge| *edge <= likelihood)
    }

    /// The share of spam in a set that these rates counted. Takes the same time for any number of followers.
    pub fn share(&self, set: &Histogram) -> Share {
        let known = set.known();
        let worth = (WORTH_MAX / known.max(1) as f64).min(1.0);
        let mut counts: Vec<f64> = set.counts.iter().map(|count| *count as f64 * worth).collect();
        counts.resize(self.genuine.len(), 0.0);
        let mut share = Share { spam: 0.5, low: 0.0, high: 1.0, known, unknown: set.unknown, strange: false };
        if known == 0 {
            return share;
        }
        let leans = self.leans(&counts);
        let Some(best) = leans.iter().max_by(|a, b| a.value.total_cmp(&b.value)) else { return share };
        share.spam = best.mixture(&counts).top(HALVINGS);
        (share.low, share.high) = (share.spam, share.spam);
        let floor = best.value - self.drop(best.value);
        for lean in leans.iter().filter(|lean| lean.value >= floor) {
            let mut mixture = lean.mixture(&counts);
            let mut inside = |spam| lean.price + mixture.at(spam).value >= floor;
            // A likelihood rises to its top and falls from it: what it adds begins at the top, or beyond what is covered.
            let (low, high) = (share.low.min(lean.top), share.high.max(lean.top));
            if inside(low) {
                share.low = if inside(0.0) { 0.0 } else { halve(0.0, low, HALVINGS, |spam| !inside(spam)) };
            }
            if inside(high) {
                share.high = if inside(1.0) { 1.0 } else { halve(high, 1.0, HALVINGS, inside) };
            }
        }
        share.strange = self.is_strange(-2.0 * best.value);
        if share.strange {
            let (other_people, other_spam) = self.bounds(&counts);
            share.low = share.low.min(other_people).min(other_spam);
            share.high = share.high.max(other_people).max(other_spam);
        }
        share
    }

    /// All leans that may matter, each with its best share and what that is worth.
    fn leans(&self, counts: &[f64]) -> Vec<Lean> {
        let spam =
            LEANS_SPAM.iter().map(|(by, wide)| ((by / LEAN_SPAM).powi(2) / 2.0, self.leant(&self.spam, *by, *wide)));
        let people: Vec<Vec<f64>> = LEANS_PEOPLE.iter().map(|by| self.leant(&self.genuine, *by, 1.0)).collect();
        let mut leans: Vec<Lean> = Vec::new();
        let mut best = f64::NEG_INFINITY;
        // Cheapest first.
        for (price, spam) in spam {
            // Even if it explained everything, it would be out.
            if -price < best - self.drop(best) {
                break;
            }
            for genuine in &people {
                let (genuine, spam) = (genuine.clone(), spam.clone());
                let mut mixture = Mixture::new(&genuine, &spam, counts);
                let top = mixture.top(HALVINGS_TRIED);
                let price = -price - mixture.full();
                let value = price + mixture.at(top).value;
                best = best.max(value);
                leans.push(Lean { genuine, spam, price, top, value });
            }
        }
        leans
    }

    /// A measured histogram with its log-odds drawn together to `wide` times their spread, and then moved by `by`. Within
    /// a bin they are taken to lie evenly.
    fn leant(&self, measured: &[f64], by: f64, wide: f64) -> Vec<f64> {
        if (by, wide) == (0.0, 1.0) {
            return measured.to_vec();
        }
        let (parts, last) = (normal(measured), measured.len() - 1);
        let bins = || self.log_odds.windows(2).zip(&parts);
        let mean: f64 = bins().map(|(bin, part)| f64::midpoint(bin[0], bin[1]) * part).sum();
        let moved = |log_odds: f64| mean + (log_odds - mean) * wide + by;
        let leant = (0..=last).map(|to| {
            let low = if to == 0 { f64::NEG_INFINITY } else { self.log_odds[to] };
            let high = if to == last { f64::INFINITY } else { self.log_odds[to + 1] };
            let held = bins().map(|(bin, part)| {
                let (from, until) = (moved(bin[0]), moved(bin[1]));
                part * (until.min(high) - from.max(low)).max(0.0) / (until - from)
            });
            // With the doubt of one profile, as in the measured.
            held.sum::<f64>() * LEANT_WORTH.min(measured.iter().sum()) + 1.0 / parts.len() as f64
        });
        leant.collect()
    }

    /// How far the log-likelihood may fall within the interval; further where even the best explanation is a poor one.
    fn drop(&self, best: f64) -> f64 {
        let excess = -2.0 * best / self.freedom();
        DROP_90 / 2.0 * if excess.is_finite() { excess.max(1.0) } else { 1.0 }
    }

    /// What bins can tell beyond the two histograms and the share.
    fn freedom(&self) -> f64 {
        (self.genuine.len() as f64 - 2.0).max(1.0)
    }

    /// How likely each bin is spam, `0..=1`, in a set of which this share is.
    pub fn posterior(&self, spam: f64) -> Vec<f64> {
        let (genuine, of_spam) = (normal(&self.genuine), normal(&self.spam));
        let both = genuine.iter().zip(&of_spam);
        both.map(|(genuine, of_spam)| spam * of_spam / ((1.0 - spam) * genuine + spam * of_spam)).collect()
    }

    /// Whether a deviance is above what chance leaves, by the cube root of chi-square (Wilson and Hilferty).
    fn is_strange(&self, deviance: f64) -> bool {
        let spread = 2.0 / (9.0 * self.freedom());
        deviance > self.freedom() * (1.0 - spread + STRANGE * spread.sqrt()).powi(3)
    }

    /// Shares of spam in a set that neither mixture explains: if the spam is as measured and the people are others, and
    /// if the people are as measured and the spam is other.
    fn bounds(&self, counts: &[f64]) -> (f64, f64) {
        let set = normal(counts);
        // The most of a known kind that a set can hold: in no tail more than is there.
        let most = |known: &[f64], set: &mut dyn Iterator<Item = f64>| {
            let (mut of_known, mut of_set, mut most) = (0.0, 0.0, 1.0_f64);
            for (known, set) in known.iter().zip(set) {
                of_known += known;
                of_set += set;
                if of_known >= TAIL_MIN {
                    most = most.min(of_set / of_known);
                }
            }
            most
        };
        let mut spam = normal(&self.spam);
        spam.reverse();
        let spam = most(&spam, &mut set.iter().rev().copied());
        let genuine = most(&normal(&self.genuine), &mut set.iter().copied());
        (spam, 1.0 - genuine)
    }
}

impl Histogram {
    pub fn known(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub fn add(&mut self, other: &Self) {
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.unknown += other.unknown;
    }
}

/// The measured histograms as they are when both lean in some way.
struct Lean {
    /// `[bins]`
    genuine: Vec<f64>,
    spam: Vec<f64>,
    /// Added to a log-likelihood: how unlikely the lean is beforehand, less what histograms of their own would reach.
    price: f64,
    /// The share that explains the set best, to three digits.
    top: f64,
    /// Log-likelihood there, with the price: 0 would be a perfect explanation.
    value: f64,
}

impl Lean {
    fn mixture<'c>(&'c self, counts: &'c [f64]) -> Mixture<'c> {
        Mixture::new(&self.genuine, &self.spam, counts)
    }
}

/// Where `below` turns from true to false between `low` and `high`.
fn halve(mut low: f64, mut high: f64, times: usize, mut below: impl FnMut(f64) -> bool) -> f64 {
    for _ in 0..times {
        let middle = f64::midpoint(low, high);
        *(if below(middle) { &mut low } else { &mut high }) = middle;
    }
    f64::midpoint(low, high)
}

fn normal(counts: &[f64]) -> Vec<f64> {
    let sum: f64 = counts.iter().sum();
    counts.iter().map(|count| count / sum).collect()
}

#[cfg(test)]
mod tests;
