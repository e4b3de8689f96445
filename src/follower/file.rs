//! The weights of the follower model: what `models/train/follower.py` writes, checked against its manifest first. Knows
//! nothing of profiles.

use super::share::Rates;
use serde::Deserialize;

/// The model's name, as scores tell it.
pub const MODEL: &str = "follower-1";

const FORMAT: u32 = 1;
pub const COUNTS: usize = 3;
/// Sets of counts: a bit each for followers, following and posts.
pub const SETS: usize = 1 << COUNTS;
pub const NAMES: [&str; COUNTS] = ["followers", "following", "posts"];

pub static WEIGHTS: &str = include_str!("../../models/follower-1/weights.json");
pub static MANIFEST: &str = include_str!("../../models/follower-1/manifest.toml");

/// The weights are not what the card says.
#[derive(Debug, thiserror::Error)]
#[error("model `{model}`: {reason}")]
pub struct BadModel {
    pub model: String,
    pub reason: String,
}

/// As they are read: counts and their tables in the order of [`NAMES`].
pub struct Weights {
    /// Logarithms of one more than the count.
    pub knots: [Vec<f64>; COUNTS],
    /// By set of counts.
    pub tables: [Table; SETS],
    pub avatar: Trait,
    pub digit_share: Trait,
    pub trailing: Trait,
    pub rates: Rates,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    model: String,
    blake3: String,
    bytes: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    model: String,
    #[serde(rename = "about")]
    _about: String,
    knots: Knots,
    tables: Vec<Listed>,
    traits: Traits,
    rates: Measured,
}

/// How often genuine and spam profiles got likelihoods between two edges, told of training rows by models that did not
/// see them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measured {
    /// From 0 to 1, rising, one more than bins; a bin holds its lower edge, the last one also 1.
    edges: Vec<f64>,
    genuine: Vec<u64>,
    spam: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Knots {
    followers: Vec<f64>,
    following: Vec<f64>,
    posts: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    of: Vec<String>,
    log_odds: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Traits {
    has_avatar: Trait,
    handle_digit_share: Trait,
    handle_trailing_digits: Trait,
}

/// Heights in log-odds at rising knots, and where the trait is unknown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trait {
    pub at: Vec<f64>,
    pub log_odds: Vec<f64>,
    pub missing: f64,
}

/// Log-odds at the knots.
#[derive(Default)]
pub struct Table {
    pub log_odds: Vec<f64>,
    /// From one knot of a count to its next, 0 for a count that the table has not.
    pub stride: [usize; COUNTS],
}

impl Weights {
    /// Checks `weights` (JSON) against `manifest` (TOML) and unpacks them.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn parse(manifest: &str, weights: &str) -> Result<Self, BadModel> {
        let bad = |model: &str, reason| BadModel { model: model.to_owned(), reason };
        let manifest: Manifest =
            toml::from_str(manifest).map_err(|error| bad("unknown", format!("manifest: {}", error.message())))?;
        checked(&manifest, weights).map_err(|reason| bad(&manifest.model, reason))
    }
}

impl Trait {
    fn check(&self, name: &str) -> Result<(), String> {
        let shaped = self.at.len() == self.log_odds.len() && self.at.first() == Some(&0.0) && rises(&self.at);
        let finite = self.log_odds.iter().chain([&self.missing]).all(|value| value.is_finite());
        if shaped && finite { Ok(()) } else { Err(format!("trait {name}: expected finite heights at rising knots")) }
    }
}

fn checked(manifest: &Manifest, weights: &str) -> Result<Weights, String> {
    if weights.len() != manifest.bytes {
        return Err(format!("expected {} bytes, found {}", manifest.bytes, weights.len()));
    }
    let found = blake3::hash(weights.as_bytes()).to_hex();
    if found.as_str() != manifest.blake3 {
        return Err(format!("expected blake3 {}, found {found}", manifest.blake3));
    }
    let file: File = serde_json::from_str(weights).map_err(|error| format!("expected another shape: {error}"))?;
    if (file.format, file.model.as_str()) != (FORMAT, manifest.model.as_str()) {
        return Err(format!("expected format {FORMAT} of {}, found {} of {}", manifest.model, file.format, file.model));
    }
    let Traits { has_avatar: avatar, handle_digit_share: digit_share, handle_trailing_digits: trailing } = file.traits;
    for (name, part) in [("has_avatar", &avatar), ("digit_share", &digit_share), ("trailing", &trailing)] {
        part.check(name)?;
    }
    let knots = [file.knots.followers, file.knots.following, file.knots.posts];
    if !knots.iter().all(|knots| rises(knots) && knots[0] == 0.0) {
        return Err("expected knots that rise from 0".to_owned());
    }
    let Measured { edges, genuine, spam } = &file.rates;
    if genuine.iter().zip(spam).any(|(genuine, spam)| genuine + spam == 0) {
        return Err("rates: expected no empty bin".to_owned());
    }
    let rates = Rates::new(edges, genuine, spam).map_err(|error| format!("rates: {error}"))?;
    let tables = tables(file.tables, &knots)?;
    let knots = knots.map(|knots| knots.into_iter().map(f64::ln_1p).collect());
    Ok(Weights { knots, tables, avatar, digit_share, trailing, rates })
}

/// By set of counts; each must be there once.
fn tables(listed: Vec<Listed>, knots: &[Vec<f64>; COUNTS]) -> Result<[Table; SETS], String> {
    let mut tables: [Table; SETS] = std::array::from_fn(|_| Table::default());
    for Listed { of, log_odds } in listed {
        let set = (0..COUNTS)
            .filter(|count| of.iter().any(|name| name == NAMES[*count]))
            .map(|count| 1 << count)
            .sum::<usize>();
        let (mut stride, mut cells) = ([0; COUNTS], 1);
        // The last count's knots lie side by side.
        for count in (0..COUNTS).rev().filter(|count| set >> count & 1 == 1) {
            stride[count] = cells;
            cells *= knots[count].len();
        }
        if log_odds.len() != cells || !log_odds.iter().all(|value| value.is_finite()) {
            return Err(format!("table of {of:?}: expected {cells} finite numbers, found {}", log_odds.len()));
        }
        if of.len() != set.count_ones() as usize || !tables[set].log_odds.is_empty() {
            return Err(format!("table of {of:?}: unknown, or there twice"));
        }
        tables[set] = Table { log_odds, stride };
    }
    match tables.iter().position(|table| table.log_odds.is_empty()) {
        Some(set) => Err(format!("expected a table for each set of counts, found none for {set:03b}")),
        None => Ok(tables),
    }
}

/// At least two, each larger than the one before.
fn rises(values: &[f64]) -> bool {
    values.len() >= 2 && values.windows(2).all(|pair| pair[0] < pair[1]) && values.iter().all(|value| value.is_finite())
}
