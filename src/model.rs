//! The re-fitted last layers of a data folder: which one holds, how one is added and taken back; in `folder` the files
//! of a whole model. Files only; the mathematics is that of `classify`.
//!
//! `model/head-sentiment-<n>.json`: the largest number holds. What is taken back is kept as
//! `head-sentiment-<n>.undone.json`, and its number is not given again: scores name it.

pub mod folder;

use crate::classify::encoder::Encoder;
use crate::classify::refit::{Layer, Refit, Trial};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

const FOLDER: &str = "model";
const STEM: &str = "head-sentiment-";
const HELD: &str = ".json";
const UNDONE: &str = ".undone.json";
const FORMAT: u32 = 1;

/// Some fifty times what three rows of weights take: what is longer is none of ours.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The model whose last layer it stands in for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// As scores name it, such as `text-1`.
    pub model: String,
    /// Of its weights, as its manifest gives it.
    pub checksum: String,
}

impl Base {
    pub fn of(encoder: &Encoder) -> Self {
        Self { model: encoder.model().to_owned(), checksum: encoder.checksum().to_owned() }
    }
}

/// A re-fitted layer as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    format: u32,
    pub base: Base,
    pub number: u32,
    pub made_at: Timestamp,
    pub strength: f64,
    pub trial: Trial,
    pub moved: f64,
    pub layer: Layer,
}

impl Kept {
    /// As scores name the model with this layer: `text-1+3`.
    pub fn model(&self) -> String {
        format!("{}+{}", self.base.model, self.number)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Go on without it, and say so.
    #[error(
        "{path} was fitted to {found} and this is {expected}: `reputed model refit` fits anew, `reputed model undo` takes \
         it back"
    )]
    OtherBase { path: String, found: String, expected: String },
    /// Stop, or take it back.
    #[error("{0}: {1}")]
    Bad(String, String),
}

impl Error {
    fn bad(path: &Path, reason: impl ToString) -> Self {
        Self::Bad(path.display().to_string(), reason.to_string())
    }
}

/// The layer that holds; `None` where none was fitted, or all were taken back.
///
/// # Errors
/// The last one belongs to another base, or is damaged.
pub fn current(data_dir: &Path, base: &Base) -> Result<Option<Kept>, Error> {
    let folder = data_dir.join(FOLDER);
    let Some(number) = numbers(&folder, HELD)?.into_iter().max() else { return Ok(None) };
    let path = file(&folder, number, HELD);
    let text = read(&path, FILE_BYTES_MAX)?;
    let kept: Kept = serde_json::from_slice(&text).map_err(|error| Error::bad(&path, error))?;
    if kept.format != FORMAT || kept.number != number || !kept.layer.is_sound() {
        return Err(Error::bad(&path, "not a layer as this program keeps them"));
    }
    if kept.base != *base {
        let name = |base: &Base| format!("{} ({:.8})", base.model, base.checksum);
        let (found, expected) = (name(&kept.base), name(base));
        return Err(Error::OtherBase { path: path.display().to_string(), found, expected });
    }
    Ok(Some(kept))
}

/// Keeps a layer under the next number; it holds from now on.
///
/// # Errors
/// The folder cannot be written; nothing has changed.
pub fn add(data_dir: &Path, base: Base, refit: Refit, made_at: Timestamp) -> Result<(PathBuf, Kept), Error> {
    let folder = data_dir.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|error| Error::bad(&folder, error))?;
    let given = [numbers(&folder, HELD)?, numbers(&folder, UNDONE)?].concat();
    let number = given.into_iter().max().unwrap_or(0) + 1;
    let Refit { layer, strength, trial, moved } = refit;
    let kept = Kept { format: FORMAT, base, number, made_at, strength, trial, moved, layer };
    let path = file(&folder, number, HELD);
    let text = serde_json::to_vec(&kept).map_err(|error| Error::bad(&path, error))?;
    // Under its name only once it is whole.
    let draft = file(&folder, number, ".draft");
    let write = || {
        let mut file = File::create(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    };
    write().map_err(|error| Error::bad(&path, error))?;
    Ok((path, kept))
}

