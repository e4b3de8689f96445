//! `/api/v1/deliveries`: what hooks were told or are yet to be told, and sending dead letters again.

use super::auth::Caller;
use super::cursor::{Id, Params, limit};
use super::problem::Problem;
use super::{Desk, Shared};
use crate::alert::{Delivery, DeliveryState};
use crate::flow::Command;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

/// Rows that are read for a caller of some brands only, whose own are then picked out.
const LOOK_THROUGH_MAX: usize = 1_000;

#[derive(Deserialize)]
pub struct Asked {
    state: Option<DeliveryState>,
    hook: Option<String>,
    limit: Option<usize>,
}

#[derive(Serialize)]
pub struct Found {
    items: Vec<Delivery>,
}

pub async fn list(State(desk): Shared, caller: Caller, Params(asked): Params<Asked>) -> Result<Json<Found>, Problem> {
    let limit = limit(asked.limit)?;
    let items = seen(&desk, &caller, asked.state, asked.hook.as_deref(), limit).await?;
    Ok(Json(Found { items }))
}

async fn seen(
    desk: &Desk,
    caller: &Caller,
    state: Option<DeliveryState>,
    hook: Option<&str>,
    limit: usize,
) -> Result<Vec<Delivery>, Problem> {
    let read = if caller.brands.is_some() { LOOK_THROUGH_MAX } else { limit };
    let mut items = desk.door.reader.deliveries(state, hook, read).await?;
    items.retain(|delivery| caller.sees(&delivery.body.brand));
    items.truncate(limit);
    Ok(items)
}

#[derive(Serialize)]
pub struct Replayed {
    id: String,
    state: DeliveryState,
}

pub async fn replay(State(desk): Shared, caller: Caller, Id(id): Id) -> Result<Json<Replayed>, Problem> {
    let missing = || Problem::missing("dead delivery");
    if caller.brands.is_some() {
        let dead = seen(&desk, &caller, Some(DeliveryState::Dead), None, LOOK_THROUGH_MAX).await?;
        dead.iter().find(|delivery| delivery.id == id).ok_or_else(missing)?;
    }
    let delivery = id.clone();
    if !desk.ask(|done| Command::Replay { delivery, done }).await? {
        return Err(missing());
    }
    Ok(Json(Replayed { id, state: DeliveryState::Pending }))
}
