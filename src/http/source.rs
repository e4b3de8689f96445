//! `/api/v1/sources`: the ledger of every source, so that a person can tell "nobody talks" from "we do not hear".

use super::Shared;
use super::auth::Caller;
use crate::ledger::{GAPS_LISTED_MAX, Snapshot};
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;

/// The kind under which the ledger of `import` stands.
const IMPORT: &str = "import";

#[derive(Serialize)]
pub struct Found {
    items: Vec<Snapshot>,
}

pub async fn list(State(desk): Shared, _caller: Caller) -> Json<Found> {
    let now = Timestamp::now();
    let mut items: Vec<Snapshot> = desk.door.ledgers.iter().map(|ledger| ledger.snapshot(now)).collect();
    // What `import` brings has a ledger of its own, worth showing once it brought something.
    items.retain(|item| item.kind != IMPORT || item.posts > 0);
    for item in &mut items {
        // The store remembers gaps across restarts. When it cannot be read, those since the start still stand there:
        // the ledger must speak when all else is broken.
        match desk.door.reader.gaps(&item.id, GAPS_LISTED_MAX).await {
            Ok(gaps) if !gaps.is_empty() => item.gaps = gaps,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, source = item.id, "no gaps from the store"),
        }
    }
    Json(Found { items })
}
