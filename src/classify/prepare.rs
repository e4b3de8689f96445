//! Text to hashed features for the fast tier. `models/train/prepare.py` does exactly the same and its header is the
//! specification: change both or neither, then train again. It consults no Unicode table, so that no version of one
//! can part the two. Knows nothing of weights.

use super::range::{EMOJI, MARKS, PUNCTUATION, WIDE_SPACE, within};
use std::ops::RangeInclusive;

/// Code points of a text that are scored. Longer texts are judged by their beginning, which bounds the time of a post
/// whatever its length; nearly all posts are far shorter.
pub const CHARS_MAX: usize = 2_000;

const NGRAM_MIN: usize = 3;
const NGRAM_MAX: usize = 5;
const SEED_TOKEN: u32 = 0x811C_9DC5;
const SEED_PAIR: u32 = 0x9E37_79B9;
const SEED_SKIP: u32 = 0x85EB_CA6B;
const SEED_GRAM: u32 = 0xC2B2_AE35;
const PRIME: u32 = 0x0100_0193;

const SPACE_CODE: u32 = 0x20;
const HANDLE: u32 = '@' as u32;

/// U+00C0 to U+017F without their accents.
const LATIN: &[u8; 0x180 - 0xC0] = b"aaaaaaaceeeeiiiidnooooo*ouuuuytsaaaaaaaceeeeiiiidnooooo*ouuuuyty\
aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll\
lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Dropped,
    Space,
    Word,
    Punctuation,
    /// Emoji, arrows and the like, one token each; handles too.
    Emoji,
}

/// Dropped beside the marks: apostrophes, so that "dont" and "don't" are one.
const APOSTROPHES: &[RangeInclusive<u32>] = &[0x27..=0x27, 0x60..=0x60, 0xB4..=0xB4, 0x2018..=0x2019];
/// Spaces of Latin-1; a hashtag is its word.
const SPACE: &[RangeInclusive<u32>] = &[0x00..=0x20, 0x23..=0x23, 0x5F..=0x5F, 0x7F..=0xA0];

/// The classes of ASCII, where nearly every code point of most texts stands.
const ASCII: [(u32, Class); 128] = {
    let mut table = [(0, Class::Dropped); 128];
    let mut code = 0;
    while code < 128 {
        table[code as usize] = fold_slowly(code);
        code += 1;
    }
    table
};

const fn fold_slowly(mut code: u32) -> (u32, Class) {
    if code >= 0xFF01 && code <= 0xFF5E {
        code -= 0xFEE0;
    }
    if code == 0x61F {
        code = '?' as u32;
    }
    if within(code, APOSTROPHES) || within(code, MARKS) {
        return (code, Class::Dropped);
    }
    if within(code, SPACE) || within(code, WIDE_SPACE) {
        return (code, Class::Space);
    }
    if within(code, EMOJI) {
        return (code, Class::Emoji);
    }
    if within(code, PUNCTUATION) {
        return (code, Class::Punctuation);
    }
    let folded = match code {
        0x30..=0x39 => 0x30,
        0x41..=0x5A | 0x391..=0x3A9 => code + 32,
        0x401 | 0x451 => 0x435,
        0x400..=0x40F => code + 80,
        0x410..=0x42F => code + 32,
        0x3C2 => 0x3C3,
        0xC0..0x180 => LATIN[code as usize - 0xC0] as u32,
        _ => code,
    };
    (folded, Class::Word)
}

fn fold(char: char) -> (u32, Class) {
    let code = char as u32;
    ASCII.get(code as usize).copied().unwrap_or_else(|| fold_slowly(code))
}

/// A token: a stretch of [`Prepared::codes`] and the hash of it.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub start: u32,
    pub end: u32,
    pub class: Class,
    pub hash: u32,
}

/// A prepared text; kept between texts so that its buffers are.
#[derive(Default)]
pub struct Prepared {
    folded: Vec<(u32, Class)>,
    /// The code points of all tokens, a space before and after each.
    codes: Vec<u32>,
    pub tokens: Vec<Token>,
    /// The hash of every feature.
    pub features: Vec<u32>,
}

impl Prepared {
    /// Splits the first [`CHARS_MAX`] code points of `text` into tokens and features.
    pub fn read(&mut self, text: &str) {
        self.folded.clear();
        self.folded.extend(text.chars().take(CHARS_MAX).map(fold).filter(|(_, class)| *class != Class::Dropped));
        self.codes.clear();
        self.codes.push(SPACE_CODE);
        self.tokens.clear();
        let mut at = 0;
        while let Some(&(code, class)) = self.folded.get(at) {
            at = match class {
                Class::Space | Class::Dropped => at + 1,
                _ if self.handle_starts(at) => {
                    self.push(Class::Emoji, &[HANDLE]);
                    self.handle_end(at + 1)
                }
                Class::Emoji => {
                    self.push(Class::Emoji, &[code]);
                    at + 1
                }
                Class::Word | Class::Punctuation => self.run(at, class),
            };
        }
        self.hash_features();
    }

