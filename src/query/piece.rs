//! One piece of text as queries see it: folded and split into words, with the way back to what was written. Phrases and
//! distances do not reach from one piece into the next.

use super::bits::BitSet;
use super::concordance::Concordance;
use super::near::{Link, Span, Spare};
use super::word::{Phrase, Word};
use crate::text::{self, Begins, Kind, Part, Places};
use std::cell::OnceCell;
use std::ops::Range;

#[derive(Debug, Default)]
pub struct Piece {
    written: String,
    places: Places,
    folded: Concordance,
    begins: Begins,
    /// Of a long text, where words of the dictionary begin, its end included; once it is asked.
    bounds: OnceCell<BitSet>,
    /// Of a long text, its words with their case and accents; once they are asked for.
    exact: OnceCell<Concordance>,
}

impl Piece {
    /// Gathers the words of `text` and hands every other part to `entity`, with the folded text in which it stands.
    pub(super) fn read(&mut self, text: &str, mut entity: impl FnMut(&str, Part)) {
        self.written.clear();
        self.written.push_str(text);
        let Concordance { text: folded, words, .. } = &mut self.folded;
        self.places.fold(text, folded);
        words.clear();
        for part in text::parts(folded) {
            if part.kind == Kind::Word {
                words.push(part.range);
            } else {
                entity(folded, part);
            }
        }
        self.begins.read(folded, words);
        self.folded.sort();
        self.bounds.take();
        self.exact.take();
    }

    pub fn folded(&self) -> &str {
        &self.folded.text
    }

