//! A query's tree as a tantivy query. Tantivy knows matched and not matched only, so NOT is pushed down to the terms
//! and each term is translated twice: "is true" and "is false". What is missing is in neither.
//!
//! - A number that is missing is unknown: NOT `rating:>2` asks for a rating of at most 2.
//! - `lang:` and `sentiment:` of a mention without one are unknown; other keywords of a mention are always known.
//! - Words, tags, accounts and links that are not there are not there: NOT `title:x` matches a post without a title.

use super::Error;
use super::position::{Positions, Test};
use super::schema::{Fields, UNKNOWN};
use super::steady::Steady;
use super::tokenizer::{self, written_otherwise};
use crate::query::field::{KeywordField, NumberField, TextField};
use crate::query::list::List;
use crate::query::near::Link;
use crate::query::word::{Phrase, Word};
use crate::query::{Bound, Expr, Term, eval};
use jiff::Timestamp;
use std::ops::Bound as Edge;
use std::sync::Arc;
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query, RangeQuery, TermQuery,
    TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term as Token};

/// Most different words that the starred word of a phrase may stand for in one segment: each costs about 4 KiB while
/// searching. A single starred word has no such bound.
const PREFIX_WORDS_MAX: u32 = 5_000;

/// Most phrases and beginnings of a list that one search looks for: each opens the places of its words anew.
const LIST_PHRASES_MAX: usize = 2_000;

/// A query and whether a hit must match it or must not.
type Clause = (Occur, Box<dyn Query>);

pub(super) struct Translator<'a> {
    pub fields: &'a Fields,
    pub searcher: &'a Searcher,
    /// For `age:`.
    pub now: Timestamp,
}

