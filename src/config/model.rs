//! Section `[model]`: which local models score, what computes them, and with how many threads.

use crate::classify::Classifier;
use crate::classify::encoder::{Encoder, Folder};
use crate::model as fitted;
#[cfg(feature = "rust-bert")]
use crate::model::folder::Files;
use crate::settings::Section;
use std::path::{Path, PathBuf};

/// More threads than any machine that this runs on has cores.
const THREADS_MAX: i64 = 256;

const NOT_BUILT: &str = "this program was built without `rust-bert`";
const HOW_TO_BUILD: &str = "`cargo install --path . --features rust-bert`; README.md tells what that needs";

/// What computes the encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The program itself, by the weights inside it.
    Embedded,
    /// libtorch, by the model in this folder.
    RustBert(PathBuf),
}

/// How texts are scored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Whether the encoder scores what it keeps up with, or the fast tier everything.
    pub encoder: bool,
    pub engine: Engine,
    /// Of the encoder.
    pub threads: usize,
}

impl Default for Model {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { encoder: true, engine: Engine::Embedded, threads }
    }
}

impl Model {
    pub fn read(root: &Section<'_>) -> Self {
        let mut model = Self::default();
        if let Some(section) = root.section("model") {
            let tier = if section.has("tier") { section.one_of("tier", &["auto", "fast"]) } else { None };
            model.encoder = tier != Some("fast");
            model.engine = read_engine(&section);
            let threads = if section.has("threads") { section.integer("threads", 1..=THREADS_MAX) } else { None };
            model.threads = threads.and_then(|threads| usize::try_from(threads).ok()).unwrap_or(model.threads);
        }
        model
    }

    /// Loads what scores, with the last layer that was fitted in `data_dir`, if any.
    ///
    /// # Errors
    /// A file of the model is missing or altered, or the fitted layer is damaged.
    pub fn open(&self, data_dir: Option<&Path>) -> anyhow::Result<Classifier> {
        let classifier = Classifier::load()?;
        if !self.encoder {
            return Ok(classifier);
        }
        let mut encoder = self.open_encoder()?;
        let Some(data_dir) = data_dir else { return Ok(classifier.with_encoder(encoder)) };
        match fitted::current(data_dir, &fitted::Base::of(&encoder)) {
            Ok(None) => {}
            Ok(Some(kept)) => encoder = encoder.with_sentiment(&kept.layer, kept.model())?,
            Err(error @ fitted::Error::OtherBase { .. }) => tracing::warn!(%error, "the model's own layer holds"),
            Err(error) => return Err(error.into()),
        }
        Ok(classifier.with_encoder(encoder))
    }

    fn open_encoder(&self) -> anyhow::Result<Encoder> {
        match &self.engine {
            Engine::Embedded => Ok(Encoder::open(&Folder::EMBEDDED, self.threads)?),
            #[cfg(feature = "rust-bert")]
            Engine::RustBert(folder) => Ok(Encoder::open_torch(&Files::open(folder)?.folder(), self.threads)?),
            #[cfg(not(feature = "rust-bert"))]
            Engine::RustBert(_) => anyhow::bail!("{NOT_BUILT}: {HOW_TO_BUILD}"),
        }
    }
}

/// Engine and folder go together.
fn read_engine(section: &Section<'_>) -> Engine {
    let engine = section.one_of("engine", &["embedded", "rust-bert"]);
    if engine == Some("rust-bert") {
        if !cfg!(feature = "rust-bert") {
            section.error("engine", NOT_BUILT.to_owned(), Some(HOW_TO_BUILD.to_owned()));
        }
        return section.path("folder").map_or(Engine::Embedded, Engine::RustBert);
    }
    if section.has("folder") {
        section.error("folder", "only `engine = \"rust-bert\"` reads a folder".to_owned(), None);
    }
    Engine::Embedded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn read(text: &str) -> (Engine, Vec<String>) {
        let document = Document::parse("conf/reputed.toml", text);
        let model = Model::read(&document.root());
        let problems = document.into_problems().into_iter();
        (model.engine, problems.map(|problem| format!("{}:{}", problem.line, problem.message)).collect())
    }

    #[test]
    fn an_engine_has_its_folder() {
        for text in ["", "[model]\nengine = \"embedded\""] {
            assert_eq!(read(text), (Engine::Embedded, vec![]));
        }
        let not_built = || (!cfg!(feature = "rust-bert")).then(|| format!("2:{NOT_BUILT}"));
        let (engine, problems) = read("[model]\nengine = \"rust-bert\"\nfolder = \"text-1\"");
        assert_eq!(engine, Engine::RustBert("conf/text-1".into()));
        assert_eq!(problems, Vec::from_iter(not_built()));
        let (_, problems) = read("[model]\nengine = \"rust-bert\"");
        assert_eq!(problems, Vec::from_iter(["1:`model` lacks `folder`".to_owned()].into_iter().chain(not_built())));
        let (engine, problems) = read("[model]\nfolder = \"text-1\"");
        assert_eq!(
            (engine, problems.concat().as_str()),
            (Engine::Embedded, "2:only `engine = \"rust-bert\"` reads a folder")
        );
        assert_eq!(read("[model]\nengine = \"torch\"").1, ["2:unknown engine `torch`"]);
    }

    #[test]
    fn what_the_engine_lacks_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let told = |encoder| {
            let model = Model { encoder, engine: Engine::RustBert(dir.path().to_owned()), ..Model::default() };
            model.open(None).err().map(|error| error.to_string())
        };
        assert_eq!(told(false), None);
        if !cfg!(feature = "rust-bert") {
            assert_eq!(told(true).unwrap(), format!("{NOT_BUILT}: {HOW_TO_BUILD}"));
            return;
        }
        assert!(told(true).unwrap().contains("manifest.toml: No such file"));
        let embedded = Folder::EMBEDDED;
        for (name, text) in [("manifest.toml", embedded.manifest), ("vocab.txt", embedded.vocabulary)] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        std::fs::write(dir.path().join("model.safetensors"), "altered").unwrap();
        let told = told(true).unwrap();
        assert!(
            told.starts_with("model `text-1`: model.safetensors: expected ") && told.ends_with("found 7"),
            "{told}"
        );
    }
}
