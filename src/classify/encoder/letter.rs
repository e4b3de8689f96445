//! What a code point is to the encoder: what it folds to and which class it has. Steps 1 and 2 of
//! `models/train/text.py`, the specification. Knows nothing of words.

use crate::classify::range::{EMOJI, MARKS, PUNCTUATION, WIDE_SPACE, within};
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// Code points of a text that are read, which bounds the time of a post whatever its length. The encoder sees only the
/// first pieces of them.
const CHARS_MAX: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Dropped,
    Space,
    /// Whatever has no other class.
    Letter,
    Digit,
    Punctuation,
    Ideograph,
    Emoji,
}

/// A folded code point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letter {
    pub char: char,
    pub class: Class,
    /// It was one of A-Z.
    pub capital: bool,
}

impl Letter {
    pub fn in_word(&self) -> bool {
        matches!(self.class, Class::Letter | Class::Digit)
    }
}

/// What follows a `&`, and what both stand for.
const ENTITIES: [(&str, char); 5] = [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("#39;", '\'')];

/// U+00C0 to U+017F as small letters without their accents; `*` is no letter.
const LATIN: &str = "aaaaaaæceeeeiiiiðnooooo*øuuuuyþßaaaaaaæceeeeiiiiðnooooo*øuuuuyþy\
aaaaaaccccccccddđđeeeeeeeeeegggggggghhħħiiiiiiiiiıĳĳjjkkĸllllllŀ\
ŀłłnnnnnnŉŋŋooooooœœrrrrrrssssssssttttŧŧuuuuuuuuuuuuwwyyyzzzzzzs";
const LATIN_START: u32 = 0xC0;

/// Dropped beside the marks: control characters and what stands for an unknown one.
const CONTROLS: &[RangeInclusive<u32>] = &[0x00..=0x08, 0x0E..=0x1F, 0x7F..=0x84, 0x86..=0x9F, 0xFFF9..=0xFFFD];
const SPACE: &[RangeInclusive<u32>] = &[0x09..=0x0D, 0x20..=0x20, 0x85..=0x85, 0xA0..=0xA0];
/// Signs of money.
const CURRENCY: &[RangeInclusive<u32>] = &[0x20A0..=0x20CF];
const IDEOGRAPH: &[RangeInclusive<u32>] = &[0x3400..=0x4DBF, 0x4E00..=0x9FFF, 0xF900..=0xFAFF, 0x20000..=0x2FA1F];
const WHITE_FLAG: u32 = 0x1F3F3;

/// The first code points as [`fold_slowly`] leaves them: nearly all letters and signs but ideographs and Hangul.
const KNOWN_END: u32 = 0x3100;
static KNOWN: LazyLock<Vec<Letter>> = LazyLock::new(|| ('\0'..).take(KNOWN_END as usize).map(fold_slowly).collect());

/// The letters of the first [`CHARS_MAX`] code points of `text`, into `out` (cleared first).
pub fn read(text: &str, out: &mut Vec<Letter>) {
    out.clear();
    let end = text.char_indices().nth(CHARS_MAX).map_or(text.len(), |(at, _)| at);
    let mut rest = text[..end].chars();
    let known = KNOWN.as_slice();
    while let Some(mut char) = rest.next() {
        if char == '&'
            && let Some((entity, meant)) = ENTITIES.iter().find(|(entity, _)| rest.as_str().starts_with(entity))
        {
            char = *meant;
            rest = rest.as_str()[entity.len()..].chars();
        }
        let letter = known.get(char as usize).copied().unwrap_or_else(|| fold_slowly(char));
        if letter.class != Class::Dropped {
            out.push(letter);
        }
    }
}

fn fold_slowly(char: char) -> Letter {
    let code = plain(char as u32);
    let capital = (0x41..=0x5A).contains(&code);
    let code = same(small(code));
    let latin = code.checked_sub(LATIN_START).and_then(|at| LATIN.chars().nth(at as usize)).filter(|c| *c != '*');
    let class = if latin.is_some() { Class::Letter } else { class(code) };
    Letter { char: latin.or(char::from_u32(code)).unwrap_or(char), class, capital: capital && class == Class::Letter }
}

fn class(code: u32) -> Class {
    let is = |ranges| within(code, ranges);
    if is(CONTROLS) || is(MARKS) {
        Class::Dropped
    } else if is(SPACE) || is(WIDE_SPACE) {
        Class::Space
    } else if is(EMOJI) {
        Class::Emoji
    } else if is(PUNCTUATION) || is(CURRENCY) {
        Class::Punctuation
    } else if is(IDEOGRAPH) {
        Class::Ideograph
    } else if (0x30..=0x39).contains(&code) {
        Class::Digit
    } else {
        Class::Letter
    }
}

/// Full-width, mathematical letters and digits, Arabic digits as the plain ones; each letter of a flag as a white flag.
fn plain(code: u32) -> u32 {
    match code {
        0xFF01..=0xFF5E => code - 0xFEE0,
        0x1D400..=0x1D6A3 => match (code - 0x1D400) % 52 {
            at @ 0..26 => 0x41 + at,
            at => 0x61 + at - 26,
        },
        0x1D7CE..=0x1D7FF => 0x30 + (code - 0x1D7CE) % 10,
        0x660..=0x669 | 0x6F0..=0x6F9 => 0x30 + code % 16,
        0x1F1E6..=0x1F1FF => WHITE_FLAG,
        _ => code,
    }
}

/// Capitals of Latin, Greek and Cyrillic letters without accents as small ones.
fn small(code: u32) -> u32 {
    match code {
        0x41..=0x5A | 0x391..=0x3A9 | 0x410..=0x42F => code + 32,
        0x400..=0x40F => code + 80,
        _ => code,
    }
}

/// One of those that look alike.
fn same(code: u32) -> u32 {
    match code {
        0x60 | 0xB4 | 0x2018 | 0x2019 | 0x201B | 0x2032 => 0x27,
        0xAB | 0xBB | 0x201C..=0x201F | 0x2033 => 0x22,
        0x2010..=0x2015 | 0x2212 => 0x2D,
        0x622 | 0x623 | 0x625 => 0x627, // Arabic letters with a hamza or madda
        0x624 => 0x648,
        0x626 => 0x64A,
        0x61F | 0x2049 => 0x3F,
        0x203C => 0x21,
        0x3C2 => 0x3C3, // the last sigma of a word
        0x451 => 0x435, // Cyrillic io
        _ => code,
    }
}