    /// The words in order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        (0..self.folded.words.len()).map(|at| self.word(at))
    }

    /// The word at a place.
    pub fn word(&self, at: usize) -> &str {
        self.folded.word(at)
    }

    /// The word at a place with its case and accents.
    pub fn exact(&self, at: usize) -> impl Iterator<Item = char> {
        text::as_written(&self.written[self.places.written(&self.folded.words[at])])
    }

    /// Whether the word at a place has case or accents.
    pub fn is_written_otherwise(&self, at: usize) -> bool {
        let written = &self.written[self.places.written(&self.folded.words[at])];
        written != self.word(at) && !self.exact(at).eq(self.word(at).chars())
    }

    /// The words of the dictionary in scripts without spaces: from which word of the text to which.
    pub fn segments(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = (0..self.folded.words.len())
            .filter(|&at| self.begins.at(at) && self.word(at).starts_with(text::is_unspaced));
        starts.map(|start| start..self.segment_end(start))
    }

    fn segment_end(&self, start: usize) -> usize {
        (start + 1..self.folded.words.len()).find(|&at| self.begins.at(at)).unwrap_or(self.folded.words.len())
    }

    /// What the words of a span were in the text, as it was written.
    pub fn written(&self, span: Span) -> &str {
        let (Some(first), Some(last)) = (
            self.folded.words.get(span.start as usize),
            (span.end as usize).checked_sub(1).and_then(|at| self.folded.words.get(at)),
        ) else {
            return "";
        };
        &self.written[self.places.written(&(first.start..last.end))]
    }

    fn stands(&self, word: &Word, prefix: bool, at: usize) -> bool {
        let parts = word.parts();
        if at + parts.len() > self.folded.words.len() {
            return false;
        }
        let last = parts.len() - 1;
        let held = parts.iter().enumerate().all(|(n, part)| self.folded.is(at + n, part, prefix && n == last));
        held && match word {
            Word::Plain(_) | Word::Stretch(_) => true,
            Word::Exact { written, .. } => self.exact(at).eq(written.chars()),
            Word::Whole(_) => self.begins.at(at) && self.segment_end(at) == at + parts.len(),
        }
    }

    /// Whether the words of the phrase follow each other from a place on.
    pub(super) fn begins_at(&self, phrase: &Phrase, at: usize) -> bool {
        phrase.placed().all(|(offset, word, prefix)| self.stands(word, prefix, at + offset))
    }

    /// Where words stand, each so far behind the first, by trying every place: quicker in a short text.
    fn one_by_one<'w>(
        &self,
        words: impl Iterator<Item = (usize, &'w Word, bool)> + Clone,
    ) -> impl Iterator<Item = usize> {
        let first = words.clone().next().and_then(|(_, word, prefix)| match word.parts() {
            [only] => Some((only, prefix)),
            parts => Some((parts.first()?, false)),
        });
        let may_begin = move |at: &usize| first.is_some_and(|(part, prefix)| self.folded.is(*at, part, prefix));
        (0..self.folded.words.len())
            .filter(may_begin)
            .filter(move |at| words.clone().all(|(offset, word, prefix)| self.stands(word, prefix, at + offset)))
    }

    /// As [`Self::one_by_one`], into `begins` (cleared first), and quick in a long text.
    fn find_all<'w>(
        &self,
        words: impl Iterator<Item = (usize, &'w Word, bool)> + Clone,
        begins: &mut BitSet,
        buffer: &mut BitSet,
    ) {
        begins.clear();
        if !self.folded.is_long() {
            return self.one_by_one(words).for_each(|at| begins.insert(at));
        }
        for (offset, word, prefix) in words {
            let last = word.width() - 1;
            for (n, part) in word.parts().iter().enumerate() {
                let narrow = |standing: &BitSet| {
                    if offset + n == 0 {
                        begins.copy_from(standing);
                    } else {
                        begins.keep_ahead(standing, offset + n);
                    }
                };
                match word {
                    Word::Exact { folded, written } => self.standing_exact(folded, written, buffer, narrow),
                    _ => self.folded.standing(part, prefix && n == last, buffer, narrow),
                }
                if begins.is_empty() {
                    return;
                }
            }
            if let Word::Whole(parts) = word {
                let bounds = self.bounds();
                begins.keep_ahead(bounds, offset);
                (1..parts.len()).for_each(|n| begins.drop_ahead(bounds, offset + n));
                begins.keep_ahead(bounds, offset + parts.len());
            }
        }
    }

    /// As [`Concordance::standing`], with case and accents: one by one where it is seldom, for else all words must be put
    /// in order anew.
    fn standing_exact(&self, folded: &str, written: &str, buffer: &mut BitSet, then: impl FnOnce(&BitSet)) {
        match self.folded.seldom(folded) {
            Some(places) => {
                buffer.clear();
                let held = places.filter(|&at| self.exact(at).eq(written.chars()));
                held.for_each(|at| buffer.insert(at));
                then(buffer);
            }
            None => self.exact_words().standing(written, false, buffer, then),
        }
    }

    fn bounds(&self) -> &BitSet {
        self.bounds.get_or_init(|| {
            let mut bounds = BitSet::default();
            (0..=self.folded.words.len()).filter(|&at| self.begins.at(at)).for_each(|at| bounds.insert(at));
            bounds
        })
    }

    fn exact_words(&self) -> &Concordance {
        self.exact.get_or_init(|| {
            let mut exact = Concordance::default();
            for at in 0..self.folded.words.len() {
                let start = exact.text.len();
                if self.is_written_otherwise(at) {
                    exact.text.extend(self.exact(at));
                } else {
                    exact.text.push_str(self.word(at));
                }
                exact.words.push(start..exact.text.len());
            }
            exact.sort();
            exact
        })
    }

    /// Whether the phrase stands anywhere.
    pub fn has(&self, phrase: &Phrase, spare: &mut Spare) -> bool {
        if phrase.slop > 0 {
            return self.has_loose(phrase, spare);
        }
        match phrase.words.as_slice() {
            [Word::Plain(word)] => self.folded.has(word, phrase.prefix),
            _ if !self.folded.is_long() => self.one_by_one(phrase.placed()).next().is_some(),
            _ => {
                self.find_all(phrase.placed(), &mut spare.begins, &mut spare.buffer);
                !spare.begins.is_empty()
            }
        }
    }

    fn has_loose(&self, phrase: &Phrase, spare: &mut Spare) -> bool {
        let Spare { loose, standing, buffer, .. } = spare;
        if standing.len() < phrase.words.len() {
            standing.resize_with(phrase.words.len(), BitSet::default);
        }
        let all_stand = phrase.placed().zip(&mut *standing).all(|((_, word, prefix), standing)| {
            self.find_all(std::iter::once((0, word, prefix)), standing, buffer);
            !standing.is_empty()
        });
        all_stand && loose.holds(phrase, standing)
    }

    /// Whether operands stand as their links say.
    pub fn has_near(&self, operands: &[Vec<Phrase>], links: &[Link], spare: &mut Spare) -> bool {
        let Spare { chain, buffer, .. } = spare;
        chain.holds(operands, links, |phrase, begins| self.find_all(phrase.placed(), begins, buffer))
    }

    /// The first place where the phrase stands word by word, to show it.
    pub fn find(&self, phrase: &Phrase) -> Option<Span> {
        self.spans(phrase.placed(), phrase.width()).into_iter().next()
    }

    /// All places where any word of the phrase stands, to show them.
    pub fn find_words(&self, phrase: &Phrase) -> Vec<Span> {
        let of_word = |(_, word, prefix)| self.spans(std::iter::once((0, word, prefix)), Word::width(word));
        let mut spans: Vec<Span> = phrase.placed().flat_map(of_word).collect();
        spans.sort_unstable();
        spans.dedup();
        spans
    }

    fn spans<'w>(&self, words: impl Iterator<Item = (usize, &'w Word, bool)> + Clone, width: usize) -> Vec<Span> {
        let mut begins = BitSet::default();
        self.find_all(words, &mut begins, &mut BitSet::default());
        // A text has far fewer than 2^32 words.
        begins.iter().map(|start| Span { start: start as u32, end: (start + width) as u32 }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Expr, Query, Term};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    const WORDS: [&str; 12] = ["a", "a", "A", "á", "ab", "aB", "b", "x.y", "x", "東京", "東", "京"];

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn finds_in_a_long_text_what_trying_every_place_finds(
            text in vec(select(&WORDS[..]), 70..900),
            asked in vec((vec(select(&WORDS[..]), 1..5), select(vec!["\"", "*\""]), select(vec!["", "case:"])), 20),
        ) {
            let mut piece = Piece::default();
            piece.read(&text.join(" "), |_, _| {});
            prop_assert!(piece.folded.is_long());
            let (mut begins, mut buffer) = (BitSet::default(), BitSet::default());
            for (words, end, case) in asked {
                let Ok(query) = Query::parse(&format!("{case}\"{}{end}", words.join(" "))) else { continue };
                let Expr::Term(Term::Words { phrase, .. }) = query.expr else { continue };
                piece.find_all(phrase.placed(), &mut begins, &mut buffer);
                let expected: Vec<usize> = piece.one_by_one(phrase.placed()).collect();
                prop_assert_eq!(piece.has(&phrase, &mut Spare::default()), !expected.is_empty());
                prop_assert_eq!(begins.iter().collect::<Vec<_>>(), expected, "{}", query.text);
            }
        }
    }
}
