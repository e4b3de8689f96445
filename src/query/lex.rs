//! Query text to tokens. Knows the signs of the language, not what may stand where.

use super::Error;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub span: Range<usize>,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Open,
    Close,
    And,
    Or,
    /// `NOT`, or a hyphen that directly precedes a term.
    Not,
    /// Between quotes; backslashes resolved.
    Phrase(String),
    /// Anything else up to white space, a bracket or a quote.
    Bare(String),
    /// `name:`; its value follows directly, as the next token.
    Field(String),
    /// Something already complained about; stands where a term would.
    Bad,
}

pub(super) fn lex(text: &str, errors: &mut Vec<Error>) -> Vec<Token> {
    Lexer { text, at: 0, tokens: Vec::new(), errors }.run()
}

struct Lexer<'t, 'e> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    errors: &'e mut Vec<Error>,
}

/// People paste typographic quotes.
pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}')
}

fn ends_bare(c: char) -> bool {
    c.is_whitespace() || c == '(' || c == ')' || is_quote(c)
}

impl Lexer<'_, '_> {
    fn run(mut self) -> Vec<Token> {
        let mut value = false;
        while let Some(c) = self.text[self.at..].chars().next() {
            let start = self.at;
            if c.is_whitespace() {
                self.at += c.len_utf8();
                continue;
            }
            match c {
                '(' => self.push(start, 1, Kind::Open),
                ')' => self.push(start, 1, Kind::Close),
                c if is_quote(c) => self.phrase(c.len_utf8()),
                '-' if !value && self.is_prefix_minus() => self.push(start, 1, Kind::Not),
                _ => self.bare(value),
            }
            value = matches!(self.tokens.last(), Some(Token { kind: Kind::Field(_), span }) if span.end == self.at);
        }
        self.tokens
    }

    fn push(&mut self, start: usize, length: usize, kind: Kind) {
        self.at = start + length;
        self.tokens.push(Token { span: start..self.at, kind });
    }

    fn is_prefix_minus(&self) -> bool {
        self.text[self.at + 1..].starts_with(|c: char| !c.is_whitespace() && c != ')')
    }

    fn phrase(&mut self, quote_bytes: usize) {
        let start = self.at;
        let mut body = String::new();
        let mut escaped = false;
        for (offset, c) in self.text[start + quote_bytes..].char_indices() {
            if escaped || !(c == '\\' || is_quote(c)) {
                body.push(c);
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else {
                self.push(start, quote_bytes + offset + c.len_utf8(), Kind::Phrase(body));
                self.slop();
                return;
            }
        }
        self.errors.push(Error {
            span: start..self.text.len(),
            message: "this phrase is never closed".to_owned(),
            hint: Some("add a `\"` at its end".to_owned()),
        });
        self.push(start, self.text.len() - start, Kind::Bad);
    }

    /// `"..."~3` is of the language, but not here yet.
    fn slop(&mut self) {
        if let Some(rest) = self.text[self.at..].strip_prefix('~') {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let span = self.at..self.at + 1 + digits;
            self.at = span.end;
            self.errors.push(not_yet(span, "`~` (words near each other)"));
        }
    }

    fn bare(&mut self, value: bool) {
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest.find(ends_bare).unwrap_or(rest.len());
        let bare = &rest[..length];
        let span = start..start + length;
        if value {
            return self.push(start, length, Kind::Bare(bare.to_owned()));
        }
        match bare {
            "AND" => return self.push(start, length, Kind::And),
            "OR" => return self.push(start, length, Kind::Or),
            "NOT" => return self.push(start, length, Kind::Not),
            _ => {}
        }
        if is_near(bare) {
            self.errors.push(not_yet(span, &format!("`{bare}`")));
            return self.push(start, length, Kind::Bad);
        }
        match bare.split_once(':') {
            Some((name, after)) if is_field_name(name) && !(is_scheme(name) && after.starts_with("//")) => {
                self.push(start, name.len() + 1, Kind::Field(name.to_owned()));
            }
            _ => self.push(start, length, Kind::Bare(bare.to_owned())),
        }
    }
}

pub(super) fn not_yet(span: Range<usize>, what: &str) -> Error {
    Error { span, message: format!("{what} is not available yet"), hint: None }
}

fn is_near(bare: &str) -> bool {
    let name = bare.split('/').next().unwrap_or(bare);
    name == "NEAR" || name == "ONEAR"
}

fn is_field_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'.')
}

fn is_scheme(name: &str) -> bool {
    name.eq_ignore_ascii_case("http") || name.eq_ignore_ascii_case("https")
}
