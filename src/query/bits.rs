//! A set of places of a text, a bit each, so that one step tells of 64 places. Knows nothing of words. What lies beyond
//! the last block is not in the set; sets of different length go together.

/// Places of one block.
pub const BLOCK: usize = u64::BITS as usize;

#[derive(Clone, Debug, Default)]
pub struct BitSet {
    blocks: Vec<u64>,
}

impl BitSet {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.blocks.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.iter().all(|&block| block == 0)
    }

    /// The places `64 * n..64 * (n + 1)`, the lowest in the lowest bit.
    pub fn block(&self, n: usize) -> u64 {
        self.blocks.get(n).copied().unwrap_or(0)
    }

    /// How many blocks may hold something.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    pub fn contains(&self, place: usize) -> bool {
        self.block(place / BLOCK) >> (place % BLOCK) & 1 == 1
    }

    pub fn insert(&mut self, place: usize) {
        let n = place / BLOCK;
        if n >= self.blocks.len() {
            self.blocks.resize(n + 1, 0);
        }
        self.blocks[n] |= 1 << (place % BLOCK);
    }

    /// The places in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.blocks.iter().enumerate().flat_map(|(n, &block)| {
            let drop_lowest = |left: &u64| Some(left & (left - 1)).filter(|&left| left != 0);
            let lefts = std::iter::successors(Some(block).filter(|&block| block != 0), drop_lowest);
            lefts.map(move |left| n * BLOCK + left.trailing_zeros() as usize)
        })
    }

    pub fn copy_from(&mut self, other: &Self) {
        self.blocks.clear();
        self.blocks.extend_from_slice(&other.blocks);
    }

    /// Adds what is in `other`, each place so far behind.
    pub fn add_behind(&mut self, other: &Self, by: usize) {
        let (skipped, bits) = (by / BLOCK, by % BLOCK);
        let needed = skipped + other.blocks.len() + usize::from(bits > 0);
        if self.blocks.len() < needed && !other.blocks.is_empty() {
            self.blocks.resize(needed, 0);
        }
        let mut before = 0;
        for (block, &added) in self.blocks.iter_mut().skip(skipped).zip(other.blocks.iter().chain(&[0])) {
            *block |= behind(before, added, bits);
            before = added;
        }
    }

    /// Adds what is in `other`, each place so far ahead; what would stand before the text is left out.
    pub fn add_ahead(&mut self, other: &Self, by: usize) {
        let others = other.blocks.get(by / BLOCK..).unwrap_or_default();
        if self.blocks.len() < others.len() {
            self.blocks.resize(others.len(), 0);
        }
        each_ahead(&mut self.blocks, others, by % BLOCK, |block, other| *block |= other);
    }

    /// Keeps those places for which `other` has the place so far behind.
    pub fn keep_ahead(&mut self, other: &Self, by: usize) {
        let others = other.blocks.get(by / BLOCK..).unwrap_or_default();
        self.blocks.truncate(others.len());
        each_ahead(&mut self.blocks, others, by % BLOCK, |block, other| *block &= other);
    }

    /// Drops those places for which `other` has the place so far behind.
    pub fn drop_ahead(&mut self, other: &Self, by: usize) {
        let others = other.blocks.get(by / BLOCK..).unwrap_or_default();
        each_ahead(&mut self.blocks, others, by % BLOCK, |block, other| *block &= !other);
    }

    /// Adds to each place the next `by` behind it.
    pub fn grow_behind(&mut self, by: usize) {
        let last = self.blocks.iter().rposition(|&block| block != 0).map_or(0, |n| (n + 1) * BLOCK + by);
        self.blocks.resize(last.div_ceil(BLOCK), 0);
        each_step(by, |step| {
            let mut before = 0;
            for block in &mut self.blocks {
                let here = *block;
                *block |= behind(before, here, step);
                before = here;
            }
        });
    }

    /// Adds to each place the next `by` ahead of it, as far as the beginning of the text.
    pub fn grow_ahead(&mut self, by: usize) {
        each_step(by, |step| {
            let mut after = 0;
            for block in self.blocks.iter_mut().rev() {
                let here = *block;
                *block |= ahead(here, after, step);
                after = here;
            }
        });
    }
}

/// A block moved behind by `bits`, fewer than [`BLOCK`], filled from the one before it.
fn behind(before: u64, block: u64, bits: usize) -> u64 {
    (block << bits) | (before >> 1 >> (BLOCK - 1 - bits))
}

/// A block moved ahead by `bits`, fewer than [`BLOCK`], filled from the one after it.
fn ahead(block: u64, after: u64, bits: usize) -> u64 {
    (block >> bits) | (after << 1 << (BLOCK - 1 - bits))
}

/// Changes each block by the one of `others` at its place, moved ahead by `bits`.
fn each_ahead(blocks: &mut [u64], others: &[u64], bits: usize, change: impl Fn(&mut u64, u64)) {
    let Some((last, most)) = others.split_last() else { return };
    for (block, (&other, &after)) in blocks.iter_mut().zip(most.iter().zip(&others[1..])) {
        change(block, ahead(other, after, bits));
    }
    if let Some(block) = blocks.get_mut(most.len()) {
        change(block, ahead(*last, 0, bits));
    }
}

/// The steps of which each doubles what has grown so far, none of a whole block.
fn each_step(by: usize, mut grow: impl FnMut(usize)) {
    let mut grown = 0;
    while grown < by {
        let step = (grown + 1).min(by - grown).min(BLOCK - 1);
        grow(step);
        grown += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_set;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Naive = BTreeSet<usize>;

    fn set(places: &Naive) -> BitSet {
        let mut set = BitSet::default();
        places.iter().for_each(|&place| set.insert(place));
        set
    }

    fn places() -> impl Strategy<Value = Naive> {
        (1..300_usize).prop_flat_map(|end| btree_set(0..end, 0..20))
    }

    fn changed(places: &Naive, change: impl FnOnce(&mut BitSet)) -> Naive {
        let mut set = set(places);
        change(&mut set);
        set.iter().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn does_what_a_plain_set_does(one in places(), other in places(), by in 0..200_usize) {
            let held = set(&one);
            let others = set(&other);
            prop_assert_eq!(held.is_empty(), one.is_empty());
            prop_assert!((0..400).all(|place| held.contains(place) == one.contains(&place)));
            prop_assert_eq!(held.iter().collect::<Naive>(), one.clone());
            prop_assert_eq!(changed(&other, |set| set.copy_from(&held)), one.clone());

            let sum: Naive = one.iter().copied().chain(other.iter().map(|place| place + by)).collect();
            prop_assert_eq!(changed(&one, |set| set.add_behind(&others, by)), sum);
            let before = other.iter().filter_map(|place| place.checked_sub(by));
            let sum: Naive = one.iter().copied().chain(before).collect();
            prop_assert_eq!(changed(&one, |set| set.add_ahead(&others, by)), sum);
            let (kept, dropped): (Naive, Naive) = one.iter().partition(|&place| other.contains(&(place + by)));
            prop_assert_eq!(changed(&one, |set| set.keep_ahead(&others, by)), kept);
            prop_assert_eq!(changed(&one, |set| set.drop_ahead(&others, by)), dropped);

            let grown: Naive = one.iter().flat_map(|place| *place..=place + by).collect();
            prop_assert_eq!(changed(&one, |set| set.grow_behind(by)), grown);
            let grown: Naive = one.iter().flat_map(|place| place.saturating_sub(by)..=*place).collect();
            prop_assert_eq!(changed(&one, |set| set.grow_ahead(by)), grown);
        }
    }
}
