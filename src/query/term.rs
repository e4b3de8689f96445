//! One written term to one [`Term`]: words, prefixes, phrases, tags, handles, addresses, fields.

use super::field::{self, FIELDS, Holds, Row, TextField};
use super::value::{self, Wrong};
use super::{Error, PREFIX_LETTERS_MIN, Term};
use crate::text::{self, Kind, folded};
use std::ops::Range;

/// Which field a term is read for.
pub(super) enum Context {
    /// None: a bare word, tag or handle.
    Free,
    /// One name may hold a label and a number.
    Field(Vec<&'static Row>),
    /// An unknown field, already complained about: its value is read over.
    Bad,
}

/// The field called `name`.
pub(super) fn field(name: &str, span: Range<usize>) -> Result<Context, Error> {
    let rows: Vec<&Row> = field::find(name).collect();
    if !rows.is_empty() {
        return Ok(Context::Field(rows));
    }
    if field::LATER.iter().any(|later| later.eq_ignore_ascii_case(name)) {
        return Err(super::lex::not_yet(span, &format!("`{name}:`")));
    }
    let hint = field::suggest(name)
        .map_or_else(|| format!("for the word itself write \"{name}\""), |near| format!("did you mean `{near}:`?"));
    Err(Error { span, message: format!("no field is called `{name}`"), hint: Some(hint) })
}

/// The row that a term tests; `None` for bare words and handles.
pub(super) fn row(term: &Term) -> Option<&'static Row> {
    FIELDS.iter().find(|row| match (term, row.holds) {
        (Term::Words { field, .. }, Holds::Text(held)) => *field == held,
        (Term::Keyword { field, .. }, Holds::Keyword(held)) => *field == held,
        (Term::Number { field, .. }, Holds::Number(held, _)) => *field == held,
        _ => false,
    })
}

/// `None`: matches everything (`*`, `#`), or was complained about before.
pub(super) fn read(context: &Context, body: &str, quoted: bool) -> Result<Option<Term>, Wrong> {
    let rows = match context {
        Context::Bad => return Ok(None),
        Context::Free if quoted => return words(TextField::Any, body).map(Some),
        Context::Free => return bare(body),
        Context::Field(rows) => rows,
    };
    let comparison = !quoted && value::is_comparison(body);
    let numeric = |row: &&&Row| matches!(row.holds, Holds::Number(..)) == comparison;
    let Some(row) = rows.iter().find(numeric).or(rows.first()) else { return Ok(None) };
    match row.holds {
        Holds::Number(field, unit) => value::number(field, unit, body),
        Holds::Keyword(field) => value::keyword(field, body),
        Holds::Url => address(body),
        Holds::Tag => tag(body),
        Holds::Text(_) if body.starts_with('-') && !quoted => {
            let hint = format!("write `-{}:{}`", row.name, body.trim_start_matches('-'));
            Err(("a hyphen cannot stand behind a field".to_owned(), Some(hint)))
        }
        Holds::Text(TextField::Author) => words(TextField::Author, body.trim_start_matches('@')),
        Holds::Text(field) => words(field, body),
    }
    .map(Some)
}

fn bare(body: &str) -> Result<Option<Term>, Wrong> {
    if body == "*" || body == "#" {
        return Ok(None);
    }
    if let Some(name) = body.strip_prefix('#') {
        return tag_sign(name).map(Some);
    }
    if let Some(name) = body.strip_prefix('@') {
        return handle(name).map(Some);
    }
    if body.strip_prefix('$').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic())) {
        return Err((format!("`{body}` (ticker symbols) is not available yet"), None));
    }
    if let Some(at) = body.find(['~', '^']) {
        let sign = &body[at..=at];
        return Err((format!("`{sign}` behind a word is not available yet"), None));
    }
    if body.starts_with(['<', '>', '=']) {
        let hint = "such as `rating:<=2`".to_owned();
        return Err((format!("`{body}` compares, but stands behind no field"), Some(hint)));
    }
    let lower = body.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return address(body).map(Some);
    }
    words(TextField::Any, body).map(Some)
}

/// A word, several as a phrase, or a prefix.
fn words(field: TextField, body: &str) -> Result<Term, Wrong> {
    let (stem, prefix) = body.strip_suffix('*').map_or((body, false), |stem| (stem, true));
    if stem.contains('*') || (prefix && stem.is_empty()) {
        return Err(("a star stands only at the end of a word".to_owned(), Some("such as `refund*`".to_owned())));
    }
    let folded = folded(stem);
    let mut words = Vec::new();
    let mut end = 0;
    for part in text::parts(&folded) {
        end = part.range.end;
        let written = &folded[part.range];
        let form = match part.kind {
            Kind::Word => {
                words.push(written.to_owned());
                continue;
            }
            Kind::Tag => format!("#{written}"),
            Kind::Handle => format!("@{written}"),
            Kind::Link => format!("url:{}", written.split_once("://").map_or(written, |(_, rest)| rest)),
        };
        return Err((
            format!("`{written}` is no word here, and a phrase is made of words"),
            Some(format!("write {form} by itself")),
        ));
    }
    if words.is_empty() {
        let hint = match body {
            "||" => "write OR",
            "&&" => "write AND, or nothing",
            _ => "a word has at least one letter, digit or emoji",
        };
        return Err((format!("no word in `{body}`"), Some(hint.to_owned())));
    }
    let letters: usize = words.iter().map(|word| word.chars().count()).sum();
    if prefix && (letters < PREFIX_LETTERS_MIN || end < folded.len()) {
        let message = format!("a star needs at least {PREFIX_LETTERS_MIN} letters directly before it");
        return Err((message, Some("such as `refund*`".to_owned())));
    }
    Ok(Term::Words { field, words, prefix })
}

/// `#name`: what the scanner would take for one tag in a post.
fn tag_sign(name: &str) -> Result<Term, Wrong> {
    let folded = folded(name);
    let signed = format!("#{folded}");
    if text::tags(&signed).next() == Some(&folded) {
        return Ok(Term::Tag(folded));
    }
    let hint = format!("write tag:\"{name}\" for exactly that, or only letters, digits and `_`");
    Err((format!("`#{name}` is no hashtag"), Some(hint)))
}

fn tag(body: &str) -> Result<Term, Wrong> {
    if body.ends_with('*') {
        return Err(("a star on a tag is not available yet".to_owned(), None));
    }
    match value::tag(body) {
        tag if tag.is_empty() => Err((format!("no tag in `{body}`"), Some("such as `tag:acme`".to_owned()))),
        tag => Ok(Term::Tag(tag)),
    }
}

/// A handle, or a native id such as a DID.
fn handle(name: &str) -> Result<Term, Wrong> {
    let folded = folded(name);
    let sound = |c: char| c.is_alphanumeric() || "._-:@/".contains(c);
    if folded.is_empty() || !folded.chars().all(sound) {
        return Err((format!("`@{name}` is no account"), Some("such as `@ann.example`".to_owned())));
    }
    Ok(Term::Handle(folded))
}

fn address(body: &str) -> Result<Term, Wrong> {
    let trimmed = body.trim();
    let found = if trimmed.contains("://") { text::host_and_path(trimmed) } else { text::split_host(trimmed) };
    let hint = || Some("such as `url:shop.example/refund`".to_owned());
    let (host, path) = found.ok_or_else(|| (format!("no host in `{body}`"), hint()))?;
    if path.ends_with('*') {
        return Err(("a path needs no star: any continuation matches".to_owned(), hint()));
    }
    // `shop.example/` means all of the host.
    let path = if path == "/" { String::new() } else { path };
    Ok(Term::Url { host, path })
}
