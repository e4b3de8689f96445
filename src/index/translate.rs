//! A query's tree as a tantivy query. Tantivy knows matched and not matched only, so NOT is pushed down to the terms
//! and each term is translated twice: "is true" and "is false". What is missing is in neither. A third way, "is true or
//! unknown", tells how many mentions a query leaves open. Parts that ask for numbers only go to `number`.
//!
//! - A number that is missing is unknown: NOT `rating:>2` asks for a rating of at most 2.
//! - `lang:` and `sentiment:` of a mention without one are unknown; other keywords of a mention are always known.
//! - Words, tags, accounts and links that are not there are not there: NOT `title:x` matches a post without a title.

use super::Error;
use super::schema::{Fields, UNKNOWN};
use super::steady::Steady;
use super::{gap, number};
use crate::query::field::TextField;
use crate::query::{Expr, Term};
use jiff::Timestamp;
use std::ops::Bound as Edge;
use tantivy::query::{AllQuery, BooleanQuery, EmptyQuery, Occur, Query, RangeQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term as Token};

/// What a tree is to say of a mention. Possible: true or unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    True,
    False,
    Possible,
}

impl Wanted {
    pub fn is(self, says: Option<bool>) -> bool {
        match self {
            Self::True => says == Some(true),
            Self::False => says == Some(false),
            Self::Possible => says != Some(false),
        }
    }
}

/// A query and whether a hit must match it or must not.
pub(super) type Clause = (Occur, Box<dyn Query>);

pub(super) struct Translator<'a> {
    pub fields: &'a Fields,
    pub searcher: &'a Searcher,
    /// For `age:`.
    pub now: Timestamp,
}

impl Translator<'_> {
    /// What makes `expr` say what is wanted, within `brands`.
    ///
    /// # Errors
    /// [`Error::Refused`] when a prefix stands for too many words.
    pub fn query(&self, expr: &Expr, wanted: Wanted, brands: Option<&[String]>) -> Result<Box<dyn Query>, Error> {
        let mut clauses = vec![self.clause(expr, wanted)?];
        if let Some(brands) = brands {
            let field = self.fields.brand_id;
            clauses.push(any(brands.iter().map(|brand| must(token(field, brand))).collect()));
        }
        Ok(plain(all(clauses)))
    }

    fn clause(&self, expr: &Expr, wanted: Wanted) -> Result<Clause, Error> {
        use Wanted::{False, Possible, True};
        let each = |exprs: &[Expr]| exprs.iter().map(|expr| self.clause(expr, wanted)).collect::<Result<Vec<_>, _>>();
        Ok(match (expr, wanted) {
            _ if number::are_all(expr) => must(number::query(expr, wanted, self.now)),
            (Expr::All, True | Possible) => must(AllQuery),
            (Expr::All, False) => must(EmptyQuery),
            (Expr::Not(expr), True) => self.clause(expr, False)?,
            (Expr::Not(expr), False) => self.clause(expr, True)?,
            (Expr::Not(expr), Possible) => not(self.clause(expr, True)?),
            (Expr::And(exprs), True | Possible) | (Expr::Or(exprs), False) => all(each(exprs)?),
            (Expr::Or(exprs), True | Possible) | (Expr::And(exprs), False) => any(each(exprs)?),
            (Expr::Term(term), True) => self.term(term)?,
            (Expr::Term(term), _) => {
                let mut clause = self.term(term)?;
                if let Term::Keyword { field, .. } = term
                    && gap::may_lack(*field)
                {
                    clause = any(vec![clause, must(token(self.fields.keyword(*field), UNKNOWN))]);
                }
                if wanted == False { not(clause) } else { clause }
            }
        })
    }

    /// True when the term is.
    pub(super) fn term(&self, term: &Term) -> Result<Clause, Error> {
        let fields = self.fields;
        Ok(match term {
            Term::Words { field, phrase } => self.in_fields(*field, |field| self.phrase(field, phrase))?,
            Term::Near { field, operands, links } => {
                self.in_fields(*field, |field| self.near(field, operands, links))?
            }
            Term::List(list) => self.list(list)?,
            Term::Ticker(ticker) => must(token(fields.ticker, ticker)),
            Term::Tag(tag) => must(token(fields.tag, tag)),
            Term::Handle(handle) => must(token(fields.account, handle)),
            Term::Url { host, path } if !path.is_empty() => must(starting(fields.path, &format!("{host}{path}"))),
            Term::Url { host, .. } => must(token(fields.host, host)),
            Term::Keyword { value, .. } if value == UNKNOWN => must(EmptyQuery),
            Term::Keyword { field, value } => must(token(fields.keyword(*field), value)),
            Term::Number { .. } => must(number::query(&Expr::Term(term.clone()), Wanted::True, self.now)),
        })
    }

    fn in_fields(&self, field: TextField, clause: impl Fn(Field) -> Result<Clause, Error>) -> Result<Clause, Error> {
        Ok(any(texts(self.fields, field).into_iter().map(clause).collect::<Result<_, _>>()?))
    }
}

