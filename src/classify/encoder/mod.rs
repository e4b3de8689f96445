//! The second tier: a small encoder that reads a text as a whole, with a linear head for each question over the mean of
//! its tokens. `models/text-1/card.md` tells what it was trained on and how well it does. Text to pieces in `piece`, pieces
//! to a mean by an engine, mean to logits here, so that every engine shares pieces and heads.

mod file;
mod letter;
mod pass;
mod piece;
mod row;
#[cfg(test)]
mod tests;
mod token;
#[cfg(feature = "rust-bert")]
mod torch;

use super::refit::Layer;
use super::{BadModel, Logits};
use file::{Manifest, Tensors};
use pass::Embedded;
use piece::{Pieces, Scratch};

/// Numbers of a token's vector.
pub const WIDTH: usize = 384;
/// What an engine makes of a text: the mean of the last layer over its tokens.
pub type Mean = [f32; WIDTH];

const SENTIMENT_CLASSES: usize = 3;

/// The file of weights that the program runs on, and the one for other engines and for comparison.
pub const INT8: &str = "int8.safetensors";
pub const FULL: &str = "model.safetensors";
/// The file of pieces.
pub const VOCABULARY: &str = "vocab.txt";

/// What turns pieces into means.
pub trait Engine: Send + Sync {
    /// A mean a post, in order. `posts`: numbers of pieces, 2 to 128 each. `None`: the engine failed,
    /// and has said why in the log.
    fn means(&self, posts: &[&[u32]]) -> Option<Vec<Mean>>;
}

/// A loaded model.
pub struct Encoder {
    model: String,
    checksum: String,
    pieces: Pieces,
    heads: Heads,
    engine: Box<dyn Engine>,
}

/// The contents of a model's folder.
pub struct Folder<'a> {
    pub manifest: &'a str,
    pub vocabulary: &'a str,
    /// [`INT8`] or [`FULL`].
    pub name: &'a str,
    pub weights: &'a [u8],
}

impl Folder<'static> {
    /// The model inside the program.
    pub const EMBEDDED: Self = Self {
        manifest: include_str!("../../../models/text-1/manifest.toml"),
        vocabulary: include_str!("../../../models/text-1/vocab.txt"),
        name: INT8,
        weights: include_bytes!("../../../models/text-1/int8.safetensors"),
    };
}

impl Encoder {
    /// `threads`: how many posts are worked on side by side, 1 or more.
    ///
    /// # Errors
    /// The files are not those of the manifest, or none of an encoder of this shape: what was expected and what was found.
    pub fn open(folder: &Folder<'static>, threads: usize) -> Result<Self, BadModel> {
        Self::over(folder, |tensors| Ok(Box::new(Embedded::new(tensors, threads)?)))
    }

    /// Computed by libtorch. `threads`: of libtorch in all of this process, 1 or more; they matter where there is no GPU.
    ///
    /// # Errors
    /// As [`Encoder::open`], and for weights other than [`FULL`].
    #[cfg(feature = "rust-bert")]
    pub fn open_torch(folder: &Folder<'_>, threads: usize) -> Result<Self, BadModel> {
        Self::over(folder, |tensors| Ok(Box::new(torch::Torch::new(tensors, threads)?)))
    }

    fn over<'a>(
        folder: &Folder<'a>,
        engine: impl FnOnce(&Tensors<'a>) -> Result<Box<dyn Engine>, String>,
    ) -> Result<Self, BadModel> {
        let manifest = Manifest::parse(folder.manifest).map_err(|reason| bad("unknown", reason))?;
        let model = manifest.model.clone();
        let open = || {
            manifest.check(VOCABULARY, folder.vocabulary.as_bytes())?;
            let checksum = manifest.check(folder.name, folder.weights)?.to_owned();
            let in_weights = |reason| format!("{}: {reason}", folder.name);
            let tensors = Tensors::parse(folder.weights).map_err(in_weights)?;
            let pieces = Pieces::new(folder.vocabulary).map_err(|reason| format!("{VOCABULARY}: {reason}"))?;
            if pieces.len() != tensors.pieces() {
                return Err(format!("{VOCABULARY} has {} pieces, {} {}", pieces.len(), folder.name, tensors.pieces()));
            }
            let heads = Heads::read(&tensors).map_err(in_weights)?;
            let engine = engine(&tensors).map_err(in_weights)?;
            Ok(Self { model: manifest.model, checksum, pieces, heads, engine })
        };
        open().map_err(|reason| bad(&model, reason))
    }

