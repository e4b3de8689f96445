//! `/api/v1/followers/{account}`: who followed and unfollowed an own account.

use super::auth::Caller;
use super::cursor::{Id, Params, limit};
use super::problem::Problem;
use super::{Desk, Shared};
use crate::brand::FollowerEvent;
use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far back a list goes unless asked.
const SINCE_DEFAULT: SignedDuration = SignedDuration::from_hours(24 * 30);

#[derive(Deserialize)]
pub struct Asked {
    source: Option<String>,
    since: Option<Timestamp>,
    limit: Option<usize>,
}

#[derive(Serialize)]
pub struct Found {
    source: String,
    account: String,
    items: Vec<FollowerEvent>,
}

pub async fn list(
    State(desk): Shared,
    caller: Caller,
    Id(account): Id,
    Params(asked): Params<Asked>,
) -> Result<Json<Found>, Problem> {
    let limit = limit(asked.limit)?;
    let since = asked.since.unwrap_or_else(|| Timestamp::now().saturating_sub(SINCE_DEFAULT).unwrap_or(Timestamp::MIN));
    let (source, account) = own_account(&desk, &caller, &account, asked.source)?;
    let items = desk.door.reader.followers(&source, &account, since, limit).await?;
    Ok(Json(Found { source, account, items }))
}

/// Source and native id of an own account that the caller may see, asked for by its handle or native id.
fn own_account(
    desk: &Desk,
    caller: &Caller,
    account: &str,
    source: Option<String>,
) -> Result<(String, String), Problem> {
    let brands = desk.door.brands.load();
    let own = brands.iter().filter(|brand| caller.sees(&brand.id)).flat_map(|brand| &brand.accounts).find(|own| {
        let named =
            own.id.as_deref() == Some(account) || own.handle.trim_start_matches('@') == account.trim_start_matches('@');
        named && source.as_ref().is_none_or(|source| *source == own.source)
    });
    match (own, source) {
        (Some(own), _) => Ok((own.source.clone(), own.id.clone().unwrap_or_else(|| account.to_owned()))),
        // An own account whose native id was looked up stands in no configuration: its source must be named.
        (None, Some(source)) if caller.brands.is_none() => Ok((source, account.to_owned())),
        (None, None) if caller.brands.is_none() => {
            Err(Problem::field("source", "this is no configured handle or id; name its `source` too"))
        }
        (None, _) => Err(Problem::missing("own account")),
    }
}
