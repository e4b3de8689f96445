//! Words for tantivy. They come already folded and split by `query::reading`, so that both evaluators see the same ones
//! and no text is read twice: here they are only told apart again.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Ends each word; in no word of any script.
pub(super) const SEPARATOR: char = ' ';

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

#[derive(Clone, Default)]
pub(super) struct Words {
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { text, from: 0, token: &mut self.token }
    }
}

pub(super) struct WordStream<'a> {
    text: &'a str,
    /// Where the next word begins.
    from: usize,
    token: &'a mut Token,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let rest = &self.text[self.from..];
        let Some(length) = memchr::memchr(SEPARATOR as u8, rest.as_bytes()) else { return false };
        self.token.text.clear();
        self.token.text.push_str(cut(&rest[..length], WORD_BYTES_MAX));
        self.token.offset_from = self.from;
        self.token.offset_to = self.from + length;
        self.token.position = self.token.position.wrapping_add(1);
        self.from += length + 1;
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
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
    fn words_come_out_as_they_went_in() {
        let mut words = Words::default();
        for (text, expected) in [("back refund ", vec!["back", "refund"]), ("日 本 ", vec!["日", "本"]), ("", vec![])]
        {
            let mut stream = words.token_stream(text);
            let mut found = Vec::new();
            stream.process(&mut |token| found.push((token.position, token.text.clone())));
            assert_eq!(found, expected.into_iter().map(String::from).enumerate().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_endless_word_is_cut() {
        let long = format!("{} ", "a".repeat(3 * WORD_BYTES_MAX));
        let mut words = Words::default();
        let mut stream = words.token_stream(&long);
        assert!(stream.advance());
        assert!(stream.token().text.len() <= WORD_BYTES_MAX);
    }
}
