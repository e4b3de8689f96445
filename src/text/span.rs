//! Where words may stand, found 64 bytes at a time and without deciding anything a byte at a time. For those who look
//! up every word of every post and mind no needless look: five times as fast as the whole scanner, since a processor
//! guesses wrong about where a word ends, and hardly ever about anything here.

use super::letter::{Class, letter};
use super::part::Parts;
use std::ops::Range;

const BLOCK: usize = 64;

/// Calls `found` with where each word of `folded` stands (bytes), in order, and with some that are none: what an entity
/// is made of, and the ends of some words. `false`: it came upon a script without spaces and told nothing beyond; whoever
/// looks for neighbouring characters needs the whole scanner.
#[inline(always)]
pub fn each_span(folded: &str, mut found: impl FnMut(Range<usize>)) -> bool {
    if folded.is_ascii() {
        each_run(folded.as_bytes(), found);
        return true;
    }
    each_beyond_ascii(folded, &mut found)
}

fn each_beyond_ascii(folded: &str, found: &mut dyn FnMut(Range<usize>)) -> bool {
    let mut spaced = true;
    each_run(folded.as_bytes(), |run| {
        if !spaced {
            return;
        }
        let ascii = folded.as_bytes()[run.clone()].iter().take_while(|byte| byte.is_ascii()).count();
        let beyond = run.start + ascii;
        if beyond == run.end {
            found(run);
            return;
        }
        let mut each = |start: usize| {
            for part in Parts::new(&folded[start..run.end]) {
                let word = start + part.range.start..start + part.range.end;
                spaced = spaced && !folded[word.clone()].starts_with(is_unspaced);
                if !spaced {
                    return;
                }
                found(word);
            }
        };
        each(run.start);
        // A handle would end here, and the rest be words.
        if ascii > 0 {
            each(beyond);
        }
    });
    spaced
}

/// Whether a character is of a script that writes no spaces (Chinese, hiragana, Thai): a word by itself.
pub fn is_unspaced(c: char) -> bool {
    !c.is_ascii() && letter(c).class() == Class::Single
}

/// Runs of ASCII letters, digits and characters beyond ASCII: no word reaches out of its run.
#[inline(always)]
fn each_run(text: &[u8], mut found: impl FnMut(Range<usize>)) {
    // Where the run began that is open, and whether one is.
    let (mut start, mut inside) = (0, 0);
    let mut block = |at: usize, bytes: &[u8; BLOCK]| {
        let words = word_bytes(bytes);
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
        while ends != 0 {
            found(start..at + ends.trailing_zeros() as usize);
            ends &= ends - 1;
            start = next();
        }
        inside = words >> (BLOCK - 1);
    };
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    // A zero is no word byte, so that the last run ends here.
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    for (n, bytes) in blocks.iter().chain([&last]).enumerate() {
        block(n * BLOCK, bytes);
    }
}

/// A bit for each byte.
#[inline]
fn word_bytes(bytes: &[u8; BLOCK]) -> u64 {
    // In two steps, since the compiler turns each into few instructions for many bytes.
    let flags = bytes.map(|b| u8::from(b.wrapping_sub(b'a') < 26) | u8::from(b.wrapping_sub(b'0') < 10) | b >> 7);
    let (eights, _) = flags.as_chunks::<8>();
    // Brings eight bits together.
    let bits = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    eights.iter().rev().fold(0, |all, eight| all << 8 | bits(eight))
}
