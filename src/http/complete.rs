//! `/api/v1/completions`: what may be written next in a search box.

use super::Shared;
use super::auth::Caller;
use super::cursor::Params;
use crate::query::complete::{Configured, Offer, complete};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
}

#[derive(Serialize)]
pub struct Found {
    /// Where in `q` (bytes) an offer stands instead; it reaches to the end.
    start: usize,
    items: Vec<Offer>,
}

pub async fn list(State(desk): Shared, caller: Caller, Params(asked): Params<Asked>) -> Json<Found> {
    let (names, brands) = (desk.door.names.load(), desk.door.brands.load());
    let seen = || brands.iter().filter(|brand| caller.sees(&brand.id));
    let ledgers = desk.door.ledgers.iter();
    let mut sources: Vec<&str> = ledgers.flat_map(|ledger| [ledger.source.as_str(), ledger.kind]).collect();
    sources.sort_unstable();
    sources.dedup();
    let configured = Configured {
        sources,
        brands: seen().map(|brand| brand.id.as_str()).collect(),
        watches: seen().flat_map(|brand| &brand.watches).map(|watch| watch.id.as_str()).collect(),
        names: Some(&names),
    };
    let (span, items) = complete(&asked.q, &configured);
    Json(Found { start: span.start, items })
}
