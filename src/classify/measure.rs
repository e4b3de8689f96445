//! How right a model is on labelled texts: accuracy, macro-recall, macro-F1, each class, calibration; for two classes
//! also what a threshold finds. Counts and nothing else: no text, no file. `models/train/measure.py` computes the same.

use super::head::Said;
use super::interval::{Estimate, estimates};
use serde::Serialize;

/// Equal buckets of confidence.
const BUCKETS: usize = 10;

/// Of a yes; the middle one is where scores say yes.
const THRESHOLDS: [f32; 3] = [0.3, 0.5, 0.7];

/// A text that a person labelled and the model scored.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The person's class, by its index.
    pub truth: usize,
    pub said: Said,
}

/// All shares and probabilities lie in `0..=1`.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    pub n: usize,
    pub accuracy: Estimate,
    /// The mean over the classes that occur among the labels, each counted the same.
    pub macro_recall: Estimate,
    pub macro_f1: Estimate,
    /// Accuracy of saying the most frequent class always.
    pub accuracy_of_one_label: f64,
    pub classes: Vec<Class>,
    /// `[true class x said class]`
    pub confusion: Vec<Vec<usize>>,
    pub calibration: Calibration,
    /// For two classes where both occur.
    pub yes: Option<Yes>,
}

/// `None` where there is nothing to divide by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    pub class: &'static str,
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    pub f1: Option<f64>,
    /// Texts that people gave this class.
    pub n: usize,
}

/// Whether what is said with 80 % is right in 80 % of cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Expected calibration error: the mean distance of said and right.
    pub error: f64,
    /// The same with each class counted the same.
    pub error_balanced: f64,
    pub buckets: Vec<Bucket>,
}

