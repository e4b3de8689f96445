//! `reputed bench`.

use super::Failure;
use clap::Args;

/// What this machine can carry
#[derive(Args)]
pub struct Bench {}

impl Bench {
    pub(super) fn run(self) -> Result<(), Failure> {
        todo!("bench")
    }
}
