//! Hook kind `webhook`: POST JSON signed by Standard Webhooks.

use super::Hook;
use crate::settings::Section;
use std::sync::Arc;

pub fn read(_section: &Section<'_>) -> Option<Arc<dyn Hook>> {
    todo!("webhook")
}
