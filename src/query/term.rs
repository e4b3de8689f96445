//! One written term to one [`Term`]: words, prefixes, phrases, tags, handles, addresses, fields.

use super::field::{self, FIELDS, Holds, Row, TextField};
use super::lex::is_quote;
use super::value::{self, Wrong};
use super::word::{Phrase, Word};
use super::{Error, NEAR_MAX, PREFIX_LETTERS_MIN, Term};
use crate::text::{self, Begins, Kind, Places, folded};
use std::ops::Range;

/// What a term is read for.
pub(super) struct Context {
    pub scope: Scope,
    /// Inside `case:`.
    pub exact: bool,
}

pub(super) enum Scope {
    /// No field: a bare word, tag, handle or ticker.
    Free,
    /// One name may hold a label and a number.
    Field(Vec<&'static Row>),
    /// An unknown field, already complained about: its value is read over.
    Bad,
}

/// How a term stands in the query.
#[derive(Clone, Copy)]
pub(super) enum Written {
    Bare,
    Quoted { slop: u32 },
}

impl Context {
    pub const FREE: Self = Self { scope: Scope::Free, exact: false };
    pub const BAD: Self = Self { scope: Scope::Bad, exact: false };

    /// The text field whose words it asks for, if any.
    fn text_field(&self) -> Option<TextField> {
        match &self.scope {
            Scope::Free => Some(TextField::Any),
            Scope::Field(rows) => rows.iter().find_map(|row| match row.holds {
                Holds::Text(field) => Some(field),
                _ => None,
            }),
            Scope::Bad => None,
        }
    }
}

/// What stands behind `name:` inside of `outer`.
pub(super) fn context(name: &str, span: Range<usize>, outer: &Context) -> Result<Context, Error> {
    let wrong =
        |message: String, hint: Option<&str>| Error { span: span.clone(), message, hint: hint.map(str::to_owned) };
    match name {
        "case" if outer.text_field().is_some() => {
            let scope = match &outer.scope {
                Scope::Field(rows) => Scope::Field(rows.clone()),
                _ => Scope::Free,
            };
            return Ok(Context { scope, exact: true });
        }
        "case" => return Err(wrong("`case:` goes with words".to_owned(), Some("such as `case:\"SAP\"`"))),
        "in" | "let" if !matches!(outer.scope, Scope::Field(_)) => {
            let example = if name == "in" { "such as `in:$refund_terms`" } else { "such as `let:angry`" };
            return Err(wrong(format!("`{name}:` takes a name"), Some(example)));
        }
        _ => {}
    }
    if matches!(outer.scope, Scope::Field(_)) || outer.exact {
        return Err(wrong(format!("`{name}:` cannot stand inside the brackets of another field"), None));
    }
    let rows: Vec<&Row> = field::find(name).collect();
    if !rows.is_empty() {
        return Ok(Context { scope: Scope::Field(rows), exact: false });
    }
    let hint = field::suggest(name)
        .map_or_else(|| format!("for the word itself write \"{name}\""), |near| format!("did you mean `{near}:`?"));
    Err(wrong(format!("no field is called `{name}`"), Some(&hint)))
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
pub(super) fn read(context: &Context, body: &str, written: Written) -> Result<Option<Term>, Wrong> {
    let (quoted, slop) = match written {
        Written::Bare => (false, 0),
        Written::Quoted { slop } => (true, slop),
    };
    let form = Form { exact: context.exact, slop };
    let rows = match &context.scope {
        Scope::Bad => return Ok(None),
        Scope::Free if quoted || context.exact => return words(TextField::Any, body, form).map(Some),
        Scope::Free => return bare(body),
        Scope::Field(rows) => rows,
    };
    let comparison = !quoted && value::is_comparison(body);
    let numeric = |row: &&&Row| matches!(row.holds, Holds::Number(..)) == comparison;
    let Some(row) = rows.iter().find(numeric).or(rows.first()) else { return Ok(None) };
    if slop > 0 && !matches!(row.holds, Holds::Text(_)) {
        return Err((format!("`~` goes with words, and `{}:` takes none", row.name), None));
    }
    match row.holds {
        Holds::Number(field, unit) => value::number(field, unit, body),
        Holds::Keyword(field) => value::keyword(field, body),
        Holds::Url => address(body),
        Holds::Tag => tag(body),
        Holds::Text(_) if body.starts_with('-') && !quoted => {
            let hint = format!("write `-{}:{}`", row.name, body.trim_start_matches('-'));
            Err(("a hyphen cannot stand behind a field".to_owned(), Some(hint)))
        }
        Holds::Text(TextField::Author) => words(TextField::Author, body.trim_start_matches('@'), form),
        Holds::Text(field) => words(field, body, form),
    }
    .map(Some)
}

/// A line of a list: a word, a beginning, several words as a phrase (quotes or not), a tag, an account, a ticker.
pub(super) fn entry(line: &str) -> Result<Term, Wrong> {
    if let Some(phrase) = line.strip_prefix(is_quote).and_then(|rest| rest.strip_suffix(is_quote)) {
        return words(TextField::Any, phrase, Form::default());
    }
    match entity(line) {
        Some(term) => term,
        None => words(TextField::Any, line, Form::default()),
    }
}

/// What begins with the sign of an entity.
fn entity(body: &str) -> Option<Result<Term, Wrong>> {
    if let Some(name) = body.strip_prefix('#') {
        return Some(tag_sign(name));
    }
    if let Some(name) = body.strip_prefix('@') {
        return Some(handle(name));
    }
    let name = body.strip_prefix('$').filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))?;
    Some(ticker(name))
}

