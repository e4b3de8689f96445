//! What the hits are made of: for each facet the most frequent values with their exact counts. Names are counted by their
//! ordinals, segment by segment, and read once at the end of each; authors, of whom there may be as many as mentions, by a
//! key of fixed size.

use super::both;
use super::schema::{AUTHOR_KEY, BRAND_ID, SOURCE_ID, UNKNOWN, keyword_name};
use crate::query::field::KeywordField;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;
use tantivy::columnar::{Column, ColumnValues, StrColumn};
use tantivy::{DocId, SegmentReader};

/// Values of a facet that are told unless the caller says how many.
pub const TOP_DEFAULT: usize = 10;
/// Most values of a facet that are told. Each author's is a read of the store.
pub const TOP_MAX: usize = 100;

/// Parts into which authors are sorted by the first byte of their keys: the table of one stays in the processor's own
/// memory, which a table of a million authors does not.
const AUTHOR_PARTS: usize = 256;

/// Mentions from which on a second thread counts half of them: below, starting it takes longer than the counting.
pub(super) const SHARED_FROM: usize = if cfg!(test) { 1 } else { 50_000 };

/// By what hits are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    Source,
    Lang,
    Sentiment,
    Author,
    Watch,
    Brand,
    Kind,
}

impl By {
    pub const ALL: [(&'static str, By); 7] = [
        ("source", By::Source),
        ("lang", By::Lang),
        ("sentiment", By::Sentiment),
        ("author", By::Author),
        ("watch", By::Watch),
        ("brand", By::Brand),
        ("kind", By::Kind),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    fn column(self) -> &'static str {
        match self {
            Self::Source => SOURCE_ID,
            Self::Brand => BRAND_ID,
            Self::Author => AUTHOR_KEY,
            Self::Lang => keyword_name(KeywordField::Lang),
            Self::Sentiment => keyword_name(KeywordField::Sentiment),
            Self::Watch => keyword_name(KeywordField::Watch),
            Self::Kind => keyword_name(KeywordField::Kind),
        }
    }
}

/// What a value is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Name(String),
    /// The author of this mention, the latest to arrive among the hits: who that is, the store knows.
    AuthorOf(i64),
}

/// All hits of a search, by one of their properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    pub by: By,
    /// The most frequent, each with the hits that have it. Ties: by name, the author who came last first.
    pub values: Vec<(Value, u64)>,
    /// How many different values there are.
    pub distinct: u64,
    /// Hits without any value.
    pub none: u64,
}

/// A facet while it is counted.
pub(super) enum Tally {
    Names {
        by: By,
        counts: HashMap<String, u64>,
        none: u64,
    },
    Authors {
        parts: AuthorParts,
        /// What others have gathered.
        others: Vec<AuthorParts>,
        none: u64,
    },
}

/// The key of each hit's author with the hit's number, by the first byte of the key.
type AuthorParts = Vec<Vec<(u64, u64)>>;

impl Tally {
    pub fn new(by: By) -> Self {
        match by {
            By::Author => Self::Authors { parts: vec![Vec::new(); AUTHOR_PARTS], others: Vec::new(), none: 0 },
            by => Self::Names { by, counts: HashMap::new(), none: 0 },
        }
    }

    pub fn open(&mut self, segment: &SegmentReader) -> tantivy::Result<Counter<'_>> {
        let columns = segment.fast_fields();
        let block = Block::default();
        Ok(match self {
            Self::Names { by, counts, none } => {
                let column = columns.str(by.column())?;
                let ordinals = vec![0; column.as_ref().map_or(0, |column| column.num_terms())];
                Counter::Names { column, ordinals, block, counts, none }
            }
            Self::Authors { parts, none, .. } => {
                Counter::Authors { column: columns.u64(AUTHOR_KEY)?, block, parts, none }
            }
        })
    }

    /// What another has counted of the same facet.
    pub fn take_in(&mut self, other: Self) {
        match (self, other) {
            (Self::Names { counts, none, .. }, Self::Names { counts: others, none: without, .. }) => {
                *none += without;
                others.into_iter().for_each(|(name, count)| *counts.entry(name).or_default() += count);
            }
            (Self::Authors { others, none, .. }, Self::Authors { parts, others: more, none: without }) => {
                *none += without;
                others.push(parts);
                others.extend(more);
            }
            // Of the same facet, they are alike.
            _ => {}
        }
    }

    pub fn finish(self, top: usize) -> Facet {
        match self {
            Self::Names { by, counts, none } => {
                let distinct = counts.len() as u64;
                let mut values: Vec<(String, u64)> = counts.into_iter().collect();
                values.sort_unstable_by(|(a, most), (b, least)| least.cmp(most).then_with(|| a.cmp(b)));
                values.truncate(top);
                let values = values.into_iter().map(|(name, count)| (Value::Name(name), count)).collect();
                Facet { by, values, distinct, none }
            }
            Self::Authors { parts, mut others, none } => {
                others.push(parts);
                let busiest = |parts| busiest(&others, parts, top);
                let hits: usize = others.iter().flatten().map(Vec::len).sum();
                let (mut authors, distinct) = if hits < SHARED_FROM {
                    busiest(0..AUTHOR_PARTS)
                } else {
                    const HALF: usize = AUTHOR_PARTS / 2;
                    let [(mut some, one), (more, other)] = both(|| busiest(0..HALF), || busiest(HALF..AUTHOR_PARTS));
                    some.extend(more);
                    (some, one + other)
                };
                authors.sort_unstable_by_key(|author| Reverse(*author));
                let value = |(count, seq): (u64, u64)| (Value::AuthorOf(seq.cast_signed()), count);
                let values = authors.into_iter().take(top).map(value).collect();
                Facet { by: By::Author, values, distinct, none }
            }
        }
    }
}

