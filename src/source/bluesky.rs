//! Source kind `bluesky`: every public post of the network over Jetstream, without an account.
//! ```toml
//! [[source]]
//! id = "bluesky"
//! kind = "bluesky"
//! endpoint = ["wss://jetstream2.us-east.bsky.network/subscribe", "wss://jetstream1.us-west.bsky.network/subscribe"]
//! api = "https://public.api.bsky.app"
//! ```
//! The path of an endpoint decides its wire: `/subscribe` is v1, `/xrpc/network.bsky.jetstream.subscribeEvents` is v2.
//! Not compressed: v1's compression needs a dictionary that is other people's data, and 60 posts a second need none.
//! Sources: Jetstream's documentation and code, the lexicons of AT Protocol, August 2026.

pub mod cursor;
pub mod frame;
mod listen;
mod profile;
mod record;

use super::{Context, FollowerPage, Source, Stop};
use crate::post::Author;
use crate::settings::Section;
use crate::wire::backoff::Backoff;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The operators' public hosts (v1). They replace them by the new service under the same names.
const ENDPOINTS: [&str; 4] = [
    "wss://jetstream2.us-east.bsky.network/subscribe",
    "wss://jetstream1.us-east.bsky.network/subscribe",
    "wss://jetstream2.us-west.bsky.network/subscribe",
    "wss://jetstream1.us-west.bsky.network/subscribe",
];

const API: &str = "https://public.api.bsky.app";

/// More hosts than anybody runs.
const ENDPOINTS_MAX: usize = 16;

/// What Jetstream takes.
const COLLECTIONS_MAX: usize = 100;

const PATH_V2: &str = "/xrpc/network.bsky.jetstream.subscribeEvents";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireVersion {
    V1,
    V2,
}

/// One host to listen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub url: Url,
    pub wire: WireVersion,
}

impl Endpoint {
    /// # Errors
    /// What is wrong with it, for the person who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
        if !matches!(url.scheme(), "ws" | "wss") || url.host_str().is_none() {
            return Err(format!("`{text}` is no websocket URL"));
        }
        match url.path() {
            "/subscribe" => Ok(Self { url, wire: WireVersion::V1 }),
            PATH_V2 => Ok(Self { url, wire: WireVersion::V2 }),
            path => Err(format!("`{path}` is no path of Jetstream")),
        }
    }

    /// Host and port: what a sequence number belongs to, and the name of the part in the ledger.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

/// As configured.
#[derive(Clone, Debug)]
pub struct Config {
    pub endpoints: Vec<Endpoint>,
    pub api: Url,
    /// Instead of posts and, when there are own accounts, follows. What is no post and no follow is ignored.
    pub collections: Vec<String>,
    /// How long a host may be silent; it pings every 30 seconds.
    pub silence_max: Duration,
    /// Between tries of one host.
    pub backoff: Backoff,
}

impl Config {
    pub fn new(endpoints: Vec<Endpoint>, api: Url) -> Self {
        Self {
            endpoints,
            api,
            collections: Vec::new(),
            silence_max: Duration::from_secs(75),
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
        }
    }
}

pub fn read(section: &Section<'_>) -> Option<Arc<dyn Source>> {
    let endpoints = read_endpoints(section);
    let api = section.str("api").unwrap_or_else(|| API.to_owned());
    let api = match Url::parse(&api) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => Some(url),
        _ => {
            section.error("api", format!("`{api}` is no http URL"), None);
            None
        }
    };
    let collections = if section.has("collections") { section.strings("collections") } else { Vec::new() };
    if collections.len() > COLLECTIONS_MAX {
        section.error("collections", format!("more than {COLLECTIONS_MAX} collections"), None);
        return None;
    }
    let config = Config { collections, ..Config::new(endpoints?, api?) };
    Some(Arc::new(Bluesky::new(config)))
}

/// A string or a list of strings; the public hosts when absent. `None` after reporting a problem.
fn read_endpoints(section: &Section<'_>) -> Option<Vec<Endpoint>> {
    let texts = if section.has("endpoint") {
        section.string_or_strings("endpoint")?
    } else {
        ENDPOINTS.iter().map(ToString::to_string).collect()
    };
    if texts.is_empty() || texts.len() > ENDPOINTS_MAX {
        section.error("endpoint", format!("between 1 and {ENDPOINTS_MAX} endpoints"), None);
        return None;
    }
    let mut endpoints = Vec::with_capacity(texts.len());
    for text in &texts {
        match Endpoint::parse(text) {
            Ok(endpoint) => endpoints.push(endpoint),
            Err(message) => {
                section.error("endpoint", message, Some(format!("such as `{}`", ENDPOINTS[0])));
                return None;
            }
        }
    }
    Some(endpoints)
}

pub struct Bluesky {
    config: Config,
    api: profile::Api,
}

impl Bluesky {
    pub fn new(config: Config) -> Self {
        let api = profile::Api::new(config.api.clone());
        Self { config, api }
    }
}

impl Source for Bluesky {
    fn run(self: Arc<Self>, cx: Context) -> BoxFuture<'static, Result<(), Stop>> {
        Box::pin(async move {
            let resolving = profile::resolve_own_accounts(&self.api, cx.gate.clone(), cx.ledger.clone());
            tokio::select! {
                () = resolving => Ok(()),
                ended = listen::run(&self.config, cx) => ended,
            }
        })
    }

    fn profiles(self: Arc<Self>, ids: Vec<String>) -> BoxFuture<'static, Result<Vec<Author<'static>>, Stop>> {
        Box::pin(async move { self.api.profiles(&ids).await })
    }

    fn profiles_max(&self) -> usize {
        profile::PROFILES_MAX
    }

    fn lists_followers(&self) -> bool {
        true
    }

    fn followers(
        self: Arc<Self>,
        account: String,
        from: Option<String>,
    ) -> BoxFuture<'static, Result<FollowerPage, Stop>> {
        Box::pin(async move { self.api.followers(&account, from.as_deref()).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn problems(text: &str) -> (bool, Vec<String>) {
        let document = Document::parse("reputed.toml", text);
        let read = read(&document.root()).is_some();
        (read, document.into_problems().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn reads_its_keys() {
        for good in [
            "",
            "endpoint = 'ws://127.0.0.1:6008/subscribe'",
            "endpoint = ['wss://a.example/subscribe', 'wss://b.example/xrpc/network.bsky.jetstream.subscribeEvents']",
            "api = 'http://127.0.0.1:1'\ncollections = ['app.bsky.feed.*']",
        ] {
            assert_eq!(problems(good), (true, Vec::new()), "{good}");
        }
        for (bad, says) in [
            ("endpoint = 'https://a.example/subscribe'", "is no websocket URL"),
            ("endpoint = 'wss://a.example/subscribe-v2'", "is no path of Jetstream"),
            ("endpoint = []", "between 1 and 16"),
            ("endpoint = 7", "must be"),
            ("api = 'ftp://a.example'", "is no http URL"),
        ] {
            let (read, lines) = problems(bad);
            assert!(!read && lines.len() == 1 && lines[0].contains(says), "{bad}: {lines:?}");
        }
    }

    #[test]
    fn the_path_decides_the_wire() {
        let endpoint = Endpoint::parse("ws://127.0.0.1:6008/subscribe").unwrap();
        assert_eq!((endpoint.wire, endpoint.host()), (WireVersion::V1, "127.0.0.1:6008".to_owned()));
        let endpoint = Endpoint::parse(&format!("wss://a.example{PATH_V2}")).unwrap();
        assert_eq!((endpoint.wire, endpoint.host()), (WireVersion::V2, "a.example".to_owned()));
    }
}
