//! `reputed model`: how right the scores are, measured on people's own posts and by what they correct.

mod correct;
mod corrections;
mod eval;
mod labelled;
mod report;

use super::Failure;
use clap::Subcommand;

/// How right the scores are on your own posts: measure, correct
#[derive(Subcommand)]
pub enum Model {
    Eval(eval::Eval),
    Correct(correct::Correct),
}

impl Model {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Model::Eval(command) => command.run(),
            Model::Correct(command) => command.run(),
        }
    }
}
