//! Query text to tokens. Knows the signs of the language, not what may stand where.

use super::near::Link;
use super::{DISTANCE_MAX, Error};
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
    /// `NEAR/5`, `ONEAR/5`.
    Near(Link),
    /// Between quotes; backslashes resolved. `~3` behind it: how far its words may stand from their places.
    Phrase {
        body: String,
        slop: u32,
    },
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
                self.at = start + quote_bytes + offset + c.len_utf8();
                let slop = self.slop();
                return self.push(start, self.at - start, Kind::Phrase { body, slop });
            }
        }
        self.errors.push(Error {
            span: start..self.text.len(),
            message: "this phrase is never closed".to_owned(),
            hint: Some("add a `\"` at its end".to_owned()),
        });
        self.push(start, self.text.len() - start, Kind::Bad);
    }

    /// `~3` behind a phrase.
    fn slop(&mut self) -> u32 {
        let Some(rest) = self.text[self.at..].strip_prefix('~') else { return 0 };
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let span = self.at..self.at + 1 + digits;
        self.at = span.end;
        distance(&rest[..digits]).unwrap_or_else(|| {
            let message = format!("`~` takes a number of words, 1 to {DISTANCE_MAX}");
            self.errors.push(Error { span, message, hint: Some("such as `\"money back\"~3`".to_owned()) });
            0
        })
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
        let (name, reach) = bare.split_once('/').unwrap_or((bare, ""));
        if name == "NEAR" || name == "ONEAR" {
            let kind = match distance(reach) {
                Some(distance) => Kind::Near(Link { distance, ordered: name == "ONEAR" }),
                None => {
                    let message = format!("`{name}` takes a number of words, 1 to {DISTANCE_MAX}");
                    let hint = Some(format!("such as `acme {name}/5 refund`; for the word itself write \"{bare}\""));
                    self.errors.push(Error { span, message, hint });
                    Kind::Near(Link { distance: 1, ordered: false })
                }
            };
            return self.push(start, length, kind);
        }
        match bare.split_once(':') {
            Some((name, after)) if is_field_name(name) && !(is_scheme(name) && after.starts_with("//")) => {
                self.push(start, name.len() + 1, Kind::Field(name.to_owned()));
            }
            _ => self.push(start, length, Kind::Bare(bare.to_owned())),
        }
    }
}

fn distance(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|distance| plain && (1..=DISTANCE_MAX).contains(distance))
}

fn is_field_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'.')
}

fn is_scheme(name: &str) -> bool {
    name.eq_ignore_ascii_case("http") || name.eq_ignore_ascii_case("https")
}
