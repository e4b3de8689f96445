//! The own accounts that a caller may see: those of their brands and nobody else's, by handle or native id.

use super::Desk;
use super::auth::Caller;
use super::problem::Problem;
use crate::brand::{Brand, OwnAccount};
use axum::http::StatusCode;

pub struct Own {
    pub source: String,
    pub handle: String,
    /// Native id; nothing while it is neither configured nor looked up.
    pub account: Option<String>,
    /// Of those that the caller sees.
    pub brands: Vec<String>,
}

fn plain(handle: &str) -> String {
    handle.trim_start_matches('@').to_lowercase()
}

pub async fn accounts(desk: &Desk, caller: &Caller) -> Result<Vec<Own>, Problem> {
    let brands = desk.door.brands.load_full();
    let mut found: Vec<Own> = Vec::new();
    for brand in brands.iter().filter(|brand| caller.sees(&brand.id)) {
        for own in &brand.accounts {
            let account = match &own.id {
                Some(id) => Some(id.clone()),
                None => looked_up(desk, &brands, own).await?,
            };
            let known = found.iter_mut().find(|known| {
                let same = if account.is_some() { known.account == account } else { known.handle == own.handle };
                known.source == own.source && same
            });
            match known {
                Some(known) if known.brands.contains(&brand.id) => {}
                Some(known) => known.brands.push(brand.id.clone()),
                None => {
                    let (source, handle) = (own.source.clone(), own.handle.clone());
                    found.push(Own { source, handle, account, brands: vec![brand.id.clone()] });
                }
            }
        }
    }
    Ok(found)
}

/// The native id that the source looked up to list the account's followers.
async fn looked_up(desk: &Desk, brands: &[Brand], own: &OwnAccount) -> Result<Option<String>, Problem> {
    // Handles change hands: an id that is configured belongs to the handle that it is configured with.
    let taken = |id: &str| {
        let mut all = brands.iter().flat_map(|brand| &brand.accounts).filter(|other| other.source == own.source);
        all.any(|other| other.id.as_deref() == Some(id) && plain(&other.handle) != plain(&own.handle))
    };
    let listed = desk.door.reader.listed_accounts(&own.handle).await?;
    let mut ids = listed.into_iter().filter(|(source, id)| *source == own.source && !taken(id)).map(|(_, id)| id);
    let first = ids.next();
    Ok(first.filter(|_| ids.next().is_none()))
}

/// The one of this name.
pub async fn find(desk: &Desk, caller: &Caller, name: &str, source: Option<&str>) -> Result<Own, Problem> {
    let mut named = accounts(desk, caller).await?;
    named.retain(|own| {
        let named = own.account.as_deref() == Some(name) || plain(&own.handle) == plain(name);
        named && source.is_none_or(|source| source == own.source)
    });
    if named.len() > 1 {
        let sources: Vec<String> = named.into_iter().map(|own| own.source).collect();
        let message = format!("own accounts of several sources have this name: name one of {}", sources.join(", "));
        return Err(Problem::field("source", message));
    }
    named.pop().ok_or_else(|| {
        let advice = "no such own account: `GET /api/v1/followers` lists them, `[[brand.account]]` configures one";
        Problem::new(StatusCode::NOT_FOUND, advice)
    })
}