fn bare(body: &str) -> Result<Option<Term>, Wrong> {
    if body == "*" || body == "#" {
        return Ok(None);
    }
    if let Some(entity) = entity(body) {
        return entity.map(Some);
    }
    if body.contains('~') {
        let hint = "`~3` stands directly behind a phrase; misspellings are best kept in a list (`in:$name`)".to_owned();
        return Err((format!("`{body}`: words that are merely similar are not searched for"), Some(hint)));
    }
    if body.contains('^') {
        return Err((format!("`{body}`: terms have no weights"), Some("leave out `^`".to_owned())));
    }
    if body.starts_with(['<', '>', '=']) {
        let hint = "such as `rating:<=2`".to_owned();
        return Err((format!("`{body}` compares, but stands behind no field"), Some(hint)));
    }
    let lower = body.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return address(body).map(Some);
    }
    words(TextField::Any, body, Form::default()).map(Some)
}

/// How words are asked for.
#[derive(Clone, Copy, Default)]
struct Form {
    exact: bool,
    slop: u32,
}

/// A word, several as a phrase, or a prefix.
fn words(field: TextField, body: &str, form: Form) -> Result<Term, Wrong> {
    let (stem, prefix) = body.strip_suffix('*').map_or((body, false), |stem| (stem, true));
    if stem.contains('*') || (prefix && stem.is_empty()) {
        return Err(("a star stands only at the end of a word".to_owned(), Some("such as `refund*`".to_owned())));
    }
    if prefix && form.exact {
        let hint = "leave out `case:` or the star".to_owned();
        return Err(("`case:` takes whole words, without a star".to_owned(), Some(hint)));
    }
    let (mut places, mut folded) = (Places::default(), String::new());
    places.fold(stem, &mut folded);
    let mut ranges = Vec::new();
    for part in text::parts(&folded) {
        let written = &folded[part.range.clone()];
        match part.kind {
            Kind::Word => ranges.push(part.range),
            kind => return Err(no_word(kind, written)),
        }
    }
    if ranges.is_empty() {
        let hint = match body {
            "||" => "write OR",
            "&&" => "write AND, or nothing",
            _ => "a word has at least one letter, digit or emoji",
        };
        return Err((format!("no word in `{body}`"), Some(hint.to_owned())));
    }
    let letters: usize = ranges.iter().map(|range| folded[range.clone()].chars().count()).sum();
    let end = ranges.last().map_or(0, |range| range.end);
    if prefix && (letters < PREFIX_LETTERS_MIN || end < folded.len()) {
        let message = format!("a star needs at least {PREFIX_LETTERS_MIN} letters directly before it");
        return Err((message, Some("such as `refund*`".to_owned())));
    }
    if form.exact {
        each_its_own(&places, &ranges).map_err(|at| inside_exact(&stem[at]))?;
    }
    let mut begins = Begins::default();
    begins.read(&folded, &ranges);
    let mut words = Vec::new();
    let mut at = 0;
    for run in ranges.chunk_by(|one, next| one.end == next.start) {
        let parts = || run.iter().map(|range| folded[range.clone()].to_owned());
        let is_last = at + run.len() == ranges.len();
        let is_segment = run.iter().all(|range| folded[range.clone()].starts_with(text::is_unspaced))
            && (at + 1..at + run.len()).all(|at| !begins.at(at));
        words.push(match run {
            _ if is_segment && !(prefix && is_last) => Word::Whole(parts().collect()),
            [one] if form.exact => {
                let written = text::as_written(&stem[places.written(one)]).collect();
                Word::Exact { folded: folded[one.clone()].to_owned(), written }
            }
            [one] => Word::Plain(folded[one.clone()].to_owned()),
            _ if form.exact => {
                let joined: String = parts().collect();
                return Err(inside_exact(&joined));
            }
            _ => Word::Stretch(parts().collect()),
        });
        at += run.len();
    }
    let slop = slop(form, words.len())?;
    Ok(Term::Words { field, phrase: Phrase { words, prefix, slop } })
}

