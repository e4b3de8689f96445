//! Where words may stand, found 64 bytes at a time and without deciding anything a byte at a time. For those who look
//! up every word of every post and mind no needless look: five times as fast as the whole scanner, since a processor
//! guesses wrong about where a word ends, and hardly ever about anything here.

use super::part::Parts;
use std::ops::Range;

const BLOCK: usize = 64;

/// Calls `found` with where each word of `folded` stands (bytes), in order, and with some that are none: what an entity
/// is made of, and the ends of some words.
#[inline]
pub fn each_span(folded: &str, mut found: impl FnMut(Range<usize>)) {
    if folded.is_ascii() {
        each_run(folded.as_bytes(), found);
        return;
    }
    each_run(folded.as_bytes(), |run| {
        let ascii = folded.as_bytes()[run.clone()].iter().take_while(|byte| byte.is_ascii()).count();
        let beyond = run.start + ascii;
        if beyond == run.end {
            found(run);
            return;
        }
        let mut each = |start: usize| {
            for part in Parts::new(&folded[start..run.end]) {
                found(start + part.range.start..start + part.range.end);
            }
        };
        each(run.start);
        // A handle would end here, and the rest be words.
        if ascii > 0 {
            each(beyond);
        }
    });
}

/// Runs of ASCII letters, digits and characters beyond ASCII: no word reaches out of its run.
#[inline]
fn each_run(text: &[u8], mut found: impl FnMut(Range<usize>)) {
    let (mut start, mut inside) = (0, false);
    let mut block = |at: usize, bytes: &[u8; BLOCK]| {
        let words = word_bytes(bytes);
        let mut edges = words ^ (words << 1 | u64::from(inside));
        let mut next = || {
            let edge = at + edges.trailing_zeros() as usize;
            let more = edges != 0;
            edges &= edges.wrapping_sub(1);
            more.then_some(edge)
        };
        if inside {
            let Some(end) = next() else { return };
            found(start..end);
            inside = false;
        }
        while let Some(edge) = next() {
            start = edge;
            let Some(end) = next() else {
                inside = true;
                return;
            };
            found(start..end);
        }
    };
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    for (n, bytes) in blocks.iter().enumerate() {
        block(n * BLOCK, bytes);
    }
    // A zero is no word byte, so that the last run ends here.
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    block(blocks.len() * BLOCK, &last);
}

/// A bit for each byte.
#[inline]
fn word_bytes(bytes: &[u8; BLOCK]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().rev().fold(0, |bits, word| bits << 8 | eight_word_bytes(u64::from_le_bytes(*word)))
}

/// The same for eight bytes in one number. Adding to each byte sets its highest bit where the byte is large enough.
#[inline]
fn eight_word_bytes(bytes: u64) -> u64 {
    const HIGH: u64 = each(0x80);
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let low = bytes & !HIGH;
    let at_least = |byte: u8| low + each(0x80 - byte);
    let letters = at_least(b'a') & !at_least(b'z' + 1);
    let digits = at_least(b'0') & !at_least(b'9' + 1);
    // Brings the eight high bits together.
    (((letters | digits | bytes) & HIGH).wrapping_mul(0x0002_0408_1020_4081)) >> 56
}
