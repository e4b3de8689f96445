//! Where words stand to each other: the one meaning of NEAR, ONEAR and `~`, for both evaluators. Knows places only.

use super::bits::{BLOCK, BitSet};
use super::word::Phrase;

/// The words `start..end` of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

/// How far the next operand may stand from the one before: words that touch are 1 apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// `1..=`[`super::DISTANCE_MAX`].
    pub distance: u32,
    /// The next one comes after.
    pub ordered: bool,
}

/// Buffers of whoever judges places; kept from text to text.
#[derive(Debug, Default)]
pub struct Spare {
    pub chain: Chain,
    pub loose: Loose,
    /// Where each word of a phrase stands.
    pub standing: Vec<BitSet>,
    pub begins: BitSet,
    pub buffer: BitSet,
}

/// A row of operands, judged one after the other; only buffers.
#[derive(Debug, Default)]
pub struct Chain {
    reached: Reached,
    next: Reached,
    begins: BitSet,
    within: BitSet,
}

/// Where what has been reached starts, and where it ends. Which start goes with which end, nobody asks.
#[derive(Debug, Default)]
struct Reached {
    starts: BitSet,
    ends: BitSet,
}

impl Chain {
    /// Whether each operand stands within its link of the one before, neither overlapping the other. `begins` adds where a
    /// phrase begins, and is asked of the phrases in order, until an operand is out of reach.
    pub fn holds(
        &mut self,
        operands: &[Vec<Phrase>],
        links: &[Link],
        mut begins: impl FnMut(&Phrase, &mut BitSet),
    ) -> bool {
        for (n, operand) in operands.iter().enumerate() {
            let link = n.checked_sub(1).and_then(|n| links.get(n));
            let mut to_grow = link;
            self.next.starts.clear();
            self.next.ends.clear();
            for phrase in operand {
                self.begins.clear();
                begins(phrase, &mut self.begins);
                if self.begins.is_empty() {
                    continue;
                }
                // Not before anything is there that may be within reach.
                if let Some(link) = to_grow.take() {
                    self.reached.grow(*link);
                }
                let width = phrase.width();
                if link.is_some() {
                    self.within.copy_from(&self.reached.ends);
                    self.within.add_ahead(&self.reached.starts, width);
                    self.begins.keep_ahead(&self.within, 0);
                }
                self.next.starts.add_behind(&self.begins, 0);
                self.next.ends.add_behind(&self.begins, width);
            }
            if self.next.starts.is_empty() {
                return false;
            }
            std::mem::swap(&mut self.reached, &mut self.next);
        }
        !operands.is_empty()
    }
}

impl Reached {
    /// To where the next one may start, by the ends, and where it may end, by the starts.
    fn grow(&mut self, link: Link) {
        let between = link.distance.saturating_sub(1) as usize;
        self.ends.grow_behind(between);
        if link.ordered {
            self.starts.clear();
        } else {
            self.starts.grow_ahead(between);
        }
    }
}

/// Begins of a loose phrase that are counted for together: enough to be quick at, few enough for a short text.
const CHUNK: usize = 4 * BLOCK;

/// Judges loose phrases; only buffers.
#[derive(Debug, Default)]
pub struct Loose {
    begins: BitSet,
    window: BitSet,
    /// Words that stand more than once in the phrase: the number of the first such, and how far behind the first word of
    /// the phrase.
    repeated: Vec<(usize, usize)>,
    counts: Vec<i16>,
}

impl Loose {
    /// Whether the words of a loose phrase stand so that their distances from their places in the phrase differ by at
    /// most its slop. A word that stands twice in the phrase has to stand twice in the text. `standing`: where each word
    /// stands.
    ///
    /// A phrase that begins at `b` wants each word in a window of its own, `slop + 1` places from `b` and its distance on.
    /// `b` may lie before the text, so begins are told as `b + slop`.
    pub fn holds(&mut self, phrase: &Phrase, standing: &[BitSet]) -> bool {
        let slop = phrase.slop as usize;
        for (n, ((offset, ..), standing)) in phrase.placed().zip(standing).enumerate() {
            self.window.copy_from(standing);
            self.window.grow_behind(slop);
            if n == 0 {
                std::mem::swap(&mut self.begins, &mut self.window);
            } else {
                self.begins.keep_ahead(&self.window, offset);
            }
            if self.begins.is_empty() {
                return false;
            }
        }
        self.gather_repeated(phrase);
        self.repeated.is_empty()
            || (0..self.begins.blocks() * BLOCK).step_by(CHUNK).any(|from| {
                let blocks = from / BLOCK..(from + CHUNK) / BLOCK;
                blocks.clone().any(|n| self.begins.block(n) != 0) && self.repeated_hold(from, slop, standing)
            })
    }

