//! Tokens to tree: who belongs to whom. Goes on after an error, so that all of them are told at once. Recursion is bounded
//! by [`DEPTH_MAX`].

use super::lex::{Kind, Token, lex};
use super::term::{self, Context};
use super::{DEPTH_MAX, ERRORS_MAX, Error, Expr, Query, TERMS_MAX, TEXT_BYTES_MAX, Term};
use std::ops::Range;

pub(super) fn parse(text: &str) -> Result<Query, Vec<Error>> {
    read(text).map(|(query, _)| query)
}

pub(super) fn parse_watch(text: &str) -> Result<Query, Vec<Error>> {
    let (query, terms) = read(text)?;
    let mut errors: Vec<Error> = terms.into_iter().filter_map(|(span, term)| unwatchable(span, &term)).collect();
    if !narrows(&query.expr, false) {
        errors.push(Error {
            span: 0..text.len(),
            message: "this matches nearly everything, which cannot be watched".to_owned(),
            hint: Some("name at least one thing that a post must have, such as a word".to_owned()),
        });
    }
    if errors.is_empty() { Ok(query) } else { Err(capped(errors)) }
}

/// A term and where it stands.
type Placed = (Range<usize>, Term);

/// The query, and each of its terms with its place.
fn read(text: &str) -> Result<(Query, Vec<Placed>), Vec<Error>> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("a query has at most {TEXT_BYTES_MAX} bytes, this one {}", text.len());
        return Err(vec![Error { span: 0..text.len(), message, hint: None }]);
    }
    let mut errors = Vec::new();
    let tokens = lex(text, &mut errors);
    let mut parser = Parser { tokens, at: 0, depth: 0, end: text.len(), terms: Vec::new(), errors, aborted: false };
    let expr = parser.whole();
    if parser.errors.is_empty() {
        return Ok((Query { text: text.to_owned(), expr }, parser.terms));
    }
    Err(capped(parser.errors))
}

fn capped(mut errors: Vec<Error>) -> Vec<Error> {
    errors.sort_by_key(|error| error.span.start);
    errors.truncate(ERRORS_MAX);
    errors
}

/// A streaming post has no scores, brand or status yet.
fn unwatchable(span: Range<usize>, term: &Term) -> Option<Error> {
    let row = term::row(term)?;
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

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Length of the text, where a missing term would stand.
    end: usize,
    terms: Vec<Placed>,
    errors: Vec<Error>,
    aborted: bool,
}

impl Parser {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.end..self.end, |token| token.span.clone())
    }

    fn error(&mut self, span: Range<usize>, message: impl Into<String>, hint: Option<&str>) {
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
        let expr = self.any(&Context::Free);
        while self.at < self.tokens.len() {
            // Only a closing bracket ends the outermost level.
            let span = self.span();
            self.error(span, "`)` closes nothing", None);
            self.at += 1;
            if self.at < self.tokens.len() {
                self.any(&Context::Free);
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
                Some(_) => parts.push(self.one(context)),
            }
        }
        (!parts.is_empty()).then(|| single_or(parts, Expr::And))
    }

    fn one(&mut self, context: &Context) -> Expr {
        let Some(token) = self.take() else { return Expr::All };
        match token.kind {
            Kind::Not => self.deeper(token.span, |parser, span| {
                if matches!(parser.peek(), None | Some(Kind::And | Kind::Or | Kind::Close)) {
                    parser.error(span, "`NOT` lacks a term after it", None);
                    return Expr::All;
                }
                Expr::Not(Box::new(parser.one(context)))
            }),
            Kind::Open => self.deeper(token.span, |parser, span| parser.brackets(span, context)),
            Kind::Field(name) => self.field(token.span, &name, context),
            Kind::Phrase(body) => self.term(token.span, &body, true, context),
            Kind::Bare(body) => self.term(token.span, &body, false, context),
            Kind::And | Kind::Or | Kind::Close | Kind::Bad => Expr::All,
        }
    }

    fn deeper(&mut self, span: Range<usize>, read: impl FnOnce(&mut Self, Range<usize>) -> Expr) -> Expr {
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
        let context = match (outer, term::field(name, span.clone())) {
            (Context::Free | Context::Bad, Ok(context)) => context,
            (Context::Field(_), _) => {
                self.error(span.clone(), format!("`{name}:` cannot stand inside the brackets of another field"), None);
                Context::Bad
            }
            (_, Err(error)) => {
                self.errors.push(error);
                Context::Bad
            }
        };
        match value {
            Some(Kind::Open) => {
                let open = self.span();
                self.at += 1;
                self.deeper(open, |parser, open| parser.brackets(open, &context))
            }
            Some(Kind::Phrase(body)) => self.value(span, &body, true, &context),
            Some(Kind::Bare(body)) => self.value(span, &body, false, &context),
            Some(Kind::Bad) => {
                self.at += 1;
                Expr::All
            }
            _ => {
                if !matches!(context, Context::Bad) {
                    self.error(span, format!("`{name}:` lacks a value"), Some("write it directly behind the colon"));
                }
                Expr::All
            }
        }
    }

    fn value(&mut self, field: Range<usize>, body: &str, quoted: bool, context: &Context) -> Expr {
        let span = field.start..self.span().end;
        self.at += 1;
        self.term(span, body, quoted, context)
    }

    fn term(&mut self, span: Range<usize>, body: &str, quoted: bool, context: &Context) -> Expr {
        match term::read(context, body, quoted) {
            Ok(Some(_)) if self.terms.len() == TERMS_MAX => {
                self.abort(span, format!("a query has at most {TERMS_MAX} terms"))
            }
            Ok(Some(term)) => {
                self.terms.push((span, term.clone()));
                Expr::Term(term)
            }
            Ok(None) => Expr::All,
            Err((message, hint)) => {
                self.errors.push(Error { span, message, hint });
                Expr::All
            }
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
