//! The order of hits: by a rank, then by time, then by number, the greatest first. Knows nothing of queries; what a rank
//! by words is, `relevance` says.

use super::relevance::Weighed;
use super::schema;
use crate::query::field::NumberField;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use tantivy::columnar::{Column, ColumnValues};
use tantivy::{DocId, SegmentReader};

/// What comes first. Ties: the newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// By `created_at`.
    #[default]
    Newest,
    /// Those that hold the words asked for most often, rare words and titles before others: see `relevance`.
    Relevance,
    /// The most people who may have seen it; unknown last.
    Reach,
    /// What asks most for somebody: [`crate::mention::Mention::priority`].
    Priority,
}

impl Sort {
    pub const ALL: [(&'static str, Sort); 4] = [
        ("newest", Sort::Newest),
        ("relevance", Sort::Relevance),
        ("reach", Sort::Reach),
        ("priority", Sort::Priority),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// A hit's place in the order, the first greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub rank: u64,
    /// Microseconds since 1970.
    pub created: i64,
    pub seq: u64,
}

/// Keeps the first keys behind a place, and one more to know whether another page follows.
pub(super) struct First {
    limit: usize,
    after: Option<Key>,
    /// The last that is kept stands on top.
    heap: BinaryHeap<Reverse<Key>>,
}

impl First {
    pub fn new(limit: usize, after: Option<Key>) -> Self {
        Self { limit, after, heap: BinaryHeap::with_capacity(limit + 2) }
    }

    /// Whether one of the keys between these, both inclusive, may stand on this page.
    pub fn wants(&self, least: Key, greatest: Key) -> bool {
        let too_early = self.after.is_some_and(|after| least >= after);
        let too_late = self.is_full() && self.heap.peek().is_some_and(|Reverse(last)| greatest <= *last);
        self.limit > 0 && !too_early && !too_late
    }

    fn is_full(&self) -> bool {
        self.heap.len() > self.limit
    }

    pub fn push(&mut self, key: Key) {
        if self.wants(key, key) {
            if self.is_full() {
                self.heap.pop();
            }
            self.heap.push(Reverse(key));
        }
    }

    /// Keys that another has kept of the same page.
    pub fn take_in(&mut self, other: Self) {
        other.heap.into_iter().for_each(|Reverse(key)| self.push(key));
    }

    /// In order, and whether there are more.
    pub fn finish(self) -> (Vec<Key>, bool) {
        let more = self.limit > 0 && self.is_full();
        let mut keys: Vec<Key> = self.heap.into_sorted_vec().into_iter().map(|Reverse(key)| key).collect();
        keys.truncate(self.limit);
        (keys, more)
    }
}

/// The ranks of one segment's documents.
pub(super) enum Ranks {
    Same,
    Reach(Column<f64>),
    Priority(Arc<dyn ColumnValues<u64>>),
    Words(Weighed),
}

impl Ranks {
    pub fn reach(segment: &SegmentReader) -> tantivy::Result<Self> {
        Ok(Self::Reach(segment.fast_fields().f64(schema::number_name(NumberField::Reach))?))
    }

    pub fn priority(segment: &SegmentReader) -> tantivy::Result<Self> {
        Ok(Self::Priority(segment.fast_fields().column_first_or_default(schema::PRIORITY)?))
    }

    /// Between which ranks all of the segment lies.
    pub fn span(&self) -> (u64, u64) {
        match self {
            Self::Same => (0, 0),
            Self::Reach(column) => (0, reach(Some(column.max_value()))),
            Self::Priority(column) => (column.min_value(), column.max_value()),
            Self::Words(_) => (0, u64::MAX),
        }
    }

    /// The ranks of `docs`, which ascend, also from one call to the next.
    pub fn read(&mut self, docs: &[DocId], ranks: &mut [u64]) {
        match self {
            Self::Same => ranks.fill(0),
            Self::Reach(column) => {
                for (rank, doc) in ranks.iter_mut().zip(docs) {
                    *rank = reach(column.first(*doc));
                }
            }
            Self::Priority(column) => column.get_vals(docs, ranks),
            Self::Words(words) => {
                for (rank, doc) in ranks.iter_mut().zip(docs) {
                    *rank = words.rank(*doc);
                }
            }
        }
    }
}

/// Unknown is 0, less than nobody.
fn reach(reach: Option<f64>) -> u64 {
    // Never negative: it is kept from whole numbers.
    reach.map_or(0, |reach| reach as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sort_has_its_name() {
        for (name, sort) in Sort::ALL {
            assert_eq!(sort.name(), name);
            assert_eq!(serde_json::to_value(sort).unwrap(), name);
        }
    }

    #[test]
    fn the_first_behind_a_place_are_kept() {
        let key = |rank| Key { rank, created: 0, seq: 1 };
        let mut first = First::new(2, Some(key(7)));
        for rank in [9, 1, 7, 4, 6, 5] {
            first.push(key(rank));
        }
        assert!(!first.wants(key(7), key(9)) && !first.wants(key(0), key(3)) && first.wants(key(0), key(5)));
        assert_eq!(first.finish(), (vec![key(6), key(5)], true));
    }
}
