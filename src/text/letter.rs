//! What each character is to us: what it folds to, and what part it plays in a word. Learnt from the Unicode tables of
//! `unicode-normalization` and `unicode-segmentation` a page of 256 characters at a time, when first met, because asking
//! them for every character of every post would cost more than all the rest of the filter.

use std::iter::once;
use std::sync::OnceLock;
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;

/// The part a character plays in a word (UAX #29, revision 45, without its mid-word punctuation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// Between words.
    Separator,
    /// Letters and digits of scripts that separate words; neighbours belong together.
    Letter,
    /// Belongs together with its like only.
    Katakana,
    /// A word by itself: ideographs, hiragana, and the scripts of South-East Asia that write no spaces.
    Single,
    /// Belongs to what stands before it.
    Mark,
    /// A picture; a zero-width joiner ties several together.
    Emoji,
    /// Half a flag.
    Regional,
}

const CLASSES: [Class; 7] =
    [Class::Separator, Class::Letter, Class::Katakana, Class::Single, Class::Mark, Class::Emoji, Class::Regional];

/// What a character folds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folded {
    One(char),
    /// Dropped.
    Nothing,
    /// Becomes several characters, or depends on its neighbours: see [`whole`].
    Run,
}

pub(super) const JOINER: char = '\u{200d}';

/// Both facts in one word: 21 bits of folded character (or one of the two marks below), then the class.
#[derive(Clone, Copy)]
pub(super) struct Letter(u32);

const NOTHING: u32 = 0x11_0000;
const RUN: u32 = 0x11_0001;
const CODE_BITS: u32 = 21;
const PAGE: usize = 256;
const PAGES: usize = 0x11_0000 / PAGE;

static TABLE: [OnceLock<Box<[Letter; PAGE]>>; PAGES] = [const { OnceLock::new() }; PAGES];

pub(super) fn letter(c: char) -> Letter {
    let code = c as usize;
    TABLE[code / PAGE].get_or_init(|| page(code / PAGE * PAGE))[code % PAGE]
}

impl Letter {
    pub(super) fn folded(self) -> Folded {
        match self.0 & ((1 << CODE_BITS) - 1) {
            NOTHING => Folded::Nothing,
            code => char::from_u32(code).map_or(Folded::Run, Folded::One),
        }
    }

    pub(super) fn class(self) -> Class {
        CLASSES[(self.0 >> CODE_BITS) as usize % CLASSES.len()]
    }
}

fn page(first: usize) -> Box<[Letter; PAGE]> {
    let mut letters = Box::new([Letter(RUN); PAGE]);
    for (offset, slot) in letters.iter_mut().enumerate() {
        if let Some(c) = u32::try_from(first + offset).ok().and_then(char::from_u32) {
            *slot = Letter(learn_fold(c) | (learn_class(c) as u32) << CODE_BITS);
        }
    }
    letters
}

fn learn_fold(c: char) -> u32 {
    if c == JOINER {
        return RUN;
    }
    let mut text = [0; 4];
    let mut folded = whole(c.encode_utf8(&mut text));
    match (folded.next(), folded.next()) {
        (None, _) => NOTHING,
        // Others may compose or change places with the character before them.
        (Some(one), None) if canonical_combining_class(one) == 0 && is_nfc_quick(once(one)) == IsNormalized::Yes => {
            one as u32
        }
        _ => RUN,
    }
}

fn learn_class(c: char) -> Class {
    let mut pair = String::with_capacity(12);
    let mut joins = |before: &str, after: &str| {
        pair.clear();
        pair.extend([before, after]);
        pair.split_word_bounds().nth(1).is_none()
    };
    let mut text = [0; 4];
    let own: &str = c.encode_utf8(&mut text);
    if matches!(c, '\u{1f1e6}'..='\u{1f1ff}') {
        return Class::Regional;
    }
    if joins("!", own) {
        return Class::Mark;
    }
    if !c.is_alphanumeric() {
        let picture = may_be_picture(c) && joins("\u{1f469}\u{200d}", own);
        return if picture { Class::Emoji } else { Class::Separator };
    }
    if joins("a", own) && joins(own, "a") {
        return Class::Letter;
    }
    if joins("\u{30a2}", own) && joins(own, "\u{30a2}") {
        return Class::Katakana;
    }
    Class::Single
}

/// Where emoji live; the copyright sign and its like are no words.
fn may_be_picture(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// Folds without the table: compatibility decomposition (NFKD), accents and invisible characters dropped, full case
/// folding (as lower case of upper case of lower case), then composed again (NFC), so that what is kept (the voicing marks of
/// Japanese, Indic vowels, Korean syllables) has one form.
pub(super) fn whole(text: &str) -> impl Iterator<Item = char> {
    let mut before = '\0';
    text.nfkd()
        .filter(move |&c| {
            let kept = if c == JOINER { may_be_picture(before) } else { !is_dropped(c) };
            before = if kept { c } else { before };
            kept
        })
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfc()
}

/// A word with case and accents, in the one form that Unicode has for it, and without what nobody sees.
pub fn as_written(word: &str) -> impl Iterator<Item = char> {
    let mut before = '\0';
    let kept = move |c: &char| {
        let kept = match *c {
            JOINER => may_be_picture(before),
            c => canonical_combining_class(c) != 0 || !(is_dropped(c) || c.is_whitespace()),
        };
        before = if kept { *c } else { before };
        kept
    };
    word.chars().filter(kept).nfc()
}

/// Accents that people leave out (Latin, Greek, Cyrillic, Hebrew, Arabic), and what nobody sees: soft hyphens,
/// direction marks, variation selectors, skin tones. Marks of other scripts change the word and stay.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\u{ad}'
        | '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{61c}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{feff}'
        | '\u{1f3fb}'..='\u{1f3ff}'
        | '\u{e0100}'..='\u{e01ef}'
    )
}
