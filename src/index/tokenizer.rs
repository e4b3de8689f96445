//! Our words for tantivy: the same folding and the same words as the evaluator of single posts, or the two would
//! disagree. Knows nothing of the schema.

use crate::text;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// A longer "word" is cut: tantivy refuses terms of 64 KiB, and nobody types so many letters.
const WORD_BYTES_MAX: usize = 32 * 1024;

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
        token.text.push_str(&word[..word.floor_char_boundary(WORD_BYTES_MAX)]);
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
