//! Text to tree.

use super::{Error, Query};

pub(super) fn parse(_text: &str) -> Result<Query, Vec<Error>> {
    todo!("query")
}

pub(super) fn parse_watch(_text: &str) -> Result<Query, Vec<Error>> {
    todo!("query")
}
