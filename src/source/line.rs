//! One line of the contract's JSON, a post or a follow, as `recorded`, `push`, import and the tools that read standard
//! input take it.
//! Pure; knows nothing of files and bodies. Nesting is bounded by serde_json (128 levels).

pub mod follow;

use crate::post::{Author, Post, Refusal, Str};
use crate::watch::NotOwn;
use follow::Follow;
use jiff::Timestamp;
use serde::Deserialize;

/// The longest line that is read, in bytes: the longest text with every character escaped (`\u00e9`), and as much
/// again for the rest.
pub const LINE_BYTES_MAX: usize = 2 << 20;

/// The longest of the short fields (title, addresses, names, tags), in bytes. The longest seen in the wild are
/// tracking links of some 8 KiB.
pub const FIELD_BYTES_MAX: usize = 16 * 1024;

/// Why a line is not taken. Counted by [`Bad::reason`], told with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    #[error("over {LINE_BYTES_MAX} bytes")]
    TooLong,
    #[error("{0}")]
    Malformed(String),
    #[error("`{0}` over {FIELD_BYTES_MAX} bytes")]
    FieldTooLong(&'static str),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("no account")]
    NoAccount,
    #[error("author has neither id nor handle")]
    NoFollower,
    #[error("{0} lies in the future")]
    InFuture(Timestamp),
    /// Only of a follow that is taken: nobody asked for the followers of that account.
    #[error("`{account}` on source `{source_id}` {why}")]
    NotOwn { account: String, source_id: String, why: NotOwn },
    /// Only of a push: the bound of one call.
    #[error("over {0} posts in one call")]
    TooMany(usize),
}

impl Bad {
    /// The label of the ledger and the metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Bad::TooLong => "line_too_long",
            Bad::Malformed(_) => "malformed",
            Bad::FieldTooLong(_) => "field_too_long",
            Bad::Refused(refusal) => refusal.reason(),
            Bad::NoAccount => "no_account",
            Bad::NoFollower => "no_author",
            Bad::InFuture(_) => "in_the_future",
            Bad::NotOwn { .. } => "no_own_account",
            Bad::TooMany(_) => "too_many_posts",
        }
    }
}

/// What a line holds.
#[allow(clippy::large_enum_variant, reason = "a post that nobody wants costs no allocation")]
#[derive(Clone, Debug, PartialEq)]
pub enum Line<'a> {
    Post(Post<'a>),
    /// Somebody follows an own account, or no longer does.
    Follow(Follow<'a>),
}

impl<'a> Line<'a> {
    pub fn created_at(&self) -> Timestamp {
        match self {
            Line::Post(post) => post.created_at,
            Line::Follow(follow) => follow.created_at,
        }
    }

    pub fn source(&mut self) -> &mut Str<'a> {
        match self {
            Line::Post(post) => &mut post.source,
            Line::Follow(follow) => &mut follow.source,
        }
    }

    /// For a person to find it by: its id, or who follows.
    pub fn name(&self) -> String {
        match self {
            Line::Post(post) => post.id.to_string(),
            Line::Follow(follow) => follow.id.as_deref().map_or_else(|| follow.follower(), str::to_owned),
        }
    }
}

/// A post or follow that borrows from `line`, checked for everything that it may not be.
///
/// # Errors
/// Why it is neither; the caller counts it and goes on with the next.
pub fn parse(line: &[u8]) -> Result<Line<'_>, Bad> {
    #[derive(Deserialize)]
    #[serde(bound(deserialize = "'de: 'a"))]
    struct Kinded<'a> {
        kind: Option<Str<'a>>,
    }
    let bad = match parse_line(line) {
        Ok(post) => return Ok(Line::Post(post)),
        Err(bad) => bad,
    };
    // Nearly all are posts: only what is none is looked at again.
    let Ok(text) = readable(line) else { return Err(bad) };
    let is_follow = |kinded: Kinded<'_>| kinded.kind.is_some_and(|kind| kind.as_str() == "follow");
    if !serde_json::from_str(text).is_ok_and(is_follow) {
        return Err(bad);
    }
    let follow: Follow<'_> = serde_json::from_str(text).map_err(|error| Bad::Malformed(error.to_string()))?;
    follow.check()?;
    match long_author(&follow.author).or(is_long(&follow.source).then_some("source")) {
        Some(name) => Err(Bad::FieldTooLong(name)),
        None => Ok(Line::Follow(follow)),
    }
}

/// A post that borrows from `line`, checked for everything that a post may not be. A rating outside `1..=5` is left out.
///
/// # Errors
/// Why it is no post; the caller counts it and goes on with the next.
pub fn parse_line(line: &[u8]) -> Result<Post<'_>, Bad> {
    let mut post: Post<'_> =
        serde_json::from_str(readable(line)?).map_err(|error| Bad::Malformed(error.to_string()))?;
    post.check()?;
    check_fields(&post)?;
    post.rating = post.rating.filter(|stars| (1.0..=5.0).contains(stars));
    Ok(post)
}

fn readable(line: &[u8]) -> Result<&str, Bad> {
    if line.len() > LINE_BYTES_MAX {
        return Err(Bad::TooLong);
    }
    // Checking the whole line at once is quicker than each string of it.
    let line = str::from_utf8(line).map_err(|error| Bad::Malformed(error.to_string()))?;
    Ok(line.strip_prefix('\u{feff}').unwrap_or(line))
}

fn is_long(text: &Str<'_>) -> bool {
    text.len() > FIELD_BYTES_MAX
}

