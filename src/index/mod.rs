//! The search index (tantivy): derived from the store, deletable at any time. The commit payload carries the last
//! change number of the store that it holds.

use crate::mention::Mention;
use crate::query::Query;
use jiff::Timestamp;
use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("index: {0}")]
    Retry(String),
    /// Damaged or of another version: delete the folder and build it again from the store.
    #[error("index: {0}")]
    Rebuild(String),
    /// The query cannot be answered as asked; the reason is for whoever wrote it.
    #[error("{0}")]
    Refused(String),
}

/// Writes; one in the whole process.
pub struct Writer {}

/// Searches; cheap to clone; sees each commit within moments.
#[derive(Clone)]
pub struct Searcher {}

/// Opens `dir`, builds it anew (empty) when it is missing, damaged or of another schema.
///
/// # Errors
/// [`Error::Retry`] when the folder cannot be written.
pub fn open(_dir: &Path) -> Result<(Writer, Searcher), Error> {
    todo!("index")
}

/// Read only, beside a running daemon.
pub fn open_read_only(_dir: &Path) -> Result<Searcher, Error> {
    todo!("index")
}

impl Writer {
    /// The last change that is held for sure (0: nothing).
    pub fn last_change(&self) -> i64 {
        todo!("index")
    }
    /// `rewritten`: an older copy may be there.
    pub fn put(&mut self, _mention: &Mention, _source_kind: &str, _rewritten: bool) -> Result<(), Error> {
        todo!("index")
    }
    pub fn remove(&mut self, _seq: i64) -> Result<(), Error> {
        todo!("index")
    }
    /// Makes everything up to `change` durable and searchable.
    pub fn commit(&mut self, _change: i64) -> Result<(), Error> {
        todo!("index")
    }
}

/// Which page of a search: newest first by `created_at`, then by `seq`.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub limit: usize,
    /// Behind this place: what the page before returned.
    pub after: Option<Place>,
    /// Only these brands; all when `None`.
    pub brands: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub created_at: Timestamp,
    pub seq: i64,
}

#[derive(Clone, Debug)]
pub struct Hits {
    pub seqs: Vec<i64>,
    pub total: u64,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Place>,
}

impl Searcher {
    pub fn search(&self, _query: &Query, _page: &Page, _now: Timestamp) -> Result<Hits, Error> {
        todo!("index")
    }
    pub fn count(&self) -> u64 {
        todo!("index")
    }
}
