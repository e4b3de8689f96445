//! What a query refers to by name, put in its place, and what NEAR may join.

use super::field::{Row, TextField};
use super::near::Link;
use super::parse::Parser;
use super::word::Phrase;
use super::{Error, Expr, NEAR_MAX, NEAR_TERMS, Term};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

/// What a named query came to, or why it cannot be used.
type Named = Result<(Expr, usize, Vec<&'static Row>), String>;
/// Each named query is read once, however often and deep it is referred to.
pub(super) type Known<'n> = Rc<RefCell<HashMap<&'n str, Named>>>;

impl Parser<'_> {
    /// `in:$name`.
    pub(super) fn list(&mut self, field: Range<usize>, value: &str) -> Expr {
        let span = field.start..self.span().end;
        self.at += 1;
        let Some(name) = value.strip_prefix('$').filter(|name| !name.is_empty()) else {
            self.error(span, "`in:` takes the name of a list", Some("such as `in:$refund_terms`"));
            return Expr::All;
        };
        match self.names.list(name) {
            Ok(list) => self.counted(span, 1, Expr::Term(Term::List(list))),
            Err((message, hint)) => self.wrong(span, message, hint),
        }
    }

    /// `let:name`: the named query in its place.
    pub(super) fn named(&mut self, field: Range<usize>, name: &str) -> Expr {
        let span = field.start..self.span().end;
        self.at += 1;
        let names = self.names;
        let (name, text) = match names.query(name) {
            Ok(known) => known,
            Err((message, hint)) => return self.wrong(span, message, hint),
        };
        if self.path.contains(&name) {
            let message = format!("named queries go in a circle: {} -> {name}", self.path.join(" -> "));
            return self.wrong(span, message, None);
        }
        self.deeper(span, |parser, span| {
            let known = parser.known.borrow().get(name).cloned();
            let named = known.unwrap_or_else(|| {
                let path = parser.path.iter().copied().chain([name]).collect();
                let inner = Parser::read(text, names, &parser.known, path, parser.depth);
                let named = match inner.errors.into_iter().next() {
                    Some(error) => Err(error.message),
                    None => Ok((inner.expr, inner.terms.max(1), inner.tests.into_iter().map(|(_, row)| row).collect())),
                };
                parser.known.borrow_mut().insert(name, named.clone());
                named
            });
            match named {
                Ok((expr, terms, tests)) => {
                    parser.tests.extend(tests.into_iter().map(|row| (span.clone(), row)));
                    parser.counted(span, terms, expr)
                }
                Err(reason) => parser.wrong(span, format!("`let:{name}` cannot be used: {reason}"), None),
            }
        })
    }

    pub(super) fn joined(&mut self, operands: Vec<(Range<usize>, Expr)>, links: Vec<Link>) -> Expr {
        let mut field = None;
        let mut joined = Vec::new();
        let whole = operands.first().map_or(0..0, |(span, _)| span.clone());
        if let Some((span, _)) = operands.get(NEAR_MAX) {
            self.errors.push(Error {
                span: span.clone(),
                message: format!("NEAR joins at most {NEAR_MAX} terms in a row"),
                hint: Some("join fewer, and the rest by AND".to_owned()),
            });
        }
        for (span, expr) in operands {
            let mut phrases = Vec::new();
            if let Err((message, hint)) = operand(expr, &mut field, &mut phrases) {
                self.errors.push(Error { span, message, hint: Some(hint) });
            }
            let mut seen = HashSet::new();
            phrases.retain(|phrase: &Phrase| seen.insert(phrase.clone()));
            joined.push(phrases);
        }
        // They were counted once as words.
        let words: usize = joined.iter().flatten().map(Phrase::width).sum();
        let term = Term::Near { field: field.unwrap_or(TextField::Any), operands: joined, links };
        self.counted(whole, words * (NEAR_TERMS - 1), Expr::Term(term))
    }
}

/// The phrases of what stands beside NEAR, all in one field.
fn operand(expr: Expr, field: &mut Option<TextField>, phrases: &mut Vec<Phrase>) -> Result<(), (String, String)> {
    match expr {
        Expr::Term(Term::Words { phrase, .. }) if phrase.slop > 0 => {
            Err(("a phrase with `~` cannot stand beside NEAR".to_owned(), "join its words by NEAR instead".to_owned()))
        }
        Expr::Term(Term::Words { field: own, phrase }) => {
            if *field.get_or_insert(own) != own {
                let hint = "such as `title:(acme NEAR/5 refund)`".to_owned();
                return Err(("NEAR joins what stands in the same field".to_owned(), hint));
            }
            phrases.push(phrase);
            Ok(())
        }
        Expr::Or(parts) => parts.into_iter().try_for_each(|part| operand(part, field, phrases)),
        _ => {
            let message = "NEAR joins words, beginnings, phrases, and brackets with OR of these".to_owned();
            Err((message, "such as `acme NEAR/5 (refund OR \"money back\")`".to_owned()))
        }
    }
}
