//! The words of a text with the places where each stands. Of a long text they are put in order once, and where a word
//! stands often is kept as a set: whatever is asked, and however often, costs a pass over the text's blocks.

use super::bits::{BLOCK, BitSet};
use foldhash::fast::RandomState;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

/// Words of a text from which on looking a word up in order is quicker than going through all of them.
const LONG_FROM: usize = 64;

#[derive(Debug, Default)]
pub struct Concordance {
    pub text: String,
    /// Where the words stand in `text`.
    pub words: Vec<Range<usize>>,
    /// Places in the order of their words, those of a word in any order; empty for a short text.
    sorted: Vec<u32>,
    often: RefCell<Often>,
}

/// Where words and beginnings stand that stand often, as they are asked for. A place has no more beginnings than its word
/// has letters: to fill all these sets takes no longer than to read the text, and they hold some MiB at most.
#[derive(Debug, Default)]
struct Often {
    /// By their stretch of the words in order.
    known: HashMap<(usize, usize), usize, RandomState>,
    sets: Vec<BitSet>,
}

impl Concordance {
    /// Must be called when `text` and `words` are as they shall be.
    pub fn sort(&mut self) {
        self.sorted.clear();
        self.often.get_mut().known.clear();
        if self.words.len() >= LONG_FROM {
            let Self { text, words, sorted, .. } = self;
            // A text has far fewer than 2^32 words.
            sorted.extend(0..words.len() as u32);
            sorted.sort_unstable_by_key(|&at| &text[words[at as usize].clone()]);
        }
    }

    /// Whether words are looked up in order.
    pub fn is_long(&self) -> bool {
        !self.sorted.is_empty()
    }

    /// The word at a place.
    pub fn word(&self, at: usize) -> &str {
        &self.text[self.words[at].clone()]
    }

    /// Whether it is this word, or begins so.
    #[inline]
    pub fn is(&self, at: usize, word: &str, prefix: bool) -> bool {
        let found = self.word(at);
        if prefix { found.starts_with(word) } else { found == word }
    }

    /// Whether the text has the word, or any that begins so.
    pub fn has(&self, word: &str, prefix: bool) -> bool {
        if !self.is_long() {
            return (0..self.words.len()).any(|at| self.is(at, word, prefix));
        }
        let at = self.sorted.partition_point(|&at| self.word(at as usize) < word);
        self.sorted.get(at).is_some_and(|&at| self.is(at as usize, word, prefix))
    }

    fn stretch(&self, word: &str, prefix: bool) -> Range<usize> {
        let start = self.sorted.partition_point(|&at| self.word(at as usize) < word);
        let length = self.sorted[start..].partition_point(|&at| self.is(at as usize, word, prefix));
        start..start + length
    }

    /// Where a word of a long text stands, if that is in few places.
    pub fn seldom(&self, word: &str) -> Option<impl Iterator<Item = usize>> {
        let places = &self.sorted[self.stretch(word, false)];
        (places.len() < BLOCK).then(|| places.iter().map(|&at| at as usize))
    }

    /// Hands on where a word of a long text stands, or all that begin so; `buffer` may be used for it.
    pub fn standing(&self, word: &str, prefix: bool, buffer: &mut BitSet, then: impl FnOnce(&BitSet)) {
        let stretch = self.stretch(word, prefix);
        let fill = |set: &mut BitSet| {
            set.clear();
            self.sorted[stretch.clone()].iter().for_each(|&at| set.insert(at as usize));
        };
        if stretch.len() < (self.words.len() / BLOCK).max(BLOCK) {
            fill(buffer);
            return then(buffer);
        }
        let Often { known, sets } = &mut *self.often.borrow_mut();
        let next = known.len();
        let n = *known.entry((stretch.start, stretch.end)).or_insert(next);
        if n == sets.len() {
            sets.push(BitSet::default());
        }
        if n == next {
            fill(&mut sets[n]);
        }
        then(&sets[n]);
    }
}
