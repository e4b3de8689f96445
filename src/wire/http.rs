//! The HTTP client of sources and hooks: one TLS setup, guarded addresses, capped bodies, bounded time.

use ipnet::IpNet;
use std::time::Duration;
use url::Url;

/// Which addresses a client may connect to. Checked for the very address that is connected to, at every redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// An operator's own source URL: its host may be anything, a redirect may not lead from a public to a private address.
    Configured,
    /// A hook's URL: public addresses and these ranges only; redirects are not followed.
    Public { allow: Vec<IpNet> },
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Client {}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: reqwest::Method,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// From connecting to the last byte.
    pub timeout: Duration,
    /// Larger answers are an [`Error::TooLarge`]; counted after decompression.
    pub body_bytes_max: usize,
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    /// After redirects.
    pub url: Url,
    /// Every hop was a permanent redirect (301, 308): the configured URL may be updated.
    pub moved_permanently: bool,
    pub body: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("address not allowed: {0}")]
    Forbidden(String),
    #[error("answer over {0} bytes")]
    TooLarge(usize),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("{0}")]
    Failed(String),
}

impl Client {
    pub fn new(_reach: Reach) -> Self {
        todo!("http")
    }

    pub async fn send(&self, _request: Request) -> Result<Response, Error> {
        todo!("http")
    }
}

impl Request {
    pub fn get(url: Url) -> Self {
        Self {
            method: reqwest::Method::GET,
            url,
            headers: Vec::new(),
            body: None,
            timeout: Duration::from_secs(30),
            body_bytes_max: 8 << 20,
        }
    }
}

impl Response {
    /// Seconds or an HTTP date, against `now`; `None` when absent or unreadable. Capped by the caller.
    pub fn retry_after(&self, _now: jiff::Timestamp) -> Option<Duration> {
        todo!("http")
    }
}
