//! What tantivy cannot ask of the places of words: words near each other, loose phrases, words that are written in lower
//! case only. Its candidates come from a tantivy query that finds all of them and some more; each is then held against
//! the places of its words, by the same code that judges a single post (`query::near`).

use super::tokenizer::written_otherwise;
use crate::query::bits::BitSet;
use crate::query::near::{Link, Spare};
use crate::query::word::{Phrase, Word};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, InvertedIndexReader, Score, SegmentReader, TERMINATED, Term};

/// What is asked of the places of the words of one document.
#[derive(Debug)]
pub(super) enum Test {
    /// Words that follow each other, or nearly.
    Phrase(Phrase),
    Near {
        operands: Vec<Vec<Phrase>>,
        links: Vec<Link>,
    },
}

/// See the module.
#[derive(Debug)]
pub(super) struct Positions {
    pub field: Field,
    pub test: Arc<Test>,
    pub candidates: Box<dyn Query>,
}

impl Clone for Positions {
    fn clone(&self) -> Self {
        Self { field: self.field, test: self.test.clone(), candidates: self.candidates.box_clone() }
    }
}

impl Query for Positions {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let candidates = self.candidates.weight(scoring)?;
        Ok(Box::new(PositionsWeight { field: self.field, test: self.test.clone(), candidates }))
    }
}

struct PositionsWeight {
    field: Field,
    test: Arc<Test>,
    candidates: Box<dyn Weight>,
}

impl Weight for PositionsWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let candidates = self.candidates.scorer(reader, boost)?;
        let index = reader.inverted_index(self.field)?;
        let open = |phrase: &Phrase| -> tantivy::Result<Vec<Places>> {
            phrase.placed().map(|(_, word, prefix)| places(&index, self.field, word, prefix)).collect()
        };
        let phrases: &mut dyn Iterator<Item = &Phrase> = match &*self.test {
            Test::Phrase(phrase) => &mut std::iter::once(phrase),
            Test::Near { operands, .. } => &mut operands.iter().flatten(),
        };
        let words = phrases.map(open).collect::<tantivy::Result<_>>()?;
        let held = Held { test: self.test.clone(), words, spare: Spare::default(), places: Vec::new() };
        let mut scorer = PositionsScorer { candidates, held };
        scorer.go_on();
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        self.candidates.explain(reader, doc)
    }
}

struct PositionsScorer {
    candidates: Box<dyn Scorer>,
    held: Held,
}

impl PositionsScorer {
    /// To the next candidate that holds, the one that we are at included.
    fn go_on(&mut self) -> DocId {
        let mut doc = self.candidates.doc();
        while doc != TERMINATED && !self.held.holds(doc) {
            doc = self.candidates.advance();
        }
        doc
    }
}

impl DocSet for PositionsScorer {
    fn advance(&mut self) -> DocId {
        self.candidates.advance();
        self.go_on()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target > self.candidates.doc() {
            self.candidates.seek(target);
        }
        self.go_on()
    }

    fn doc(&self) -> DocId {
        self.candidates.doc()
    }

    fn size_hint(&self) -> u32 {
        self.candidates.size_hint()
    }
}

impl Scorer for PositionsScorer {
    fn score(&mut self) -> Score {
        self.candidates.score()
    }
}

/// The words of a test in one segment.
struct Held {
    test: Arc<Test>,
    /// Of each phrase, in order, its words.
    words: Vec<Vec<Places>>,
    spare: Spare,
    places: Vec<u32>,
}

impl Held {
    /// Documents must be asked about in order.
    fn holds(&mut self, doc: DocId) -> bool {
        let Self { test, words, spare: Spare { chain, loose, standing, begins, buffer }, places } = self;
        match &**test {
            Test::Phrase(phrase) => {
                let Some(words) = words.first_mut() else { return false };
                if phrase.slop == 0 {
                    find_all(phrase, words, doc, places, begins, buffer);
                    return !begins.is_empty();
                }
                standing.resize_with(standing.len().max(words.len()), BitSet::default);
                let all_stand = words.iter_mut().zip(&mut *standing).all(|(word, standing)| {
                    word.read(doc, places);
                    fill(standing, places);
                    !places.is_empty()
                });
                all_stand && loose.holds(phrase, standing)
            }
            Test::Near { operands, links } => {
                let mut words = words.iter_mut();
                chain.holds(operands, links, |phrase, begins| {
                    if let Some(words) = words.next() {
                        find_all(phrase, words, doc, places, begins, buffer);
                    }
                })
            }
        }
    }
}

fn fill(set: &mut BitSet, places: &[u32]) {
    set.clear();
    places.iter().for_each(|&place| set.insert(place as usize));
}

