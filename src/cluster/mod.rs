//! Near-identical posts seen as one thing: copies share a key, with no search and no state. Pure, and the same on every
//! machine and in every version, since keys are stored. What is left out: case, accents, punctuation, emoji, links,
//! handles and the `RT` before a handle. Copies that add, drop or cut a word do not meet; that is the price of exactness.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// Fewer words than this say the same by chance ("good morning all") and make no cluster.
pub const WORDS_MIN: usize = 4;

/// Digits of a key: among a billion posts, some 3 % chance that any two differ and meet.
const KEY_DIGITS: usize = 16;

/// Ends a word in what is hashed, so that "a bc" and "ab c" differ. No folded word contains it.
const SEPARATOR: &[u8] = &[0x1F];

/// The key that copies of `text` share, 16 lower-case hex digits; `None` below [`WORDS_MIN`] words. Linear in the text.
pub fn fingerprint(text: &str) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    let mut words = 0;
    let mut folded = String::new();
    let mut pieces = text.split_whitespace().peekable();
    while let Some(piece) = pieces.next() {
        let repeats = piece.eq_ignore_ascii_case("rt") && pieces.peek().is_some_and(|next| is_handle(next));
        if repeats || is_handle(piece) || is_link(piece) {
            continue;
        }
        folded.clear();
        folded.extend(piece.nfkd().filter(|char| !is_combining_mark(*char)).flat_map(char::to_lowercase));
        for word in folded.unicode_words() {
            hasher.update(word.as_bytes()).update(SEPARATOR);
            words += 1;
        }
    }
    (words >= WORDS_MIN).then(|| hasher.finalize().to_hex()[..KEY_DIGITS].to_owned())
}

/// A piece between spaces that names an account, whatever opens before it (`(@name`, `.@name:`).
fn is_handle(piece: &str) -> bool {
    let bare = piece.trim_start_matches(|char: char| char.is_ascii_punctuation() && char != '@');
    bare.strip_prefix('@').and_then(|name| name.chars().next()).is_some_and(char::is_alphanumeric)
}

fn is_link(piece: &str) -> bool {
    let bare = piece.trim_start_matches(|char: char| char.is_ascii_punctuation());
    let starts = |prefix: &str| bare.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    starts("http://") || starts("https://") || starts("www.")
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
        ];
        for other in others {
            assert_ne!(fingerprint(other), fingerprint(POST), "{other}");
        }
    }

    #[test]
    fn too_few_words_have_none() {
        for text in
            ["", " ", "good morning all", "@a @b @c @d @e", "https://a.example/one-two-three-four", "\u{1F600} ! ? . ,"]
        {
            assert_eq!(fingerprint(text), None, "{text}");
        }
        assert!(fingerprint("good morning to all").is_some());
    }

    #[test]
    fn keys_never_change() {
        assert_eq!(fingerprint(POST).as_deref(), Some("6da1b021d7b8b71b"));
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
