//! Words for tantivy. They come already folded and split by `query::reading`, so that both evaluators see the same ones
//! and no text is read twice: here they are only told apart again.
//!
//! Beside each word, at the same position, stand what else it may be asked as: as it is written, where that differs, and
//! the word of a dictionary that begins there, in scripts without spaces. Both are marked, so that no word is like them.

use crate::query::piece::Piece;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Ends each word; in no word of any script.
const END: char = ' ';
/// Ends what stands at the position of the next word.
const END_BESIDE: char = '\n';
/// Begins a word of a dictionary.
const SEGMENT: char = '\u{1}';
/// Begins a word as it is written: behind the folded one.
const WRITTEN: char = '\u{2}';
const WRITTEN_AS: char = '\u{3}';

/// The term of a dictionary's word.
pub(super) fn segment(parts: &[String]) -> String {
    std::iter::once(SEGMENT).chain(parts.iter().flat_map(|part| part.chars())).collect()
}

/// The term of a word that is written otherwise than folded.
pub(super) fn written(folded: &str, written: &str) -> String {
    format!("{WRITTEN}{folded}{WRITTEN_AS}{written}")
}

/// How all terms begin of a word that is written otherwise than folded.
pub(super) fn written_otherwise(folded: &str) -> String {
    written(folded, "")
}

/// Writes the terms of pieces; keeps its memory.
#[derive(Default)]
pub(super) struct Tokens(String);

impl Tokens {
    /// All terms of a piece of text, for [`Words`] to tell apart.
    pub fn of(&mut self, piece: &Piece) -> &str {
        let out = &mut self.0;
        out.clear();
        let mut segments = piece.segments().peekable();
        for (at, word) in piece.words().enumerate() {
            if let Some(segment) = segments.next_if(|segment| segment.start == at) {
                out.push(SEGMENT);
                segment.for_each(|at| out.push_str(piece.word(at)));
                out.push(END_BESIDE);
            }
            if piece.is_written_otherwise(at) {
                out.push(WRITTEN);
                out.push_str(word);
                out.push(WRITTEN_AS);
                out.extend(piece.exact(at));
                out.push(END_BESIDE);
            }
            out.push_str(word);
            out.push(END);
        }
        out
    }
}

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

/// Tells the terms of [`Tokens`] apart.
#[derive(Clone, Default)]
pub(super) struct Words {
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { text, from: 0, next: 0, token: &mut self.token }
    }
}

pub(super) struct WordStream<'a> {
    text: &'a str,
    /// Where the next word begins.
    from: usize,
    /// The position of the next word.
    next: usize,
    token: &'a mut Token,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let rest = &self.text[self.from..];
        let Some(length) = memchr::memchr2(END as u8, END_BESIDE as u8, rest.as_bytes()) else { return false };
        self.token.text.clear();
        self.token.text.push_str(cut(&rest[..length], WORD_BYTES_MAX));
        self.token.offset_from = self.from;
        self.token.offset_to = self.from + length;
        self.token.position = self.next;
        self.next += usize::from(rest.as_bytes()[length] == END as u8);
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
    fn other_forms_stand_beside_their_words() {
        let mut post = crate::post::Post::new("1", "SAP é 東京の Sap", jiff::Timestamp::UNIX_EPOCH);
        post.title = Some("plain".into());
        let reading = crate::query::reading::Reading::of(&post);
        let (mut tokens, mut words, mut found) = (Tokens::default(), Words::default(), Vec::new());
        let text = tokens.of(&reading.text).to_owned();
        words.token_stream(&text).process(&mut |token| found.push(format!("{} {}", token.position, token.text)));
        let expected = [
            "0 \u{2}sap\u{3}SAP",
            "0 sap",
            "1 \u{2}e\u{3}é",
            "1 e",
            "2 \u{1}東京",
            "2 東",
            "3 京",
            "4 \u{1}の",
            "4 の",
            "5 \u{2}sap\u{3}Sap",
            "5 sap",
        ];
        assert_eq!(found, expected);
        assert_eq!(tokens.of(&reading.title), "plain ");
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
