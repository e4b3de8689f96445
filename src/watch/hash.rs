//! Words as numbers. A small bit map, asked by the first bytes of a word, turns nearly all words away by one look each;
//! who passes is looked up by its hash. Knows nothing of posts and queries.

/// Behind a text so many bytes must stand, so that eight can be read from anywhere in it.
pub(super) const PADDING: &str = "\0\0\0\0\0\0\0\0";

/// Odd numbers without pattern.
const SPREAD: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// What of a word goes into its hash. Long words alike in all three are rare, and cost only a needless evaluation.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    /// The first and the last eight bytes; of a shorter word twice all of it, then zeros.
    pub first: u64,
    pub last: u64,
    pub length: usize,
}

impl Ends {
    pub fn of(word: &[u8]) -> Self {
        Self { first: eight(word, 0), last: eight(word, word.len().saturating_sub(8)), length: word.len() }
    }

    /// Of the word in `start..end`, whose first bytes are known; `text` goes on behind it.
    pub fn within(first: u64, text: &[u8], start: usize, end: usize) -> Self {
        let length = end - start;
        Self { first, last: eight(text, start.max(end.saturating_sub(8))) & mask(length), length }
    }

    /// As if the word were only its first `length` bytes.
    #[inline]
    pub fn beginning(self, length: usize) -> Self {
        Self { first: self.first & mask(length), last: 0, length }
    }

    /// `salt`: in which respect, so that a word and a tag of the same letters differ.
    pub fn hash(self, salt: u64) -> u64 {
        let salted = self.first ^ (salt << 8 | self.length as u64).wrapping_mul(SPREAD[0]);
        scatter(salted.wrapping_mul(SPREAD[1]) ^ self.last.wrapping_mul(SPREAD[2]).rotate_left(32))
    }
}

/// The first eight bytes of the word in `start..end`, which is not empty; `text` may go on behind it. No branch, since a
/// processor cannot guess which words are short.
#[inline]
pub(super) fn first(text: &[u8], start: usize, end: usize) -> u64 {
    eight(text, start) & mask(end - start)
}

/// Where to look in the bit map, by the first bytes of a word. One multiplication: the upper bits are the good ones.
#[inline]
pub(super) fn look(first: u64, salt: u64) -> u64 {
    (first ^ salt).wrapping_mul(SPREAD[0])
}

fn scatter(n: u64) -> u64 {
    let n = (n ^ n >> 32).wrapping_mul(SPREAD[2]);
    n ^ n >> 29
}

/// Keeps the first `length` bytes, of which there is one at least.
#[inline]
pub(super) fn mask(length: usize) -> u64 {
    u64::MAX.wrapping_shr(64 - 8 * length.min(8) as u32)
}

/// The eight bytes from `start` on, zeros behind the end.
#[inline]
fn eight(text: &[u8], start: usize) -> u64 {
    let rest = text.get(start..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk() {
        return u64::from_le_bytes(*bytes);
    }
    let mut bytes = [0; 8];
    bytes[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(bytes)
}

/// Bits for each key, at least: one of some sixty foreign words passes.
const BITS_PER_KEY: usize = 48;
/// Bounds, in bits: a page of memory at least, 8 MiB at most.
const BITS_MIN: usize = 1 << 15;
const BITS_MAX: usize = 1 << 26;

pub(super) struct BitMap {
    bits: Vec<u64>,
    shift: u32,
}

impl BitMap {
    pub fn new(looks: impl ExactSizeIterator<Item = u64>) -> Self {
        let bits = (looks.len() * BITS_PER_KEY).next_power_of_two().clamp(BITS_MIN, BITS_MAX);
        let mut map = Self { bits: vec![0; bits / 64], shift: 64 - bits.trailing_zeros() };
        for look in looks {
            let (slot, bit) = map.place(look);
            map.bits[slot] |= 1 << bit;
        }
        map
    }

    #[inline]
    pub fn may_hold(&self, look: u64) -> bool {
        let (slot, bit) = self.place(look);
        self.bits[slot] >> bit & 1 != 0
    }

    #[inline]
    fn place(&self, look: u64) -> (usize, u32) {
        let at = look >> self.shift;
        ((at >> 6) as usize, (at & 63) as u32)
    }
}
