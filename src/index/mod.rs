//! The search index (tantivy): derived from the store, deletable at any time. The commit payload carries the last
//! change number of the store that it holds. Nothing but numbers comes out of it: hits are read from the store.
//!
//! It answers as the evaluator of single posts would (see `translate` for what is missing), and knows nothing of
//! feeding: whoever writes asks [`Writer::last_change`] and continues from there, after a start as after an error.

mod document;
mod facet;
mod folder;
mod gap;
mod number;
mod over;
mod place;
mod position;
mod relevance;
mod schema;
mod search;
mod sort;
mod spam;
mod steady;
mod tokenizer;
mod translate;
mod wording;

pub use facet::{By, Facet, TOP_DEFAULT, TOP_MAX, Value};
pub use over::{Interval, STEPS_MAX, Step};
pub use place::{NoPlace, Place};
pub use search::{Hits, LIMIT_MAX, Page, Searcher};
pub use sort::Sort;
pub use spam::OfSpam;

use crate::mention::Mention;
use arc_swap::ArcSwap;
use document::Builder;
use schema::Fields;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{Index, IndexWriter, TantivyError, Term};

/// What the one indexing thread gathers before it writes a segment. Taken while documents come and given back at each
/// commit; larger only helps when catching up.
const HEAP_BYTES: usize = 64_000_000;

/// Merges are rare and short beside indexing; one thread leaves the second core to it.
const MERGE_THREADS: usize = 1;

/// Segments of a size that are merged into one: a commit a second makes many, and each costs every search a little.
const MERGE_SEGMENTS: usize = 8;

/// Larger segments stay as they are: merging eight of them would take minutes and save nothing that a search could feel.
const MERGE_DOCUMENTS_MAX: usize = 500_000;

/// A segment with a greater part of deleted documents is written anew.
const MERGE_DELETED_MAX: f32 = 0.3;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("index: {0}")]
    Retry(String),
    /// Damaged or of another version: open it for writing, which builds it anew, and feed it from the store.
    #[error("index: {0}")]
    Rebuild(String),
    /// The query cannot be answered as asked; the reason is for whoever wrote it.
    #[error("{0}")]
    Refused(String),
    /// So is another part of what was asked: its name, and the reason.
    #[error("{1}")]
    Unfit(&'static str, String),
}

impl Error {
    /// For what is read at the opening, where only a folder in order may pass.
    fn damage(error: TantivyError) -> Self {
        Error::Rebuild(error.to_string())
    }
}

impl From<TantivyError> for Error {
    fn from(error: TantivyError) -> Self {
        match error {
            TantivyError::DataCorruption(_)
            | TantivyError::OpenReadError(_)
            | TantivyError::IncompatibleIndex(_)
            | TantivyError::SchemaError(_)
            | TantivyError::FieldNotFound(_)
            | TantivyError::InternalError(_) => Error::Rebuild(error.to_string()),
            _ => Error::Retry(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::Retry(error.to_string())
    }
}

/// Opens `dir`, builds it anew (empty) when it is missing, damaged or of another schema. Reads every byte once.
///
/// # Errors
/// [`Error::Retry`] when the folder cannot be written, or another process writes to it.
pub fn open(dir: &Path) -> Result<(Writer, Searcher), Error> {
    let opened = folder::open_or_begin(dir)?;
    let reader = Arc::new(ArcSwap::from_pointee(folder::reader(&opened.index)?));
    let searcher = Searcher { reader, fields: opened.fields };
    let mut writer = Writer {
        dir: dir.to_owned(),
        index: opened.index,
        fields: opened.fields,
        searcher: searcher.clone(),
        builder: Builder::default(),
        tantivy: None,
        change: opened.change,
        is_dirty: false,
    };
    writer.tantivy()?;
    Ok((writer, searcher))
}

/// Read only, beside a running daemon; sees what was committed before it was opened.
///
/// # Errors
/// [`Error::Rebuild`] when there is no usable index: only a writer can build one.
pub fn open_read_only(dir: &Path) -> Result<Searcher, Error> {
    survive(|| {
        let opened = folder::open(dir)?;
        let reader = folder::reader(&opened.index).map_err(Error::damage)?;
        Ok(Searcher { reader: Arc::new(ArcSwap::from_pointee(reader)), fields: opened.fields })
    })
}

/// Does `work`. tantivy panics on some damage of its files; the daemon must outlive that.
fn survive<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::Rebuild("its files are damaged".into())))
}

/// Does both at once, on two threads.
fn both<T: Send>(one: impl FnOnce() -> T, other: impl FnOnce() -> T + Send) -> [T; 2] {
    std::thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        [one, other.join().unwrap_or_else(|panic| resume_unwind(panic))]
    })
}