    /// The name under which scores know it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Of its weights, as the manifest gives it.
    pub fn checksum(&self) -> &str {
        &self.checksum
    }

    /// The last layer of sentiment: the softmax of its logits is what it says.
    pub fn sentiment(&self) -> Layer {
        let rows = self.heads.weight.chunks_exact(WIDTH).take(SENTIMENT_CLASSES).map(<[f32]>::to_vec);
        Layer { weights: rows.collect(), bias: self.heads.bias[..SENTIMENT_CLASSES].to_vec() }
    }

    /// With another last layer of sentiment; scores name the whole `model`.
    ///
    /// # Errors
    /// The layer is of another shape.
    pub fn with_sentiment(mut self, layer: &Layer, model: String) -> Result<Self, BadModel> {
        let weight = layer.weights.concat();
        if weight.len() != SENTIMENT_CLASSES * WIDTH || layer.bias.len() != SENTIMENT_CLASSES {
            let expected = format!("expected a layer of {SENTIMENT_CLASSES} x {WIDTH}, found {} weights", weight.len());
            return Err(bad(&model, expected));
        }
        self.heads.weight[..weight.len()].copy_from_slice(&weight);
        self.heads.bias[..SENTIMENT_CLASSES].copy_from_slice(&layer.bias);
        Ok(Self { model, ..self })
    }

    /// A mean a text, in order. Only the first 2,000 code points of a text count, of those the first 126 pieces. `None`:
    /// the engine failed.
    pub fn means(&self, texts: &[&str]) -> Option<Vec<Mean>> {
        let (mut ids, mut scratch) = (Vec::new(), Scratch::default());
        let mut ends = Vec::with_capacity(texts.len());
        for text in texts {
            ids.extend_from_slice(self.pieces.ids(text, &mut scratch));
            ends.push(ids.len());
        }
        let mut start = 0;
        let posts: Vec<&[u32]> = ends.iter().map(|end| &ids[std::mem::replace(&mut start, *end)..*end]).collect();
        self.engine.means(&posts)
    }

    /// Calibrated logits a text, in order. `None`: the engine failed.
    pub fn logits(&self, texts: &[&str]) -> Option<Vec<Logits>> {
        Some(self.means(texts)?.iter().map(|mean| self.heads.logits(mean)).collect())
    }
}

fn bad(model: &str, reason: String) -> BadModel {
    BadModel { model: model.to_owned(), reason }
}

/// The heads side by side: a row of weights and a bias for each logit.
#[derive(Clone, Debug)]
struct Heads {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Heads {
    /// By name, with their classes; sentiment is the first.
    const ALL: [(&'static str, usize); 6] = [
        ("sentiment", SENTIMENT_CLASSES),
        ("complaint", 1),
        ("offensive", 1),
        ("irony", 1),
        ("needs_answer", 1),
        ("emotion", 4),
    ];

    fn read(tensors: &Tensors<'_>) -> Result<Self, String> {
        let mut heads = Self { weight: Vec::new(), bias: Vec::new() };
        for (name, classes) in Self::ALL {
            heads.weight.extend(tensors.floats(&format!("heads.{name}.weight"), &[classes, WIDTH])?);
            heads.bias.extend(tensors.floats(&format!("heads.{name}.bias"), &[classes])?);
        }
        Ok(heads)
    }

    fn logits(&self, mean: &Mean) -> Logits {
        let rows = self.weight.chunks_exact(WIDTH).zip(&self.bias);
        let mut logits = rows.map(|(row, bias)| bias + row.iter().zip(mean).map(|(w, x)| w * x).sum::<f32>());
        // As many as `ALL` has classes: `read` saw to it.
        let mut next = || logits.next().unwrap_or(f32::NAN);
        Logits {
            sentiment: std::array::from_fn(|_| next()),
            complaint: next(),
            offensive: next(),
            irony: next(),
            needs_answer: next(),
            emotion: std::array::from_fn(|_| next()),
        }
    }
}
