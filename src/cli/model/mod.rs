//! `reputed model`: how right the scores are, measured on people's own posts.

mod eval;
mod labelled;
mod report;

use super::Failure;
use clap::Subcommand;

/// How right the scores are on your own posts
#[derive(Subcommand)]
pub enum Model {
    Eval(eval::Eval),
}

impl Model {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Model::Eval(command) => command.run(),
        }
    }
}
