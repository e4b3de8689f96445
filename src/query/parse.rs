//! Tokens to tree: who belongs to whom. Goes on after an error, so that all of them are told at once. Recursion is bounded
//! by [`DEPTH_MAX`].

use super::field::Row;
use super::lex::{Kind, Token, lex};
use super::names::Names;
use super::refer::Known;
use super::term::{self, Context, Scope, Written};
use super::{DEPTH_MAX, ERRORS_MAX, Error, Expr, NEAR_TERMS, Query, TERMS_MAX, TEXT_BYTES_MAX, Term};
use std::ops::Range;

pub(super) fn parse(text: &str, names: &Names) -> Result<Query, Vec<Error>> {
    read(text, names).map(|(query, _)| query)
}

pub(super) fn parse_watch(text: &str, names: &Names) -> Result<Query, Vec<Error>> {
    let (query, tests) = read(text, names)?;
    let mut errors: Vec<Error> = tests.into_iter().filter_map(|(span, row)| unwatchable(span, row)).collect();
    if !narrows(&query.expr, false) {
        errors.push(Error {
            span: 0..text.len(),
            message: "this matches nearly everything, which cannot be watched".to_owned(),
            hint: Some("name at least one thing that a post must have, such as a word".to_owned()),
        });
    }
    if errors.is_empty() { Ok(query) } else { Err(capped(errors)) }
}

/// The field that a term tests, and where.
type Placed = (Range<usize>, &'static Row);

/// The query, and each of its tests of a field with its place.
fn read(text: &str, names: &Names) -> Result<(Query, Vec<Placed>), Vec<Error>> {
    let parser = Parser::read(text, names, &Known::default(), Vec::new(), 0);
    if parser.errors.is_empty() {
        return Ok((Query { text: text.to_owned(), expr: parser.expr }, parser.tests));
    }
    Err(capped(parser.errors))
}

fn capped(mut errors: Vec<Error>) -> Vec<Error> {
    errors.sort_by_key(|error| error.span.start);
    errors.truncate(ERRORS_MAX);
    errors
}

/// A streaming post has no scores, brand or status yet.
fn unwatchable(span: Range<usize>, row: &Row) -> Option<Error> {
    (!row.streams).then(|| Error {
        span,
        message: format!("`{}` is only known once a post was let in, so that a watch cannot ask for it", row.name),
        hint: Some("ask for it in a rule's `when` or in a search".to_owned()),
    })
}

/// Whether something must be there for `expr` to hold (or, `negated`, not to hold).
fn narrows(expr: &Expr, negated: bool) -> bool {
    let part = |part: &Expr| narrows(part, negated);
    match (expr, negated) {
        (Expr::All, _) => negated,
        (Expr::Term(_), _) => !negated,
        (Expr::Not(inner), _) => narrows(inner, !negated),
        (Expr::And(parts), false) | (Expr::Or(parts), true) => parts.iter().any(part),
        (Expr::Or(parts), false) | (Expr::And(parts), true) => parts.iter().all(part),
    }
}

pub(super) struct Parser<'n> {
    tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) depth: usize,
    /// Length of the text, where a missing term would stand.
    end: usize,
    pub(super) names: &'n Names,
    pub(super) known: Known<'n>,
    /// The named queries that this one stands in.
    pub(super) path: Vec<&'n str>,
    pub(super) expr: Expr,
    /// Terms so far, each word of a phrase counted.
    pub(super) terms: usize,
    pub(super) tests: Vec<Placed>,
    pub(super) errors: Vec<Error>,
    aborted: bool,
}

