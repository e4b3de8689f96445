//! What a text says: language, sentiment, complaint, offence, irony, emotion, by the models in `models/`, and whether
//! it waits for an answer. Two tiers: a linear model that is fast enough for everything, and an encoder that reads a text
//! as a whole. Pure: no clock, no IO, nothing learned from one text to the next. The card of each model tells what it was
//! trained on and how well it does.

mod answer;
pub mod encoder;
pub mod head;
pub mod interval;
mod language;
pub mod measure;
mod prepare;
mod range;
pub mod refit;
#[cfg(test)]
mod tests;
mod weight;

use crate::mention::{Emotion, Label, Probability, Scores, Tier};
use encoder::Encoder;
use prepare::Prepared;
use std::cell::RefCell;
use weight::{
    ANGER, COLUMNS, COMPLAINT, IRONY, JOY, NEEDS_ANSWER, NEGATIVE, NEUTRAL, OFFENSIVE, OPTIMISM, POSITIVE, SADNESS,
    Weights,
};

pub use language::Detected;
pub use prepare::CHARS_MAX;

use language::Detector;

/// The model of the fast tier, as scores name it.
pub const FAST_MODEL: &str = "fast-2";

/// Languages whose sentiment the model was trained and found useful on (the card has the figures).
pub const SENTIMENT_LANGS: [&str; 7] = ["en", "ar", "de", "es", "fr", "it", "pt"];

/// The heads beside sentiment were trained on English only.
const OTHER_LANG: &str = "en";

/// How much of the model's word is kept when the language is unknown, or known and not one it was trained on; the rest
/// of the probability is spread evenly. A third is what emoji and borrowed words deserve.
const TRUST_UNDETERMINED: f32 = 0.5;
const TRUST_UNTRAINED: f32 = 0.3;

/// Both tiers' `needs_answer` is calibrated on texts of which 73 in 100 wait for an answer. Of what is said of a brand we
/// take one in four to: the log-odds of that less those of the other.
const NEEDS_ANSWER_SHIFT: f32 = -2.09;

/// How much of the second tier's sentiment is the encoder's word, in English and elsewhere. Its pieces are English: where
/// they are not, letter n-grams know as much, and both together more than either (figures in the card).
const ENCODER_SHARE: f32 = 1.0;
const ENCODER_SHARE_FOREIGN: f32 = 0.5;

static WEIGHTS: &[u8] = include_bytes!("../../models/fast-2/weights.bin");
static MANIFEST: &str = include_str!("../../models/fast-2/manifest.toml");

thread_local! {
    static SCRATCH: RefCell<Prepared> = RefCell::default();
}

/// The scorer with its weights loaded; cheap to share.
pub struct Classifier {
    weights: Weights,
    detector: Detector,
    encoder: Option<Encoder>,
}

/// What the heads of a tier say of a text: calibrated logits, of sentiment and emotion in the order of their classes
/// (negative, neutral, positive; anger, joy, optimism, sadness).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logits {
    pub sentiment: [f32; 3],
    pub complaint: f32,
    pub offensive: f32,
    pub irony: f32,
    pub needs_answer: f32,
    pub emotion: [f32; 4],
}

impl Logits {
    /// Side by side, in the order of the fields.
    pub fn row(&self) -> [f32; 11] {
        let Self { sentiment: [a, b, c], complaint, offensive, irony, needs_answer, emotion: [d, e, f, g] } = *self;
        [a, b, c, complaint, offensive, irony, needs_answer, d, e, f, g]
    }
}

/// The weights are not what the card says.
#[derive(Debug, thiserror::Error)]
#[error("model `{model}`: {reason}")]
pub struct BadModel {
    pub model: String,
    pub reason: String,
}

impl From<[f32; COLUMNS]> for Logits {
    fn from(columns: [f32; COLUMNS]) -> Self {
        Self {
            sentiment: [NEGATIVE, NEUTRAL, POSITIVE].map(|class| columns[class]),
            complaint: columns[COMPLAINT],
            offensive: columns[OFFENSIVE],
            irony: columns[IRONY],
            needs_answer: columns[NEEDS_ANSWER],
            emotion: [ANGER, JOY, OPTIMISM, SADNESS].map(|class| columns[class]),
        }
    }
}

impl Classifier {
    /// Loads the embedded weights of the fast tier after checking their checksum and shape.
    ///
    /// # Errors
    /// The program was built from altered weights: stop.
    pub fn load() -> Result<Self, BadModel> {
        Ok(Self { weights: Weights::parse(MANIFEST, WEIGHTS)?, detector: Detector::new(), encoder: None })
    }

