//! How far a figure can be trusted: draws of what the counts behind it might have been, had other texts been labelled.
//!
//! The posterior of each cell of a table of counts is a gamma variable of its count and a share of one text of doubt a
//! row (Perks' prior). Unlike drawing the texts again, it keeps a doubt where no error was seen among a few, and it takes
//! no longer for a million texts. Source: Gelman et al., Bayesian Data Analysis, 3.4; Marsaglia and Tsang 2000.

use serde::{Deserialize, Serialize};

/// Enough for the second digit of a share.
const DRAWS: usize = 10_000;
/// Of 95 %: this many draws are left out at either end.
const TAIL: usize = DRAWS / 40;
/// Fixed: the same counts give the same interval.
const SEED: u64 = 0x7265_7075_7465_6421;

/// A figure and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Figures of a table of counts, with their intervals. A row without a count stays empty: nothing is known of it.
pub fn estimates<const N: usize>(table: &[Vec<f64>], figures: impl Fn(&[Vec<f64>]) -> [f64; N]) -> [Estimate; N] {
    let mut random = Random(SEED);
    let drawn: Vec<[f64; N]> = (0..DRAWS)
        .map(|_| {
            let row = |row: &Vec<f64>| {
                let doubt = if row.iter().sum::<f64>() > 0.0 { 1.0 / row.len() as f64 } else { 0.0 };
                row.iter().map(|count| random.gamma(count + doubt)).collect()
            };
            figures(&table.iter().map(row).collect::<Vec<_>>())
        })
        .collect();
    let values = figures(table);
    std::array::from_fn(|n| {
        let mut drawn: Vec<f64> = drawn.iter().map(|figures| figures[n]).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let value = values[n];
        Estimate { value, low: drawn[TAIL].min(value), high: drawn[DRAWS - 1 - TAIL].max(value) }
    })
}

/// SplitMix64: good enough for draws, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Within `0..1`, never 0.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn gamma(&mut self, shape: f64) -> f64 {
        if shape <= 0.0 {
            return 0.0;
        }
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * self.uniform().powf(shape.recip());
        }
        let d = shape - 1.0 / 3.0;
        let c = (9.0 * d).sqrt().recip();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < x * x / 2.0 + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(yes: f64, no: f64) -> Estimate {
        estimates(&[vec![yes, no]], |table| [table[0][0] / (table[0][0] + table[0][1])])[0]
    }

    /// With two cells the prior is that of Jeffreys: the intervals are quantiles of Beta(yes + 1/2, no + 1/2).
    #[test]
    fn the_interval_of_a_share_is_the_known_one() {
        for (yes, no, low, high) in [
            (50.0, 50.0, 0.403, 0.597),
            (8.0, 2.0, 0.497, 0.956),
            (900.0, 100.0, 0.880, 0.918),
            (3.0, 297.0, 0.003, 0.026),
        ] {
            let found = share(yes, no);
            let near = |a: f64, b: f64| (a - b).abs() < 0.2 / (yes + no) + 0.003;
            assert!(near(found.low, low) && near(found.high, high), "{yes}, {no}: {found:?}");
            assert_eq!(found.value, yes / (yes + no));
        }
    }

    #[test]
    fn a_few_without_an_error_leave_a_doubt() {
        let found = share(10.0, 0.0);
        assert_eq!((found.value, found.high), (1.0, 1.0));
        assert!((0.70..0.85).contains(&found.low), "{found:?}");
        let many = share(10_000.0, 0.0);
        assert!(many.low > 0.999, "{many:?}");
        assert_eq!(share(7.0, 3.0), share(7.0, 3.0));
    }
}