/// Of the authors in these parts the hits and the latest of them, for those with the most, and how many authors there are.
fn busiest(gathered: &[AuthorParts], parts: Range<usize>, top: usize) -> (Vec<(u64, u64)>, u64) {
    let mut best: BinaryHeap<Reverse<(u64, u64)>> = BinaryHeap::with_capacity(top + 1);
    let mut distinct = 0;
    // Nobody can choose the keys, which are hashes.
    let mut authors: HashMap<u64, (u64, u64), foldhash::fast::FixedState> = HashMap::default();
    for part in parts {
        authors.clear();
        for (key, seq) in gathered.iter().flat_map(|gathered| &gathered[part]) {
            let (count, latest) = authors.entry(*key).or_default();
            *count += 1;
            *latest = *seq.max(latest);
        }
        distinct += authors.len() as u64;
        for author in authors.values() {
            if best.len() < top || best.peek().is_some_and(|Reverse(last)| author > last) {
                best.push(Reverse(*author));
                if best.len() > top {
                    best.pop();
                }
            }
        }
    }
    (best.into_iter().map(|Reverse(author)| author).collect(), distinct)
}

/// One facet's counting in one segment.
pub(super) enum Counter<'a> {
    Names {
        column: Option<StrColumn>,
        /// Hits of each ordinal.
        ordinals: Vec<u64>,
        block: Block,
        counts: &'a mut HashMap<String, u64>,
        none: &'a mut u64,
    },
    Authors {
        column: Column<u64>,
        block: Block,
        parts: &'a mut [Vec<(u64, u64)>],
        none: &'a mut u64,
    },
}

impl Counter<'_> {
    /// Counts hits, whose numbers are `seqs`.
    pub fn add(&mut self, docs: &[DocId], seqs: &[u64]) {
        match self {
            Self::Names { column: None, none, .. } => **none += docs.len() as u64,
            Self::Names { column: Some(column), ordinals, block, none, .. } => {
                **none += block.read(column.ords(), docs);
                for ordinal in &block.values {
                    if let Some(count) = ordinals.get_mut(*ordinal as usize) {
                        *count += 1;
                    }
                }
            }
            Self::Authors { column, block, parts, none } => {
                let without = block.read(column, docs);
                **none += without;
                let mut put = |key: u64, seq: u64| parts[(key >> 56) as usize].push((key, seq));
                if without == 0 {
                    block.values.iter().zip(seqs).for_each(|(key, seq)| put(*key, *seq));
                    return;
                }
                let mut at = 0;
                for (doc, key) in block.docs.iter().zip(&block.values) {
                    while docs[at] != *doc {
                        at += 1;
                    }
                    put(*key, seqs[at]);
                }
            }
        }
    }

    /// Reads the names of what was counted.
    pub fn finish(self) -> tantivy::Result<()> {
        let Self::Names { column: Some(column), ordinals, counts, none, .. } = self else { return Ok(()) };
        let found: Vec<u64> = (0..).zip(&ordinals).filter(|(_, count)| **count > 0).map(|(at, _)| at).collect();
        let mut found_counts = ordinals.into_iter().filter(|count| *count > 0);
        column.dictionary().sorted_ords_to_term_cb(&found, |name| {
            let name = String::from_utf8_lossy(name);
            let count = found_counts.next().unwrap_or_default();
            if name == UNKNOWN {
                *none += count;
            } else if let Some(sum) = counts.get_mut(&*name) {
                *sum += count;
            } else {
                counts.insert(name.into_owned(), count);
            }
        })?;
        Ok(())
    }
}

/// The values of some documents, read together.
#[derive(Default)]
pub(super) struct Block {
    /// Those that have a value, once for each of its values; not used where each has one.
    docs: Vec<DocId>,
    rows: Vec<u32>,
    values: Vec<u64>,
}

impl Block {
    /// Reads all values and says how many documents have none.
    fn read(&mut self, column: &Column<u64>, docs: &[DocId]) -> u64 {
        if column.get_cardinality().is_full() {
            self.values.resize(docs.len(), 0);
            read(column.values.as_ref(), docs, &mut self.values);
            return 0;
        }
        self.docs.clear();
        self.rows.clear();
        column.row_ids_for_docs(docs, &mut self.docs, &mut self.rows);
        self.values.resize(self.rows.len(), 0);
        column.values.get_vals(&self.rows, &mut self.values);
        let with = self.docs.chunk_by(|a, b| a == b).count();
        (docs.len() - with) as u64
    }
}

/// The values of `docs`, which ascend; neighbours are unpacked together.
pub(super) fn read<T: PartialOrd + 'static>(column: &dyn ColumnValues<T>, docs: &[DocId], values: &mut [T]) {
    match docs {
        [first, .., last] if (last - first) as usize == docs.len() - 1 => column.get_range((*first).into(), values),
        docs => column.get_vals(docs, values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_facet_has_its_name() {
        for (name, by) in By::ALL {
            assert_eq!(by.name(), name);
            assert_eq!(serde_json::to_value(by).unwrap(), name);
        }
    }
}
