//! `/api/v1/me`: who the caller is, so that a page offers only what they may do.

use super::auth::{Caller, Right};
use axum::Json;
use serde::Serialize;

#[derive(Serialize)]
pub struct Me {
    who: String,
    role: Option<&'static str>,
    /// All brands when `None`.
    brands: Option<Vec<String>>,
}

pub async fn one(caller: Caller) -> Json<Me> {
    let role = match caller.right {
        Right::Person(role) => Some(role.name()),
        Right::Push => None,
    };
    Json(Me { who: caller.who, role, brands: caller.brands })
}
