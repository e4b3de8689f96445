//! `reputed follower`: who follows, and how much of the growth is real.

mod audit;
mod correct;
mod score;

use super::Failure;
use clap::Subcommand;

/// Who follows, and how much of the growth is real: score profiles, audit an own account, correct the model
#[derive(Subcommand)]
pub enum Follower {
    Audit(audit::Audit),
    Correct(correct::Correct),
    Score(score::Score),
}

/// No likelihood is a certainty, whatever it rounds to.
fn likelihood(spam: f32) -> String {
    format!("{:.2}", spam.clamp(0.01, 0.99))
}

impl Follower {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Follower::Audit(command) => command.run(),
            Follower::Correct(command) => command.run(),
            Follower::Score(command) => command.run(),
        }
    }
}
