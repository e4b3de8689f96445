//! Why a query matches a post or does not: every term with its verdict and what it found. Says the same as `eval`, which
//! it asks for each term, but looks at all of them.

use super::eval::{self, Subject};
use super::field::{KeywordField, TextField};
use super::piece::Piece;
use super::reading::Reading;
use super::word::Phrase;
use super::{Expr, Query, Term};
use serde::Serialize;
use std::fmt::{self, Display, Formatter};

/// Most finds told of one term.
const FINDS_MAX: usize = 3;

/// A part of a query, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The term as it would be written; `all of`, `any of` or `not` where parts decide.
    pub query: String,
    /// `None`: unknown, since something asked for is missing.
    pub holds: Option<bool>,
    /// What was found or missed; `None` where parts decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Explanation>,
}

impl Query {
    /// What each term of the query says of a post; `reading` is of `subject.post`.
    pub fn explain(&self, subject: &Subject<'_>, reading: &Reading) -> Explanation {
        explain(&self.expr, subject, reading)
    }
}

/// Recursion is bounded by the parser.
fn explain(expr: &Expr, subject: &Subject<'_>, reading: &Reading) -> Explanation {
    let (query, parts): (&str, &[Expr]) = match expr {
        Expr::All => {
            return Explanation {
                query: "*".into(),
                holds: Some(true),
                why: Some("everything".into()),
                parts: Vec::new(),
            };
        }
        Expr::Term(term) => {
            let holds = eval::term_holds(term, subject, reading);
            let why = Some(why(term, holds, subject, reading));
            return Explanation { query: term.to_string(), holds, why, parts: Vec::new() };
        }
        Expr::And(parts) => ("all of", parts),
        Expr::Or(parts) => ("any of", parts),
        Expr::Not(inner) => ("not", std::slice::from_ref(&**inner)),
    };
    let holds = eval::holds(expr, subject, reading);
    let parts = parts.iter().map(|part| explain(part, subject, reading)).collect();
    Explanation { query: query.to_owned(), holds, why: None, parts }
}

fn why(term: &Term, holds: Option<bool>, subject: &Subject<'_>, reading: &Reading) -> String {
    match term {
        Term::Words { field, phrase } => words_why(*field, std::slice::from_ref(phrase), holds == Some(true), reading),
        Term::Near { field, operands, .. } => {
            let phrases: Vec<Phrase> = operands.iter().flatten().cloned().collect();
            let near = if holds == Some(true) { "near each other" } else { "not near each other" };
            format!("{near}: {}", words_why(*field, &phrases, true, reading))
        }
        Term::List(list) => match list.find(reading) {
            Some(entry) => format!("its entry `{entry}` is there"),
            None => format!("none of its {} entries is there", list.entries().len()),
        },
        Term::Tag(_) => there("tags", &reading.tags),
        Term::Handle(_) => there("accounts", &reading.handles),
        Term::Ticker(_) => there("tickers", &reading.tickers),
        Term::Url { .. } => {
            let addresses: Vec<String> = reading.addresses.iter().map(|(host, path)| format!("{host}{path}")).collect();
            there("addresses", &addresses)
        }
        Term::Keyword { field, .. } => keyword_why(*field, subject, reading),
        Term::Number { field, .. } => {
            let name = field.row().map_or("it", |(row, _)| row.name);
            match eval::number(*field, subject) {
                Some(number) => {
                    format!("{name} is {}", field.row().map_or_else(String::new, |(_, unit)| unit.write(number)))
                }
                None => format!("{name} is not known"),
            }
        }
    }
}

/// Where the phrases stand; or, of those that do not, which of their words do.
fn words_why(field: TextField, phrases: &[Phrase], held: bool, reading: &Reading) -> String {
    let mut finds = Vec::new();
    for (name, piece) in reading.pieces(field) {
        let piece: &Piece = piece(reading);
        for phrase in phrases {
            let spans = match piece.find(phrase) {
                Some(span) => vec![span],
                None => piece.find_words(phrase),
            };
            finds.extend(spans.into_iter().map(|span| format!("`{}` in the {name}", piece.written(span))));
        }
    }
    let more = finds.len().saturating_sub(FINDS_MAX);
    finds.truncate(FINDS_MAX);
    let finds = finds.join(", ");
    match (held, finds.is_empty(), more) {
        (_, true, _) => "not there".to_owned(),
        (true, _, 0) => finds,
        (true, ..) => format!("{finds} and {more} more"),
        (false, _, 0) => format!("only {finds}"),
        (false, ..) => format!("only {finds} and {more} more"),
    }
}

fn there(what: &str, found: &[String]) -> String {
    let more = found.len().saturating_sub(FINDS_MAX);
    let found = found.iter().take(FINDS_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match (found.is_empty(), more) {
        (true, _) => format!("there are no {what}"),
        (_, 0) => format!("the {what} are {found}"),
        _ => format!("the {what} are {found} and {more} more"),
    }
}

fn keyword_why(field: KeywordField, subject: &Subject<'_>, reading: &Reading) -> String {
    let mention = subject.mention;
    let found = match field {
        KeywordField::Source if subject.source_kind.is_empty() => Some(subject.post.source.to_string()),
        KeywordField::Source => Some(format!("{} ({})", subject.post.source, subject.source_kind)),
        KeywordField::Kind => Some(subject.post.kind.name().to_owned()),
        KeywordField::Lang => eval::language(subject),
        KeywordField::Brand => mention.map(|mention| mention.brand.clone()),
        KeywordField::Watch => mention.map(|mention| mention.watches.join(", ")),
        KeywordField::Status => mention.map(|mention| mention.status.name().to_owned()),
        KeywordField::Sentiment => mention.and_then(eval::label).map(|label| label.name().to_owned()),
        KeywordField::From => mention.map(|mention| if mention.is_own() { "own" } else { "others" }.to_owned()),
        KeywordField::Is | KeywordField::Has => {
            let flags = field.values().into_iter().filter(|value| eval::flag(field, value, subject, reading));
            let flags: Vec<&str> = flags.collect();
            Some(if flags.is_empty() { "none of these".to_owned() } else { flags.join(", ") })
        }
    };
    match found {
        Some(found) => format!("{} is {found}", field.name()),
        None => format!("{} is not known", field.name()),
    }
}

impl Explanation {
    fn write(&self, f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
        let mark = match self.holds {
            Some(true) => '✓',
            Some(false) => '✗',
            None => '?',
        };
        write!(f, "{:indent$}{mark} {}", "", self.query, indent = depth * 2)?;
        match &self.why {
            Some(why) => writeln!(f, "  -- {why}")?,
            None => writeln!(f)?,
        }
        self.parts.iter().try_for_each(|part| part.write(f, depth + 1))
    }
}

/// A line for each part, indented.
impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}