impl Translator<'_> {
    /// What makes `expr` wholly true, within `brands`.
    ///
    /// # Errors
    /// [`Error::Refused`] when a prefix stands for too many words.
    pub fn query(&self, expr: &Expr, brands: Option<&[String]>) -> Result<Box<dyn Query>, Error> {
        let mut clauses = vec![self.clause(expr, true)?];
        if let Some(brands) = brands {
            let field = self.fields.keyword(KeywordField::Brand);
            clauses.push(any(brands.iter().map(|brand| must(token(field, brand))).collect()));
        }
        Ok(plain(all(clauses)))
    }

    fn clause(&self, expr: &Expr, wanted: bool) -> Result<Clause, Error> {
        let each = |exprs: &[Expr]| exprs.iter().map(|expr| self.clause(expr, wanted)).collect::<Result<Vec<_>, _>>();
        Ok(match (expr, wanted) {
            (Expr::All, true) => must(AllQuery),
            (Expr::All, false) => must(EmptyQuery),
            (Expr::Not(expr), _) => self.clause(expr, !wanted)?,
            (Expr::And(exprs), true) | (Expr::Or(exprs), false) => all(each(exprs)?),
            (Expr::Or(exprs), true) | (Expr::And(exprs), false) => any(each(exprs)?),
            (Expr::Term(Term::Number { field, min, max }), _) => self.number(*field, *min, *max, wanted),
            (Expr::Term(term), true) => self.term(term)?,
            (Expr::Term(term), false) => match term {
                Term::Keyword { field: field @ (KeywordField::Lang | KeywordField::Sentiment), .. } => {
                    let unknown = must(token(self.fields.keyword(*field), UNKNOWN));
                    not(any(vec![self.term(term)?, unknown]))
                }
                term => not(self.term(term)?),
            },
        })
    }

    /// True when the term is.
    fn term(&self, term: &Term) -> Result<Clause, Error> {
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
            Term::Number { field, min, max } => self.number(*field, *min, *max, true),
        })
    }

    fn in_fields(&self, field: TextField, clause: impl Fn(Field) -> Result<Clause, Error>) -> Result<Clause, Error> {
        let fields = self.fields;
        let fields: &[Field] = match field {
            TextField::Any => &[fields.text, fields.title],
            TextField::Title => &[fields.title],
            TextField::Text => &[fields.text],
            TextField::Author => &[fields.handle, fields.name],
            TextField::Bio => &[fields.bio],
        };
        Ok(any(fields.iter().map(|field| clause(*field)).collect::<Result<_, _>>()?))
    }

    fn phrase(&self, field: Field, phrase: &Phrase) -> Result<Clause, Error> {
        let is_lower = |word: &Word| matches!(word, Word::Exact { folded, written } if folded == written);
        if phrase.slop == 0 && !phrase.words.iter().any(is_lower) {
            return self.row(field, phrase);
        }
        // Whatever the places say, each word has to be there.
        let each = phrase.placed().map(|(_, word, prefix)| {
            if let (Word::Exact { folded, .. }, true) = (word, is_lower(word)) {
                self.check_prefix(field, &written_otherwise(folded))?;
                return Ok(must(token(field, folded)));
            }
            self.row(field, &Phrase { words: vec![word.clone()], prefix, slop: 0 })
        });
        let candidates = plain(all(each.collect::<Result<_, Error>>()?));
        Ok(must(Positions { field, test: Arc::new(Test::Phrase(phrase.clone())), candidates }))
    }

    fn near(&self, field: Field, operands: &[Vec<Phrase>], links: &[Link]) -> Result<Clause, Error> {
        let operand = |phrases: &Vec<Phrase>| {
            let each = phrases.iter().map(|phrase| {
                if let (Some((_, word, _)), true) = (phrase.placed().last(), phrase.prefix) {
                    word.parts().last().map_or(Ok(()), |last| self.check_prefix(field, last))?;
                }
                self.phrase(field, phrase)
            });
            Ok(any(each.collect::<Result<_, Error>>()?))
        };
        let candidates = plain(all(operands.iter().map(operand).collect::<Result<_, Error>>()?));
        let test = Test::Near { operands: operands.to_vec(), links: links.to_vec() };
        Ok(must(Positions { field, test: Arc::new(test), candidates }))
    }

    /// Terms that follow each other.
    fn row(&self, field: Field, phrase: &Phrase) -> Result<Clause, Error> {
        let mut terms: Vec<(usize, String)> = Vec::new();
        for (offset, word, _) in phrase.placed() {
            match word {
                Word::Plain(word) => terms.push((offset, word.clone())),
                Word::Exact { folded, written } if folded == written => terms.push((offset, folded.clone())),
                Word::Exact { folded, written } => terms.push((offset, tokenizer::written(folded, written))),
                Word::Whole(parts) => terms.push((offset, tokenizer::segment(parts))),
                Word::Stretch(parts) => terms.extend((offset..).zip(parts.iter().cloned())),
            }
        }
        let tokens = || terms.iter().map(|(at, term)| (*at, Token::from_field_text(field, term))).collect();
        Ok(match terms.as_slice() {
            [] => must(EmptyQuery),
            [(_, word)] if phrase.prefix => must(starting(field, word)),
            [(_, word)] => must(token(field, word)),
            [.., (_, last)] if phrase.prefix => {
                self.check_prefix(field, last)?;
                let mut phrase = PhrasePrefixQuery::new_with_offset(tokens());
                phrase.set_max_expansions(PREFIX_WORDS_MAX);
                must(phrase)
            }
            _ => must(PhraseQuery::new_with_offset(tokens())),
        })
    }

    /// Single words as one set; phrases only where all of their words are known, since each costs time.
    fn list(&self, list: &List) -> Result<Clause, Error> {
        let mut set = Vec::new();
        let mut clauses = Vec::new();
        for entry in list.entries() {
            let text =
                |term: &str| [self.fields.text, self.fields.title].map(|field| Token::from_field_text(field, term));
            match entry {
                Term::Words { phrase, .. } => match (phrase.words.as_slice(), phrase.prefix) {
                    ([Word::Plain(word)], false) => set.extend(text(word)),
                    ([Word::Whole(parts)], _) => set.extend(text(&tokenizer::segment(parts))),
                    _ if self.is_known(phrase)? => clauses.push(self.term(entry)?),
                    _ => {}
                },
                Term::Tag(tag) => set.push(Token::from_field_text(self.fields.tag, tag)),
                Term::Handle(handle) => set.push(Token::from_field_text(self.fields.account, handle)),
                Term::Ticker(ticker) => set.push(Token::from_field_text(self.fields.ticker, ticker)),
                _ => {}
            }
            if clauses.len() > LIST_PHRASES_MAX {
                return Err(Error::Refused(format!(
                    "more than {LIST_PHRASES_MAX} phrases and beginnings of the list `{}` occur: too many for one search",
                    list.name
                )));
            }
        }
        if !set.is_empty() {
            clauses.push(must(TermSetQuery::new(set)));
        }
        Ok(any(clauses))
    }

    /// Whether every whole word of the phrase occurs in some title or text.
    fn is_known(&self, phrase: &Phrase) -> Result<bool, Error> {
        let whole = phrase.width() - usize::from(phrase.prefix);
        let parts = phrase.words.iter().flat_map(Word::parts).take(whole);
        for part in parts {
            let mut known = false;
            for segment in self.searcher.segment_readers() {
                for field in [self.fields.text, self.fields.title] {
                    let found =
                        segment.inverted_index(field)?.terms().get(part).map_err(tantivy::TantivyError::from)?;
                    known |= found.is_some();
                }
                if known {
                    break;
                }
            }
            if !known {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tantivy would silently drop the words beyond the bound.
    fn check_prefix(&self, field: Field, prefix: &str) -> Result<(), Error> {
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut words = index.terms().range().ge(prefix).into_stream().map_err(tantivy::TantivyError::from)?;
            let mut count = 0;
            while words.advance() && words.key().starts_with(prefix.as_bytes()) {
                count += 1;
                if count > PREFIX_WORDS_MAX {
                    return Err(Error::Refused(format!(
                        "too many words start with `{prefix}` to look for them in a phrase: write more letters"
                    )));
                }
            }
        }
        Ok(())
    }

    fn number(&self, field: NumberField, min: Option<Bound>, max: Option<Bound>, wanted: bool) -> Clause {
        if field == NumberField::Age {
            // The older, the smaller the time.
            let then = |bound: Bound| Bound { value: eval::seconds(self.now) - bound.value, ..bound };
            return self.number(NumberField::Created, max.map(then), min.map(then), wanted);
        }
        if wanted {
            return self.range(field, min, max);
        }
        let outside = |bound: Bound| Bound { value: bound.value, inclusive: !bound.inclusive };
        let below = min.map(|min| self.range(field, None, Some(outside(min))));
        let above = max.map(|max| self.range(field, Some(outside(max)), None));
        any(below.into_iter().chain(above).collect())
    }

    /// A number that is there and within the bounds.
    fn range(&self, field: NumberField, min: Option<Bound>, max: Option<Bound>) -> Clause {
        if [min, max].iter().flatten().any(|bound| bound.value.is_nan()) {
            return must(EmptyQuery);
        }
        let lowest = Bound { value: f64::NEG_INFINITY, inclusive: true };
        let highest = Bound { value: f64::INFINITY, inclusive: true };
        let (min, max) = (min.unwrap_or(lowest), max.unwrap_or(highest));
        let edge = |bound: Bound, term| if bound.inclusive { Edge::Included(term) } else { Edge::Excluded(term) };
        let column = self.fields.number(field);
        // -0.0 would sort below 0.0 in the column.
        let number = |bound: Bound| edge(bound, Token::from_field_f64(column, bound.value + 0.0));
        must(RangeQuery::new(number(min), number(max)))
    }
}

fn must(query: impl Query) -> Clause {
    (Occur::Must, Box::new(query))
}

fn not((occur, query): Clause) -> Clause {
    if occur == Occur::MustNot { (Occur::Must, query) } else { (Occur::MustNot, Box::new(Steady(query))) }
}

fn token(field: Field, text: &str) -> TermQuery {
    TermQuery::new(Token::from_field_text(field, text), IndexRecordOption::Basic)
}

/// Every term, or text of a column, that starts with `prefix`: from it on, up to the first behind all of them. Not a
/// `PhrasePrefixQuery` of one word, which silently leaves out all but the first 50 terms of each segment.
fn starting(field: Field, prefix: &str) -> RangeQuery {
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
fn all(mut clauses: Vec<Clause>) -> Clause {
    if clauses.len() == 1 {
        return clauses.remove(0);
    }
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push(must(AllQuery));
    }
    must(BooleanQuery::new(clauses))
}

/// At least one clause holds. None at all never holds.
fn any(mut clauses: Vec<Clause>) -> Clause {
    match clauses.len() {
        0 => must(EmptyQuery),
        1 => clauses.remove(0),
        _ => must(BooleanQuery::union(clauses.into_iter().map(plain).collect())),
    }
}

/// The clause as a query of its own: tantivy finds nothing by "must not" alone.
fn plain((occur, query): Clause) -> Box<dyn Query> {
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
