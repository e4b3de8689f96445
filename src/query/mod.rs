//! The one query language: what a watch, the search box, a rule's `when` and an API filter say.
//! Text in, tree out, every error with its span. Two evaluators use the tree: `watch` (one post in memory, thousands
//! of queries at once) and `index` (tantivy). They must agree on every post and query.

pub mod bits;
pub mod complete;
mod concordance;
pub mod eval;
pub mod explain;
pub mod field;
mod lex;
pub mod list;
pub mod names;
pub mod near;
mod parse;
pub mod piece;
mod print;
pub mod reading;
mod refer;
mod term;
mod value;
pub mod word;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use value::{bare_tag, primary_subtag};

use crate::settings::{Problem, Severity};
use field::{KeywordField, NumberField, TextField};
use list::List;
use names::Names;
use near::Link;
use std::ops::Range;
use std::sync::Arc;
use word::Phrase;

/// Longest query, in bytes.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of parentheses, NOT and names.
pub const DEPTH_MAX: usize = 64;
/// Most terms of one query, each word of a phrase and the terms of its names counted: what a post is asked grows by it.
pub const TERMS_MAX: usize = 10_000;
/// Most errors told at once: nobody reads more, and a hostile text would make one of every byte.
pub const ERRORS_MAX: usize = 100;
/// Least letters before the star of a prefix: shorter would match half a language.
pub const PREFIX_LETTERS_MIN: usize = 2;
/// Farthest that NEAR and `~` reach, in words: a long paragraph. Farther apart, two words have little to do with another.
pub const DISTANCE_MAX: u32 = 100;
/// Most words of a phrase with `~`, and most terms that NEAR joins in a row: nobody means more, and each may have to be
/// held against every word of a post.
pub const NEAR_MAX: usize = 32;
/// As how many terms each word in a phrase with `~` or beside NEAR counts: places cost more to judge than words to find.
pub const NEAR_TERMS: usize = 10;

/// A parsed query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// As it was written.
    pub text: String,
    pub expr: Expr,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Every post (an empty search box). Refused for a watch.
    All,
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Term(Term),
}

/// One test of a post. Words are already folded by [`crate::text::fold`], split as [`crate::text::words`] splits a post.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A word, a beginning of words, or several words together.
    Words { field: TextField, phrase: Phrase },
    /// Each operand (any of its phrases) within so many words of the one before it. One link fewer than operands.
    Near { field: TextField, operands: Vec<Vec<Phrase>>, links: Vec<Link> },
    /// Any entry of a named list.
    List(Arc<List>),
    /// A hashtag (`#acme`, `tag:acme`), folded, without `#`.
    Tag(String),
    /// An account: handle (folded, without `@`) or native id.
    Handle(String),
    /// The sign of a share (`$ACME`), folded, without `$`.
    Ticker(String),
    /// A host and its subdomains (lower case), then an optional path prefix; over the post's own url and all its links.
    Url { host: String, path: String },
    /// Equal to a word of a closed or configured set, lower case.
    Keyword { field: KeywordField, value: String },
    /// Within bounds, each inclusive or not; a missing number is unknown, not zero.
    Number { field: NumberField, min: Option<Bound>, max: Option<Bound> },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub value: f64,
    pub inclusive: bool,
}

/// Whether evaluating it needs a post's words or entities, not only its plain fields. Recursion is bounded by the parser.
pub(crate) fn reads(expr: &Expr) -> bool {
    match expr {
        Expr::All | Expr::Term(Term::Number { .. }) => false,
        Expr::Term(Term::Keyword { field, .. }) => *field == KeywordField::Has,
        Expr::Term(_) => true,
        Expr::Not(inner) => reads(inner),
        Expr::And(parts) | Expr::Or(parts) => parts.iter().any(reads),
    }
}

/// What is wrong with a query, and where (bytes of the query).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub span: Range<usize>,
    pub message: String,
    /// What to write in its place.
    pub hint: Option<String>,
}

impl Error {
    /// As a problem of a file: the query `text` stands in `line` (from 1) behind `before` characters.
    pub fn problem(&self, file: &str, line: usize, before: usize, text: &str) -> Problem {
        let inside = text.get(..self.span.start).unwrap_or(text);
        Problem {
            severity: Severity::Error,
            file: file.to_owned(),
            line,
            column: before + inside.chars().count() + 1,
            message: self.message.clone(),
            hint: self.hint.clone(),
        }
    }
}

impl Query {
    /// Every error at once, in the order of the text. Knows no names: `in:$list` and `let:name` are errors.
    ///
    /// # Errors
    /// The query cannot be used; show the errors to whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, Vec<Error>> {
        Self::parse_with(text, &Names::default())
    }

    /// As [`Query::parse`], with the lists and named queries that it may refer to.
    ///
    /// # Errors
    /// As `parse`.
    pub fn parse_with(text: &str, names: &Names) -> Result<Self, Vec<Error>> {
        parse::parse(text, names)
    }

    /// As [`Query::parse_with`], and refuses what would match everything (`NOT x` alone): nobody can watch that.
    ///
    /// # Errors
    /// As `parse`.
    pub fn parse_watch(text: &str, names: &Names) -> Result<Self, Vec<Error>> {
        parse::parse_watch(text, names)
    }
}