    /// The code points of a token.
    pub fn token(&self, token: Token) -> &[u32] {
        &self.codes[token.start as usize..token.end as usize]
    }

    /// Whether some run of punctuation holds `sign`.
    pub fn has_sign(&self, sign: char) -> bool {
        self.tokens.iter().any(|t| t.class == Class::Punctuation && self.token(*t).contains(&u32::from(sign)))
    }

    pub fn is_handle(&self, token: Token) -> bool {
        token.class == Class::Emoji && self.token(token) == [HANDLE]
    }

    fn class(&self, at: usize) -> Class {
        self.folded.get(at).map_or(Class::Space, |(_, class)| *class)
    }

    fn handle_starts(&self, at: usize) -> bool {
        self.folded.get(at).is_some_and(|(code, _)| *code == HANDLE) && self.class(at + 1) == Class::Word
    }

    fn handle_end(&self, mut at: usize) -> usize {
        while let Some(&(code, class)) = self.folded.get(at) {
            let joins = b"@.-_".iter().any(|joiner| u32::from(*joiner) == code) && self.class(at + 1) == Class::Word;
            if class != Class::Word && !joins {
                break;
            }
            at += 1;
        }
        at
    }

    /// A run of one class that starts at `at`; returns where the next token may start.
    fn run(&mut self, mut at: usize, class: Class) -> usize {
        let start = self.codes.len();
        while self.class(at) == class && !(class == Class::Punctuation && self.handle_starts(at)) {
            let code = self.folded[at].0;
            if !self.codes[start..].ends_with(&[code, code]) {
                self.codes.push(code);
            }
            at += 1;
        }
        if class == Class::Word && is_link(&self.codes[start..]) {
            self.codes.truncate(start);
            self.codes.extend("http".chars().map(u32::from));
            while at < self.folded.len() && self.class(at) != Class::Space {
                at += 1;
            }
        }
        self.close(start, class);
        at
    }

    fn push(&mut self, class: Class, codes: &[u32]) {
        if let [.., first, second] = self.tokens[..]
            && self.token(first) == codes
            && self.token(second) == codes
        {
            return;
        }
        let start = self.codes.len();
        self.codes.extend_from_slice(codes);
        self.close(start, class);
    }

    fn close(&mut self, start: usize, class: Class) {
        let end = self.codes.len();
        let hash = hash(SEED_TOKEN, &self.codes[start..]);
        self.codes.push(SPACE_CODE);
        self.tokens.push(Token { start: start as u32, end: end as u32, class, hash });
    }

    /// Hashes every feature, once for each time it occurs.
    fn hash_features(&mut self) {
        self.features.clear();
        let (mut last, mut last_but_one) = (None, None);
        for token in &self.tokens {
            self.features.push(finish(token.hash));
            self.features.extend(last.map(|last| finish(pair(SEED_PAIR, last, token.hash))));
            self.features.extend(last_but_one.map(|first| finish(pair(SEED_SKIP, first, token.hash))));
            (last, last_but_one) = (Some(token.hash), last);
            if token.class == Class::Word {
                let padded = &self.codes[token.start as usize - 1..=token.end as usize];
                for window in (0..padded.len()).map(|start| &padded[start..padded.len().min(start + NGRAM_MAX)]) {
                    let mut hash = SEED_GRAM;
                    for (size, code) in (1..).zip(window) {
                        hash = (hash ^ code).wrapping_mul(PRIME);
                        if size >= NGRAM_MIN {
                            self.features.push(finish(hash));
                        }
                    }
                }
            }
        }
    }
}

fn is_link(word: &[u32]) -> bool {
    ["http", "https", "www"].iter().any(|link| word.iter().copied().eq(link.chars().map(u32::from)))
}

fn hash(seed: u32, codes: &[u32]) -> u32 {
    codes.iter().fold(seed, |hash, code| (hash ^ code).wrapping_mul(PRIME))
}

/// The hash that a token of these letters has; for tables of words. Letters as [`fold`] leaves them.
pub const fn hash_word(word: &str) -> u32 {
    let bytes = word.as_bytes();
    let (mut hash, mut at) = (SEED_TOKEN, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(PRIME);
        at += 1;
    }
    hash
}

fn pair(seed: u32, first: u32, second: u32) -> u32 {
    (first ^ seed).wrapping_mul(PRIME) ^ second
}

/// Spreads a hash over all its bits (the last steps of a 32-bit murmur).
fn finish(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
    hash ^ (hash >> 13)
}
