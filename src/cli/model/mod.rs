//! `reputed model`: how right the scores are, measured on people's own posts, and what their corrections make better.

mod correct;
mod corrections;
mod eval;
mod labelled;
mod refit;
mod report;
mod rescore;

use super::Failure;
use clap::Subcommand;

/// How right the scores are on your own posts: measure, correct, re-fit
#[derive(Subcommand)]
pub enum Model {
    Eval(eval::Eval),
    Correct(correct::Correct),
    Refit(refit::Refit),
    Undo(refit::Undo),
    Rescore(rescore::Rescore),
}

impl Model {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Model::Eval(command) => command.run(),
            Model::Correct(command) => command.run(),
            Model::Refit(command) => command.run(),
            Model::Undo(command) => command.run(),
            Model::Rescore(command) => command.run(),
        }
    }
}
