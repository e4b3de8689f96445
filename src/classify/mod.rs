//! What a text says: language, sentiment, complaint, offence, irony, emotion, by the models in `models/`, and whether
//! it waits for an answer. Pure: no clock, no IO, nothing learned from one text to the next. The card of each model tells
//! what it was trained on and how well it does; `models/fast-1/card.md` is the one in use.

mod answer;
pub mod head;
pub mod interval;
mod language;
pub mod measure;
mod prepare;
pub mod refit;
#[cfg(test)]
mod tests;
mod weight;

use crate::mention::{Emotion, Label, Probability, Scores, Tier};
use prepare::Prepared;
use std::cell::RefCell;
use weight::{
    ANGER, COLUMNS, COMPLAINT, IRONY, JOY, NEGATIVE, NEUTRAL, OFFENSIVE, OPTIMISM, POSITIVE, SADNESS, Weights,
};

pub use language::Detected;
pub use prepare::CHARS_MAX;

use language::Detector;

/// The model in use, as scores name it.
pub const MODEL: &str = "fast-1";

/// Languages whose sentiment the model was trained and found useful on (the card has the figures).
pub const SENTIMENT_LANGS: [&str; 7] = ["en", "ar", "de", "es", "fr", "it", "pt"];

/// The heads beside sentiment were trained on English only.
const OTHER_LANG: &str = "en";

/// How much of the model's word is kept when the language is unknown, or known and not one it was trained on; the rest
/// of the probability is spread evenly. A third is what emoji and borrowed words deserve.
const TRUST_UNDETERMINED: f32 = 0.5;
const TRUST_UNTRAINED: f32 = 0.3;

static WEIGHTS: &[u8] = include_bytes!("../../models/fast-1/weights.bin");
static MANIFEST: &str = include_str!("../../models/fast-1/manifest.toml");

thread_local! {
    static SCRATCH: RefCell<Prepared> = RefCell::default();
}

/// The scorer with its weights loaded; cheap to share, `score` takes no lock.
pub struct Classifier {
    weights: Weights,
    detector: Detector,
}

/// The weights are not what the card says.
#[derive(Debug, thiserror::Error)]
#[error("model `{model}`: {reason}")]
pub struct BadModel {
    pub model: String,
    pub reason: String,
}

impl Classifier {
    /// Loads the embedded weights after checking their checksum and shape.
    ///
    /// # Errors
    /// The program was built from altered weights: stop.
    pub fn load() -> Result<Self, BadModel> {
        Ok(Self { weights: Weights::parse(MANIFEST, WEIGHTS)?, detector: Detector::new() })
    }

    /// Scores one text; empty text gives neutral with low confidence, never an error. Only the first
    /// [`CHARS_MAX`] code points count, so time is bounded.
    /// `declared`: the language the author or platform declared, a hint only.
    pub fn score(&self, text: &str, declared: Option<&str>) -> Scores {
        SCRATCH.with_borrow_mut(|prepared| {
            prepared.read(text);
            let detected = self.detector.detect(text, prepared, declared);
            let logits = self.weights.logits(&prepared.features);
            scores(prepared, &detected, &logits)
        })
    }

    /// The language alone.
    pub fn language(&self, text: &str, declared: Option<&str>) -> Detected {
        SCRATCH.with_borrow_mut(|prepared| {
            prepared.read(text);
            self.detector.detect(text, prepared, declared)
        })
    }

    /// The raw answers of the linear model, calibrated logits in the order of the columns of `weight`. For measuring.
    pub fn logits(&self, text: &str) -> [f32; COLUMNS] {
        SCRATCH.with_borrow_mut(|prepared| {
            prepared.read(text);
            self.weights.logits(&prepared.features)
        })
    }
}

fn scores(prepared: &Prepared, detected: &Detected, logits: &[f32; COLUMNS]) -> Scores {
    let empty = prepared.tokens.is_empty();
    let undetermined = detected.lang == language::UNDETERMINED;
    let trust = match detected.lang {
        _ if empty => 0.0,
        language::UNDETERMINED => TRUST_UNDETERMINED,
        lang if SENTIMENT_LANGS.contains(&lang) => 1.0,
        _ => TRUST_UNTRAINED,
    };
    let [negative, neutral, positive] = flatten(softmax([logits[NEGATIVE], logits[NEUTRAL], logits[POSITIVE]]), trust);
    let judged = !empty && (detected.lang == OTHER_LANG || undetermined && detected.latin);
    let head = |column: usize| judged.then(|| sigmoid(logits[column]));
    let complaint = head(COMPLAINT);
    Scores {
        lang: detected.lang.to_owned(),
        lang_p: detected.p,
        sentiment: positive - negative,
        label: label(negative, neutral, positive),
        p: Probability { negative, neutral, positive },
        needs_answer: Some(answer::estimate(prepared, complaint)),
        complaint,
        offensive: head(OFFENSIVE),
        irony: head(IRONY),
        emotion: judged.then(|| emotion(logits)),
        tier: Tier::Fast,
        model: MODEL.to_owned(),
    }
}

/// The most probable; neutral when nothing leads.
fn label(negative: f32, neutral: f32, positive: f32) -> Label {
    if negative > neutral && negative > positive {
        Label::Negative
    } else if positive > neutral && positive > negative {
        Label::Positive
    } else {
        Label::Neutral
    }
}

fn emotion(logits: &[f32; COLUMNS]) -> Emotion {
    let [anger, joy, optimism, sadness] = softmax([logits[ANGER], logits[JOY], logits[OPTIMISM], logits[SADNESS]]);
    Emotion { anger, joy, optimism, sadness }
}

fn flatten<const N: usize>(p: [f32; N], trust: f32) -> [f32; N] {
    p.map(|p| trust * p + (1.0 - trust) / N as f32)
}

fn softmax<const N: usize>(logits: [f32; N]) -> [f32; N] {
    let top = logits.iter().copied().fold(f32::MIN, f32::max);
    let raised = logits.map(|logit| (logit - top).exp());
    let sum: f32 = raised.iter().sum();
    raised.map(|value| value / sum)
}

fn sigmoid(logit: f32) -> f32 {
    (1.0 + (-logit).exp()).recip()
}
