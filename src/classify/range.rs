//! Ranges of code points that both tiers read alike. Written down here rather than asked of a Unicode table, so that no
//! version of one can part a model from its trainer.

use std::ops::RangeInclusive;

/// What belongs to the letter before it, or is not seen at all.
pub const MARKS: &[RangeInclusive<u32>] = &[
    0xAD..=0xAD,
    0x2BC..=0x2BC,
    0x300..=0x36F, // combining accents
    0x640..=0x640, // Arabic stretching and vowel marks
    0x64B..=0x65F,
    0x670..=0x670,
    0x200B..=0x200F, // joiners and direction marks
    0x202A..=0x202E,
    0x2060..=0x206F,
    0x20D0..=0x20FF,
    0xFE00..=0xFE0F, // variation selectors
    0xFEFF..=0xFEFF,
    0x1F3FB..=0x1F3FF, // skin tones
    0xE0000..=0xE0FFF,
];

/// Spaces beyond Latin-1.
pub const WIDE_SPACE: &[RangeInclusive<u32>] =
    &[0x1680..=0x1680, 0x2000..=0x200A, 0x2028..=0x2029, 0x202F..=0x202F, 0x205F..=0x205F, 0x3000..=0x3000];

/// Emoji, arrows and the like.
pub const EMOJI: &[RangeInclusive<u32>] = &[0x2190..=0x2BFF, 0x1F000..=0x1FAFF];

pub const PUNCTUATION: &[RangeInclusive<u32>] = &[
    0x21..=0x2F,
    0x3A..=0x40,
    0x5B..=0x60,
    0x7B..=0x7E,
    0xA1..=0xA9,
    0xAB..=0xB4,
    0xB6..=0xB9,
    0xBB..=0xBF,
    0xD7..=0xD7,
    0xF7..=0xF7,
    0x60C..=0x60C,
    0x61B..=0x61B,
    0x66A..=0x66D,
    0x6D4..=0x6D4,
    0x964..=0x965,
    0x2010..=0x205E,
    0x2E00..=0x2E7F,
    0x3001..=0x303F,
    0xFF5F..=0xFF65,
];

pub const fn within(code: u32, ranges: &[RangeInclusive<u32>]) -> bool {
    let mut at = 0;
    while at < ranges.len() {
        if *ranges[at].start() <= code && code <= *ranges[at].end() {
            return true;
        }
        at += 1;
    }
    false
}
