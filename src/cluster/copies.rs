//! How many copies of a text came in lately: for `cluster.size`. Bounded, and forgetful in two steps.

use crate::mention::Mention;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// A count holds for this long at least, and for twice as long at most.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Different texts of one step: more than a busy day of mentions brings, some MiB.
const TEXTS_MAX: usize = 200_000;

/// Counts of the running step and of the one before. The clock is an argument.
#[derive(Debug, Default)]
pub struct Copies {
    now: HashMap<u64, u32>,
    before: HashMap<u64, u32>,
    since: Option<Timestamp>,
}

impl Copies {
    /// Counts one more mention of the brand with this text and says how many there are now, itself included.
    pub fn another(&mut self, brand: &str, cluster: &str, now: Timestamp) -> u32 {
        let key = key(brand, cluster);
        self.step(now);
        let before = self.before.get(&key).copied().unwrap_or(0);
        let count = self.now.entry(key).or_insert(before);
        *count = count.saturating_add(1);
        *count
    }

    /// Takes a stored mention over, after a start: what it was the so manieth of, there are at least.
    pub fn recall(&mut self, mention: &Mention) {
        let (Some(cluster), Some(size)) = (&mention.cluster, mention.cluster_size) else { return };
        self.step(mention.seen_at);
        let count = self.now.entry(key(&mention.brand, cluster)).or_default();
        *count = size.max(*count);
    }

    fn step(&mut self, now: Timestamp) {
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) > KEPT || self.now.len() >= TEXTS_MAX {
            self.before = std::mem::take(&mut self.now);
            self.since = Some(now);
        }
    }
}

/// Two texts of a brand share a key by chance once in ages.
fn key(brand: &str, cluster: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(brand.as_bytes()).update(b" ").update(cluster.as_bytes());
    let bytes = hasher.finalize();
    bytes.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_forgets() {
        let at = |hour: i64| Timestamp::from_second(1_800_000_000 + hour * 3_600).unwrap();
        let mut copies = Copies::default();
        assert_eq!(copies.another("acme", "c1", at(0)), 1);
        assert_eq!(copies.another("acme", "c1", at(1)), 2);
        assert_eq!(copies.another("bolt", "c1", at(1)), 1);
        assert_eq!(copies.another("acme", "c1", at(30)), 3, "over the border of a step");
        assert_eq!(copies.another("bolt", "c1", at(60)), 1, "silent for two steps");
        for n in 0..TEXTS_MAX {
            copies.another("acme", &n.to_string(), at(61));
        }
        assert_eq!(copies.another("acme", "0", at(61)), 2, "known from the step before");
        assert!(copies.now.len() + copies.before.len() <= 2 * TEXTS_MAX);
    }
}
