//! Followers of an own account, page by page. The places of pages are the server's own row numbers, which only its `Link`
//! header tells. Accounts that hide the list give an empty page, and of accounts of other servers only those followers are
//! named that this server knows.
//! Sources: Mastodon's documentation, July 2026.

use super::rest::{Failure, Rest};
use super::status::Account;
use crate::source::{FollowerPage, Stop};
use crate::wire::http::Response;
use std::collections::HashMap;
use std::time::Duration;
use url::Url;

/// The most of one page.
const PAGE_MAX: &str = "80";

/// Times that we wait for one page as long as the server asks, before the caller is told.
const WAITS_MAX: usize = 3;

/// The first page, or the one that begins `from` there.
pub async fn page(rest: &Rest, account: &str, from: Option<&str>) -> Result<FollowerPage, Stop> {
    let domain = rest.instance_by_default().domain;
    let own = match from {
        None => {
            let body = patient(rest, &["api", "v1", "accounts", account], &[]).await?.body;
            Some(serde_json::from_slice::<Account>(&body).map_err(failed)?.into_author(&domain))
        }
        Some(_) => None,
    };
    let mut query = vec![("limit", PAGE_MAX)];
    query.extend(from.map(|from| ("max_id", from)));
    let response = patient(rest, &["api", "v1", "accounts", account, "followers"], &query).await?;
    let accounts: Vec<Account> = serde_json::from_slice(&response.body).map_err(failed)?;
    let followers = accounts.into_iter().map(|account| account.into_author(&domain)).collect();
    Ok(FollowerPage { followers, next: next(response.header("link").unwrap_or_default()), own })
}

/// Waits where the server asks for it.
async fn patient(rest: &Rest, path: &[&str], query: &[(&str, &str)]) -> Result<Response, Stop> {
    let mut waits = 0;
    loop {
        match rest.fetch(path, query).await {
            Err(Failure::Throttled(wait)) if waits < WAITS_MAX => {
                waits += 1;
                tokio::time::sleep(wait.max(Duration::from_secs(1))).await;
            }
            answer => return answer.map_err(failed),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> Stop {
    Stop::Failed(format!("followers: {error}"))
}

/// The `max_id` of the link that a `Link` header calls next.
fn next(header: &str) -> Option<String> {
    // Addresses may hold commas, so that the header is cut at what begins one.
    let links = header.split('<').skip(1).filter_map(|link| link.split_once('>'));
    let (address, _) = links.into_iter().find(|(_, says)| says.replace('"', "").contains("rel=next"))?;
    let url = Url::parse(address).ok()?;
    let query: HashMap<_, _> = url.query_pairs().collect();
    query.get("max_id").map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_stands_in_the_link() {
        let link = "<https://m.example/api/v1/accounts/1/followers?limit=80&max_id=7486869>; rel=\"next\", \
                    <https://m.example/api/v1/accounts/1/followers?limit=80&since_id=7489740>; rel=\"prev\"";
        assert_eq!(next(link).as_deref(), Some("7486869"));
        assert_eq!(next("<https://m.example/a?since_id=1,2>; rel=\"prev\""), None);
        assert_eq!(next("<https://m.example/a?b=1,2&max_id=3>; rel=next").as_deref(), Some("3"));
        for bad in ["", "next", "<>; rel=\"next\"", "<a?max_id=1>; rel=\"next\"", "<https://m.example/>; rel=\"next\""]
        {
            assert_eq!(next(bad), None, "{bad}");
        }
    }
}
