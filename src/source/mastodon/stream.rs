//! Streams and how far each was heard. The streaming API has no cursor: after every gap the REST timeline of the stream is
//! read from the newest id that was heard. Ids are opaque; vanilla ones are ordered by length, then by letters.
//! Pure. Sources: Mastodon's documentation, July 2026.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// One subscription, as written in `streams`: `public`, `public:local`, `hashtag:bells`, `hashtag:local:bells`, `user`,
/// `list:7`, ...
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// As configured; also its name in the cursor, the ledger and the `stream` of messages.
    pub name: String,
    kind: &'static str,
    argument: Option<String>,
}

const PLAIN: &[&str] = &[
    "public",
    "public:media",
    "public:local",
    "public:local:media",
    "public:remote",
    "public:remote:media",
    "user",
    "user:notification",
];

impl Stream {
    /// # Errors
    /// What is wrong with it, for the person who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.to_owned();
        if let Some(kind) = PLAIN.iter().find(|kind| **kind == text) {
            return Ok(Self { name, kind, argument: None });
        }
        for (prefix, kind) in [("hashtag:local:", "hashtag:local"), ("hashtag:", "hashtag"), ("list:", "list")] {
            let Some(argument) = text.strip_prefix(prefix) else { continue };
            // Servers tell tags in lower case.
            let argument = argument.trim_start_matches('#').to_lowercase();
            if argument.is_empty() || argument.contains(['/', '?', '#', ' ', ':', '.']) {
                return Err(format!("`{text}` does not name a {}", if kind == "list" { "list" } else { "hashtag" }));
            }
            return Ok(Self { name: format!("{prefix}{argument}"), kind, argument: Some(argument) });
        }
        Err(format!("unknown stream `{text}`"))
    }

    /// The notifications, which `user` carries too.
    pub fn notifications() -> Self {
        Self { name: super::message::NOTIFICATIONS.to_owned(), kind: super::message::NOTIFICATIONS, argument: None }
    }

    /// The message that subscribes to it.
    pub fn subscribe(&self) -> String {
        let mut message = serde_json::json!({"type": "subscribe", "stream": self.kind});
        let key = if self.kind == "list" { "list" } else { "tag" };
        if let Some(argument) = &self.argument {
            message[key] = argument.as_str().into();
        }
        message.to_string()
    }

    /// Whether it carries what happens to the account whose token we use.
    pub fn is_user(&self) -> bool {
        self.kind.starts_with("user")
    }

    /// Where the same is found by REST: path segments below `/api/v1` and query.
    pub fn timeline(&self) -> (Vec<&str>, Vec<(&'static str, &'static str)>) {
        let argument = self.argument.as_deref().unwrap_or_default();
        let path = match self.kind {
            "hashtag" | "hashtag:local" => vec!["timelines", "tag", argument],
            "list" => vec!["timelines", "list", argument],
            "user" => vec!["timelines", "home"],
            "user:notification" => vec!["notifications"],
            _ => vec!["timelines", "public"],
        };
        let mut query = Vec::new();
        let has = |part: &str| self.kind.split(':').any(|word| word == part);
        for (word, key) in [("local", "local"), ("remote", "remote"), ("media", "only_media")] {
            if has(word) {
                query.push((key, "true"));
            }
        }
        (path, query)
    }
}

/// As stored: free text to everybody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// When we last listened.
    pub at: Timestamp,
    /// The newest id of each stream.
    pub newest: BTreeMap<String, String>,
}

impl Cursor {
    /// `None` for what is no cursor of ours.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub fn new(at: Timestamp) -> Self {
        Self { at, newest: BTreeMap::new() }
    }

    pub fn text(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Moves the stream forward, never back: late posts have old ids.
    pub fn heard(&mut self, stream: &str, id: &str) {
        match self.newest.get_mut(stream) {
            Some(newest) if compare(newest, id) == Ordering::Less => id.clone_into(newest),
            Some(_) => {}
            None => {
                self.newest.insert(stream.to_owned(), id.to_owned());
            }
        }
    }
}

/// Older is less. By length, then by letters, as the documentation says for ids that count.
pub fn compare(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_by_name() {
        for (text, subscribe, path) in [
            ("public", r#"{"stream":"public","type":"subscribe"}"#, "timelines/public "),
            (
                "public:remote:media",
                r#"{"stream":"public:remote:media","type":"subscribe"}"#,
                "timelines/public remote only_media",
            ),
            ("hashtag:#bells", r#"{"stream":"hashtag","tag":"bells","type":"subscribe"}"#, "timelines/tag/bells "),
            (
                "hashtag:local:bells",
                r#"{"stream":"hashtag:local","tag":"bells","type":"subscribe"}"#,
                "timelines/tag/bells local",
            ),
            ("list:7", r#"{"list":"7","stream":"list","type":"subscribe"}"#, "timelines/list/7 "),
            ("user", r#"{"stream":"user","type":"subscribe"}"#, "timelines/home "),
            ("user:notification", r#"{"stream":"user:notification","type":"subscribe"}"#, "notifications "),
        ] {
            let stream = Stream::parse(text).unwrap();
            assert_eq!(stream.subscribe(), subscribe);
            let (segments, query) = stream.timeline();
            let query: Vec<&str> = query.iter().map(|(key, _)| *key).collect();
            assert_eq!(format!("{} {}", segments.join("/"), query.join(" ")), path);
        }
        for bad in ["", "direct", "hashtag", "hashtag:", "hashtag:a b", "list:", "list:../x", "Public"] {
            assert!(Stream::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_goes_forward_only() {
        let mut cursor = Cursor::new(Timestamp::UNIX_EPOCH);
        for id in ["99", "100", "98"] {
            cursor.heard("public", id);
        }
        assert_eq!(cursor.newest["public"], "100");
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        assert_eq!(Cursor::parse("12"), None);
    }
}
