//! Source kind `bluesky`.

use super::Source;
use crate::settings::Section;
use std::sync::Arc;

pub fn read(_section: &Section<'_>) -> Option<Arc<dyn Source>> {
    todo!("bluesky")
}