    /// With the second tier, which [`Classifier::score_all`] takes from now on.
    pub fn with_encoder(self, encoder: Encoder) -> Self {
        Self { encoder: Some(encoder), ..self }
    }

    /// The second tier, where there is one.
    pub fn encoder(&self) -> Option<&Encoder> {
        self.encoder.as_ref()
    }

    /// The model that [`Classifier::score_all`] asks, as scores name it.
    pub fn model(&self) -> &str {
        self.encoder.as_ref().map_or(FAST_MODEL, Encoder::model)
    }

    /// Scores one text by the fast tier, without a lock; empty text gives neutral with low confidence, never an error.
    /// Only the first [`CHARS_MAX`] code points count, so time is bounded.
    /// `declared`: the language the author or platform declared, a hint only.
    pub fn score(&self, text: &str, declared: Option<&str>) -> Scores {
        SCRATCH.with_borrow_mut(|prepared| {
            prepared.read(text);
            let detected = self.detector.detect(text, prepared, declared);
            let logits = Logits::from(self.weights.logits(&prepared.features));
            scores(prepared, &detected, &logits, Tier::Fast, FAST_MODEL)
        })
    }

    /// Scores texts (each with its declared language) by the best tier there is, in order, on all threads of the
    /// encoder; by the fast tier when the encoder's engine fails. `None`: the model answered what is no number, the
    /// text's scores are unknown.
    pub fn score_all(&self, texts: &[(&str, Option<&str>)]) -> Vec<Option<Scores>> {
        let plain: Vec<&str> = texts.iter().map(|(text, _)| *text).collect();
        let refined = self.encoder.as_ref().and_then(|encoder| Some((encoder, encoder.logits(&plain)?)));
        let Some((encoder, logits)) = refined else {
            return texts.iter().map(|(text, declared)| Some(self.score(text, *declared))).collect();
        };
        let scores = texts.iter().zip(logits).map(|((text, declared), logits)| {
            let known = logits.row().iter().all(|logit| logit.is_finite());
            known.then(|| self.refined(encoder, text, *declared, &logits))
        });
        scores.collect()
    }

    /// The scores of a text of which the encoder said `logits`.
    fn refined(&self, encoder: &Encoder, text: &str, declared: Option<&str>, logits: &Logits) -> Scores {
        SCRATCH.with_borrow_mut(|prepared| {
            prepared.read(text);
            let detected = self.detector.detect(text, prepared, declared);
            let fast = Logits::from(self.weights.logits(&prepared.features));
            let sentiment = pooled(logits.sentiment, fast.sentiment, share(&detected));
            scores(prepared, &detected, &Logits { sentiment, ..*logits }, Tier::Encoder, encoder.model())
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

/// How much of the sentiment is the encoder's word; the rest is the fast tier's.
fn share(detected: &Detected) -> f32 {
    if detected.lang == OTHER_LANG { ENCODER_SHARE } else { ENCODER_SHARE_FOREIGN }
}

/// Opinions pooled as logarithms. Of the logits themselves: what makes them add up to one is the same for each class.
fn pooled(one: [f32; 3], other: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|class| share * one[class] + (1.0 - share) * other[class])
}

fn scores(prepared: &Prepared, detected: &Detected, logits: &Logits, tier: Tier, model: &str) -> Scores {
    let empty = prepared.tokens.is_empty();
    let undetermined = detected.lang == language::UNDETERMINED;
    let trust = match detected.lang {
        _ if empty => 0.0,
        language::UNDETERMINED => TRUST_UNDETERMINED,
        lang if SENTIMENT_LANGS.contains(&lang) => 1.0,
        _ => TRUST_UNTRAINED,
    };
    let [negative, neutral, positive] = flatten(softmax(logits.sentiment), trust);
    let judged = !empty && (detected.lang == OTHER_LANG || undetermined && detected.latin);
    let head = |logit: f32| judged.then(|| sigmoid(logit));
    // A head where there is one for the language, else cues that are told by hand.
    let needs_answer = head(logits.needs_answer + NEEDS_ANSWER_SHIFT).unwrap_or_else(|| answer::estimate(prepared));
    let [anger, joy, optimism, sadness] = softmax(logits.emotion);
    Scores {
        lang: detected.lang.to_owned(),
        lang_p: detected.p,
        sentiment: positive - negative,
        label: label(negative, neutral, positive),
        p: Probability { negative, neutral, positive },
        needs_answer: Some(needs_answer),
        complaint: head(logits.complaint),
        offensive: head(logits.offensive),
        irony: head(logits.irony),
        emotion: judged.then_some(Emotion { anger, joy, optimism, sadness }),
        tier,
        model: model.to_owned(),
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
