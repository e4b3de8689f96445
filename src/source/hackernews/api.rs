//! The two public interfaces of Hacker News over HTTP, within a limit on requests.

use super::item::{self, Item, Page};
use crate::ledger::Ledger;
use crate::source::Stop;
use crate::source::intake::Closed;
use crate::wire::http::{Client, Error, Reach, Request};
use futures_util::StreamExt;
use governor::{DefaultDirectRateLimiter, Quota};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::num::NonZeroU32;
use std::time::Duration;
use url::Url;

/// The interface names no limit; this is well below what its own examples do.
const REQUESTS_PER_SECOND: NonZeroU32 = match NonZeroU32::new(50) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};

/// Items asked for at the same time.
const CONCURRENT: usize = 16;

const TIMEOUT: Duration = Duration::from_secs(20);

/// The longest item is a comment of some ten KiB; a full search page stays below 4 MiB.
const BODY_BYTES_MAX: usize = 8 << 20;

/// The most hits that a query ever gives, whatever the page.
pub const HITS_MAX: u64 = 1_000;

pub struct Api {
    client: Client,
    items: String,
    search: String,
    limit: DefaultDirectRateLimiter,
}

/// Why a round ended early.
#[derive(Debug)]
pub enum Trouble {
    Stop(Stop),
    /// Try again later; the peer may say when.
    Later {
        reason: &'static str,
        message: String,
        retry_after: Option<Duration>,
    },
}

impl From<Closed> for Trouble {
    fn from(closed: Closed) -> Self {
        Trouble::Stop(closed.into())
    }
}

#[derive(Deserialize)]
pub struct Updates {
    #[serde(default)]
    pub items: Vec<u64>,
}

impl Api {
    /// Addresses without a slash at the end.
    pub fn new(items: &Url, search: &Url) -> Self {
        let base = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        let limit = DefaultDirectRateLimiter::direct(Quota::per_second(REQUESTS_PER_SECOND));
        Self { client: Client::new(Reach::Configured), items: base(items), search: base(search), limit }
    }

    pub async fn newest(&self, ledger: &Ledger) -> Result<u64, Trouble> {
        self.json(&format!("{}/maxitem.json", self.items), ledger).await
    }

    /// Item numbers that changed lately.
    pub async fn updates(&self, ledger: &Ledger) -> Result<Vec<u64>, Trouble> {
        Ok(self.json::<Updates>(&format!("{}/updates.json", self.items), ledger).await?.items)
    }

    /// The items of `ids`, in that order. One that cannot be read counts as missing; when most cannot, all fail.
    pub async fn items(&self, ids: &[u64], ledger: &Ledger) -> Result<Vec<(u64, Item)>, Trouble> {
        let fetched = futures_util::stream::iter(ids.iter().copied())
            .map(|id| async move { (id, self.item(id, ledger).await) })
            .buffered(CONCURRENT)
            .collect::<Vec<_>>()
            .await;
        let failed = fetched.iter().filter(|(_, item)| item.is_err()).count();
        let mut items = Vec::with_capacity(fetched.len());
        for (id, item) in fetched {
            match item {
                Ok(item) => items.push((id, item)),
                Err(trouble) if failed * 2 > ids.len() => return Err(trouble),
                Err(_) => items.push((id, Item::Missing)),
            }
        }
        Ok(items)
    }

    async fn item(&self, id: u64, ledger: &Ledger) -> Result<Item, Trouble> {
        let body = self.get(&format!("{}/item/{id}.json", self.items), ledger).await?;
        Ok(item::parse_item(&body).unwrap_or_else(|bad| {
            ledger.error(Timestamp::now(), "bad_item", format!("item {id}: {bad}"));
            Item::Other
        }))
    }

    /// Everything written in `from..to` (seconds), newest first, up to [`HITS_MAX`].
    pub async fn page(&self, from: i64, to: i64, ledger: &Ledger) -> Result<Page, Trouble> {
        let query = format!(
            "tags=(story,comment,poll,job)&numericFilters=created_at_i>={from},created_at_i<{to}\
             &hitsPerPage={HITS_MAX}&typoTolerance=false"
        );
        let body = self.get(&format!("{}/search_by_date?{query}", self.search), ledger).await?;
        item::parse_page(&body).map_err(|bad| later("bad_page", bad.to_string()))
    }

    async fn json<T: DeserializeOwned>(&self, url: &str, ledger: &Ledger) -> Result<T, Trouble> {
        let body = self.get(url, ledger).await?;
        serde_json::from_slice(&body).map_err(|error| later("bad_answer", format!("{url}: {error}")))
    }

    async fn get(&self, url: &str, ledger: &Ledger) -> Result<Vec<u8>, Trouble> {
        let parsed = Url::parse(url).map_err(|error| later("bad_address", format!("{url}: {error}")))?;
        self.limit.until_ready().await;
        let request = Request { timeout: TIMEOUT, body_bytes_max: BODY_BYTES_MAX, ..Request::get(parsed) };
        let response = self.client.send(request).await.map_err(|error| match error {
            Error::Forbidden(_) => later("forbidden", error.to_string()),
            Error::TooLarge(_) => later("too_large", error.to_string()),
            Error::Timeout(_) => later("timeout", error.to_string()),
            Error::Failed(_) => later("unreachable", error.to_string()),
        })?;
        let now = Timestamp::now();
        ledger.received(now, 1, response.body.len() as u64);
        match response.status {
            200 => Ok(response.body),
            status => Err(Trouble::Later {
                reason: "http_status",
                message: format!("{url}: answered {status}"),
                retry_after: response.retry_after(now).filter(|_| matches!(status, 429 | 503)),
            }),
        }
    }
}

fn later(reason: &'static str, message: String) -> Trouble {
    Trouble::Later { reason, message, retry_after: None }
}
