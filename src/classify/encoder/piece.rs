//! Texts to the ids of the pieces that the encoder reads. `models/train/text.py` does exactly the same and its head is
//! the specification: change both or neither, then train again. Steps 5, 6 and 8 stand here, the others in `letter` and
//! `token`. Knows nothing of weights.

use super::letter::{self, Class, Letter};
use super::token::{Token, Tokens, each_part};
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Pieces of a text, `[CLS]` and `[SEP]` among them: what the encoder was trained on.
pub const PIECES_MAX: usize = 128;

/// Letters of a token that is looked up, which bounds the tries to cut it. Longer ones are unknown.
const WORD_MAX: usize = 40;

/// Pieces of a vocabulary, which bounds the memory that a foreign one can take. Ours has some 18,000, one for all
/// languages 120,000.
const VOCABULARY_MAX: usize = 1 << 17;

/// What a word of a row costs beside its rank, in sixteenths of a bit: a row of few words is better than one of many.
const WORD_COST: u32 = 96;

type Ids = HashMap<Box<str>, u32, RandomState>;

/// A vocabulary, and what it makes of a text.
pub struct Pieces {
    /// Pieces that begin a token.
    first: Ids,
    /// Pieces that go on, without their `##`.
    next: Ids,
    open: u32,
    close: u32,
    unknown: u32,
    handle: u32,
    /// The most common word; ids from it to `handle` are in the order of how common they are.
    the: u32,
}

/// The buffers of [`Pieces::ids`]; kept between texts.
#[derive(Default)]
pub struct Scratch {
    letters: Vec<Letter>,
    word: Word,
    ids: Vec<u32>,
}

/// A word as it is looked up.
#[derive(Default)]
struct Word {
    text: String,
    /// The same with one letter in place of each run of more than two.
    once: String,
}

