//! Files of a model's folder: checked against the manifest beside them, then read by tensor. The weights are in the
//! safetensors format under the names that the Hugging Face layout gives a BERT encoder, in 16 bits; or in 8 bits, where
//! each linear layer and the table of words has a scale a row beside it (`NAME_scale`), as `models/train/export.py`
//! writes them.

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

/// The table of words, a row a piece.
pub const WORDS: &str = "embeddings.word_embeddings.weight";

/// `manifest.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name under which scores know it, such as `text-1`.
    pub model: String,
    file: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    bytes: usize,
    blake3: String,
}

impl Manifest {
    /// # Errors
    /// It is no manifest.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| format!("manifest.toml: {}", error.message()))
    }

    /// Whether these are the bytes of the file that the manifest lists as `name`: then their checksum.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn check(&self, name: &str, bytes: &[u8]) -> Result<&str, String> {
        let Some(listed) = self.file.iter().find(|listed| listed.name == name) else {
            return Err(format!("manifest.toml does not list {name}"));
        };
        if bytes.len() != listed.bytes {
            return Err(format!("{name}: expected {} bytes, found {}", listed.bytes, bytes.len()));
        }
        let found = blake3::hash(bytes).to_hex();
        if found.as_str() != listed.blake3 {
            return Err(format!("{name}: expected blake3 {}, found {found}", listed.blake3));
        }
        Ok(&listed.blake3)
    }
}

/// How exact the numbers of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Products of 8-bit integers: what runs.
    Int8,
    /// 32-bit numbers: what the other is compared with.
    Full,
}

/// The tensors of one file.
pub struct Tensors<'a> {
    file: SafeTensors<'a>,
    precision: Precision,
    pieces: usize,
}

impl<'a> Tensors<'a> {
    /// # Errors
    /// It is no file of weights, or not one of an encoder.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let file =
            SafeTensors::deserialize(bytes).map_err(|error| format!("not in the safetensors format: {error}"))?;
        let words = file.tensor(WORDS).map_err(|_| format!("expected a tensor {WORDS}, found none"))?;
        let precision = if words.dtype() == Dtype::I8 { Precision::Int8 } else { Precision::Full };
        let pieces = words.shape().first().copied().unwrap_or(0);
        Ok(Self { file, precision, pieces })
    }

    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Rows of the table of words.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// Numbers of 16 or 32 bits, row by row.
    ///
    /// # Errors
    /// Missing, of another shape or kind, or not finite.
    pub fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let (kind, data) = self.data(name, shape)?;
        let values: Vec<f32> = match kind {
            Dtype::F32 => data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            Dtype::F16 => data.as_chunks().0.iter().map(|bytes| half::f16::from_le_bytes(*bytes).to_f32()).collect(),
            other => return Err(format!("{name}: expected numbers of 16 or 32 bits, found {other:?}")),
        };
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(format!("{name}: holds what is no number")),
        }
    }

    /// 8-bit integers, row by row, and the scale of each row.
    ///
    /// # Errors
    /// Missing, or of another shape or kind.
    pub fn scaled(&self, name: &str, shape: &[usize]) -> Result<(&'a [i8], Vec<f32>), String> {
        let (kind, data) = self.data(name, shape)?;
        if kind != Dtype::I8 {
            return Err(format!("{name}: expected 8-bit integers, found {kind:?}"));
        }
        Ok((bytemuck::cast_slice(data), self.floats(&format!("{name}_scale"), &shape[..1])?))
    }

    fn data(&self, name: &str, shape: &[usize]) -> Result<(Dtype, &'a [u8]), String> {
        let found = self.file.tensor(name).map_err(|_| format!("expected a tensor {name}, found none"))?;
        if found.shape() != shape {
            return Err(format!("{name}: expected shape {shape:?}, found {:?}", found.shape()));
        }
        Ok((found.dtype(), found.data()))
    }
}
