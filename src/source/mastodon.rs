//! Source kind `mastodon`: what reaches one server of the fediverse, over its streaming API with a user's token.
//! ```toml
//! [[source]]
//! id = "fedi"
//! kind = "mastodon"
//! url = "https://mastodon.example"
//! token = { env = "FEDI_TOKEN" }      # of a user: read:statuses, and read:notifications for `user`
//! streams = ["public", "user", "hashtag:bells"]
//! ```
//! There is no stream of the whole fediverse: `public` has what federated to this server, without what the token's account
//! blocks, mutes or filters by language. Use an account without such settings. Private and direct posts, which `user` may
//! carry, are left alone; boosts are not posts of their own.
//! After a gap the timelines are read by REST, in order of ids. A post that reached the server late, with an id older than
//! what was heard before the gap, is not found that way.
//! Sources: Mastodon's documentation, July 2026.

mod catch_up;
mod follower;
mod listen;
pub mod message;
mod rest;
mod status;
mod stream;

use super::{Context, FollowerPage, Source, Stop};
use crate::secret::Secret;
use crate::settings::Section;
use crate::wire::backoff::Backoff;
use futures_util::future::BoxFuture;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
pub use stream::{Cursor, Stream};
use url::Url;

/// One connection carries them all; more is a mistake.
const STREAMS_MAX: usize = 64;

/// As configured.
#[derive(Clone, Debug)]
pub struct Config {
    pub url: Url,
    pub token: Secret,
    pub streams: Vec<Stream>,
    /// How long the server may be silent; it pings about every 30 seconds.
    pub silence_max: Duration,
    /// Between tries.
    pub backoff: Backoff,
}

impl Config {
    pub fn new(url: Url, token: Secret, streams: Vec<Stream>) -> Self {
        Self {
            url,
            token,
            streams,
            silence_max: Duration::from_secs(75),
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(300)),
        }
    }
}

pub fn read(section: &Section<'_>) -> Option<Arc<dyn Source>> {
    let url = read_url(section);
    let token = section.secret("token");
    if !section.has("token") {
        let hint = "since Mastodon 4.2 every stream needs the token of a user: token = { env = \"NAME\" }";
        section.error_here("`token` is missing".to_owned(), Some(hint.to_owned()));
    }
    let names = if section.has("streams") { section.strings("streams") } else { vec!["public".to_owned()] };
    if names.is_empty() || names.len() > STREAMS_MAX {
        section.error("streams", format!("between 1 and {STREAMS_MAX} streams"), None);
        return None;
    }
    let mut streams: Vec<Stream> = Vec::with_capacity(names.len());
    for name in &names {
        match Stream::parse(name) {
            Ok(stream) if streams.contains(&stream) => {}
            Ok(stream) => streams.push(stream),
            Err(message) => {
                let hint = "public, public:local, public:remote, hashtag:TAG, user, user:notification, list:ID";
                section.error("streams", message, Some(hint.to_owned()));
                return None;
            }
        }
    }
    Some(Arc::new(Mastodon::new(Config::new(url?, token?, streams))))
}

fn read_url(section: &Section<'_>) -> Option<Url> {
    let text = section.required_str("url")?;
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => Some(url),
        _ => {
            section.error("url", format!("`{text}` is no http URL"), Some("such as https://mastodon.example".into()));
            None
        }
    }
}

pub struct Mastodon {
    config: Config,
    rest: OnceLock<Arc<rest::Rest>>,
}

impl Mastodon {
    pub fn new(config: Config) -> Self {
        Self { config, rest: OnceLock::new() }
    }

    fn rest(&self) -> Arc<rest::Rest> {
        let new = || Arc::new(rest::Rest::new(self.config.url.clone(), self.config.token.clone()));
        self.rest.get_or_init(new).clone()
    }
}

impl Source for Mastodon {
    fn run(self: Arc<Self>, cx: Context) -> BoxFuture<'static, Result<(), Stop>> {
        Box::pin(async move {
            let rest = self.rest();
            let resolving = rest::resolve_own_accounts(&rest, cx.gate.clone(), cx.ledger.clone());
            tokio::select! {
                () = resolving => Ok(()),
                ended = listen::run(&self.config, rest.clone(), cx) => ended,
            }
        })
    }

    fn lists_followers(&self) -> bool {
        true
    }

    fn followers(
        self: Arc<Self>,
        account: String,
        from: Option<String>,
    ) -> BoxFuture<'static, Result<FollowerPage, Stop>> {
        Box::pin(async move { follower::page(&self.rest(), &account, from.as_deref()).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    #[test]
    fn says_what_its_keys_lack() {
        let token = format!("token = {{ file = '{}/Cargo.toml' }}", env!("CARGO_MANIFEST_DIR"));
        for (text, says) in [
            (format!("url = 'https://m.example'\n{token}"), None),
            (format!("url = 'https://m.example'\n{token}\nstreams = ['public:local', 'hashtag:bells', 'user']"), None),
            ("url = 'https://m.example'".to_owned(), Some("`token` is missing")),
            (format!("url = 'wss://m.example'\n{token}"), Some("is no http URL")),
            (format!("url = 'https://m.example'\n{token}\nstreams = ['global']"), Some("unknown stream `global`")),
            (format!("url = 'https://m.example'\n{token}\nstreams = []"), Some("between 1 and 64")),
        ] {
            let document = Document::parse("reputed.toml", &text);
            let read = read(&document.root()).is_some();
            let lines: Vec<String> = document.into_problems().iter().map(ToString::to_string).collect();
            assert_eq!(read, says.is_none(), "{text}: {lines:?}");
            assert_eq!(lines.len(), usize::from(says.is_some()), "{text}: {lines:?}");
            assert!(says.is_none_or(|says| lines[0].contains(says)), "{text}: {lines:?}");
        }
    }
}
