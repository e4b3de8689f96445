//! Our words for tantivy: the same folding and the same words as the evaluator of single posts, or the two would
//! disagree. Knows nothing of the schema.

use crate::text;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// A longer "word" is cut: tantivy refuses terms of 64 KiB, and nobody types so many letters.
const WORD_BYTES_MAX: usize = 32 * 1024;

/// At most `bytes` of the beginning of `text`, in whole characters.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Reuses its buffers from text to text, since it sees thousands in a second.
#[derive(Clone, Default)]
pub(super) struct Words {
    folded: String,
    /// Where each word of `folded` begins and ends.
    ranges: Vec<(usize, usize)>,
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        text::fold(text, &mut self.folded);
        self.ranges.clear();
        self.ranges.extend(text::words(&self.folded).map(|(start, word)| (start, start + word.len())));
        self.token.reset();
        WordStream { words: self, next: 0 }
    }
}

pub(super) struct WordStream<'a> {
    words: &'a mut Words,
    next: usize,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Words { folded, ranges, token } = &mut *self.words;
        let Some(&(from, to)) = ranges.get(self.next) else { return false };
        let word = &folded[from..to];
        token.text.clear();
        token.text.push_str(cut(word, WORD_BYTES_MAX));
        token.offset_from = from;
        token.offset_to = to;
        token.position = self.next;
        self.next += 1;
        true
    }

    fn token(&self) -> &Token {
        &self.words.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.words.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        for (text, bytes, expected) in [("abc", 9, "abc"), ("abc", 2, "ab"), ("aé", 2, "a"), ("é", 1, ""), ("", 0, "")]
        {
            assert_eq!(cut(text, bytes), expected);
        }
    }

    #[test]
    fn words_follow_each_other_and_texts_do_not_mix() {
        let mut words = Words::default();
        for (text, expected) in [("Back, Réfund", vec!["back", "refund"]), ("ab", vec!["ab"]), ("", vec![])] {
            let mut stream = words.token_stream(text);
            let mut found = Vec::new();
            stream.process(&mut |token| found.push((token.position, token.text.clone())));
            assert_eq!(found, expected.into_iter().map(String::from).enumerate().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_endless_word_is_cut() {
        let long = "a".repeat(3 * WORD_BYTES_MAX);
        let mut words = Words::default();
        let mut stream = words.token_stream(&long);
        assert!(stream.advance());
        assert!(stream.token().text.len() <= WORD_BYTES_MAX);
    }
}
