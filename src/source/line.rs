//! One post of the contract's JSON, as `recorded`, `push`, import and the tools that read standard input take it.
//! Pure; knows nothing of files and bodies. Nesting is bounded by serde_json (128 levels).

use crate::post::{Post, Refusal, Str};

/// The longest line that is read, in bytes: the longest text with every character escaped (`\u00e9`), and as much
/// again for the rest.
pub const LINE_BYTES_MAX: usize = 2 << 20;

/// The longest of the short fields (title, addresses, names, tags), in bytes. The longest seen in the wild are
/// tracking links of some 8 KiB.
pub const FIELD_BYTES_MAX: usize = 16 * 1024;

/// Why a line is no post. Counted by [`Bad::reason`], told with its place.
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
            Bad::TooMany(_) => "too_many_posts",
        }
    }
}

/// A post that borrows from `line`, checked for everything that a post may not be. A rating outside `1..=5` is left out.
///
/// # Errors
/// Why it is no post; the caller counts it and goes on with the next.
pub fn parse_line(line: &[u8]) -> Result<Post<'_>, Bad> {
    if line.len() > LINE_BYTES_MAX {
        return Err(Bad::TooLong);
    }
    // Checking the whole line at once is quicker than each string of it.
    let line = str::from_utf8(line).map_err(|error| Bad::Malformed(error.to_string()))?;
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let mut post: Post<'_> = serde_json::from_str(line).map_err(|error| Bad::Malformed(error.to_string()))?;
    post.check()?;
    check_fields(&post)?;
    post.rating = post.rating.filter(|stars| (1.0..=5.0).contains(stars));
    Ok(post)
}

fn check_fields(post: &Post<'_>) -> Result<(), Bad> {
    let author = &post.author;
    let fields = [
        ("url", &post.url),
        ("title", &post.title),
        ("lang", &post.lang),
        ("reply_to", &post.reply_to),
        ("root", &post.root),
        ("quote_of", &post.quote_of),
        ("author.id", &author.id),
        ("author.handle", &author.handle),
        ("author.name", &author.name),
        ("author.bio", &author.bio),
    ];
    let long = |text: &Str<'_>| text.len() > FIELD_BYTES_MAX;
    let lists = [("links", &post.links), ("tags", &post.tags), ("mentions", &post.mentions)];
    let field = fields.into_iter().find(|(_, field)| field.as_ref().is_some_and(long)).map(|(name, _)| name);
    let list = lists.into_iter().find(|(_, list)| list.iter().any(long)).map(|(name, _)| name);
    match field.or(list).or(long(&post.source).then_some("source")) {
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
    fn a_rating_that_is_none_is_left_out() {
        let line = br#"{"id":"a","text":"x","created_at":"2026-11-21T09:00:00Z","rating":11}"#;
        assert_eq!(parse_line(line).unwrap().rating, None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            parse_line(&bytes).ok();
        }

        #[test]
        fn what_we_write_we_read(id in "[a-z]{1,9}", text in "\\PC{1,80}", second in 0_i64..4_000_000_000) {
            let post = Post::new(id, text, jiff::Timestamp::from_second(second).unwrap());
            let line = serde_json::to_vec(&post).unwrap();
            prop_assert_eq!(parse_line(&line).unwrap(), post);
        }
    }
}
