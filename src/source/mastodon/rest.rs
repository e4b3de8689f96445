//! What is asked by REST: the server itself, accounts, and pages of timelines after a gap.
//! 300 requests in 5 minutes are allowed; when they are used up the server says until when in ISO 8601.
//! Sources: Mastodon's documentation, July 2026.

use super::message::{Notification, What, take_status};
use super::status::Status;
use super::stream::{Stream, compare};
use crate::ledger::Ledger;
use crate::secret::Secret;
use crate::source::account::Resolution;
use crate::watch::Gate;
use crate::wire::http::{Client, Reach, Request, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The most that a timeline gives at once.
pub const PAGE_MAX: usize = 40;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Forty of the longest statuses with their cards and pictures.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// When asked to wait without a word for how long, and the longest that we obey.
const WAIT_DEFAULT: Duration = Duration::from_secs(60);
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

pub struct Rest {
    client: Client,
    base: Url,
    token: Secret,
}

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("asked to wait {0:?}")]
    Throttled(Duration),
    /// The server will not, now or later.
    #[error("refused with status {0}")]
    Refused(u16),
    #[error("{0}")]
    Failed(String),
}

/// What the server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Completes the handles of local accounts.
    pub domain: String,
    /// Where to connect, without path and query.
    pub streaming: Url,
}

/// One item of a timeline or of the notifications, oldest first.
pub struct Item {
    pub id: String,
    pub created_at: Timestamp,
    pub what: What,
}

/// Items, and how many were not understood.
pub struct Page {
    pub items: Vec<Item>,
    pub bad: usize,
}

#[derive(Deserialize)]
struct InstanceAnswer {
    domain: String,
    configuration: Configuration,
}

#[derive(Deserialize)]
struct Configuration {
    urls: Urls,
}

#[derive(Deserialize)]
struct Urls {
    streaming: Option<Url>,
}

#[derive(Deserialize)]
struct AccountId {
    id: String,
}

impl Rest {
    pub fn new(base: Url, token: Secret) -> Self {
        Self { client: Client::new(Reach::Configured), base, token }
    }

    /// What is right for nearly every server when it does not tell.
    pub fn instance_by_default(&self) -> Instance {
        let mut streaming = self.base.clone();
        let scheme = if self.base.scheme() == "https" { "wss" } else { "ws" };
        // http and ws are both special schemes: the change is always possible.
        if streaming.set_scheme(scheme).is_err() {
            tracing::debug!(url = %self.base, "no websocket scheme for this URL");
        }
        Instance { domain: self.base.host_str().unwrap_or_default().to_owned(), streaming }
    }

    pub async fn instance(&self) -> Result<Instance, Failure> {
        let body = self.get(&["api", "v2", "instance"], &[]).await?;
        self.parse_instance(&body)
    }

    fn parse_instance(&self, body: &[u8]) -> Result<Instance, Failure> {
        let answer: InstanceAnswer =
            serde_json::from_slice(body).map_err(|error| Failure::Failed(format!("no instance: {error}")))?;
        let same = self.instance_by_default();
        // The token goes there: never without TLS when the server itself is reached over TLS.
        let sound = |url: &Url| url.scheme() == "wss" || url.scheme() == same.streaming.scheme();
        let streaming = answer.configuration.urls.streaming.filter(sound).unwrap_or(same.streaming);
        Ok(Instance { domain: answer.domain, streaming })
    }

    /// The local id of the account whose token we use.
    pub async fn own_id(&self) -> Result<String, Failure> {
        account_id(&self.get(&["api", "v1", "accounts", "verify_credentials"], &[]).await?)
    }

    async fn lookup(&self, handle: &str) -> Result<String, Failure> {
        let acct = handle.trim_start_matches('@');
        account_id(&self.get(&["api", "v1", "accounts", "lookup"], &[("acct", acct)]).await?)
    }

    /// The items right after `min_id`, at most [`PAGE_MAX`]. `min_id` leaves no holes, unlike `since_id`.
    pub async fn page(&self, stream: &Stream, min_id: &str, domain: &str) -> Result<Page, Failure> {
        let (segments, mut query) = stream.timeline();
        let path: Vec<&str> = ["api", "v1"].into_iter().chain(segments).collect();
        let limit = PAGE_MAX.to_string();
        query.extend([("limit", limit.as_str()), ("min_id", min_id)]);
        parse_page(&self.get(&path, &query).await?, path.last() == Some(&"notifications"), domain, Timestamp::now())
    }

    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Vec<u8>, Failure> {
        self.fetch(path, query).await.map(|response| response.body)
    }

    /// An answer with its headers.
    pub async fn fetch(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Response, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::get(url);
        request.headers.push(("authorization".to_owned(), format!("Bearer {}", self.token.expose())));
        request.timeout = TIMEOUT;
        request.body_bytes_max = ANSWER_BYTES_MAX;
        let response = self.client.send(request).await.map_err(|error| Failure::Failed(error.to_string()))?;
        match response.status {
            200 => Ok(response),
            429 => Err(Failure::Throttled(wait(&response, Timestamp::now()))),
            status @ 400..=499 => Err(Failure::Refused(status)),
            status => Err(Failure::Failed(format!("status {status}"))),
        }
    }
}

