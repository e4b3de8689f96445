//! Evaluates a query over one post in memory. Three-valued: a test of something missing is unknown.

use super::Query;
use crate::mention::Mention;
use crate::post::Post;

/// What a query is asked of: a post, and what we know of it beyond the post (nothing yet, while it streams in).
pub struct Subject<'a> {
    pub post: &'a Post<'a>,
    /// The kind of the post's source (`bluesky`), for `source:`.
    pub source_kind: &'a str,
    /// Scores, brand, watches, status: missing until the post is a mention.
    pub mention: Option<&'a Mention>,
}

impl Query {
    /// `Some(true)`: matched; `None`: unknown, because something asked for is missing.
    pub fn matches(&self, _subject: &Subject<'_>) -> Option<bool> {
        todo!("query")
    }
}
