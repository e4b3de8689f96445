//! What a text says: language, sentiment, complaint, offence, irony, emotion, by the models in `models/`. Pure.

use crate::mention::Scores;

/// The scorer with its weights loaded; cheap to share, `score` takes no lock.
pub struct Classifier {}

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
        todo!("classify")
    }

    /// Scores one text; empty text gives neutral with low confidence, never an error.
    /// `declared`: the language the author or platform declared, a hint only.
    pub fn score(&self, _text: &str, _declared: Option<&str>) -> Scores {
        todo!("classify")
    }
}
