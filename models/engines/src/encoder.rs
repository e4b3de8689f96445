//! The program's own engine: the files of its room, taken in as they stand there.

#[allow(dead_code, reason = "the program reads manifests, too")]
#[path = "../../../src/classify/encoder/file.rs"]
mod file;
#[path = "../../../src/classify/encoder/pass.rs"]
mod pass;
#[path = "../../../src/classify/encoder/row.rs"]
mod row;

mod piece {
    pub use crate::TOKENS as PIECES_MAX;
}

use std::path::{Path, PathBuf};

use crate::WIDTH;

type Mean = [f32; WIDTH];

trait Engine {
    fn means(&self, posts: &[&[u32]]) -> Option<Vec<Mean>>;
}

pub struct Encoder {
    path: PathBuf,
    engine: pass::Embedded,
}

impl Encoder {
    pub fn open(folder: &Path, kind: &str) -> Self {
        Self::read(folder.join(format!("{kind}.safetensors")))
    }

    fn read(path: PathBuf) -> Self {
        // The program has its weights inside.
        let bytes = std::fs::read(&path).expect("weights").leak();
        let tensors = file::Tensors::parse(bytes).expect("safetensors");
        Self { path, engine: pass::Embedded::new(&tensors, 1).expect("tensors of an encoder") }
    }
}

impl crate::Engine for Encoder {
    fn embed(&mut self, posts: &[&[u32]]) -> Vec<f32> {
        self.engine.means(posts).expect("means").concat()
    }

    /// With weights of its own, where the program shares them: at worst this makes it slower here.
    fn twin(&self) -> Box<dyn crate::Engine> {
        Box::new(Self::read(self.path.clone()))
    }
}
