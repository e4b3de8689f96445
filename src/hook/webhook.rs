//! Hook kind `webhook`: POST JSON signed by Standard Webhooks (<https://www.standardwebhooks.com>, version 1).
//! Decides nothing about retries: it says what the peer's answer means, the deliver loop acts on it.

use super::body::body;
use super::schedule::RETRY_AFTER_MAX;
use super::signature::{Key, sign};
use super::{Hook, Message, Outcome};
use crate::settings::Section;
use crate::wire::http::{Client, Error, Reach, Request, Response};
use futures_util::future::BoxFuture;
use ipnet::IpNet;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What the standard recommends: long enough for a slow peer, short enough not to hold a slot.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
const TIMEOUT_MAX: Duration = Duration::from_secs(120);

/// Answers are only looked at for their status; this much is let through so that a page of error text is no error.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Ranges of one `allow`.
const ALLOW_MAX: usize = 256;

pub struct Webhook {
    url: Url,
    /// The present one first, then the one before while rotating.
    keys: Vec<Key>,
    timeout: Duration,
    client: Client,
}

/// Keys: `url`, `secret`, `secret_old`, `allow`, `timeout`.
pub fn read(section: &Section<'_>) -> Option<Arc<dyn Hook>> {
    let url = read_url(section);
    let keys = read_keys(section);
    let allow = read_allow(section);
    let timeout = read_timeout(section);
    Some(Arc::new(Webhook::new(url?, keys?, allow?, timeout?)))
}

impl Webhook {
    pub fn new(url: Url, keys: Vec<Key>, allow: Vec<IpNet>, timeout: Duration) -> Self {
        Self { url, keys, timeout, client: Client::new(Reach::Public { allow }) }
    }

    async fn attempt(&self, message: &Message, now: Timestamp) -> Outcome {
        let body = match body(message) {
            Ok(body) => body,
            Err(error) => return Outcome::Refused { reason: format!("cannot write the message: {error}") },
        };
        let second = now.as_second();
        let id = &message.delivery.id;
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("webhook-id".to_owned(), id.clone()),
            ("webhook-timestamp".to_owned(), second.to_string()),
        ];
        headers.extend(sign(&self.keys, id, second, &body).map(|value| ("webhook-signature".to_owned(), value)));
        let request = Request {
            method: reqwest::Method::POST,
            url: self.url.clone(),
            headers,
            body: Some(body),
            timeout: self.timeout,
            body_bytes_max: ANSWER_BYTES_MAX,
        };
        match self.client.send(request).await {
            Ok(response) => outcome(response.status, after(&response, now)),
            Err(error) => unanswered(&error),
        }
    }
}

impl Hook for Webhook {
    fn deliver(self: Arc<Self>, message: Message) -> BoxFuture<'static, Outcome> {
        Box::pin(async move { self.attempt(&message, Timestamp::now()).await })
    }
}

/// What a status means.
pub fn outcome(status: u16, after: Option<Duration>) -> Outcome {
    let reason = format!("answered {status}");
    match status {
        200..=299 => Outcome::Delivered,
        408 | 425 | 429 | 500..=599 => Outcome::Retry { after, reason },
        401 | 403 => Outcome::Halted { reason: format!("{reason}: not allowed") },
        410 => Outcome::Halted { reason: format!("{reason}: gone") },
        300..=399 => Outcome::Refused { reason: format!("{reason}: redirects are not followed") },
        _ => Outcome::Refused { reason },
    }
}

fn after(response: &Response, now: Timestamp) -> Option<Duration> {
    response.retry_after(now).map(|after| after.min(RETRY_AFTER_MAX))
}

fn unanswered(error: &Error) -> Outcome {
    match error {
        Error::Forbidden(_) => {
            Outcome::Refused { reason: format!("{error}; name its range in `allow` if this is meant") }
        }
        // It was taken or not, we cannot tell; sent again, it would be answered the same way.
        Error::TooLarge(_) => Outcome::Refused { reason: error.to_string() },
        Error::Timeout(_) | Error::Failed(_) => Outcome::Retry { after: None, reason: error.to_string() },
    }
}

fn read_url(section: &Section<'_>) -> Option<Url> {
    if !section.has("url") {
        section.missing("url");
        return None;
    }
    let text = section.required_str("url")?;
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
        Ok(url) => {
            let hint = Some("http:// or https://".to_owned());
            section.error("url", format!("cannot post to `{}:`", url.scheme()), hint);
            None
        }
        Err(error) => {
            section.error("url", format!("`url` is no URL: {error}"), None);
            None
        }
    }
}

/// Without a secret nothing is signed.
fn read_keys(section: &Section<'_>) -> Option<Vec<Key>> {
    let mut keys = Some(Vec::new());
    for key in ["secret", "secret_old"] {
        if !section.has(key) {
            continue;
        }
        let parsed = section.secret(key).and_then(|secret| match Key::parse(&secret) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                section.error(key, error.to_string(), Some("such as whsec_ and the base64 of 32 random bytes".into()));
                None
            }
        });
        keys = keys.zip(parsed).map(|(mut keys, parsed)| {
            keys.push(parsed);
            keys
        });
    }
    if section.has("secret_old") && !section.has("secret") {
        section.error("secret_old", "`secret_old` without `secret`".into(), None);
        return None;
    }
    keys
}

fn read_allow(section: &Section<'_>) -> Option<Vec<IpNet>> {
    let texts = section.strings("allow");
    if texts.len() > ALLOW_MAX {
        section.error("allow", format!("`allow` holds more than {ALLOW_MAX} ranges"), None);
        return None;
    }
    let parsed = texts.iter().map(|text| {
        let net = text.parse::<IpNet>().ok();
        if net.is_none() {
            let hint = Some("such as 10.0.0.0/8 or ::1/128".to_owned());
            section.error("allow", format!("`{text}` is no address range"), hint);
        }
        net
    });
    parsed.collect::<Vec<_>>().into_iter().collect()
}

fn read_timeout(section: &Section<'_>) -> Option<Duration> {
    if !section.has("timeout") {
        return Some(TIMEOUT_DEFAULT);
    }
    let timeout = section.duration("timeout")?;
    if timeout.is_zero() || timeout > TIMEOUT_MAX {
        section.error("timeout", "`timeout` must lie between 1ms and 120s".into(), None);
        return None;
    }
    Some(timeout)
}
