//! The weights of the fast tier: one table, a row a hashed feature, a column a class of some head. Reads what
//! `models/train/fast.py` writes; checks it against its manifest first. Knows nothing of texts.
//!
//! Layout, little-endian: `reputed\0`, format 1, log2 of the rows, columns (u32 each), a scale and then a bias per
//! column (f32), the cells row by row (i8).

use super::BadModel;
use serde::Deserialize;

/// Columns of the table, in the trainer's order.
pub const NEGATIVE: usize = 0;
pub const NEUTRAL: usize = 1;
pub const POSITIVE: usize = 2;
pub const COMPLAINT: usize = 3;
pub const OFFENSIVE: usize = 4;
pub const IRONY: usize = 5;
pub const ANGER: usize = 6;
pub const JOY: usize = 7;
pub const OPTIMISM: usize = 8;
pub const SADNESS: usize = 9;
pub const NEEDS_ANSWER: usize = 10;
pub const COLUMNS: usize = 11;

/// Columns in memory: one row is one vector register, and no row straddles a cache line.
const LANES: usize = 16;

/// So many cells of at most 127 still add up within 16 bits, which halves the work of 32.
const CHUNK: usize = 256;

const MAGIC: &[u8; 8] = b"reputed\0";
const FORMAT: u32 = 1;
const BUCKETS_LOG2_MAX: u32 = 22;

/// What the weights must be, from `manifest.toml` beside them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    model: String,
    blake3: String,
    bytes: usize,
}

pub struct Weights {
    rows: Vec<[i8; LANES]>,
    scale: [f32; COLUMNS],
    bias: [f32; COLUMNS],
}

impl Weights {
    /// Checks `bytes` against `manifest` (a TOML document) and unpacks them.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn parse(manifest: &str, bytes: &[u8]) -> Result<Self, BadModel> {
        let manifest: Manifest =
            toml::from_str(manifest).map_err(|error| bad("unknown", format!("manifest: {error}")))?;
        let fail = |reason| Err(bad(&manifest.model, reason));
        if bytes.len() != manifest.bytes {
            return fail(format!("expected {} bytes, found {}", manifest.bytes, bytes.len()));
        }
        let found = blake3::hash(bytes).to_hex();
        if found.as_str() != manifest.blake3 {
            return fail(format!("expected blake3 {}, found {found}", manifest.blake3));
        }
        match unpack(bytes) {
            Some(weights) => Ok(weights),
            None => fail(format!("expected format {FORMAT} with {COLUMNS} columns, found another shape")),
        }
    }

    /// Calibrated log-odds (or logits of a softmax) per column, of a text with these feature hashes.
    pub fn logits(&self, features: &[u32]) -> [f32; COLUMNS] {
        let mask = self.rows.len() - 1;
        let mut sum = [0_i32; LANES];
        for some in features.chunks(CHUNK) {
            let mut part = [0_i16; LANES];
            for hash in some {
                for (total, cell) in part.iter_mut().zip(&self.rows[*hash as usize & mask]) {
                    *total += i16::from(*cell);
                }
            }
            for (total, part) in sum.iter_mut().zip(part) {
                *total += i32::from(part);
            }
        }
        let norm = (features.len().max(1) as f32).sqrt().recip();
        std::array::from_fn(|column| self.bias[column] + self.scale[column] * norm * sum[column] as f32)
    }
}

fn bad(model: &str, reason: String) -> BadModel {
    BadModel { model: model.to_owned(), reason }
}

fn unpack(bytes: &[u8]) -> Option<Weights> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (format, rest) = rest.split_first_chunk()?;
    let (buckets_log2, rest) = rest.split_first_chunk()?;
    let (columns, rest) = rest.split_first_chunk()?;
    let buckets_log2 = u32::from_le_bytes(*buckets_log2);
    let shape = (u32::from_le_bytes(*format), u32::from_le_bytes(*columns) as usize);
    if shape != (FORMAT, COLUMNS) || buckets_log2 > BUCKETS_LOG2_MAX {
        return None;
    }
    let (scale, rest) = rest.split_first_chunk::<{ COLUMNS * 4 }>()?;
    let (bias, cells) = rest.split_first_chunk::<{ COLUMNS * 4 }>()?;
    if cells.len() != COLUMNS << buckets_log2 {
        return None;
    }
    let widen = |cells: &[u8]| {
        let mut row = [0; LANES];
        for (lane, cell) in row.iter_mut().zip(cells) {
            *lane = i8::from_le_bytes([*cell]);
        }
        row
    };
    Some(Weights { rows: cells.chunks_exact(COLUMNS).map(widen).collect(), scale: floats(scale), bias: floats(bias) })
}

fn floats(bytes: &[u8; COLUMNS * 4]) -> [f32; COLUMNS] {
    let (words, _) = bytes.as_chunks::<4>();
    std::array::from_fn(|at| f32::from_le_bytes(words[at]))
}
