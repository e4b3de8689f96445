//! Near-identical posts seen as one thing: copies share a key, with no search; `copies` counts them. Pure, and the same on every
//! machine and in every version, since keys are stored. What is left out: case, accents, punctuation, emoji, links,
//! handles and the `RT` before a handle; a tag counts as its words. Copies that add, drop or cut a word do not meet; that
//! is the price of exactness.

pub mod copies;

use crate::text::{self, Kind, Part, fold};
use std::cell::RefCell;

/// Fewer words than this say the same by chance ("good morning all") and make no cluster.
pub const WORDS_MIN: usize = 4;

/// Digits of a key: among a billion posts, some 3 % chance that any two differ and meet.
const KEY_DIGITS: usize = 16;

/// Ends a word in what is hashed, so that "a bc" and "ab c" differ. No word contains it.
const SEPARATOR: char = ' ';

/// Buffers, kept from text to text.
#[derive(Default)]
struct Scratch {
    folded: String,
    /// The words that count, each with its end.
    words: String,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The key that copies of `text` share, 16 lower-case hex digits; `None` below [`WORDS_MIN`] words. Linear in the text.
pub fn fingerprint(text: &str) -> Option<String> {
    SCRATCH.with_borrow_mut(|scratch| {
        fold(text, &mut scratch.folded);
        let count = gather(&scratch.folded, &mut scratch.words);
        (count >= WORDS_MIN).then(|| blake3::hash(scratch.words.as_bytes()).to_hex()[..KEY_DIGITS].to_owned())
    })
}

/// Writes the words that count into `words` (cleared first) and says how many they are. A word in pieces (`don't`) is one.
fn gather(folded: &str, words: &mut String) -> usize {
    words.clear();
    let mut add = |word: &str| words.extend([word, SEPARATOR.encode_utf8(&mut [0; 4])]);
    let mut count = 0;
    // Where the last part ended, or an address without its scheme will.
    let mut end = 0;
    let mut parts = text::parts(folded).peekable();
    while let Some(Part { kind, range }) = parts.next() {
        if range.start < end {
            continue;
        }
        let written = &folded[range.clone()];
        // A quote that opens stands behind a space, or before every word.
        let is_piece = count > 0 && matches!(&folded[end..range.start], "'" | "\u{2019}");
        end = range.end;
        match kind {
            Kind::Word if written == "www" && folded[end..].starts_with('.') => {
                end += folded[end..].find(char::is_whitespace).unwrap_or(folded.len() - end);
            }
            Kind::Word if written == "rt" && parts.peek().is_some_and(|next| next.kind == Kind::Handle) => {}
            Kind::Word if is_emoji(written) => {}
            Kind::Word => {
                add(written);
                count += usize::from(!is_piece);
            }
            Kind::Ticker => {
                add(written);
                count += 1;
            }
            Kind::Tag => text::words(written).for_each(|(_, word)| {
                add(word);
                count += 1;
            }),
            Kind::Handle | Kind::Link => {}
        }
    }
    count
}

/// All other words begin with a letter or a digit.
fn is_emoji(word: &str) -> bool {
    !word.starts_with(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &str = "Fernwald recalls its new kettle, owners should stop using it";

    #[test]
    fn copies_share_a_key() {
        let copies = [
            "FERNWALD RECALLS ITS NEW KETTLE! Owners should stop using it...",
            "RT @daily: Fernwald recalls its new kettle, owners should stop using it https://news.example/a?b=1",
            "Fernwald recalls its new #kettle; owners should stop using it (www.news.example) @friend",
            ".@fernwald.example Férnwald recalls its new kettle \u{1F631}\n\nowners should stop using it",
            "Fernwald\u{1F1E9}\u{1F1EA} recalls its new kettle\u{1F469}\u{1F3FD}\u{200D}\u{1F4BB} (owners \
             should stop using it) WWW.news.example/a-b rt @a",
            "Ｆｅｒｎｗａｌｄ recalls its new kettle – owners should stop using it HTTP://x.example",
        ];
        let key = fingerprint(POST);
        assert!(key.is_some());
        for copy in copies {
            assert_eq!(fingerprint(copy), key, "{copy}");
        }
    }

    #[test]
    fn other_words_have_another_key() {
        let others = [
            "Fernwald recalls its new kettles, owners should stop using it",
            "Fernwald recalls its new kettle, owners should not stop using it",
            "recalls Fernwald its new kettle, owners should stop using it",
            "Fern wald recalls its new kettle, owners should stop using it",
            "rt Fernwald recalls its new kettle, owners should stop using it",
            "www Fernwald recalls its new kettle, owners should stop using it",
        ];
        for other in others {
            assert_ne!(fingerprint(other), fingerprint(POST), "{other}");
        }
    }

    #[test]
    fn too_few_words_have_none() {
        for text in [
            "",
            " ",
            "I don't know",
            "it’s what it’s",
            "good morning all",
            "@a @b @c @d @e",
            "https://a.example/one-two-three-four",
            "\u{1F600} ! ? . ,",
        ] {
            assert_eq!(fingerprint(text), None, "{text}");
        }
        for text in
            ["good morning to all", "'good' 'morning' 'to' 'all'", "#good #morning to all", "返金希望", "#返金希望"]
        {
            assert!(fingerprint(text).is_some(), "{text}");
        }
        assert_eq!(fingerprint("#返金希望"), fingerprint("返金希望"));
    }

    #[test]
    fn keys_never_change() {
        assert_eq!(fingerprint(POST).as_deref(), Some("875264d2e7008195"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_a_key_of_16_digits_or_none(text in "\\PC{0,200}") {
            if let Some(key) = fingerprint(&text) {
                proptest::prop_assert_eq!(key.len(), 16);
                proptest::prop_assert!(key.bytes().all(|byte| byte.is_ascii_hexdigit()));
            }
        }
    }
}