impl<'n> Parser<'n> {
    pub(super) fn read(text: &str, names: &'n Names, known: &Known<'n>, path: Vec<&'n str>, depth: usize) -> Self {
        let mut errors = Vec::new();
        let mut tokens = Vec::new();
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("a query has at most {TEXT_BYTES_MAX} bytes, this one {}", text.len());
            errors.push(Error { span: 0..text.len(), message, hint: None });
        } else {
            tokens = lex(text, &mut errors);
        }
        let mut parser = Self {
            tokens,
            at: 0,
            depth,
            end: text.len(),
            names,
            known: known.clone(),
            path,
            expr: Expr::All,
            terms: 0,
            tests: Vec::new(),
            errors,
            aborted: false,
        };
        parser.expr = parser.whole();
        parser
    }

    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.end..self.end, |token| token.span.clone())
    }

    pub(super) fn error(&mut self, span: Range<usize>, message: impl Into<String>, hint: Option<&str>) {
        self.errors.push(Error { span, message: message.into(), hint: hint.map(str::to_owned) });
    }

    /// Gives up: nothing after this is read.
    fn abort(&mut self, span: Range<usize>, message: String) -> Expr {
        self.error(span, message, None);
        self.at = self.tokens.len();
        self.aborted = true;
        Expr::All
    }

    fn whole(&mut self) -> Expr {
        if self.tokens.is_empty() {
            return Expr::All;
        }
        let expr = self.any(&Context::FREE);
        while self.at < self.tokens.len() {
            // Only a closing bracket ends the outermost level.
            let span = self.span();
            self.error(span, "`)` closes nothing", None);
            self.at += 1;
            if self.at < self.tokens.len() {
                self.any(&Context::FREE);
            }
        }
        expr
    }

    fn any(&mut self, context: &Context) -> Expr {
        let mut parts = Vec::new();
        parts.extend(self.all(context));
        while self.peek() == Some(&Kind::Or) {
            let span = self.span();
            self.at += 1;
            if parts.is_empty() {
                self.error(span.clone(), "`OR` lacks a term before it", None);
            }
            match self.all(context) {
                Some(part) => parts.push(part),
                None => self.error(span, "`OR` lacks a term after it", None),
            }
        }
        single_or(parts, Expr::Or)
    }

    /// Terms side by side; `None` when there is none.
    fn all(&mut self, context: &Context) -> Option<Expr> {
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                None | Some(Kind::Or | Kind::Close) => break,
                Some(Kind::And) => {
                    let span = self.span();
                    self.at += 1;
                    if parts.is_empty() {
                        self.error(span.clone(), "`AND` lacks a term before it", None);
                    }
                    if matches!(self.peek(), None | Some(Kind::Or | Kind::Close | Kind::And)) {
                        self.error(span, "`AND` lacks a term after it", None);
                    }
                }
                Some(Kind::Near(_)) => {
                    let span = self.span();
                    self.at += 1;
                    self.error(span, "NEAR lacks a term before it", None);
                }
                Some(_) => parts.push(self.near(context)),
            }
        }
        (!parts.is_empty()).then(|| single_or(parts, Expr::And))
    }

    /// One term, or several that NEAR joins.
    fn near(&mut self, context: &Context) -> Expr {
        let errors = self.errors.len();
        let start = self.span();
        let first = self.one(context);
        let mut operands = vec![(start, first)];
        let mut links = Vec::new();
        while let Some(&Kind::Near(link)) = self.peek() {
            let span = self.span();
            self.at += 1;
            if matches!(self.peek(), None | Some(Kind::And | Kind::Or | Kind::Close | Kind::Near(_))) {
                self.error(span, "NEAR lacks a term after it", None);
                continue;
            }
            let start = self.span();
            operands.push((start, self.one(context)));
            links.push(link);
        }
        if links.is_empty() {
            return operands.swap_remove(0).1;
        }
        // Whatever is wrong with an operand was told.
        if self.errors.len() > errors { Expr::All } else { self.joined(operands, links) }
    }

    fn one(&mut self, context: &Context) -> Expr {
        let Some(token) = self.take() else { return Expr::All };
        match token.kind {
            Kind::Not => self.deeper(token.span, |parser, span| {
                if matches!(parser.peek(), None | Some(Kind::And | Kind::Or | Kind::Close | Kind::Near(_))) {
                    parser.error(span, "`NOT` lacks a term after it", None);
                    return Expr::All;
                }
                Expr::Not(Box::new(parser.near(context)))
            }),
            Kind::Open => self.deeper(token.span, |parser, span| parser.brackets(span, context)),
            Kind::Field(name) => self.field(token.span, &name, context),
            Kind::Phrase { body, slop } => self.term(token.span, &body, Written::Quoted { slop }, context),
            Kind::Bare(body) => self.term(token.span, &body, Written::Bare, context),
            Kind::And | Kind::Or | Kind::Close | Kind::Near(_) | Kind::Bad => Expr::All,
        }
    }

    pub(super) fn deeper(&mut self, span: Range<usize>, read: impl FnOnce(&mut Self, Range<usize>) -> Expr) -> Expr {
        if self.depth == DEPTH_MAX {
            return self.abort(span, format!("nested deeper than {DEPTH_MAX}"));
        }
        self.depth += 1;
        let expr = read(self, span);
        self.depth -= 1;
        expr
    }

    fn brackets(&mut self, open: Range<usize>, context: &Context) -> Expr {
        if self.peek() == Some(&Kind::Close) {
            let span = open.start..self.span().end;
            self.at += 1;
            self.error(span, "nothing stands between these brackets", None);
            return Expr::All;
        }
        let expr = self.any(context);
        match self.peek() {
            Some(Kind::Close) => self.at += 1,
            _ if self.aborted => {}
            _ => self.error(open, "this bracket is never closed", Some("add a `)`")),
        }
        expr
    }

    /// `name:` and the value that directly follows it.
    fn field(&mut self, span: Range<usize>, name: &str, outer: &Context) -> Expr {
        let adjacent = self.tokens.get(self.at).is_some_and(|next| next.span.start == span.end);
        let value = if adjacent { self.peek().cloned() } else { None };
        if let (Some(Kind::Bare(value)), false) = (&value, matches!(outer.scope, Scope::Field(_))) {
            match name {
                "in" => return self.list(span, value),
                "let" => return self.named(span, value),
                _ => {}
            }
        }
        let context = self.context(&span, name, outer);
        match value {
            Some(Kind::Open) => {
                let open = self.span();
                self.at += 1;
                self.deeper(open, |parser, open| parser.brackets(open, &context))
            }
            Some(Kind::Phrase { body, slop }) => self.value(span, &body, Written::Quoted { slop }, &context),
            Some(Kind::Bare(body)) => self.value(span, &body, Written::Bare, &context),
            Some(Kind::Bad) => {
                self.at += 1;
                Expr::All
            }
            _ => {
                if !matches!(context.scope, Scope::Bad) {
                    self.error(span, format!("`{name}:` lacks a value"), Some("write it directly behind the colon"));
                }
                Expr::All
            }
        }
    }

    fn context(&mut self, span: &Range<usize>, name: &str, outer: &Context) -> Context {
        let wrong = match (&outer.scope, term::context(name, span.clone(), outer)) {
            (_, Ok(context)) => return context,
            (Scope::Bad, Err(_)) => return Context::BAD,
            (_, Err(error)) => error,
        };
        self.errors.push(wrong);
        Context::BAD
    }

    pub(super) fn wrong(&mut self, span: Range<usize>, message: String, hint: Option<String>) -> Expr {
        self.errors.push(Error { span, message, hint });
        Expr::All
    }

    /// `expr`, unless that makes too many terms.
    pub(super) fn counted(&mut self, span: Range<usize>, terms: usize, expr: Expr) -> Expr {
        self.terms += terms;
        if self.terms > TERMS_MAX {
            let message = format!(
                "a query has at most {TERMS_MAX} terms, each word of a phrase counted, and {NEAR_TERMS} times with `~` or NEAR"
            );
            return self.abort(span, message);
        }
        expr
    }

    fn value(&mut self, field: Range<usize>, body: &str, written: Written, context: &Context) -> Expr {
        let span = field.start..self.span().end;
        self.at += 1;
        self.term(span, body, written, context)
    }

    fn term(&mut self, span: Range<usize>, body: &str, written: Written, context: &Context) -> Expr {
        match term::read(context, body, written) {
            Ok(Some(term)) => {
                self.tests.extend(term::row(&term).map(|row| (span.clone(), row)));
                let terms = match &term {
                    Term::Words { phrase, .. } if phrase.slop > 0 => phrase.width() * NEAR_TERMS,
                    Term::Words { phrase, .. } => phrase.width(),
                    _ => 1,
                };
                self.counted(span, terms, Expr::Term(term))
            }
            Ok(None) => self.counted(span, 1, Expr::All),
            Err((message, hint)) => self.wrong(span, message, hint),
        }
    }
}

fn single_or(mut parts: Vec<Expr>, several: impl FnOnce(Vec<Expr>) -> Expr) -> Expr {
    match parts.len() {
        0 => Expr::All,
        1 => parts.swap_remove(0),
        _ => several(parts),
    }
}
