//! Searching: newest first, page by page, with the exact total.

use super::schema::{self, Fields};
use super::translate::Translator;
use super::{Error, survive};
use crate::query::Query;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use tantivy::columnar::ColumnValues;
use tantivy::query::{EnableScoring, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, IndexReader, SegmentReader};

/// Most hits of one page; a larger limit is cut to it. Each hit is a read of the store.
pub const LIMIT_MAX: usize = 1_000;

/// Which page of a search: newest first by `created_at`, then by `seq`.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// At most [`LIMIT_MAX`]; 0 only counts.
    pub limit: usize,
    /// Behind this place: what the page before returned.
    pub after: Option<Place>,
    /// Only these brands; all when `None`.
    pub brands: Option<Vec<String>>,
}

/// A hit's place in the order. New mentions come before it or after it but never move it, so pages neither repeat nor
/// skip. The time is in whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub created_at: Timestamp,
    pub seq: i64,
}

#[derive(Clone, Debug)]
pub struct Hits {
    pub seqs: Vec<i64>,
    /// Of all pages.
    pub total: u64,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Place>,
}

/// Searches; cheap to clone; sees each commit as soon as it is made.
#[derive(Clone)]
pub struct Searcher {
    /// Replaced when the index is begun anew beneath its searchers.
    pub(super) reader: Arc<ArcSwap<IndexReader>>,
    pub(super) fields: Fields,
}

impl Searcher {
    /// One page of what `query` wholly matches. `now`: for `age:`.
    ///
    /// # Errors
    /// [`Error::Refused`] for the one who wrote the query, [`Error::Rebuild`] when the index proves damaged.
    pub fn search(&self, query: &Query, page: &Page, now: Timestamp) -> Result<Hits, Error> {
        survive(|| self.find(query, page, now))
    }

    /// Mentions in the index.
    pub fn count(&self) -> u64 {
        self.reader.load().searcher().num_docs()
    }

    fn find(&self, query: &Query, page: &Page, now: Timestamp) -> Result<Hits, Error> {
        let searcher = self.reader.load().searcher();
        let translator = Translator { fields: &self.fields, searcher: &searcher, now };
        let tree = translator.query(&query.expr, page.brands.as_deref())?;
        let weight = tree.weight(EnableScoring::disabled_from_searcher(&searcher))?;
        let mut segments = searcher.segment_readers().iter().map(Segment::open).collect::<Result<Vec<_>, _>>()?;
        // The newest first, so that most others need only be counted.
        segments.sort_by_key(|segment| Reverse(segment.created.max_value()));

        let limit = page.limit.min(LIMIT_MAX);
        let mut newest = Newest::new(limit, page.after);
        let mut total = 0;
        for segment in &segments {
            total += segment.collect(weight.as_ref(), &mut newest)?;
        }
        let (keys, more) = newest.finish();
        let seqs = keys.iter().map(|key| key.seq.cast_signed()).collect();
        let next = if more { keys.last().map(Key::place).transpose()? } else { None };
        Ok(Hits { seqs, total, next })
    }
}

/// The order of hits, newest greatest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Microseconds since 1970.
    created: i64,
    seq: u64,
}

impl Key {
    fn place(&self) -> Result<Place, Error> {
        let created_at = Timestamp::from_microsecond(self.created)
            .map_err(|_| Error::Rebuild(format!("impossible time {} of mention {}", self.created, self.seq)))?;
        Ok(Place { created_at, seq: self.seq.cast_signed() })
    }
}

/// Keeps the newest keys behind a place, and one more to know whether another page follows.
struct Newest {
    limit: usize,
    before: Option<Key>,
    /// The oldest that is kept stands on top.
    heap: BinaryHeap<Reverse<Key>>,
}

impl Newest {
    fn new(limit: usize, after: Option<Place>) -> Self {
        let before =
            after.map(|place| Key { created: place.created_at.as_microsecond(), seq: place.seq.cast_unsigned() });
        Self { limit, before, heap: BinaryHeap::with_capacity(limit + 2) }
    }

    /// Whether a segment between these times can still hold a hit of this page.
    fn wants(&self, oldest: i64, newest: i64) -> bool {
        let too_new = self.before.is_some_and(|before| oldest > before.created);
        let too_old = self.is_full() && self.heap.peek().is_some_and(|Reverse(last)| newest < last.created);
        self.limit > 0 && !too_new && !too_old
    }

    fn is_full(&self) -> bool {
        self.heap.len() > self.limit
    }

    fn push(&mut self, key: Key) {
        if self.before.is_some_and(|before| key >= before) {
            return;
        }
        if self.is_full() {
            if self.heap.peek().is_some_and(|Reverse(last)| key <= *last) {
                return;
            }
            self.heap.pop();
        }
        self.heap.push(Reverse(key));
    }

    /// Newest first, and whether there are more.
    fn finish(self) -> (Vec<Key>, bool) {
        let more = self.limit > 0 && self.is_full();
        let mut keys: Vec<Key> = self.heap.into_sorted_vec().into_iter().map(|Reverse(key)| key).collect();
        keys.truncate(self.limit);
        (keys, more)
    }
}

struct Segment<'a> {
    reader: &'a SegmentReader,
    created: Arc<dyn ColumnValues<i64>>,
    seq: Arc<dyn ColumnValues<u64>>,
}

impl<'a> Segment<'a> {
    fn open(reader: &'a SegmentReader) -> tantivy::Result<Self> {
        let columns = reader.fast_fields();
        Ok(Self {
            reader,
            created: columns.column_first_or_default(schema::CREATED)?,
            seq: columns.column_first_or_default(schema::SEQ)?,
        })
    }

    /// Offers every hit to `newest` and says how many there are.
    fn collect(&self, weight: &dyn Weight, newest: &mut Newest) -> tantivy::Result<u64> {
        if !newest.wants(self.created.min_value(), self.created.max_value()) {
            return Ok(u64::from(weight.count(self.reader)?));
        }
        let alive = self.reader.alive_bitset();
        let mut total = 0;
        let mut created = [0; COLLECT_BLOCK_BUFFER_LEN];
        weight.for_each_no_score(self.reader, &mut |docs: &[DocId]| {
            let created = &mut created[..docs.len()];
            self.created.get_vals(docs, created);
            for (&doc, &created) in docs.iter().zip(created.iter()) {
                if alive.is_some_and(|alive| !alive.is_alive(doc)) {
                    continue;
                }
                total += 1;
                if newest.wants(created, created) {
                    newest.push(Key { created, seq: self.seq.get_val(doc) });
                }
            }
        })?;
        Ok(total)
    }
}
