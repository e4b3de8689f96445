//! A number that stands for a text: of a cryptographic hash, so that nothing about texts makes their numbers meet.

/// The first eight bytes.
pub fn first_u64(hash: &blake3::Hash) -> u64 {
    hash.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
