//! One piece of text as queries see it: folded and split into words, with the way back to what was written. Phrases and
//! distances do not reach from one piece into the next.

use super::near::{self, Link, Span, Spare};
use super::word::{Phrase, Word};
use crate::text::{self, Begins, Kind, Part, Places};
use std::ops::{ControlFlow, Range};

/// Words of a text from which on looking a word up in order is quicker than going through all of them.
const SORTED_FROM: usize = 64;

#[derive(Debug, Default)]
pub struct Piece {
    written: String,
    folded: String,
    places: Places,
    words: Vec<Range<usize>>,
    begins: Begins,
    /// Numbers of the words in the order of the words, then of their places; empty for a short text.
    sorted: Vec<u32>,
}

impl Piece {
    /// Gathers the words of `text` and hands every other part to `entity`, with the folded text in which it stands.
    pub(super) fn read(&mut self, text: &str, mut entity: impl FnMut(&str, Part)) {
        self.written.clear();
        self.written.push_str(text);
        self.places.fold(text, &mut self.folded);
        self.words.clear();
        for part in text::parts(&self.folded) {
            if part.kind == Kind::Word {
                self.words.push(part.range);
            } else {
                entity(&self.folded, part);
            }
        }
        self.begins.read(&self.folded, &self.words);
        self.sorted.clear();
        if self.words.len() >= SORTED_FROM {
            let Self { folded, words, sorted, .. } = self;
            // A text has far fewer than 2^32 words.
            sorted.extend(0..words.len() as u32);
            sorted.sort_unstable_by_key(|&at| (&folded[words[at as usize].clone()], at));
        }
    }

    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The words in order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        (0..self.words.len()).map(|at| self.word(at))
    }

    /// The word at a place.
    pub fn word(&self, at: usize) -> &str {
        &self.folded[self.words[at].clone()]
    }

    /// The word at a place with its case and accents.
    pub fn exact(&self, at: usize) -> impl Iterator<Item = char> {
        text::as_written(&self.written[self.places.written(&self.words[at])])
    }

    /// Whether the word at a place has case or accents.
    pub fn is_written_otherwise(&self, at: usize) -> bool {
        let written = &self.written[self.places.written(&self.words[at])];
        written != self.word(at) && !self.exact(at).eq(self.word(at).chars())
    }

    /// The words of the dictionary in scripts without spaces: from which word of the text to which.
    pub fn segments(&self) -> impl Iterator<Item = Range<usize>> {
        let starts =
            (0..self.words.len()).filter(|&at| self.begins.at(at) && self.word(at).starts_with(text::is_unspaced));
        starts.map(|start| start..self.segment_end(start))
    }

    fn segment_end(&self, start: usize) -> usize {
        (start + 1..self.words.len()).find(|&at| self.begins.at(at)).unwrap_or(self.words.len())
    }

    /// What the words of a span were in the text, as it was written.
    pub fn written(&self, span: Span) -> &str {
        let (Some(first), Some(last)) =
            (self.words.get(span.start as usize), (span.end as usize).checked_sub(1).and_then(|at| self.words.get(at)))
        else {
            return "";
        };
        &self.written[self.places.written(&(first.start..last.end))]
    }

    fn is(&self, at: usize, word: &str, prefix: bool) -> bool {
        let found = self.word(at);
        if prefix { found.starts_with(word) } else { found == word }
    }

    fn stands(&self, word: &Word, prefix: bool, at: usize) -> bool {
        let parts = word.parts();
        if at + parts.len() > self.words.len() {
            return false;
        }
        let last = parts.len() - 1;
        let held = parts.iter().enumerate().all(|(n, part)| self.is(at + n, part, prefix && n == last));
        held && match word {
            Word::Plain(_) | Word::Stretch(_) => true,
            Word::Exact { written, .. } => self.exact(at).eq(written.chars()),
            Word::Whole(_) => self.begins.at(at) && self.segment_end(at) == at + parts.len(),
        }
    }

    /// Every place at which the first part of `word` stands, until `found` wants no more; in order of the text where the
    /// text is short or the word may not go on.
    fn candidates(&self, word: &Word, prefix: bool, mut found: impl FnMut(usize) -> ControlFlow<()>) {
        let Some(first) = word.parts().first() else { return };
        let prefix = prefix && word.width() == 1;
        // Whether it was broken off is for `found` to know.
        let _whole = if self.sorted.is_empty() {
            (0..self.words.len()).filter(|&at| self.is(at, first, prefix)).try_for_each(&mut found)
        } else {
            self.sorted_as(first, prefix).iter().map(|&at| at as usize).try_for_each(&mut found)
        };
    }

    /// Where a word stands, or all that begin so, by the words in order.
    fn sorted_as(&self, word: &str, prefix: bool) -> &[u32] {
        let from = &self.sorted[self.sorted.partition_point(|&at| self.word(at as usize) < word)..];
        &from[..from.partition_point(|&at| self.is(at as usize, word, prefix))]
    }

    /// Whether the words of the phrase follow each other from a place on.
    pub(super) fn begins_at(&self, phrase: &Phrase, at: usize) -> bool {
        phrase.placed().all(|(offset, word, prefix)| self.stands(word, prefix, at + offset))
    }

    /// Where the words of the phrase follow each other, each once, until `found` wants no more. Asks from its rarest word on.
    fn spans(&self, phrase: &Phrase, mut found: impl FnMut(Span) -> ControlFlow<()>) {
        let often = |word: &Word, prefix: bool| match word.parts().first() {
            Some(first) if !self.sorted.is_empty() => self.sorted_as(first, prefix && word.width() == 1).len(),
            // In a short text the first one will do.
            _ => 0,
        };
        let rarest = phrase.placed().min_by_key(|&(_, word, prefix)| often(word, prefix));
        let Some((offset, word, prefix)) = rarest else { return };
        let width = phrase.width();
        self.candidates(word, prefix, |at| match at.checked_sub(offset) {
            Some(start) if self.begins_at(phrase, start) => {
                found(Span { start: start as u32, end: (start + width) as u32 })
            }
            _ => ControlFlow::Continue(()),
        });
    }

    fn all_spans(&self, phrase: &Phrase, spans: &mut Vec<Span>) {
        self.spans(phrase, |span| {
            spans.push(span);
            ControlFlow::Continue(())
        });
    }

    /// Whether the phrase stands anywhere.
    pub fn has(&self, phrase: &Phrase, spare: &mut Spare) -> bool {
        if phrase.slop > 0 {
            return self.has_loose(phrase, spare);
        }
        // One word in a short text, nearly always.
        if let ([Word::Plain(text)], true) = (phrase.words.as_slice(), self.sorted.is_empty()) {
            return (0..self.words.len()).any(|at| self.is(at, text, phrase.prefix));
        }
        let mut held = false;
        self.spans(phrase, |_| {
            held = true;
            ControlFlow::Break(())
        });
        held
    }

    fn has_loose(&self, phrase: &Phrase, spare: &mut Spare) -> bool {
        if spare.places.len() < phrase.words.len() {
            spare.places.resize_with(phrase.words.len(), Vec::new);
        }
        for ((_, word, prefix), places) in phrase.placed().zip(&mut spare.places) {
            places.clear();
            self.candidates(word, prefix, |at| {
                if self.stands(word, prefix, at) {
                    places.push(at as u32);
                }
                ControlFlow::Continue(())
            });
            if places.is_empty() {
                return false;
            }
            places.sort_unstable();
        }
        near::phrase(phrase, &spare.places, &mut spare.numbers)
    }

    /// Whether operands stand as their links say.
    pub fn has_near(&self, operands: &[Vec<Phrase>], links: &[Link], spare: &mut Spare) -> bool {
        spare.chain.holds(operands, links, |phrase, spans| self.all_spans(phrase, spans))
    }

    /// The first place where the phrase stands word by word, to show it.
    pub fn find(&self, phrase: &Phrase) -> Option<Span> {
        let mut spans = Vec::new();
        self.all_spans(phrase, &mut spans);
        spans.into_iter().min()
    }

    /// All places where any word of the phrase stands, to show them.
    pub fn find_words(&self, phrase: &Phrase) -> Vec<Span> {
        let mut spans = Vec::new();
        for (_, word, prefix) in phrase.placed() {
            self.candidates(word, prefix, |at| {
                if self.stands(word, prefix, at) {
                    spans.push(Span { start: at as u32, end: (at + word.width()) as u32 });
                }
                ControlFlow::Continue(())
            });
        }
        near::sort(&mut spans);
        spans
    }
}
