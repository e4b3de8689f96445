//! Section `[model]`: which local models score, and with how many threads.

use crate::classify::Classifier;
use crate::classify::encoder::{Encoder, Folder};
use crate::model as fitted;
use crate::settings::Section;
use std::path::Path;

/// More threads than any machine that this runs on has cores.
const THREADS_MAX: i64 = 256;

/// How texts are scored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Whether the encoder scores what it keeps up with, or the fast tier everything.
    pub encoder: bool,
    /// Of the encoder.
    pub threads: usize,
}

impl Default for Model {
    fn default() -> Self {
        Self { encoder: true, threads: std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

impl Model {
    pub fn read(root: &Section<'_>) -> Self {
        let mut model = Self::default();
        if let Some(section) = root.section("model") {
            let tier = if section.has("tier") { section.one_of("tier", &["auto", "fast"]) } else { None };
            model.encoder = tier != Some("fast");
            let threads = if section.has("threads") { section.integer("threads", 1..=THREADS_MAX) } else { None };
            model.threads = threads.and_then(|threads| usize::try_from(threads).ok()).unwrap_or(model.threads);
        }
        model
    }

    /// Loads what scores, with the last layer that was fitted in `data_dir`, if any.
    ///
    /// # Errors
    /// The program was built from altered weights, or the fitted layer is damaged.
    pub fn open(&self, data_dir: Option<&Path>) -> anyhow::Result<Classifier> {
        let classifier = Classifier::load()?;
        if !self.encoder {
            return Ok(classifier);
        }
        let mut encoder = Encoder::open(&Folder::EMBEDDED, self.threads)?;
        let Some(data_dir) = data_dir else { return Ok(classifier.with_encoder(encoder)) };
        match fitted::current(data_dir, &fitted::Base::of(&encoder)) {
            Ok(None) => {}
            Ok(Some(kept)) => encoder = encoder.with_sentiment(&kept.layer, kept.model())?,
            Err(error @ fitted::Error::OtherBase { .. }) => tracing::warn!(%error, "the model's own layer holds"),
            Err(error) => return Err(error.into()),
        }
        Ok(classifier.with_encoder(encoder))
    }
}
