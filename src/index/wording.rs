//! Words, phrases, distances and lists of a query as tantivy queries: the part of `translate` that knows the terms of
//! `tokenizer`. What tantivy cannot ask goes to `position`.

use super::Error;
use super::position::{Positions, Test};
use super::tokenizer::{self, written_otherwise};
use super::translate::{Clause, Translator, all, any, must, plain, starting, token};
use crate::query::Term;
use crate::query::list::List;
use crate::query::near::Link;
use crate::query::word::{Phrase, Word};
use std::collections::HashMap;
use std::sync::Arc;
use tantivy::InvertedIndexReader;
use tantivy::Term as Token;
use tantivy::query::{EmptyQuery, PhrasePrefixQuery, PhraseQuery, TermSetQuery};
use tantivy::schema::Field;

/// Most different words that the starred word of a phrase may stand for in one segment: each costs about 4 KiB while
/// searching. A single starred word has no such bound.
const PREFIX_WORDS_MAX: u32 = 5_000;

/// Most phrases and beginnings of a list that one search looks for: each opens the places of its words anew.
const LIST_PHRASES_MAX: usize = 2_000;

impl Translator<'_> {
    pub(super) fn phrase(&self, field: Field, phrase: &Phrase) -> Result<Clause, Error> {
        let is_lower = |word: &Word| matches!(word, Word::Exact { folded, written } if folded == written);
        if phrase.slop == 0 && !phrase.words.iter().any(is_lower) {
            return self.row(field, phrase);
        }
        // Whatever the places say, each word has to be there.
        let each = phrase.placed().map(|(_, word, prefix)| {
            if let (Word::Exact { folded, .. }, true) = (word, is_lower(word)) {
                self.check_prefix(field, &written_otherwise(folded))?;
                return Ok(must(token(field, folded)));
            }
            self.row(field, &Phrase { words: vec![word.clone()], prefix, slop: 0 })
        });
        let candidates = plain(all(each.collect::<Result<_, Error>>()?));
        Ok(must(Positions { field, test: Arc::new(Test::Phrase(phrase.clone())), candidates }))
    }

    pub(super) fn near(&self, field: Field, operands: &[Vec<Phrase>], links: &[Link]) -> Result<Clause, Error> {
        let operand = |phrases: &Vec<Phrase>| {
            let each = phrases.iter().map(|phrase| {
                if let (Some((_, word, _)), true) = (phrase.placed().last(), phrase.prefix) {
                    word.parts().last().map_or(Ok(()), |last| self.check_prefix(field, last))?;
                }
                self.phrase(field, phrase)
            });
            Ok(any(each.collect::<Result<_, Error>>()?))
        };
        let candidates = plain(all(operands.iter().map(operand).collect::<Result<_, Error>>()?));
        let test = Test::Near { operands: operands.to_vec(), links: links.to_vec() };
        Ok(must(Positions { field, test: Arc::new(test), candidates }))
    }

    /// Terms that follow each other.
    fn row(&self, field: Field, phrase: &Phrase) -> Result<Clause, Error> {
        let mut terms: Vec<(usize, String)> = Vec::new();
        for (offset, word, _) in phrase.placed() {
            match word {
                Word::Plain(word) => terms.push((offset, word.clone())),
                Word::Exact { folded, written } if folded == written => terms.push((offset, folded.clone())),
                Word::Exact { folded, written } => terms.push((offset, tokenizer::written(folded, written))),
                Word::Whole(parts) => terms.push((offset, tokenizer::segment(parts))),
                Word::Stretch(parts) => terms.extend((offset..).zip(parts.iter().cloned())),
            }
        }
        let tokens = || terms.iter().map(|(at, term)| (*at, Token::from_field_text(field, term))).collect();
        Ok(match terms.as_slice() {
            [] => must(EmptyQuery),
            [(_, word)] if phrase.prefix => must(starting(field, word)),
            [(_, word)] => must(token(field, word)),
            [.., (_, last)] if phrase.prefix => {
                self.check_prefix(field, last)?;
                let mut phrase = PhrasePrefixQuery::new_with_offset(tokens());
                phrase.set_max_expansions(PREFIX_WORDS_MAX);
                must(phrase)
            }
            _ => must(PhraseQuery::new_with_offset(tokens())),
        })
    }

    /// Single words as one set; phrases only where all of their words are known, since each costs time.
    pub(super) fn list(&self, list: &List) -> Result<Clause, Error> {
        let mut set = Vec::new();
        let mut clauses = Vec::new();
        let mut vocabulary = self.vocabulary()?;
        for entry in list.entries() {
            let text =
                |term: &str| [self.fields.text, self.fields.title].map(|field| Token::from_field_text(field, term));
            match entry {
                Term::Words { phrase, .. } => match (phrase.words.as_slice(), phrase.prefix) {
                    ([Word::Plain(word)], false) => set.extend(text(word)),
                    ([Word::Whole(parts)], _) => set.extend(text(&tokenizer::segment(parts))),
                    _ if vocabulary.knows(phrase)? => clauses.push(self.term(entry)?),
                    _ => {}
                },
                Term::Tag(tag) => set.push(Token::from_field_text(self.fields.tag, tag)),
                Term::Handle(handle) => set.push(Token::from_field_text(self.fields.account, handle)),
                Term::Ticker(ticker) => set.push(Token::from_field_text(self.fields.ticker, ticker)),
                _ => {}
            }
            if clauses.len() > LIST_PHRASES_MAX {
                return Err(Error::Refused(format!(
                    "more than {LIST_PHRASES_MAX} phrases and beginnings of the list `{}` occur: too many for one search",
                    list.name
                )));
            }
        }
        if !set.is_empty() {
            clauses.push(must(TermSetQuery::new(set)));
        }
        Ok(any(clauses))
    }

    fn vocabulary<'l>(&self) -> Result<Vocabulary<'l>, Error> {
        let segments = self.searcher.segment_readers().iter();
        let fields = segments
            .flat_map(|segment| [self.fields.text, self.fields.title].map(|field| segment.inverted_index(field)));
        Ok(Vocabulary { dictionaries: fields.collect::<tantivy::Result<_>>()?, known: HashMap::new() })
    }

    /// Tantivy would silently drop the words beyond the bound.
    fn check_prefix(&self, field: Field, prefix: &str) -> Result<(), Error> {
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut words = index.terms().range().ge(prefix).into_stream().map_err(tantivy::TantivyError::from)?;
            let mut count = 0;
            while words.advance() && words.key().starts_with(prefix.as_bytes()) {
                count += 1;
                if count > PREFIX_WORDS_MAX {
                    return Err(Error::Refused(format!(
                        "too many words start with `{prefix}` to look for them in a phrase: write more letters"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// The words of all titles and texts. Each is looked up once: many entries of a list share some.
struct Vocabulary<'l> {
    dictionaries: Vec<Arc<InvertedIndexReader>>,
    known: HashMap<&'l str, bool>,
}

impl<'l> Vocabulary<'l> {
    /// Every whole word of the phrase.
    fn knows(&mut self, phrase: &'l Phrase) -> Result<bool, Error> {
        let whole = phrase.width() - usize::from(phrase.prefix);
        for part in phrase.words.iter().flat_map(Word::parts).take(whole) {
            let is_known = match self.known.get(part.as_str()) {
                Some(is_known) => *is_known,
                None => {
                    let is_known = self.holds(part)?;
                    self.known.insert(part, is_known);
                    is_known
                }
            };
            if !is_known {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn holds(&self, word: &str) -> Result<bool, Error> {
        for dictionary in &self.dictionaries {
            if dictionary.terms().term_ord(word)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