impl Pieces {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.first.len() + self.next.len()
    }

    /// Reads a vocabulary: one piece a line, its id being the number of the line from 0.
    ///
    /// # Errors
    /// A piece stands twice, one that we ask for by name is missing, or there are too many: it is of no such encoder.
    pub fn new(vocabulary: &str) -> Result<Self, String> {
        let (mut first, mut next) = (Ids::default(), Ids::default());
        for (id, piece) in (0..).zip(vocabulary.lines()) {
            if id as usize == VOCABULARY_MAX {
                return Err(format!("more than {VOCABULARY_MAX} pieces"));
            }
            let old = match piece.strip_prefix("##") {
                Some(rest) => next.insert(rest.into(), id),
                None => first.insert(piece.into(), id),
            };
            if let Some(old) = old {
                return Err(format!("piece `{piece}` stands on lines {} and {}", old + 1, id + 1));
            }
        }
        let id = |piece| first.get(piece).copied().ok_or_else(|| format!("no piece `{piece}`"));
        let (open, close, unknown) = (id("[CLS]")?, id("[SEP]")?, id("[UNK]")?);
        let (handle, the) = (id("@user")?, id("the")?);
        Ok(Self { first, next, open, close, unknown, handle, the })
    }

    /// The ids of `text`: that of `[CLS]`, at most [`PIECES_MAX`] - 2 of its pieces, that of `[SEP]`. Each is less than
    /// the number of the vocabulary's pieces.
    pub fn ids<'s>(&self, text: &str, scratch: &'s mut Scratch) -> &'s [u32] {
        let Scratch { letters, word, ids } = scratch;
        letter::read(text, letters);
        ids.clear();
        ids.push(self.open);
        for token in Tokens::new(letters) {
            match token {
                Token::Word(letters) => self.cut(self.shorten(letters, word), ids),
                Token::Link => self.cut("http", ids),
                Token::Handle => ids.push(self.handle),
                Token::Tag(tag) => {
                    self.sign('#', ids);
                    each_part(tag, |part| self.part(self.shorten(part, word), ids));
                }
                Token::Sign(sign) => self.sign(sign, ids),
            }
            if ids.len() >= PIECES_MAX - 1 {
                break;
            }
        }
        ids.truncate(PIECES_MAX - 1);
        ids.push(self.close);
        ids
    }

    fn sign(&self, sign: char, ids: &mut Vec<u32>) {
        ids.push(self.id(sign.encode_utf8(&mut [0; 4])));
    }

    fn id(&self, token: &str) -> u32 {
        self.first.get(token).copied().unwrap_or(self.unknown)
    }

    /// Step 6: at most two of a letter in a row; one, if that is a known word and two are not.
    fn shorten<'w>(&self, letters: &[Letter], word: &'w mut Word) -> &'w str {
        let long = write(letters, 2, &mut word.text);
        if long && !self.first.contains_key(word.text.as_str()) {
            write(letters, 1, &mut word.once);
            if self.first.contains_key(word.once.as_str()) {
                return &word.once;
            }
        }
        &word.text
    }

    /// Step 8. A token that cannot be cut whole, or is too long, is unknown.
    fn cut(&self, token: &str, ids: &mut Vec<u32>) {
        let start = ids.len();
        if token.chars().count() > WORD_MAX || self.cut_whole(token, ids).is_none() {
            ids.truncate(start);
            ids.push(self.unknown);
        }
    }

    /// The longest piece that begins the token, then the longest that goes on, and so forth.
    fn cut_whole(&self, token: &str, ids: &mut Vec<u32>) -> Option<()> {
        let (mut rest, mut known) = (token, &self.first);
        while !rest.is_empty() {
            // Where a piece may end, the longest first.
            let mut ends = rest.char_indices().rev().map(|(at, char)| at + char.len_utf8());
            let (id, end) = ends.find_map(|end| known.get(&rest[..end]).map(|id| (*id, end)))?;
            ids.push(id);
            (rest, known) = (&rest[end..], &self.next);
        }
        Some(())
    }

    /// Step 5: a part of a hashtag that is no known word, but a row of such.
    fn part(&self, part: &str, ids: &mut Vec<u32>) {
        let apart = part.len() <= WORD_MAX
            && part.bytes().all(|byte| byte.is_ascii_lowercase())
            && !self.first.contains_key(part);
        if !(apart && self.row(part, ids)) {
            self.cut(part, ids);
        }
    }

    /// The cheapest row of known words that makes up `part`, of at most [`WORD_MAX`] letters a-z; the longest last word
    /// among equals. Whether there is one.
    fn row(&self, part: &str, ids: &mut Vec<u32>) -> bool {
        // For each end, the cost of the cheapest row so far, and where its last word starts.
        let mut best = [None; WORD_MAX + 1];
        best[0] = Some((0, 0));
        for end in 1..=part.len() {
            for start in 0..end {
                let Some((before, _)) = best[start] else { continue };
                let Some(cost) = self.cost(&part[start..end]) else { continue };
                if best[end].is_none_or(|(least, _)| before + cost < least) {
                    best[end] = Some((before + cost, start));
                }
            }
        }
        let from = ids.len();
        let mut end = part.len();
        while let Some((_, start)) = best[end].filter(|_| end > 0) {
            ids.push(self.id(&part[start..end]));
            end = start;
        }
        ids[from..].reverse();
        end == 0
    }

    /// 16 log2 of a known word's rank in steps of a sixteenth, and [`WORD_COST`]; none for what is no word. The rank of
    /// `the` is 1. Of the single letters only `a` and `i` are words, without a rank.
    fn cost(&self, word: &str) -> Option<u32> {
        if word.len() == 1 {
            return matches!(word, "a" | "i").then_some(WORD_COST);
        }
        let id = *self.first.get(word).filter(|id| (self.the..self.handle).contains(*id))?;
        let rank = id - self.the + 1;
        let whole = rank.ilog2();
        Some(WORD_COST + 16 * whole + ((rank << 4) >> whole) - 16)
    }
}

/// Writes `letters` into `out` (cleared first), but only `most` of one that stands more than twice in a row. Whether
/// one does.
fn write(letters: &[Letter], most: usize, out: &mut String) -> bool {
    out.clear();
    let mut any = false;
    for alike in letters.chunk_by(|a, b| a.char == b.char) {
        let long = alike.len() > 2 && alike[0].class == Class::Letter;
        let count = if long { most } else { alike.len() };
        out.extend(alike.iter().take(count).map(|letter| letter.char));
        any |= long;
    }
    any
}
