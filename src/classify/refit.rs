//! Fits a last layer to people's corrections, drawn towards the layer that it had: multinomial logistic regression with a
//! penalty on the distance from the old layer. How far it may go is chosen by cross-validation, and the new layer is only
//! handed out when texts that it was not fitted to say that it is better by more than chance. Pure mathematics: knows
//! nothing of the encoder whose features it gets, nor of files.

use super::interval::{Estimate, estimates};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Classes of the one head that is corrected: negative, neutral, positive.
pub const CLASSES: usize = 3;

/// Fewer tell chance from change only where the change is huge.
pub const TEXTS_MIN: usize = 100;
/// Of each class: a fifth of them must stand for it in each part of the cross-validation.
pub const CLASS_MIN: usize = 20;
/// Least share of corrections that agree with the model. People correct what is wrong; fitted to errors alone, a layer
/// unlearns what was right, and no figure over these texts would show it.
pub const AGREEING_MIN: f64 = 0.25;

/// Largest share of the texts that nobody corrected whose label may change: a layer that says otherwise of more of what
/// nobody objected to is another model, and corrections are too few to tell that it is a better one.
pub const MOVED_MAX: f64 = 0.2;

const FOLDS: u64 = 5;

/// How strongly the old layer draws, from hardly to be moved on; features are scaled to a mean square of 1. Each next is
/// a third of the one before: finer steps do not change what is chosen.
const STRENGTHS: [f64; 7] = [10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01];

/// The descent ends at a gradient this small, which no figure shows any more, or after so many steps.
const GRADIENT_MIN: f64 = 1e-5;
const STEPS_MAX: usize = 500;

/// A last layer: its logits are `weights · features + bias`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// `[classes x features]`
    pub weights: Vec<Vec<f32>>,
    pub bias: Vec<f32>,
}

/// A text that a person corrected.
#[derive(Clone, Copy, Debug)]
pub struct Row<'f> {
    /// As wide as the layer.
    pub features: &'f [f32],
    pub class: usize,
    /// Hash of the text: copies share it, and count once, with the last word said on them.
    pub group: u64,
}

/// A layer that is better, and by how much.
#[derive(Clone, Debug, PartialEq)]
pub struct Refit {
    pub layer: Layer,
    /// How strongly the old layer drew.
    pub strength: f64,
    pub trial: Trial,
    /// Share of the other texts that get another label, `0..=1`.
    pub moved: f64,
}

/// What cross-validation says; macro-recall, each text judged by a layer that was not fitted to it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Copies counted once.
    pub texts: usize,
    pub old: Estimate,
    pub new: Estimate,
    /// Of the same texts, so that it is surer than the two beside each other.
    pub gain: Estimate,
}

/// Why the old layer stays.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("{}", too_few(.0))]
    TooFew([usize; CLASSES]),
    #[error(
        "only {agreeing} of {texts} corrections agree with the model: a layer fitted to errors alone unlearns what is \
         right; confirm right labels, too"
    )]
    OnlyErrors { agreeing: usize, texts: usize },
    #[error("no better than chance: macro-recall {:.1} % so far, {:.1} % re-fitted, gain {:.1} ({:.1} to {:.1}) points",
        100.0 * .0.old.value, 100.0 * .0.new.value, 100.0 * .0.gain.value, 100.0 * .0.gain.low, 100.0 * .0.gain.high)]
    NoGain(Trial),
    #[error("it would change the label of {:.1} % of the texts that nobody corrected, more than {:.0} %",
        100.0 * .0, 100.0 * MOVED_MAX)]
    TooFar(f64),
    #[error("features or weights of another shape, or not finite")]
    BadShape,
}

