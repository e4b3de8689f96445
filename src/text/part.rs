//! The parts of a text: words, and the entities that are not words. One scanner finds them all, so that everybody agrees
//! on where a link ends and a word begins. Never looks back further than one word and takes time in proportion to the text.

use super::letter::{Class, JOINER, letter};
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    /// `#tag`.
    Tag,
    /// `@handle`, `@user@host`.
    Handle,
    /// `$ACME`, `$ACME.B`: the sign of a share.
    Ticker,
    /// `http://...`, `https://...`.
    Link,
}

/// A piece of a text, and where it stands (bytes). Tags, handles and tickers are given without their sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: Kind,
    pub range: Range<usize>,
}

/// Exchanges give at most five letters, crypto currencies a few more.
const TICKER_LETTERS_MAX: usize = 10;
const SHARE_CLASS_LETTERS_MAX: usize = 2;

/// What a byte begins.
#[derive(Clone, Copy)]
enum Byte {
    Between,
    Letter,
    /// Perhaps an entity.
    Sign,
    /// A character beyond ASCII.
    Beyond,
}

static BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Between; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte >= 0x80 {
            bytes[byte] = Byte::Beyond;
        } else if (byte as u8).is_ascii_alphanumeric() {
            bytes[byte] = Byte::Letter;
        }
        byte += 1;
    }
    bytes[b'#' as usize] = Byte::Sign;
    bytes[b'@' as usize] = Byte::Sign;
    bytes[b'$' as usize] = Byte::Sign;
    bytes
};

/// See [`super::parts`].
#[derive(Clone)]
pub struct Parts<'t> {
    text: &'t str,
    at: usize,
    /// Where the last word ended: a sign that directly follows a word begins no entity (`ann@shop.example`).
    word_end: usize,
}

