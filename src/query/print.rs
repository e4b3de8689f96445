//! Tree to text: what [`super::Query::parse`] reads back as the same tree.

use super::field::{KeywordField, TextField};
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
            Term::Words { field, words, prefix } => {
                f.write_str(field_name(*field))?;
                let star = if *prefix { "*" } else { "" };
                match words.as_slice() {
                    [word] => write!(f, "{word}{star}"),
                    words => write!(f, "\"{}{star}\"", words.join(" ")),
                }
            }
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

fn field_name(field: TextField) -> &'static str {
    match field {
        TextField::Any => "",
        TextField::Title => "title:",
        TextField::Text => "text:",
        TextField::Author => "author:",
        TextField::Bio => "bio:",
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