/// How long a 429 asks us to wait.
fn wait(response: &Response, now: Timestamp) -> Duration {
    let reset = || response.header("x-ratelimit-reset")?.parse::<Timestamp>().ok();
    let until = || Some(Duration::try_from(reset()?.duration_since(now)).unwrap_or_default());
    let wait = response.retry_after(now).or_else(until).unwrap_or(WAIT_DEFAULT);
    wait.clamp(Duration::from_secs(1), WAIT_MAX)
}

fn account_id(body: &[u8]) -> Result<String, Failure> {
    let account: Result<AccountId, _> = serde_json::from_slice(body);
    account.map(|account| account.id).map_err(|error| Failure::Failed(format!("no account: {error}")))
}

fn parse_page(body: &[u8], notifications: bool, domain: &str, now: Timestamp) -> Result<Page, Failure> {
    let raw: Vec<&RawValue> =
        serde_json::from_slice(body).map_err(|error| Failure::Failed(format!("no timeline: {error}")))?;
    let item = |raw: &&RawValue| -> Option<Item> {
        if notifications {
            let notification: Notification = serde_json::from_str(raw.get()).ok()?;
            let (id, created_at) = (notification.id.clone(), notification.created_at);
            return Some(Item { id, created_at, what: notification.into_what(domain, now) });
        }
        let status: Status = serde_json::from_str(raw.get()).ok()?;
        Some(Item { id: status.id.clone(), created_at: status.created_at, what: take_status(status, domain, now) })
    };
    let mut items: Vec<Item> = raw.iter().filter_map(item).collect();
    items.sort_by(|a, b| compare(&a.id, &b.id));
    Ok(Page { bad: raw.len() - items.len(), items })
}

/// Looks up the ids of own accounts that are configured by handle, for ever; a failure is tried again and shown in the
/// ledger. Never ends.
pub async fn resolve_own_accounts(rest: &Rest, gate: Arc<Gate>, ledger: Arc<Ledger>) {
    let mut resolution = Resolution::default();
    loop {
        for handle in gate.unresolved_handles(&ledger.source) {
            let found = rest.lookup(&handle).await;
            resolution.take(&gate, &ledger, &handle, found, |id| format!("account {id}"));
        }
        tokio::time::sleep(resolution.pause()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(base: &str) -> Rest {
        Rest::new(base.parse().unwrap(), Secret::new("token"))
    }

    #[test]
    fn the_server_says_where_to_connect() {
        let told = |base: &str, streaming: &str| {
            let body = format!(r#"{{"domain":"m.example","configuration":{{"urls":{{"streaming":{streaming}}}}}}}"#);
            rest(base).parse_instance(body.as_bytes()).unwrap().streaming.to_string()
        };
        assert_eq!(told("https://m.example", r#""wss://stream.m.example""#), "wss://stream.m.example/");
        assert_eq!(told("https://m.example", r#""ws://stream.m.example""#), "wss://m.example/", "no token without TLS");
        assert_eq!(told("http://127.0.0.1:3000", "null"), "ws://127.0.0.1:3000/");
        assert!(rest("https://m.example").parse_instance(b"{}").is_err());
    }

    #[test]
    fn a_limit_is_told_in_iso_8601() {
        let now: Timestamp = "2026-08-02T05:20:00Z".parse().unwrap();
        let waits = |name: &'static str, value: &str| {
            let mut headers = reqwest::header::HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let url = "https://m.example".parse().unwrap();
            wait(&Response { status: 429, headers, url, moved_permanently: false, body: Vec::new() }, now).as_secs()
        };
        assert_eq!(waits("x-ratelimit-reset", "2026-08-02T05:25:00.223862Z"), 300);
        assert_eq!(waits("x-ratelimit-reset", "2026-08-02T05:19:00Z"), 1);
        assert_eq!(waits("x-ratelimit-reset", "2027-08-02T05:19:00Z"), WAIT_MAX.as_secs());
        assert_eq!(waits("x-ratelimit-reset", "1785648300"), WAIT_DEFAULT.as_secs());
        assert_eq!(waits("retry-after", "30"), 30);
    }

    #[test]
    fn a_page_is_read_oldest_first_and_without_its_bad_items() {
        let body = br#"[{"id":"100","created_at":"2026-11-18T11:00:02Z","account":{"id":"1","acct":"ann"},"content":"<p>b</p>"},
            {"id":7},{"id":"99","created_at":"2026-11-18T11:00:01Z","account":{"id":"1","acct":"ann"},"content":"<p>a</p>"}]"#;
        let page = parse_page(body, false, "m.example", Timestamp::now()).unwrap();
        let ids: Vec<&str> = page.items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!((ids, page.bad), (vec!["99", "100"], 1));
        assert!(parse_page(b"{}", false, "m.example", Timestamp::now()).is_err());
    }
}
