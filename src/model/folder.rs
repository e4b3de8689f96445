//! The folder of a model that is not inside the program: its files, read whole. Whether they are the model's is for
//! `classify` to tell.

use super::{Error, read};
use crate::classify::encoder::{FULL, Folder, VOCABULARY};
use std::path::Path;

const MANIFEST: &str = "manifest.toml";

/// Each some times what the largest model that can be loaded takes: what is longer was named by accident.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
const VOCABULARY_BYTES_MAX: u64 = 16 << 20;
const WEIGHTS_BYTES_MAX: u64 = 1 << 30;

/// What the files hold: the weights are [`FULL`].
pub struct Files {
    manifest: String,
    vocabulary: String,
    weights: Vec<u8>,
}

impl Files {
    /// # Errors
    /// A file is missing or not to be read: stop, and say which.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let text = |name, bytes_max| {
            let path = folder.join(name);
            String::from_utf8(read(&path, bytes_max)?).map_err(|error| Error::bad(&path, error))
        };
        Ok(Self {
            manifest: text(MANIFEST, MANIFEST_BYTES_MAX)?,
            vocabulary: text(VOCABULARY, VOCABULARY_BYTES_MAX)?,
            weights: read(&folder.join(FULL), WEIGHTS_BYTES_MAX)?,
        })
    }

    pub fn folder(&self) -> Folder<'_> {
        Folder { manifest: &self.manifest, vocabulary: &self.vocabulary, name: FULL, weights: &self.weights }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::encoder::Encoder;
    use std::fs;

    #[test]
    fn a_file_that_is_missing_or_altered_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        let told = || match Files::open(dir.path()) {
            Ok(files) => Encoder::open(&Box::leak(Box::new(files)).folder(), 1).err().unwrap().to_string(),
            Err(error) => error.to_string(),
        };
        let listed = |(name, bytes): (&str, &[u8])| {
            format!("[[file]]\nname = \"{name}\"\nbytes = {}\nblake3 = \"{}\"\n", bytes.len(), blake3::hash(bytes))
        };
        let files: [(&str, &[u8]); 2] = [(VOCABULARY, b"the\nis"), (FULL, b"weights")];
        let manifest = format!("model = \"other\"\n{}", files.map(listed).concat());
        for (name, bytes) in [(MANIFEST, manifest.as_bytes())].into_iter().chain(files) {
            assert!(told().contains(&format!("{name}: No such file")), "{}", told());
            write(name, bytes);
        }
        assert!(told().starts_with("model `other`: model.safetensors: not in the safetensors format"), "{}", told());
        write(FULL, b"WEIGHTS");
        assert!(told().starts_with("model `other`: model.safetensors: expected blake3 "), "{}", told());
        write(VOCABULARY, b"the");
        assert!(told().starts_with("model `other`: vocab.txt: expected 6 bytes, found 3"), "{}", told());
        write(VOCABULARY, b"\xFF");
        assert!(told().contains("vocab.txt: invalid utf-8"), "{}", told());
    }
}
