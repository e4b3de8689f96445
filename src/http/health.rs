//! `/healthz`, `/readyz` and `/metrics`: for supervisors, not for people.

use super::Shared;
use super::problem::Problem;
use crate::metric::MEDIA_TYPE;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

pub async fn alive() -> &'static str {
    "alive\n"
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
}

pub async fn ready(State(desk): Shared) -> Response {
    let reasons = if desk.stop.is_cancelled() { vec!["stopping".to_owned()] } else { (desk.door.unready)() };
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready: reasons.is_empty(), reasons })).into_response()
}

pub async fn metrics(State(desk): Shared) -> Result<Response, Problem> {
    let text = desk.door.metrics.render(&desk.door.ledgers, Timestamp::now());
    let text = text.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the figures cannot be written"))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}