/// With two classes, `said` is the probability of a yes and `right` the share of those that are; with more, `said` is the
/// probability of the class said and `right` how often it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bucket {
    pub low: f64,
    /// Of all texts.
    pub share: f64,
    pub said: f64,
    pub right: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Yes {
    /// How often a yes scores above a no, ties counted half.
    pub area_under_curve: f64,
    pub thresholds: Vec<Threshold>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Threshold {
    pub at: f32,
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    /// Share of all texts at or above it.
    pub flagged: f64,
}

/// `None` without a case.
pub fn measure(classes: &[&'static str], cases: &[Case]) -> Option<Measured> {
    let n = cases.len();
    if n == 0 {
        return None;
    }
    let mut confusion = vec![vec![0; classes.len()]; classes.len()];
    for case in cases {
        confusion[case.truth][case.said.class] += 1;
    }
    let counts: Vec<Vec<f64>> = confusion.iter().map(|row| row.iter().map(|count| *count as f64).collect()).collect();
    let [accuracy, macro_recall, macro_f1] = estimates(&counts, figures);
    let most = counts.iter().map(|row| row.iter().sum()).fold(0.0, f64::max);
    let classes = classes.iter().enumerate().map(|(k, class)| Class {
        class,
        precision: ratio(counts[k][k], said(&counts, k)),
        recall: ratio(counts[k][k], counts[k].iter().sum()),
        f1: ratio(2.0 * counts[k][k], counts[k].iter().sum::<f64>() + said(&counts, k)),
        n: confusion[k].iter().sum(),
    });
    Some(Measured {
        n,
        accuracy,
        macro_recall,
        macro_f1,
        accuracy_of_one_label: most / n as f64,
        classes: classes.collect(),
        calibration: calibration(&counts, cases),
        yes: if counts.len() == 2 { yes(cases) } else { None },
        confusion,
    })
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn said(table: &[Vec<f64>], class: usize) -> f64 {
    table.iter().map(|row| row[class]).sum()
}

/// Accuracy, macro-recall, macro-F1 of a table `[true x said]`.
fn figures(table: &[Vec<f64>]) -> [f64; 3] {
    let (mut right, mut all, mut recall, mut f1, mut met) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (k, row) in table.iter().enumerate() {
        let n: f64 = row.iter().sum();
        if n > 0.0 {
            right += row[k];
            all += n;
            recall += row[k] / n;
            f1 += 2.0 * row[k] / (n + said(table, k));
            met += 1.0;
        }
    }
    [right / all, recall / met, f1 / met]
}

fn calibration(counts: &[Vec<f64>], cases: &[Case]) -> Calibration {
    let met = counts.iter().filter(|row| row.iter().any(|count| *count > 0.0)).count() as f64;
    let balanced = |case: &Case| 1.0 / met / counts[case.truth].iter().sum::<f64>();
    let binary = counts.len() == 2;
    let (error, buckets) = buckets(cases, binary, |_| 1.0 / cases.len() as f64);
    Calibration { error, error_balanced: self::buckets(cases, binary, balanced).0, buckets }
}

/// The expected error, and the buckets that are not empty; the weights of all cases add up to 1.
fn buckets(cases: &[Case], binary: bool, weight: impl Fn(&Case) -> f64) -> (f64, Vec<Bucket>) {
    let mut sums = [(0.0, 0.0, 0.0); BUCKETS];
    for case in cases {
        let Said { class, p } = case.said;
        let (p, right) = if binary { (p[1], case.truth == 1) } else { (p[class], case.truth == class) };
        let (p, weight) = (f64::from(p), weight(case));
        let (share, said, true_) = &mut sums[((p * BUCKETS as f64) as usize).min(BUCKETS - 1)];
        *share += weight;
        *said += weight * p;
        *true_ += if right { weight } else { 0.0 };
    }
    let filled = sums.iter().enumerate().filter(|(_, (share, ..))| *share > 0.0);
    let buckets: Vec<Bucket> = filled
        .map(|(n, (share, said, right))| Bucket {
            low: n as f64 / BUCKETS as f64,
            share: *share,
            said: said / share,
            right: right / share,
        })
        .collect();
    (buckets.iter().map(|bucket| bucket.share * (bucket.said - bucket.right).abs()).sum(), buckets)
}

fn yes(cases: &[Case]) -> Option<Yes> {
    let mut sorted: Vec<(f32, bool)> = cases.iter().map(|case| (case.said.p[1], case.truth == 1)).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut above, mut noes) = (0.0, 0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let yes = tied.iter().filter(|(_, yes)| *yes).count() as f64;
        let no = tied.len() as f64 - yes;
        below += yes * (noes + no / 2.0);
        (above, noes) = (above + yes, noes + no);
    }
    let thresholds = THRESHOLDS.map(|at| {
        let flagged = sorted.iter().filter(|(p, _)| *p >= at).count() as f64;
        let hit = sorted.iter().filter(|(p, yes)| *p >= at && *yes).count() as f64;
        let share = flagged / sorted.len() as f64;
        Threshold { at, precision: ratio(hit, flagged), recall: ratio(hit, above), flagged: share }
    });
    Some(Yes { area_under_curve: ratio(below, above * noes)?, thresholds: thresholds.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "expected {expected}, found {found}");
    }

    fn case(truth: usize, p: &[f32]) -> Case {
        let mut all = [0.0; 4];
        all[..p.len()].copy_from_slice(p);
        let class = (0..p.len()).fold(0, |best, k| if p[k] > p[best] { k } else { best });
        Case { truth, said: Said { class, p: all } }
    }

    const THREE: [&str; 3] = ["negative", "neutral", "positive"];

    /// 4 negative (3 right, 1 said neutral), 2 neutral (1 right, 1 said positive), 2 positive (both right).
    fn worked() -> Vec<Case> {
        vec![
            case(0, &[0.95, 0.04, 0.01]),
            case(0, &[0.85, 0.1, 0.05]),
            case(0, &[0.65, 0.2, 0.15]),
            case(0, &[0.3, 0.65, 0.05]),
            case(1, &[0.1, 0.75, 0.15]),
            case(1, &[0.2, 0.25, 0.55]),
            case(2, &[0.0, 0.05, 0.95]),
            case(2, &[0.1, 0.35, 0.55]),
        ]
    }

    #[test]
    fn figures_are_those_worked_out_by_hand() {
        let found = measure(&THREE, &worked()).unwrap();
        near(found.accuracy.value, 6.0 / 8.0);
        near(found.macro_recall.value, (3.0 / 4.0 + 1.0 / 2.0 + 1.0) / 3.0);
        // Precision: 3 of 3, 1 of 2, 2 of 3.
        near(found.macro_f1.value, (6.0 / 7.0 + 2.0 / 4.0 + 4.0 / 5.0) / 3.0);
        near(found.accuracy_of_one_label, 0.5);
        assert_eq!(found.confusion, [[3, 1, 0], [0, 1, 1], [0, 0, 2]]);
        let positive = &found.classes[2];
        assert_eq!((positive.class, positive.n, positive.recall), ("positive", 2, Some(1.0)));
        near(positive.precision.unwrap(), 2.0 / 3.0);
        assert!(found.yes.is_none());
        let Estimate { value, low, high } = found.macro_recall;
        assert!(low < value - 0.1 && value < high && high < 1.0, "{low} {value} {high}");
    }

    #[test]
    fn calibration_is_that_worked_out_by_hand() {
        let found = measure(&THREE, &worked()).unwrap().calibration;
        // 0.5: said .55 twice, 1 right; 0.6: said .65 twice, 1 right; 0.7 and 0.8: one each, right; 0.9: two, right.
        let lows: Vec<f64> = found.buckets.iter().map(|bucket| bucket.low).collect();
        assert_eq!(lows, [0.5, 0.6, 0.7, 0.8, 0.9]);
        near(found.buckets[1].said, 0.65);
        near(found.buckets[1].right, 0.5);
        near(found.buckets[4].share, 0.25);
        near(found.error, (2.0 * 0.05 + 2.0 * 0.15 + 0.25 + 0.15 + 2.0 * 0.05) / 8.0);
        // A negative weighs 1/12, the others 1/6. The buckets' weights: 4, 2, 2, 1 and 3 twelfths.
        near(found.error_balanced, (4.0 * 0.05 + 2.0 * 0.15 + 2.0 * 0.25 + 0.15 + 3.0 * 0.05) / 12.0);
    }

    #[test]
    fn a_yes_is_measured_over_thresholds() {
        let two = |truth, yes: f32| case(truth, &[1.0 - yes, yes]);
        let cases = [two(1, 0.9), two(1, 0.6), two(1, 0.2), two(0, 0.6), two(0, 0.4), two(0, 0.1)];
        let found = measure(&["no", "yes"], &cases).unwrap().yes.unwrap();
        // Pairs: 0.9 beats 3; 0.6 beats 2 and ties 1; 0.2 beats 1.
        near(found.area_under_curve, 6.5 / 9.0);
        let [low, middle, high] = &found.thresholds[..] else { panic!() };
        near(low.precision.unwrap(), 2.0 / 4.0);
        near(middle.precision.unwrap(), 2.0 / 3.0);
        near(middle.recall.unwrap(), 2.0 / 3.0);
        near(high.recall.unwrap(), 1.0 / 3.0);
        near(high.flagged, 1.0 / 6.0);
        let only_yes = measure(&["no", "yes"], &cases[..3]).unwrap();
        assert!(only_yes.yes.is_none());
    }

    #[test]
    fn what_does_not_occur_has_no_figure() {
        let found = measure(&THREE, &[case(0, &[0.9, 0.1, 0.0]), case(0, &[0.1, 0.9, 0.0])]).unwrap();
        near(found.macro_recall.value, 0.5);
        let [negative, neutral, positive] = &found.classes[..] else { panic!() };
        assert_eq!((negative.precision, neutral.precision, positive.precision), (Some(1.0), Some(0.0), None));
        assert_eq!((neutral.recall, neutral.f1, positive.f1), (None, Some(0.0), None));
        assert!(measure(&THREE, &[]).is_none());
    }
}