/// The fields in which words of `field` stand.
pub(super) fn texts(fields: &Fields, field: TextField) -> Vec<Field> {
    match field {
        TextField::Any => vec![fields.text, fields.title],
        TextField::Title => vec![fields.title],
        TextField::Text => vec![fields.text],
        TextField::Author => vec![fields.handle, fields.name],
        TextField::Bio => vec![fields.bio],
    }
}

pub(super) fn must(query: impl Query) -> Clause {
    (Occur::Must, Box::new(query))
}

pub(super) fn not((occur, query): Clause) -> Clause {
    match occur {
        Occur::MustNot => (Occur::Must, query),
        // Needs none, and is sought quicker bare.
        _ if query.is::<TermQuery>() => (Occur::MustNot, query),
        _ => (Occur::MustNot, Box::new(Steady(query))),
    }
}

pub(super) fn token(field: Field, text: &str) -> TermQuery {
    TermQuery::new(Token::from_field_text(field, text), IndexRecordOption::Basic)
}

/// Every term, or text of a column, that starts with `prefix`: from it on, up to the first behind all of them. Not a
/// `PhrasePrefixQuery` of one word, which silently leaves out all but the first 50 terms of each segment.
pub(super) fn starting(field: Field, prefix: &str) -> RangeQuery {
    let edge = |text: &str| Token::from_field_text(field, text);
    let end = behind(prefix).map_or(Edge::Unbounded, |end| Edge::Excluded(edge(&end)));
    RangeQuery::new(Edge::Included(edge(prefix)), end)
}

/// The least text that is greater than all that start with `prefix`; UTF-8 sorts as its characters do. `None`: there
/// is none.
fn behind(prefix: &str) -> Option<String> {
    let front = prefix.trim_end_matches(char::MAX);
    let last = front.chars().next_back()?;
    // The numbers of surrogates, which are no characters, are skipped.
    let next = (last..=char::MAX).nth(1)?;
    Some(format!("{}{next}", &front[..front.len() - last.len_utf8()]))
}

/// Every clause holds. None at all holds always.
pub(super) fn all(mut clauses: Vec<Clause>) -> Clause {
    if clauses.len() == 1 {
        return clauses.remove(0);
    }
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push(must(AllQuery));
    }
    must(BooleanQuery::new(clauses))
}

/// At least one clause holds. None at all never holds.
pub(super) fn any(mut clauses: Vec<Clause>) -> Clause {
    match clauses.len() {
        0 => must(EmptyQuery),
        1 => clauses.remove(0),
        _ => must(BooleanQuery::union(clauses.into_iter().map(plain).collect())),
    }
}

/// The clause as a query of its own: tantivy finds nothing by "must not" alone.
pub(super) fn plain((occur, query): Clause) -> Box<dyn Query> {
    if occur == Occur::MustNot {
        return Box::new(BooleanQuery::new(vec![must(AllQuery), (Occur::MustNot, query)]));
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next() {
        let cases = [
            ("a.example/b", Some("a.example/c")),
            ("a/z", Some("a/{")),
            ("a/\u{7f}", Some("a/\u{80}")),
            ("a/\u{d7ff}", Some("a/\u{e000}")),
            ("a/\u{10ffff}\u{10ffff}", Some("a0")),
            ("\u{10ffff}", None),
            ("", None),
        ];
        for (prefix, expected) in cases {
            assert_eq!(behind(prefix).as_deref(), expected, "{prefix:?}");
        }
    }
}
