//! `/api/v1/alerts`: list, one, acknowledge, resolve.

use super::auth::Caller;
use super::cursor::{Cursor, Id, Params, limit};
use super::mention::brands;
use super::problem::Problem;
use super::{Desk, Shared};
use crate::alert::{Alert, State as AlertState};
use crate::flow::Command;
use crate::mention::Mention;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

#[derive(Deserialize)]
pub struct Asked {
    state: Option<AlertState>,
    limit: Option<usize>,
    cursor: Option<String>,
    brand: Option<String>,
}

#[derive(Serialize)]
pub struct Found {
    items: Vec<Alert>,
    cursor: Option<String>,
}

pub async fn list(State(desk): Shared, caller: Caller, Params(asked): Params<Asked>) -> Result<Json<Found>, Problem> {
    let limit = limit(asked.limit)?;
    let before = asked.cursor.as_deref().map(Cursor::parse).transpose()?.map(|cursor| (cursor.at, cursor.key));
    let brands = brands(&caller, asked.brand.as_deref());
    let items = desk.door.reader.alerts(asked.state, brands.as_deref(), limit, before).await?;
    let last = items.last().filter(|_| items.len() == limit);
    let cursor = last.map(|alert| Cursor { at: alert.opened_at, key: alert.id.clone() }.encode());
    Ok(Json(Found { items, cursor }))
}

#[derive(Serialize)]
pub struct WithMentions {
    #[serde(flatten)]
    alert: Alert,
    /// In place of their numbers: the mentions as they are now, most telling first.
    mentions: Vec<Mention>,
}

pub async fn one(State(desk): Shared, caller: Caller, Id(id): Id) -> Result<Json<WithMentions>, Problem> {
    let mut alert = find(&desk, &caller, &id).await?;
    let seqs = std::mem::take(&mut alert.mentions);
    let mentions = desk.door.reader.mentions(&seqs).await?;
    Ok(Json(WithMentions { alert, mentions }))
}

pub async fn acknowledge(State(desk): Shared, caller: Caller, Id(id): Id) -> Result<Json<Alert>, Problem> {
    settle(&desk, &caller, id, |alert, who, done| Command::Acknowledge { alert, who, done }).await
}

pub async fn resolve(State(desk): Shared, caller: Caller, Id(id): Id) -> Result<Json<Alert>, Problem> {
    settle(&desk, &caller, id, |alert, who, done| Command::Resolve { alert, who, done }).await
}

async fn settle(
    desk: &Desk,
    caller: &Caller,
    id: String,
    command: impl FnOnce(String, String, oneshot::Sender<bool>) -> Command,
) -> Result<Json<Alert>, Problem> {
    find(desk, caller, &id).await?;
    let (alert, who) = (id.clone(), caller.who.clone());
    let done = desk.ask(|done| command(alert, who, done)).await?;
    let alert = find(desk, caller, &id).await?;
    if done {
        return Ok(Json(alert));
    }
    Err(Problem::new(StatusCode::CONFLICT, format!("this alert is already {}", alert.state.name())))
}

async fn find(desk: &Desk, caller: &Caller, id: &str) -> Result<Alert, Problem> {
    let alert = desk.door.reader.alert(id).await?;
    alert.filter(|alert| caller.sees(&alert.brand)).ok_or_else(|| Problem::missing("alert"))
}