fn no_word(kind: Kind, written: &str) -> Wrong {
    let form = match kind {
        Kind::Word => written.to_owned(),
        Kind::Tag => format!("#{written}"),
        Kind::Handle => format!("@{written}"),
        Kind::Ticker => format!("${written}"),
        Kind::Link => format!("url:{}", written.split_once("://").map_or(written, |(_, rest)| rest)),
    };
    (format!("`{written}` is no word here, and a phrase is made of words"), Some(format!("write {form} by itself")))
}

fn inside_exact(written: &str) -> Wrong {
    let hint = "put spaces between its parts, or leave out `case:`".to_owned();
    (format!("`case:` cannot look into `{written}`"), Some(hint))
}

/// Else what was written as one and folds to several words, such as `½`.
fn each_its_own(places: &Places, ranges: &[Range<usize>]) -> Result<(), Range<usize>> {
    let mut written = ranges.iter().map(|range| places.written(range)).peekable();
    while let Some(one) = written.next() {
        if written.next_if(|next| next.start < one.end).is_some() {
            return Err(one);
        }
    }
    Ok(())
}

fn slop(form: Form, words: usize) -> Result<u32, Wrong> {
    if form.slop > 0 && words > NEAR_MAX {
        return Err((format!("a phrase with `~` has at most {NEAR_MAX} words"), None));
    }
    // One word has no places to stand apart from.
    Ok(if words > 1 { form.slop } else { 0 })
}

/// `$ACME`: what the scanner would take for one ticker in a post.
fn ticker(name: &str) -> Result<Term, Wrong> {
    let folded = folded(name);
    let signed = format!("${folded}");
    let whole =
        text::parts(&signed).next().is_some_and(|part| part.kind == Kind::Ticker && part.range.end == signed.len());
    if whole {
        return Ok(Term::Ticker(folded));
    }
    Err((format!("`${name}` is no ticker"), Some("such as `$ACME` or `$ACME.B`".to_owned())))
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
        return Err(("a tag is asked for whole, without a star".to_owned(), None));
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
    // In a path it may stand, too.
    let has_scheme = trimmed.split_once("://").is_some_and(|(scheme, _)| !scheme.contains(['/', '?', '#', '\\']));
    let found = if has_scheme { text::host_and_path(trimmed) } else { text::split_host(trimmed) };
    let hint = || Some("such as `url:shop.example/refund`".to_owned());
    let (host, path) = found.ok_or_else(|| (format!("no host in `{body}`"), hint()))?;
    if path.ends_with('*') {
        return Err(("a path needs no star: any continuation matches".to_owned(), hint()));
    }
    // `shop.example/` means all of the host.
    let path = if path == "/" { String::new() } else { path };
    Ok(Term::Url { host, path })
}
