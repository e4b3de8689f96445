//! A named list of terms, one a line: misspellings of a brand, names of branches, words of anger; thousands if need be.
//! Looked up by words, so that a post costs the same however long the list is.

use super::piece::Piece;
use super::reading::Reading;
use super::word::Word;
use super::{Error, Term, term};
use foldhash::fast::RandomState;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;

/// Most entries of a list, and longest file, in bytes.
pub const ENTRIES_MAX: usize = 100_000;
pub const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most mistakes told of one file.
const MISTAKES_MAX: usize = 100;

#[derive(Debug, Default)]
pub struct List {
    pub name: String,
    /// Words and phrases of title and text, tags, accounts and tickers; each once.
    entries: Vec<Term>,
    /// By that word, or two words in a row, of a phrase which the fewest others have, and its distance from the first.
    by_words: HashMap<u64, Vec<(u32, u32)>, RandomState>,
    hash: RandomState,
    /// Any entry is of more than one word.
    has_pairs: bool,
    /// Beginnings of words, and the lengths (bytes) that occur.
    beginnings: HashMap<String, u32>,
    lengths: BTreeSet<usize>,
    tags: HashMap<String, u32>,
    handles: HashMap<String, u32>,
    tickers: HashMap<String, u32>,
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.entries == other.entries
    }
}

/// A line that is no term; lines count from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    pub line: usize,
    pub error: Error,
}

impl List {
    /// One term or phrase a line: `refund`, `money back`, `refund*`, `#acme`, `@acme.example`, `$ACME`. Empty lines are passed
    /// over, and those that begin with `# `.
    ///
    /// # Errors
    /// Every line that is no term; a list without any or with more than [`ENTRIES_MAX`].
    pub fn read(name: &str, text: &str) -> Result<Self, Vec<Mistake>> {
        let mut list = Self { name: name.to_owned(), ..Self::default() };
        let mut seen = HashSet::new();
        let mut mistakes = Vec::new();
        for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let entry = text.trim();
            let start = text.len() - text.trim_start().len();
            if entry.is_empty() || entry == "#" || entry.starts_with("# ") {
                continue;
            }
            let mut wrong = |(message, hint)| {
                mistakes.push(Mistake { line, error: Error { span: start..start + entry.len(), message, hint } });
            };
            match term::entry(entry) {
                Ok(_) if list.entries.len() == ENTRIES_MAX => {
                    wrong((format!("a list has at most {ENTRIES_MAX} entries"), Some("make two lists".to_owned())));
                    break;
                }
                Ok(term) if seen.insert(term.to_string()) => list.entries.push(term),
                Ok(_) => {}
                Err(reason) => wrong(reason),
            }
            if mistakes.len() == MISTAKES_MAX {
                break;
            }
        }
        if mistakes.is_empty() && list.entries.is_empty() {
            let error = Error { span: 0..0, message: "this list is empty".to_owned(), hint: None };
            mistakes.push(Mistake { line: 1, error });
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        list.sort_in();
        Ok(list)
    }

    fn sort_in(&mut self) {
        let hash = &self.hash;
        let keys = |entry: &Term| -> Vec<u64> {
            let parts = whole_parts(entry);
            match parts.as_slice() {
                [one] => vec![hash.hash_one((*one, ""))],
                _ => parts.windows(2).map(|pair| hash.hash_one((pair[0], pair[1]))).collect(),
            }
        };
        let mut counts: HashMap<u64, u32, RandomState> = HashMap::default();
        for key in self.entries.iter().flat_map(keys) {
            *counts.entry(key).or_default() += 1;
        }
        for (number, entry) in (0..).zip(&self.entries) {
            match entry {
                Term::Words { phrase, .. } => match phrase.words.as_slice() {
                    [Word::Plain(beginning)] if phrase.prefix => {
                        self.lengths.insert(beginning.len());
                        self.beginnings.insert(beginning.clone(), number);
                    }
                    _ => {
                        let rarest = (0..).zip(keys(entry)).min_by_key(|(_, key)| counts.get(key).copied());
                        if let Some((offset, key)) = rarest {
                            self.by_words.entry(key).or_default().push((number, offset));
                        }
                        self.has_pairs |= phrase.width() > 1;
                    }
                },
                Term::Tag(tag) => drop(self.tags.insert(tag.clone(), number)),
                Term::Handle(handle) => drop(self.handles.insert(handle.clone(), number)),
                Term::Ticker(ticker) => drop(self.tickers.insert(ticker.clone(), number)),
                _ => {}
            }
        }
    }

    pub fn entries(&self) -> &[Term] {
        &self.entries
    }

    /// An entry that the post holds.
    pub fn find(&self, reading: &Reading) -> Option<&Term> {
        let number = [&reading.text, &reading.title].into_iter().find_map(|piece| self.find_words(piece));
        let number = number.or_else(|| {
            let known =
                |names: &[String], known: &HashMap<String, u32>| names.iter().find_map(|name| known.get(name).copied());
            known(&reading.tags, &self.tags)
                .or_else(|| known(&reading.handles, &self.handles))
                .or_else(|| known(&reading.tickers, &self.tickers))
        });
        number.and_then(|number| self.entries.get(number as usize))
    }

    fn find_words(&self, piece: &Piece) -> Option<u32> {
        let mut words = piece.words().enumerate().peekable();
        while let Some((at, word)) = words.next() {
            let alone = self.hash.hash_one((word, ""));
            let pair = words.peek().filter(|_| self.has_pairs).map(|(_, next)| self.hash.hash_one((word, *next)));
            let mut phrases =
                [Some(alone), pair].into_iter().flatten().filter_map(|key| self.by_words.get(&key)).flatten();
            let held = phrases.find(|&&(number, offset)| match &self.entries[number as usize] {
                Term::Words { phrase, .. } => {
                    at.checked_sub(offset as usize).is_some_and(|start| piece.begins_at(phrase, start))
                }
                _ => false,
            });
            let beginning = || self.lengths.iter().find_map(|&length| self.beginnings.get(word.get(..length)?));
            if let Some(number) = held.map(|&(number, _)| number).or_else(|| beginning().copied()) {
                return Some(number);
            }
        }
        None
    }
}

/// The words of a phrase, in order; what a star follows is no whole one.
fn whole_parts(entry: &Term) -> Vec<&str> {
    let Term::Words { phrase, .. } = entry else { return Vec::new() };
    let whole = phrase.width() - usize::from(phrase.prefix);
    phrase.words.iter().flat_map(Word::parts).take(whole).map(String::as_str).collect()
}
