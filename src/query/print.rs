//! Tree to text: what [`super::Query::parse`] reads back as the same tree.

use super::field::{KeywordField, TextField};
use super::near::Link;
use super::word::{Phrase, Word};
use super::{Expr, Query, Term, lex, value};
use std::fmt::{self, Display, Formatter, Write as _};

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::All => f.write_str("*"),
            Expr::And(parts) => list(f, parts, " "),
            Expr::Or(parts) => list(f, parts, " OR "),
            Expr::Not(inner) => {
                f.write_str("NOT ")?;
                operand(f, inner)
            }
            Expr::Term(term) => term.fmt(f),
        }
    }
}

fn list(f: &mut Formatter<'_>, parts: &[Expr], between: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        operand(f, part)?;
    }
    Ok(())
}

fn operand(f: &mut Formatter<'_>, expr: &Expr) -> fmt::Result {
    match expr {
        Expr::And(_) | Expr::Or(_) => write!(f, "({expr})"),
        _ => expr.fmt(f),
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Term::Words { field, phrase } => match field_name(*field) {
                Some(name) if phrase.is_exact() => write!(f, "{name}:({phrase})"),
                Some(name) => write!(f, "{name}:{phrase}"),
                None => phrase.fmt(f),
            },
            Term::Near { field, operands, links } => match field_name(*field) {
                Some(name) => write!(f, "{name}:({})", Near { operands, links }),
                None => Near { operands, links }.fmt(f),
            },
            Term::List(list) => write!(f, "in:${}", list.name),
            Term::Ticker(ticker) => write!(f, "${ticker}"),
            Term::Tag(tag) => write!(f, "tag:{}", Quoted(tag)),
            Term::Handle(handle) => write!(f, "@{handle}"),
            Term::Url { host, path } => write!(f, "url:{}", Quoted(&format!("{host}{path}"))),
            Term::Keyword { field: KeywordField::Sentiment, value } => write!(f, "sentiment:{value}"),
            Term::Keyword { field, value } => write!(f, "{}:{}", field.name(), Quoted(value)),
            Term::Number { field, min, max } => match field.row() {
                Some((row, unit)) => write!(f, "{}:{}", row.name, value::write_number(unit, *min, *max)),
                None => Ok(()),
            },
        }
    }
}

impl Display for Phrase {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let star = if self.prefix { "*" } else { "" };
        if self.is_exact() {
            f.write_str("case:")?;
        }
        match self.words.as_slice() {
            [Word::Exact { written, .. }] => write!(f, "\"{written}\""),
            [word] => write!(f, "{word}{star}"),
            words => {
                f.write_char('"')?;
                for (n, word) in words.iter().enumerate() {
                    write!(f, "{}{word}", if n > 0 { " " } else { "" })?;
                }
                write!(f, "{star}\"")?;
                if self.slop > 0 { write!(f, "~{}", self.slop) } else { Ok(()) }
            }
        }
    }
}

impl Phrase {
    fn is_exact(&self) -> bool {
        self.words.iter().any(|word| matches!(word, Word::Exact { .. }))
    }
}

impl Display for Word {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Word::Plain(word) => f.write_str(word),
            Word::Exact { written, .. } => f.write_str(written),
            Word::Whole(parts) | Word::Stretch(parts) => parts.iter().try_for_each(|part| f.write_str(part)),
        }
    }
}

struct Near<'t> {
    operands: &'t [Vec<Phrase>],
    links: &'t [Link],
}

impl Display for Near<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, operand) in self.operands.iter().enumerate() {
            if let Some(link) = n.checked_sub(1).and_then(|n| self.links.get(n)) {
                write!(f, " {}NEAR/{} ", if link.ordered { "O" } else { "" }, link.distance)?;
            }
            match operand.as_slice() {
                [phrase] => phrase.fmt(f)?,
                phrases => {
                    for (n, phrase) in phrases.iter().enumerate() {
                        write!(f, "{}{phrase}", if n == 0 { "(" } else { " OR " })?;
                    }
                    f.write_char(')')?;
                }
            }
        }
        Ok(())
    }
}

/// `None`: needs none to be said.
fn field_name(field: TextField) -> Option<&'static str> {
    match field {
        TextField::Any => None,
        TextField::Title => Some("title"),
        TextField::Text => Some("text"),
        TextField::Author => Some("author"),
        TextField::Bio => Some("bio"),
    }
}

/// In quotes unless it is plainly one bare value.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_alphanumeric() || "_./".contains(c);
        if self.0.chars().all(plain) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            if c == '\\' || lex::is_quote(c) {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}