impl<'t> Parts<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, word_end: usize::MAX }
    }

    fn found(&mut self, kind: Kind, range: Range<usize>) -> Option<Part> {
        self.at = range.end;
        if kind == Kind::Word {
            self.word_end = range.end;
        }
        Some(Part { kind, range })
    }

    /// A word that begins with an ASCII letter or digit, or the link whose scheme it is.
    fn word_or_link(&mut self) -> Option<Part> {
        let start = self.at;
        let end = letters_end(self.text, start);
        if self.text.as_bytes().get(end) == Some(&b':')
            && is_scheme(&self.text[start..end])
            && let Some(end) = link_end(self.text, end)
        {
            return self.found(Kind::Link, start..end);
        }
        self.found(Kind::Word, start..end)
    }

    fn entity(&mut self, sign: u8) -> Option<Part> {
        let start = self.at + 1;
        self.at = start;
        if start - 1 == self.word_end {
            return None;
        }
        let (kind, end) = match sign {
            b'#' => (Kind::Tag, tag_end(self.text, start)?),
            b'$' => (Kind::Ticker, ticker_end(self.text, start)?),
            _ => (Kind::Handle, handle_end(self.text, start)?),
        };
        self.found(kind, start..end)
    }

    fn beyond_ascii(&mut self) -> Option<Part> {
        let start = self.at;
        let c = self.text[start..].chars().next()?;
        let next = start + c.len_utf8();
        let end = match letter(c).class() {
            Class::Separator | Class::Mark => {
                self.at = next;
                return None;
            }
            Class::Letter => letters_end(self.text, next),
            Class::Katakana => run_end(self.text, next, |class| matches!(class, Class::Katakana | Class::Mark)),
            Class::Single => marks_end(self.text, next),
            Class::Emoji => emoji_end(self.text, next),
            Class::Regional => match class_at(self.text, next) {
                Some((Class::Regional, other)) => marks_end(self.text, other),
                _ => next,
            },
        };
        self.found(Kind::Word, start..end)
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            let found = match BYTES[byte as usize] {
                Byte::Between => {
                    self.at += 1;
                    None
                }
                Byte::Letter => self.word_or_link(),
                Byte::Sign => self.entity(byte),
                Byte::Beyond => self.beyond_ascii(),
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

/// The bytes that [`entity_at`] is to be asked about.
pub const SIGNS: [u8; 3] = [b'#', b'@', b':'];
/// The one more, which hardly any watch asks about.
pub const TICKER_SIGN: u8 = b'$';

/// The entity whose sign (the colon of a link) stands at `sign`, without regard to what stands before it: one that
/// follows a word directly or lies in another entity is given too.
pub fn entity_at(text: &str, sign: usize) -> Option<Part> {
    let start = sign + 1;
    let (kind, range) = match text.as_bytes()[sign] {
        b'#' => (Kind::Tag, start..tag_end(text, start)?),
        b'@' => (Kind::Handle, start..handle_end(text, start)?),
        b'$' => (Kind::Ticker, start..ticker_end(text, start)?),
        b':' => {
            let length = ["https", "http"].into_iter().find(|scheme| text[..sign].ends_with(scheme))?.len();
            (Kind::Link, sign - length..link_end(text, sign)?)
        }
        _ => return None,
    };
    Some(Part { kind, range })
}

fn class_at(text: &str, at: usize) -> Option<(Class, usize)> {
    let c = text[at..].chars().next()?;
    Some((letter(c).class(), at + c.len_utf8()))
}

fn run_end(text: &str, mut at: usize, belongs: impl Fn(Class) -> bool) -> usize {
    while let Some((class, next)) = class_at(text, at)
        && belongs(class)
    {
        at = next;
    }
    at
}

fn marks_end(text: &str, at: usize) -> usize {
    run_end(text, at, |class| class == Class::Mark)
}

fn letters_end(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    loop {
        let Some(byte) = bytes.get(at) else { return at };
        match BYTES[*byte as usize] {
            Byte::Letter => at += 1,
            Byte::Beyond => match class_at(text, at) {
                Some((Class::Letter | Class::Mark, next)) => at = next,
                _ => return at,
            },
            Byte::Between | Byte::Sign => return at,
        }
    }
}

/// Marks, and further pictures behind joiners.
fn emoji_end(text: &str, at: usize) -> usize {
    let mut at = marks_end(text, at);
    while text[..at].ends_with(JOINER)
        && let Some((Class::Emoji, next)) = class_at(text, at)
    {
        at = marks_end(text, next);
    }
    at
}

/// Letters, digits and underscores of any script, not digits alone: `#1` is a number.
fn tag_end(text: &str, start: usize) -> Option<usize> {
    let mut named = false;
    let end = text[start..]
        .char_indices()
        .find(|&(_, c)| {
            let inside = match c {
                '_' => true,
                _ => matches!(letter(c).class(), Class::Letter | Class::Katakana | Class::Single | Class::Mark),
            };
            named |= inside && !c.is_numeric() && c != '_';
            !inside
        })
        .map_or(text.len(), |(offset, _)| start + offset);
    named.then_some(end)
}

/// `name`, `name.example`, `user@host.example`; dots and hyphens at the end belong to the sentence.
fn handle_end(text: &str, start: usize) -> Option<usize> {
    let name_end = |start: usize| {
        let bytes = &text.as_bytes()[start..];
        let end = bytes.iter().position(|b| !(b.is_ascii_alphanumeric() || b"_.-".contains(b))).unwrap_or(bytes.len());
        let end = bytes[..end].iter().rposition(|b| !b".-".contains(b)).map_or(0, |last| last + 1);
        bytes[..end].iter().any(u8::is_ascii_alphanumeric).then_some(start + end)
    };
    let end = name_end(start)?;
    if text.as_bytes().get(end) == Some(&b'@') {
        return Some(name_end(end + 1).unwrap_or(end));
    }
    Some(end)
}

/// A few Latin letters, perhaps a point and the class of share; `$50`, `$5k` and `US$` are money.
fn ticker_end(text: &str, start: usize) -> Option<usize> {
    let letters = |start: usize| text[start..].bytes().take_while(u8::is_ascii_alphabetic).count();
    let ends = |end: usize| !matches!(class_at(text, end), Some((Class::Letter | Class::Mark, _)));
    let end = start + letters(start);
    if end == start || end - start > TICKER_LETTERS_MAX || !ends(end) {
        return None;
    }
    let class = text[end..].starts_with('.').then(|| end + 1 + letters(end + 1));
    Some(
        class.filter(|&class| (1..=SHARE_CLASS_LETTERS_MAX).contains(&(class - end - 1)) && ends(class)).unwrap_or(end),
    )
}

fn is_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("https") || word.eq_ignore_ascii_case("http")
}

/// `colon`: where the scheme ended. A link goes on until white space, a quote, an angle bracket or punctuation beyond ASCII;
/// punctuation at its end belongs to the sentence, and so does a bracket that it does not open itself.
fn link_end(text: &str, colon: usize) -> Option<usize> {
    let rest = text[colon..].strip_prefix("://").filter(|rest| rest.starts_with(char::is_alphanumeric))?;
    let end = rest
        .char_indices()
        .find(|&(_, c)| match c {
            '<' | '>' | '"' | '`' | '\\' | '^' | '{' | '|' | '}' => true,
            '!'..='~' => false,
            '\0'..='\x7f' => true,
            _ => letter(c).class() == Class::Separator,
        })
        .map_or(rest.len(), |(offset, _)| offset);
    let mut link = &rest[..end];
    // Each closing bracket is only looked at while it is the last character, so counting the opening ones once is enough.
    let opened = link.bytes().filter(|b| *b == b'(').count();
    let mut closed = link.bytes().filter(|b| *b == b')').count();
    while let Some(last) = link.bytes().next_back() {
        match last {
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' | b'*' | b'_' | b'~' | b']' => {}
            b')' if closed > opened => closed -= 1,
            _ => break,
        }
        link = &link[..link.len() - 1];
    }
    Some(colon + "://".len() + link.len())
}
