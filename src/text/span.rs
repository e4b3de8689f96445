//! Where words may stand, found 64 bytes at a time and without deciding anything a byte at a time. For those who look
//! up every word of every post and mind no needless look: five times as fast as the whole scanner, since a processor
//! guesses wrong about where a word ends, and hardly ever about anything here. And how far a text is ASCII.

use super::letter::{Class, letter};
use super::part::Parts;
use std::ops::Range;
use wide::i8x16;

const BLOCK: usize = 64;
/// Bytes that one instruction looks at, on every processor.
const LANES: usize = 16;

/// Calls `found` with where each word of `folded` stands (bytes), in order, and with some that are none: what an entity
/// is made of, and the ends of some words. `false`: it came upon a script without spaces, of which it told nothing;
/// whoever looks for neighbouring characters needs the whole scanner.
#[inline(always)]
pub fn each_span(folded: &str, mut found: impl FnMut(Range<usize>)) -> bool {
    let mut spaced = true;
    each_run(folded.as_bytes(), |run, plain| {
        if plain {
            found(run);
        } else {
            spaced &= each_beyond_ascii(folded, run, &mut found);
        }
    });
    spaced
}

/// The words of a run that is not all ASCII.
fn each_beyond_ascii(folded: &str, run: Range<usize>, found: &mut dyn FnMut(Range<usize>)) -> bool {
    let mut each = |start: usize| {
        Parts::new(&folded[start..run.end]).all(|part| {
            let word = start + part.range.start..start + part.range.end;
            let spaced = !folded[word.clone()].starts_with(is_unspaced);
            if spaced {
                found(word);
            }
            spaced
        })
    };
    let ascii = folded.as_bytes()[run.clone()].iter().take_while(|byte| byte.is_ascii()).count();
    // A handle would end where the first character beyond ASCII begins, and the rest be words.
    each(run.start) && (ascii == 0 || each(run.start + ascii))
}

/// Whether a character is of a script that writes no spaces (Chinese, hiragana, Thai): a word by itself.
pub fn is_unspaced(c: char) -> bool {
    !c.is_ascii() && letter(c).class() == Class::Single
}

/// Runs of ASCII letters, digits and characters beyond ASCII, and whether they are of ASCII alone: no word reaches out of
/// its run.
#[inline(always)]
fn each_run(text: &[u8], mut found: impl FnMut(Range<usize>, bool)) {
    // Where the run began that is open, whether one is, and whether it holds what is not ASCII.
    let (mut start, mut inside, mut beyond_before) = (0, 0, false);
    let mut block = |at: usize, bytes: &[u8; BLOCK]| {
        let [words, beyond] = masks(bytes);
        let before = words << 1 | inside;
        let (mut starts, mut ends) = (words & !before, before & !words);
        let mut next = || {
            let next = at + starts.trailing_zeros() as usize;
            starts &= starts.wrapping_sub(1);
            next
        };
        if inside == 0 {
            start = next();
        }
        // Of the block, what lies behind the last run.
        let mut rest = u64::MAX;
        while ends != 0 {
            let end = ends.trailing_zeros();
            let plain = !beyond_before && beyond & rest & !(u64::MAX << end) == 0;
            found(start..at + end as usize, plain);
            (rest, beyond_before) = (u64::MAX << end, false);
            ends &= ends - 1;
            start = next();
        }
        inside = words >> (BLOCK - 1);
        beyond_before = inside == 1 && (beyond_before || beyond & rest != 0);
    };
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    // A zero is no word byte, so that the last run ends here.
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    for (n, bytes) in blocks.iter().chain([&last]).enumerate() {
        block(n * BLOCK, bytes);
    }
}

/// A bit for each byte: whether it belongs to a word, and whether it is beyond ASCII.
#[inline(always)]
fn masks(bytes: &[u8; BLOCK]) -> [u64; 2] {
    let (lanes, _) = bytes.as_chunks();
    lanes.iter().rev().fold([0; 2], |[words, beyond], bytes| {
        let bytes = signed(bytes);
        // The range is moved down to the least numbers.
        let within = |first: u8, count: i8| {
            let moved = bytes + i8x16::splat(i8::MIN.wrapping_sub_unsigned(first));
            moved.simd_lt(i8x16::splat(i8::MIN + count))
        };
        let word = within(b'a', 26) | within(b'0', 10) | bytes;
        [words << LANES | u64::from(word.to_bitmask()), beyond << LANES | u64::from(bytes.to_bitmask())]
    })
}

/// How many ASCII bytes there are before any other.
pub(super) fn ascii_length(text: &[u8]) -> usize {
    let (lanes, rest) = text.as_chunks();
    for (n, bytes) in lanes.iter().enumerate() {
        let beyond = signed(bytes).to_bitmask();
        if beyond != 0 {
            return n * LANES + beyond.trailing_zeros() as usize;
        }
    }
    let mut last = [0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    let ascii = signed(&last).to_bitmask().trailing_zeros() as usize;
    text.len() - rest.len() + ascii.min(rest.len())
}

/// A byte beyond ASCII is negative, and so has its bit in the mask.
#[inline(always)]
fn signed(bytes: &[u8; LANES]) -> i8x16 {
    i8x16::new(bytes.map(u8::cast_signed))
}