fn too_few(have: &[usize; CLASSES]) -> String {
    let all: usize = have.iter().sum();
    let [negative, neutral, positive] = have;
    let missing = [("negative", negative), ("neutral", neutral), ("positive", positive)];
    let missing = missing.iter().filter(|(_, n)| **n < CLASS_MIN).map(|(name, n)| format!("{} {name}", CLASS_MIN - *n));
    let mut missing: Vec<String> = missing.collect();
    if all < TEXTS_MIN {
        missing.insert(0, format!("{} in all", TEXTS_MIN - all));
    }
    format!(
        "{all} corrected texts, copies counted once (negative {negative}, neutral {neutral}, positive {positive}); \
         {TEXTS_MIN} and {CLASS_MIN} of each are needed: {} are missing",
        missing.join(", ")
    )
}

impl Layer {
    pub fn logits(&self, features: &[f32]) -> [f64; CLASSES] {
        std::array::from_fn(|class| {
            let products = self.weights[class].iter().zip(features).map(|(w, x)| f64::from(*w) * f64::from(*x));
            f64::from(self.bias[class]) + products.sum::<f64>()
        })
    }

    /// Three rows of one width and all finite.
    pub fn is_sound(&self) -> bool {
        let width = self.weights.first().map_or(0, Vec::len);
        let finite = |row: &Vec<f32>| row.iter().all(|value| value.is_finite());
        self.weights.len() == CLASSES
            && self.bias.len() == CLASSES
            && width > 0
            && self.weights.iter().all(|row| row.len() == width && finite(row))
            && finite(&self.bias)
    }
}

/// `others`: features of texts that nobody corrected.
///
/// # Errors
/// The old layer is to stay, and why.
pub fn refit(rows: &[Row<'_>], others: &[&[f32]], old: &Layer) -> Result<Refit, Refusal> {
    let width = old.weights.first().map_or(0, Vec::len);
    let fits = |features: &[f32]| features.len() == width && features.iter().all(|x| x.is_finite());
    let row_fits = |row: &Row<'_>| row.class < CLASSES && fits(row.features);
    if !old.is_sound() || !rows.iter().all(row_fits) || !others.iter().all(|features| fits(features)) {
        return Err(Refusal::BadShape);
    }
    let rows: Vec<Row<'_>> =
        rows.iter().map(|row| (row.group, *row)).collect::<BTreeMap<_, _>>().into_values().collect();
    let mut have = [0; CLASSES];
    rows.iter().for_each(|row| have[row.class] += 1);
    if rows.len() < TEXTS_MIN || have.iter().any(|n| *n < CLASS_MIN) {
        return Err(Refusal::TooFew(have));
    }
    let texts = Texts::new(&rows, old);
    let agreeing = (0..rows.len()).filter(|row| best(&texts.old[*row]) == rows[*row].class).count();
    if (agreeing as f64) < AGREEING_MIN * rows.len() as f64 {
        return Err(Refusal::OnlyErrors { agreeing, texts: rows.len() });
    }
    let answers = texts.cross_validated();
    let trial = texts.trial(&answers);
    let chosen = texts.choose(&answers, |_| true);
    if chosen == 0 || trial.gain.low <= 0.0 {
        return Err(Refusal::NoGain(trial));
    }
    let mut shift = texts.still();
    for strength in &STRENGTHS[..chosen] {
        texts.descend(&mut shift, *strength, |_| true);
    }
    let layer = texts.layer(old, &shift);
    let moved = moved(old, &layer, others);
    if moved > MOVED_MAX {
        return Err(Refusal::TooFar(moved));
    }
    Ok(Refit { layer, strength: STRENGTHS[chosen - 1], trial, moved })
}

/// Share of texts that `new` gives another label than `old`, `0..=1`; of none, 0.
fn moved(old: &Layer, new: &Layer, texts: &[&[f32]]) -> f64 {
    let differ = |features: &&&[f32]| best(&old.logits(features)) != best(&new.logits(features));
    texts.iter().filter(differ).count() as f64 / texts.len().max(1) as f64
}

fn best(logits: &[f64; CLASSES]) -> usize {
    (1..CLASSES).fold(0, |best, class| if logits[class] > logits[best] { class } else { best })
}

fn probabilities(logits: [f64; CLASSES]) -> [f64; CLASSES] {
    let top = logits[best(&logits)];
    let raised = logits.map(|logit| (logit - top).exp());
    let sum: f64 = raised.iter().sum();
    raised.map(|value| value / sum)
}

/// By how much the layer is moved, in scaled features: `[classes x (features and 1)]`.
type Shift = [Vec<f64>; CLASSES];

/// Everything that each fit starts from.
struct Texts<'r> {
    rows: &'r [Row<'r>],
    /// Scaled to a mean square of 1, then a 1 for the bias.
    features: Vec<Vec<f64>>,
    scale: f64,
    /// Logits of the old layer.
    old: Vec<[f64; CLASSES]>,
}