/// Writes; one in the whole process. After an error everything since the last commit is forgotten: feed it again from
/// [`Writer::last_change`] on. Dropping it forgets that too, and stops its threads.
pub struct Writer {
    dir: PathBuf,
    index: Index,
    fields: Fields,
    searcher: Searcher,
    builder: Builder,
    /// `None` after an error; the next use begins at the last commit.
    tantivy: Option<IndexWriter>,
    change: i64,
    is_dirty: bool,
}

impl Writer {
    /// The last change that is held for sure (0: nothing).
    pub fn last_change(&self) -> i64 {
        self.change
    }

    /// `rewritten`: an older copy may be there. Blocks while the indexing thread is behind.
    ///
    /// # Errors
    /// As `commit`.
    pub fn put(&mut self, mention: &Mention, source_kind: &str, rewritten: bool) -> Result<(), Error> {
        let seq = number(mention.seq)?;
        let document = self.builder.document(&self.fields, seq, mention, source_kind);
        let old = Term::from_field_u64(self.fields.seq, seq);
        self.attempt(|tantivy| {
            if rewritten {
                tantivy.delete_term(old);
            }
            tantivy.add_document(document)
        })?;
        Ok(())
    }

    /// # Errors
    /// As `commit`.
    pub fn remove(&mut self, seq: i64) -> Result<(), Error> {
        let term = Term::from_field_u64(self.fields.seq, number(seq)?);
        self.attempt(|tantivy| Ok(tantivy.delete_term(term)))?;
        Ok(())
    }

    /// Makes everything up to `change` durable and searchable.
    ///
    /// # Errors
    /// [`Error::Retry`]: feed again from [`Writer::last_change`]. [`Error::Rebuild`]: [`Writer::begin_anew`] first.
    pub fn commit(&mut self, change: i64) -> Result<(), Error> {
        if !self.is_dirty && change == self.change {
            return Ok(());
        }
        self.attempt(|tantivy| {
            let mut prepared = tantivy.prepare_commit()?;
            prepared.set_payload(&folder::payload(change));
            prepared.commit()
        })?;
        self.change = change;
        self.is_dirty = false;
        self.searcher.reader.load().reload()?;
        Ok(())
    }

    /// After [`Error::Rebuild`]: opens the folder again, empties it when it is damaged, and lets the searchers see that.
    ///
    /// # Errors
    /// As [`open`].
    pub fn begin_anew(&mut self) -> Result<(), Error> {
        // Gives back the folder's lock.
        self.tantivy = None;
        let opened = folder::open_or_begin(&self.dir)?;
        self.searcher.reader.store(Arc::new(folder::reader(&opened.index)?));
        (self.index, self.change, self.is_dirty) = (opened.index, opened.change, false);
        Ok(())
    }

    /// Does `work`; after an error what was not committed is dropped, so that no half of a batch is ever committed.
    fn attempt<T>(&mut self, work: impl FnOnce(&mut IndexWriter) -> tantivy::Result<T>) -> Result<T, Error> {
        let done = self.tantivy().and_then(|tantivy| Ok(work(tantivy)?));
        self.is_dirty = done.is_ok();
        done.map_err(|error| {
            self.tantivy = None;
            // Whatever it was that failed: without the list of segments there is no index any more.
            if folder::is_begun(&self.dir) { error } else { Error::Rebuild(error.to_string()) }
        })
    }

    fn tantivy(&mut self) -> Result<&mut IndexWriter, Error> {
        let tantivy = match self.tantivy.take() {
            Some(tantivy) => tantivy,
            None => begin(&self.index)?,
        };
        Ok(self.tantivy.insert(tantivy))
    }
}

fn begin(index: &Index) -> Result<IndexWriter, Error> {
    let options = IndexWriterOptions::builder()
        .num_worker_threads(1)
        .memory_budget_per_thread(HEAP_BYTES)
        .num_merge_threads(MERGE_THREADS)
        .build();
    let writer = index.writer_with_options(options)?;
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(MERGE_SEGMENTS);
    policy.set_max_docs_before_merge(MERGE_DOCUMENTS_MAX);
    policy.set_del_docs_ratio_before_merge(MERGE_DELETED_MAX);
    writer.set_merge_policy(Box::new(policy));
    Ok(writer)
}

/// Numbers of mentions begin at 1.
fn number(seq: i64) -> Result<u64, Error> {
    u64::try_from(seq).map_err(|_| Error::Refused(format!("mention number {seq} is below 0")))
}

#[cfg(test)]
mod tests;