type Named<'f, 'a> = (&'static str, &'f Option<Str<'a>>);

fn long<'f, 'a: 'f>(fields: impl IntoIterator<Item = Named<'f, 'a>>) -> Option<&'static str> {
    fields.into_iter().find(|(_, field)| field.as_ref().is_some_and(is_long)).map(|(name, _)| name)
}

fn long_author(author: &Author<'_>) -> Option<&'static str> {
    long([
        ("author.id", &author.id),
        ("author.handle", &author.handle),
        ("author.name", &author.name),
        ("author.bio", &author.bio),
    ])
}

fn check_fields(post: &Post<'_>) -> Result<(), Bad> {
    let fields = [
        ("url", &post.url),
        ("title", &post.title),
        ("lang", &post.lang),
        ("reply_to", &post.reply_to),
        ("root", &post.root),
        ("quote_of", &post.quote_of),
    ];
    let lists = [("links", &post.links), ("tags", &post.tags), ("mentions", &post.mentions)];
    let list = lists.into_iter().find(|(_, list)| list.iter().any(is_long)).map(|(name, _)| name);
    match long(fields).or_else(|| long_author(&post.author)).or(list).or(is_long(&post.source).then_some("source")) {
        Some(name) => Err(Bad::FieldTooLong(name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_good_and_bad() {
        let at = r#""created_at":"2026-11-21T09:00:00Z""#;
        let long = "x".repeat(FIELD_BYTES_MAX + 1);
        let deep = "[".repeat(500);
        for (line, reason) in [
            (format!(r#"{{"id":"a","text":"hi",{at}}}"#), None),
            (format!("\u{feff} {{\"id\":\"a\",\"title\":\"hi\",{at}}} \r"), None),
            (format!(r#"{{"id":"a","text":"hi","later":{{"x":[1]}},{at}}}"#), None),
            (format!(r#"{{"id":"a","deleted":true,{at}}}"#), None),
            (format!(r#"{{"id":"","text":"hi",{at}}}"#), Some("no_id")),
            (format!(r#"{{"id":"a",{at}}}"#), Some("no_text")),
            (r#"{"id":"a","text":"hi"}"#.to_owned(), Some("no_created_at")),
            (format!(r#"{{"id":7,"text":"hi",{at}}}"#), Some("malformed")),
            (format!(r#"{{"id":"a","text":"hi","kind":"rant",{at}}}"#), Some("malformed")),
            (format!(r#"{{"id":"a","text":"hi",{at}"#), Some("malformed")),
            (format!(r#"{{"id":"a","text":"hi",{at}}} {{}}"#), Some("malformed")),
            (format!(r#"{{"id":"a","text":"hi","x":{deep}"#), Some("malformed")),
            (format!(r#"{{"id":"a","text":"hi","url":"{long}",{at}}}"#), Some("field_too_long")),
            (format!(r#"{{"id":"a","text":"hi","tags":["{long}"],{at}}}"#), Some("field_too_long")),
            (String::new(), Some("malformed")),
            ("null".to_owned(), Some("malformed")),
            (" ".repeat(LINE_BYTES_MAX + 1), Some("line_too_long")),
        ] {
            let got = parse_line(line.as_bytes()).err().map(|bad| bad.reason());
            assert_eq!(got, reason, "{}", &line[..line.len().min(120)]);
        }
        assert_eq!(parse_line(b"{\"id\":\"\xff\"}").unwrap_err().reason(), "malformed");
    }

    #[test]
    fn a_follow_is_told_from_a_post() {
        let at = r#""created_at":"2026-11-21T09:00:00Z""#;
        let long = "x".repeat(FIELD_BYTES_MAX + 1);
        for (rest, reason) in [
            (format!(r#""account":"velora.example","author":{{"id":"7"}},{at}"#), None),
            (
                format!(
                    r#""id":"r1","account":"velora.example","author":{{"handle":"ann.example"}},"deleted":true,{at}"#
                ),
                None,
            ),
            (format!(r#""author":{{"id":"7"}},{at}"#), Some("malformed")),
            (format!(r#""account":"","author":{{"id":"7"}},{at}"#), Some("no_account")),
            (format!(r#""account":"velora.example",{at}"#), Some("no_author")),
            (r#""account":"velora.example","author":{"id":"7"}"#.to_owned(), Some("no_created_at")),
            (format!(r#""account":"velora.example","author":{{"id":"7","followers":-3}},{at}"#), Some("malformed")),
            (
                format!(r#""account":"velora.example","author":{{"id":"7","bio":"{long}"}},{at}"#),
                Some("field_too_long"),
            ),
        ] {
            let line = format!(r#"{{"kind":"follow",{rest}}}"#);
            let read = parse(line.as_bytes());
            assert_eq!(read.as_ref().err().map(Bad::reason), reason, "{}", &line[..line.len().min(120)]);
            assert!(read.is_err() || matches!(read, Ok(Line::Follow(_))));
            assert!(parse_line(line.as_bytes()).is_err(), "no post");
        }
        let post = parse(br#"{"id":"a","text":"hi","account":"x","created_at":"2026-11-21T09:00:00Z"}"#);
        assert!(matches!(post, Ok(Line::Post(_))));
        assert_eq!(parse(br#"{"id":"a","text":"hi"}"#).unwrap_err().reason(), "no_created_at", "a post's own reason");
    }

    #[test]
    fn a_rating_that_is_none_is_left_out() {
        let line = br#"{"id":"a","text":"x","created_at":"2026-11-21T09:00:00Z","rating":11}"#;
        assert_eq!(parse_line(line).unwrap().rating, None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            parse(&bytes).ok();
        }

        #[test]
        fn what_we_write_we_read(id in "[a-z]{1,9}", text in "\\PC{1,80}", second in 0_i64..4_000_000_000) {
            let post = Post::new(id, text, jiff::Timestamp::from_second(second).unwrap());
            let line = serde_json::to_vec(&post).unwrap();
            prop_assert_eq!(parse_line(&line).unwrap(), post);
        }
    }
}