/// Where the words of the phrase follow each other, into `begins` (cleared first).
fn find_all(
    phrase: &Phrase,
    words: &mut [Places],
    doc: DocId,
    places: &mut Vec<u32>,
    begins: &mut BitSet,
    buffer: &mut BitSet,
) {
    begins.clear();
    for ((offset, ..), word) in phrase.placed().zip(words) {
        word.read(doc, places);
        if offset == 0 {
            fill(begins, places);
        } else {
            fill(buffer, places);
            begins.keep_ahead(buffer, offset);
        }
        if begins.is_empty() {
            return;
        }
    }
}

/// Where a word stands, document by document.
enum Places {
    None,
    Term(Box<SegmentPostings>),
    Any(Union),
    /// Where the first stands and the second does not.
    Less(Box<Places>, Box<Places>),
    /// Parts that follow each other.
    Row(Vec<Places>),
}

fn places(index: &InvertedIndexReader, field: Field, word: &Word, prefix: bool) -> tantivy::Result<Places> {
    Ok(match word {
        Word::Plain(word) if prefix => starting(index, word)?,
        Word::Plain(word) => term(index, field, word)?,
        Word::Whole(parts) => term(index, field, &super::tokenizer::segment(parts))?,
        Word::Exact { folded, written } if folded == written => {
            let otherwise = starting(index, &written_otherwise(folded))?;
            Places::Less(Box::new(term(index, field, folded)?), Box::new(otherwise))
        }
        Word::Exact { folded, written } => term(index, field, &super::tokenizer::written(folded, written))?,
        Word::Stretch(parts) => {
            let last = parts.len() - 1;
            let part = |(n, part): (usize, &String)| {
                if prefix && n == last { starting(index, part) } else { term(index, field, part) }
            };
            Places::Row(parts.iter().enumerate().map(part).collect::<tantivy::Result<_>>()?)
        }
    })
}

fn term(index: &InvertedIndexReader, field: Field, text: &str) -> tantivy::Result<Places> {
    let postings =
        index.read_postings(&Term::from_field_text(field, text), IndexRecordOption::WithFreqsAndPositions)?;
    Ok(postings.map_or(Places::None, |postings| Places::Term(Box::new(postings))))
}

/// Every term that starts so. How many there may be, the translator has checked.
fn starting(index: &InvertedIndexReader, prefix: &str) -> tantivy::Result<Places> {
    let mut stream = index.terms().range().ge(prefix).into_stream()?;
    let mut postings = Vec::new();
    while stream.advance() && stream.key().starts_with(prefix.as_bytes()) {
        postings.push(index.read_postings_from_terminfo(stream.value(), IndexRecordOption::WithFreqsAndPositions)?);
    }
    Ok(Places::Any(Union::new(postings)))
}

impl Places {
    /// The places in `doc`, in order, into `out` (cleared first). Documents must be asked about in order.
    fn read(&mut self, doc: DocId, out: &mut Vec<u32>) {
        out.clear();
        match self {
            Places::None => {}
            Places::Term(postings) => {
                if postings.doc() < doc {
                    postings.seek(doc);
                }
                if postings.doc() == doc {
                    postings.positions(out);
                }
            }
            Places::Any(union) => union.read(doc, out),
            Places::Less(all, but) => {
                all.read(doc, out);
                let mut taken = Vec::new();
                but.read(doc, &mut taken);
                out.retain(|place| taken.binary_search(place).is_err());
            }
            Places::Row(parts) => {
                let mut next = Vec::new();
                for (n, part) in (0..).zip(parts) {
                    if n == 0 {
                        part.read(doc, out);
                    } else {
                        part.read(doc, &mut next);
                        out.retain(|place| next.binary_search(&(place + n)).is_ok());
                    }
                }
            }
        }
    }
}

/// Many terms as one.
struct Union {
    postings: Vec<SegmentPostings>,
    /// The document that each term is at, the first one on top.
    at: BinaryHeap<Reverse<(DocId, usize)>>,
    buffer: Vec<u32>,
    here: Vec<usize>,
}

impl Union {
    fn new(postings: Vec<SegmentPostings>) -> Self {
        let at = postings.iter().enumerate().map(|(n, postings)| Reverse((postings.doc(), n))).collect();
        Self { postings, at, buffer: Vec::new(), here: Vec::new() }
    }

    fn read(&mut self, doc: DocId, out: &mut Vec<u32>) {
        self.here.clear();
        while let Some(&Reverse((at, n))) = self.at.peek()
            && at <= doc
        {
            self.at.pop();
            let now = if at < doc { self.postings[n].seek(doc) } else { at };
            if now == doc {
                self.postings[n].positions(&mut self.buffer);
                out.extend_from_slice(&self.buffer);
                self.here.push(n);
            } else if now != TERMINATED {
                self.at.push(Reverse((now, n)));
            }
        }
        self.at.extend(self.here.iter().map(|&n| Reverse((doc, n))));
        out.sort_unstable();
        out.dedup();
    }
}
