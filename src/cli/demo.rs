//! `reputed demo`.

use super::Failure;
use clap::Args;

/// An invented week of a small brand, replayed fast into a temporary folder
#[derive(Args)]
pub struct Demo {}

impl Demo {
    pub(super) fn run(self) -> Result<(), Failure> {
        todo!("demo")
    }
}
