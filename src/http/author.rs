//! `/api/v1/authors`: a person's word on whether an author or follower is spam. It wins over the model, everywhere.

use super::auth::Caller;
use super::problem::Problem;
use super::{Shared, limit as bound};
use crate::flow::Command;
use crate::store::AuthorCorrection;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Yes,
    No,
}

/// `null` takes it back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    #[serde(deserialize_with = "present")]
    spam: Option<Word>,
}

/// Refuses what is absent, which would be read as `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Word>, D::Error> {
    Option::deserialize(deserializer)
}

/// What holds from now on.
#[derive(Serialize)]
pub struct Corrected {
    source: String,
    id: String,
    spam: Option<Word>,
    who: String,
    at: Timestamp,
}

pub async fn correct(
    State(desk): Shared,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Json<Corrected>, Problem> {
    let Path((source, id)) = path.map_err(|_| Problem::bad("the id in the path is not UTF-8"))?;
    let Change { spam } = bound::json(request).await?;
    let (who, at) = (caller.who, Timestamp::now());
    let correction = AuthorCorrection {
        source: source.clone(),
        author: id.clone(),
        spam: spam.map(|word| matches!(word, Word::Yes)),
        who: who.clone(),
        at,
    };
    if !desk.ask(|done| Command::CorrectAuthor { correction, done }).await? {
        return Err(Problem::missing("author"));
    }
    desk.audits.corrected();
    Ok(Json(Corrected { source, id, spam, who, at }))
}