    fn gather_repeated(&mut self, phrase: &Phrase) {
        self.repeated.clear();
        for (n, (offset, word, prefix)) in phrase.placed().enumerate() {
            let same = phrase.words[..n].iter().position(|before| before == word && !prefix);
            self.repeated.push((same.unwrap_or(n), offset));
        }
        self.repeated.sort_unstable();
        let mut at = 0;
        while at < self.repeated.len() {
            let first = self.repeated[at].0;
            let same = self.repeated[at..].iter().take_while(|(word, _)| *word == first).count();
            if same == 1 {
                self.repeated.remove(at);
            } else {
                at += same;
            }
        }
    }

    /// Whether any of [`CHUNK`] begins has places enough for all words that are repeated. Their windows only move on, so
    /// that they have when, from the beginning of any of a word's windows to the end of any later one, there stand as many
    /// as there are windows (Hall's theorem, for intervals none of which holds another).
    fn repeated_hold(&mut self, from: usize, slop: usize, standing: &[BitSet]) -> bool {
        // Counts begin so many places before the chunk.
        let lead = slop.next_multiple_of(BLOCK);
        let mut holds = [u16::MAX; CHUNK];
        for same in self.repeated.chunk_by(|one, next| one.0 == next.0) {
            let (word, _) = same[0];
            let (_, farthest) = same[same.len() - 1];
            let blocks = (lead + CHUNK + farthest + 1).div_ceil(BLOCK);
            let block = |n: usize| (from / BLOCK + n).checked_sub(lead / BLOCK).map_or(0, |n| standing[word].block(n));
            count((0..blocks).map(block), &mut self.counts);
            // Of the windows so far: places before one, less the windows before it; the most of them.
            let mut most = [i16::MIN; CHUNK];
            for (n, (_, offset)) in (0..).zip(same) {
                let begins = &self.counts[lead - slop + offset..][..CHUNK];
                let ends = &self.counts[lead + offset + 1..][..CHUNK];
                for (((most, holds), begin), end) in most.iter_mut().zip(&mut holds).zip(begins).zip(ends) {
                    // So that several are counted at once: nothing wraps here.
                    *most = (*most).max(begin.wrapping_sub(n));
                    *holds &= if end.wrapping_sub(n) > *most { u16::MAX } else { 0 };
                }
            }
            if holds.iter().fold(0, |any, holds| any | holds) == 0 {
                return false;
            }
        }
        holds.iter().enumerate().any(|(at, holds)| *holds > 0 && self.begins.contains(from + at))
    }
}

/// For each byte, how many of its bits stand before each.
const BEFORE: [[i16; 8]; 256] = {
    let mut rows = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 1;
        while bit < 8 {
            rows[byte][bit] = rows[byte][bit - 1] + (byte >> (bit - 1) & 1) as i16;
            bit += 1;
        }
        byte += 1;
    }
    rows
};

/// How many places stand before each. A phrase with all that is counted around it is far shorter than `i16` reaches.
fn count(blocks: impl ExactSizeIterator<Item = u64>, counts: &mut Vec<i16>) {
    counts.resize(blocks.len() * BLOCK, 0);
    let mut before = 0_i16;
    for (counts, block) in counts.chunks_exact_mut(BLOCK).zip(blocks) {
        for (counts, byte) in counts.as_chunks_mut().0.iter_mut().zip(block.to_le_bytes()) {
            *counts = BEFORE[usize::from(byte)].map(|count| count.wrapping_add(before));
            before = before.wrapping_add(byte.count_ones() as i16);
        }
    }
}