/// Takes the layer that holds away: its number, and the one that holds now. `None`: there was none.
///
/// # Errors
/// The folder cannot be written; nothing has changed.
pub fn undo(data_dir: &Path) -> Result<Option<(u32, Option<u32>)>, Error> {
    let folder = data_dir.join(FOLDER);
    let mut held = numbers(&folder, HELD)?;
    held.sort_unstable();
    let Some(last) = held.pop() else { return Ok(None) };
    let path = file(&folder, last, HELD);
    fs::rename(&path, file(&folder, last, UNDONE)).map_err(|error| Error::bad(&path, error))?;
    Ok(Some((last, held.pop())))
}

fn file(folder: &Path, number: u32, ending: &str) -> PathBuf {
    folder.join(format!("{STEM}{number}{ending}"))
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Error> {
    let size = path.metadata().map_err(|error| Error::bad(path, error))?.len();
    if size > bytes_max {
        return Err(Error::bad(path, format!("over {bytes_max} bytes")));
    }
    fs::read(path).map_err(|error| Error::bad(path, error))
}

/// Numbers of the files with this ending.
fn numbers(folder: &Path, ending: &str) -> Result<Vec<u32>, Error> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Error::bad(folder, error))?,
    };
    let number = |name: &str| name.strip_prefix(STEM)?.strip_suffix(ending)?.parse().ok();
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
    Ok(names.filter_map(|name| number(name.to_str()?)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::interval::Estimate;

    fn base(model: &str) -> Base {
        Base { model: model.into(), checksum: format!("checksum of {model}") }
    }

    fn refit(bias: f32) -> Refit {
        let figure = Estimate { value: 0.5, low: 0.25, high: 0.75 };
        let trial = Trial { texts: 100, old: figure, new: figure, gain: figure };
        let layer = Layer { weights: vec![vec![0.1, -2.5e-7]; 3], bias: vec![bias; 3] };
        Refit { layer, strength: 0.3, trial, moved: 0.1 }
    }

    fn bias(data_dir: &Path) -> Option<f32> {
        current(data_dir, &base("text-1")).unwrap().map(|kept| kept.layer.bias[0])
    }

    #[test]
    fn the_last_one_holds_and_can_be_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let add = |value| add(dir.path(), base("text-1"), refit(value), at).unwrap().1;
        assert_eq!((bias(dir.path()), undo(dir.path()).unwrap()), (None, None));
        let first = add(1.0);
        assert_eq!((first.number, first.model().as_str()), (1, "text-1+1"));
        assert_eq!(current(dir.path(), &base("text-1")).unwrap(), Some(first));
        assert_eq!(add(2.0).number, 2);
        assert_eq!(bias(dir.path()), Some(2.0));
        assert_eq!(undo(dir.path()).unwrap(), Some((2, Some(1))));
        assert_eq!(bias(dir.path()), Some(1.0));
        // What was taken back is kept, and its number is not given again.
        assert!(dir.path().join("model/head-sentiment-2.undone.json").exists());
        assert_eq!(add(3.0).number, 3);
        assert_eq!(undo(dir.path()).unwrap(), Some((3, Some(1))));
        assert_eq!(undo(dir.path()).unwrap(), Some((1, None)));
        assert_eq!((bias(dir.path()), add(4.0).number), (None, 4));
        // Ten is more than nine, though not by the alphabet.
        (5..=10).for_each(|_| drop(add(5.0)));
        assert_eq!(current(dir.path(), &base("text-1")).unwrap().unwrap().number, 10);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (path, _) = add(dir.path(), base("text-1"), refit(1.0), Timestamp::UNIX_EPOCH).unwrap();
        let told = |base: &Base| current(dir.path(), base).unwrap_err();
        let other = Base { checksum: "another".into(), ..base("text-1") };
        for base in [base("text-2"), other] {
            assert!(matches!(told(&base), Error::OtherBase { .. }), "{:?}", told(&base));
        }
        let text = fs::read_to_string(&path).unwrap();
        for bad in [
            text[..text.len() / 2].to_owned(),
            text.replace("\"format\":1", "\"format\":2"),
            text.replace("\"number\":1", "\"number\":7"),
            text.replace("0.1,", ""),
        ] {
            fs::write(&path, &bad).unwrap();
            assert!(matches!(told(&base("text-1")), Error::Bad(..)), "{bad}");
        }
    }
}
