//! How much a hit says of the words asked for. Made so that pages stay together while mentions arrive and segments are
//! merged: what a word weighs is told once, at the first page, and goes on in the cursor; what a mention holds of it
//! changes only with the mention. Whole numbers only, so that every machine counts the same.
//!
//! A hit's rank is the sum over the words of `weight * tf / (tf + 1.2)`, where `tf` is how often the word stands there; in
//! a title it counts double. Words of a phrase count each for itself, those under NOT, in lists and starred ones (which stand
//! for any number of words) not at all. Of a longer query the first [`WORDS_MAX`] count. Lengths of texts play no part: posts
//! are of one size.

use super::schema::Fields;
use super::translate::texts;
use crate::query::field::TextField;
use crate::query::word::{Phrase, Word};
use crate::query::{Expr, Term};
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Searcher, SegmentReader, TERMINATED, Term as Token};

/// Words of a query that count: each is looked up for each hit, and has its digit in the cursor.
pub(super) const WORDS_MAX: usize = 64;

/// A word that stands in one mention of 16,000 weighs this much; so does every rarer one. One hexadecimal digit.
pub(super) const WEIGHT_MAX: u8 = 15;

/// Units of one weight: four digits behind the point.
const UNIT: u64 = 10_000;
/// How often a word stands there matters less and less: 1.2, as in BM25, in tenths.
const SATURATION_TENTHS: u64 = 12;
const TITLE_COUNTS: u64 = 2;

/// A word and where it was asked for.
type Asked<'a> = (TextField, &'a str);

/// The words of a query that count, each once.
pub(super) fn words(expr: &Expr) -> Vec<Asked<'_>> {
    let mut found = Vec::new();
    gather(expr, &mut found);
    found
}

/// Recursion is bounded by the parser. Under NOT nothing is asked for.
fn gather<'a>(expr: &'a Expr, found: &mut Vec<Asked<'a>>) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| gather(part, found)),
        Expr::Term(Term::Words { field, phrase }) => words_of(*field, phrase, found),
        Expr::Term(Term::Near { field, operands, .. }) => {
            operands.iter().flatten().for_each(|phrase| words_of(*field, phrase, found));
        }
        Expr::All | Expr::Not(_) | Expr::Term(_) => {}
    }
}

fn words_of<'a>(field: TextField, phrase: &'a Phrase, found: &mut Vec<Asked<'a>>) {
    let whole = phrase.width() - usize::from(phrase.prefix);
    for word in phrase.words.iter().flat_map(Word::parts).take(whole) {
        let asked = (field, word.as_str());
        if found.len() < WORDS_MAX && !found.contains(&asked) {
            found.push(asked);
        }
    }
}

/// What each word weighs today, `1..=WEIGHT_MAX`: 1 more for each time that it is half as frequent.
pub(super) fn weights(words: &[Asked<'_>], fields: &Fields, searcher: &Searcher) -> tantivy::Result<Vec<u8>> {
    let all = searcher.num_docs();
    let weight = |(field, word): &Asked<'_>| {
        let counts = texts(fields, *field).into_iter();
        let counts = counts.map(|field| searcher.doc_freq(&Token::from_field_text(field, word)));
        let holding = counts.sum::<tantivy::Result<u64>>()?;
        Ok(weight(all, holding))
    };
    words.iter().map(weight).collect()
}

fn weight(all: u64, holding: u64) -> u8 {
    let halvings = (all / holding.max(1)).checked_ilog2().unwrap_or(0);
    u8::try_from(halvings + 1).unwrap_or(WEIGHT_MAX).min(WEIGHT_MAX)
}

/// Where the words stand in one segment.
pub(super) struct Weighed(Vec<(u64, SegmentPostings)>);

impl Weighed {
    pub fn open(
        words: &[Asked<'_>],
        weights: &[u8],
        fields: &Fields,
        segment: &SegmentReader,
    ) -> tantivy::Result<Self> {
        let mut found = Vec::new();
        for ((field, word), weight) in words.iter().zip(weights) {
            for field in texts(fields, *field) {
                let token = Token::from_field_text(field, word);
                let index = segment.inverted_index(field)?;
                if let Some(postings) = index.read_postings(&token, IndexRecordOption::WithFreqs)? {
                    found.push((u64::from(*weight) * times(fields, field), postings));
                }
            }
        }
        Ok(Self(found))
    }

    /// Of a document at or behind the one asked for before.
    pub fn rank(&mut self, doc: DocId) -> u64 {
        let mut rank = 0;
        for (weight, postings) in &mut self.0 {
            let at = if postings.doc() < doc { postings.seek(doc) } else { postings.doc() };
            if at == doc && at != TERMINATED {
                let often = 10 * u64::from(postings.term_freq());
                rank += *weight * UNIT * often / (often + SATURATION_TENTHS);
            }
        }
        rank
    }
}

fn times(fields: &Fields, field: Field) -> u64 {
    if field == fields.title { TITLE_COUNTS } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    #[test]
    fn what_is_asked_for_counts_once() {
        let long: String = (0..2 * WORDS_MAX).map(|n| format!(" w{n}")).collect();
        let cases = [
            ("", vec![]),
            ("acme acme", vec!["acme"]),
            ("\"money back\" OR (title:back NOT refund)", vec!["money", "back", "back"]),
            ("refund* \"where is my ref*\" -x lang:en #tag", vec!["where", "is", "my"]),
        ];
        for (text, expected) in cases {
            let query = Query::parse(text).unwrap();
            assert_eq!(words(&query.expr).into_iter().map(|(_, word)| word).collect::<Vec<_>>(), expected, "{text}");
        }
        assert_eq!(words(&Query::parse(&long).unwrap().expr).len(), WORDS_MAX);
    }

    #[test]
    fn a_rare_word_weighs_more() {
        for (all, holding, expected) in
            [(0, 0, 1), (1, 0, 1), (8, 8, 1), (8, 9, 1), (8, 4, 2), (1_000, 1, 10), (u64::MAX, 1, WEIGHT_MAX)]
        {
            assert_eq!(weight(all, holding), expected, "{holding} of {all}");
        }
    }
}