/// What each layer of the cross-validation says of a text: the old one first, then one a strength. (Class, loss.)
type Answers = Vec<Vec<(usize, f64)>>;

impl<'r> Texts<'r> {
    fn new(rows: &'r [Row<'r>], old: &Layer) -> Self {
        let square = |row: &Row<'_>| row.features.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>();
        let mean = rows.iter().map(square).sum::<f64>() / rows.len() as f64;
        let scale = if mean > 0.0 { mean.sqrt().recip() } else { 1.0 };
        let scaled = |row: &Row<'_>| row.features.iter().map(|x| f64::from(*x) * scale).chain([1.0]).collect();
        let features = rows.iter().map(scaled).collect();
        Self { rows, features, scale, old: rows.iter().map(|row| old.logits(row.features)).collect() }
    }

    fn still(&self) -> Shift {
        std::array::from_fn(|_| vec![0.0; self.features[0].len()])
    }

    fn logits(&self, row: usize, shift: &Shift) -> [f64; CLASSES] {
        std::array::from_fn(|class| {
            self.old[row][class] + shift[class].iter().zip(&self.features[row]).map(|(w, x)| w * x).sum::<f64>()
        })
    }

    /// Weights under which each class counts the same, adding up to 1 over the rows `within`.
    fn weights(&self, within: impl Fn(usize) -> bool) -> Vec<f64> {
        let mut counts = [0_usize; CLASSES];
        let inside: Vec<usize> = (0..self.rows.len()).filter(|row| within(*row)).collect();
        inside.iter().for_each(|row| counts[self.rows[*row].class] += 1);
        let met = counts.iter().filter(|count| **count > 0).count().max(1);
        let mut weights = vec![0.0; self.rows.len()];
        for row in inside {
            weights[row] = 1.0 / (met * counts[self.rows[row].class]) as f64;
        }
        weights
    }

    /// Moves `shift` to where the loss over the rows `within` and the draw of the old layer are in balance. Nesterov's
    /// descent: the loss is smooth, and `strength` makes it strongly convex. Source: Nesterov 2004, 2.2.1.
    fn descend(&self, shift: &mut Shift, strength: f64, within: impl Fn(usize) -> bool) {
        let weights = self.weights(within);
        let square = |row: usize| self.features[row].iter().map(|x| x * x).sum::<f64>();
        let steepest = strength + 0.5 * (0..weights.len()).map(|row| weights[row] * square(row)).sum::<f64>();
        let root = (strength / steepest).sqrt();
        let momentum = (1.0 - root) / (1.0 + root);
        let mut ahead = shift.clone();
        for _ in 0..STEPS_MAX {
            let gradient = self.gradient(&ahead, strength, &weights);
            if gradient.iter().flatten().map(|g| g * g).sum::<f64>().sqrt() < GRADIENT_MIN {
                break;
            }
            for class in 0..CLASSES {
                for (at, g) in gradient[class].iter().enumerate() {
                    let next = ahead[class][at] - g / steepest;
                    ahead[class][at] = next + momentum * (next - shift[class][at]);
                    shift[class][at] = next;
                }
            }
        }
    }

    fn gradient(&self, shift: &Shift, strength: f64, weights: &[f64]) -> Shift {
        let mut gradient: Shift = shift.clone().map(|row| row.into_iter().map(|w| strength * w).collect());
        for (row, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            let p = probabilities(self.logits(row, shift));
            for (class, gradient) in gradient.iter_mut().enumerate() {
                let pull = weight * (p[class] - if self.rows[row].class == class { 1.0 } else { 0.0 });
                gradient.iter_mut().zip(&self.features[row]).for_each(|(g, x)| *g += pull * x);
            }
        }
        gradient
    }

    fn fold(&self, row: usize) -> u64 {
        self.rows[row].group % FOLDS
    }

    fn cross_validated(&self) -> Answers {
        let mut answers = vec![vec![(0, 0.0); STRENGTHS.len() + 1]; self.rows.len()];
        for fold in 0..FOLDS {
            let mut shift = self.still();
            for layer in 0..=STRENGTHS.len() {
                if layer > 0 {
                    self.descend(&mut shift, STRENGTHS[layer - 1], |row| self.fold(row) != fold);
                }
                for row in (0..self.rows.len()).filter(|row| self.fold(*row) == fold) {
                    let logits = self.logits(row, &shift);
                    let loss = -probabilities(logits)[self.rows[row].class].max(f64::MIN_POSITIVE).ln();
                    answers[row][layer] = (best(&logits), loss);
                }
            }
        }
        answers
    }

    /// The layer with the least loss over the rows `within`; of equals, the one nearer to the old.
    fn choose(&self, answers: &Answers, within: impl Fn(usize) -> bool) -> usize {
        let weights = self.weights(within);
        let loss = |layer: usize| -> f64 { answers.iter().zip(&weights).map(|(answer, w)| w * answer[layer].1).sum() };
        let losses: Vec<f64> = (0..=STRENGTHS.len()).map(loss).collect();
        (1..losses.len()).fold(0, |best, layer| if losses[layer] < losses[best] { layer } else { best })
    }

    /// Each text by the layer that the other folds choose, so that the choice is not flattered by it either.
    fn trial(&self, answers: &Answers) -> Trial {
        let mut chosen = [0; FOLDS as usize];
        for (fold, chosen) in (0..FOLDS).zip(&mut chosen) {
            *chosen = self.choose(answers, |row| self.fold(row) != fold);
        }
        let mut tables = [[0.0; 2]; 2].map(|_| vec![vec![0.0; 2]; CLASSES]);
        let mut change = vec![vec![0.0; 3]; CLASSES];
        for (row, answer) in answers.iter().enumerate() {
            let class = self.rows[row].class;
            let right = [0, chosen[self.fold(row) as usize]].map(|layer| answer[layer].0 == class);
            for (table, right) in tables.iter_mut().zip(right) {
                table[class][usize::from(right)] += 1.0;
            }
            change[class][1 + usize::from(right[1]) - usize::from(right[0])] += 1.0;
        }
        let mean = |part: fn(&[f64]) -> f64| {
            move |table: &[Vec<f64>]| {
                let share = |row: &Vec<f64>| part(row) / row.iter().sum::<f64>();
                [table.iter().map(share).sum::<f64>() / CLASSES as f64]
            }
        };
        let [old, new] = tables.map(|table| estimates(&table, mean(|row| row[1]))[0]);
        let gain = estimates(&change, mean(|row| row[2] - row[0]))[0];
        Trial { texts: self.rows.len(), old, new, gain }
    }

    fn layer(&self, old: &Layer, shift: &Shift) -> Layer {
        let mut layer = old.clone();
        for (class, shift) in shift.iter().enumerate() {
            let (bias, weights) = shift.split_last().unwrap_or((&0.0, &[]));
            layer.bias[class] += *bias as f32;
            for (weight, moved) in layer.weights[class].iter_mut().zip(weights) {
                *weight += (moved * self.scale) as f32;
            }
        }
        layer
    }
}

#[cfg(test)]
mod tests;
