//! The store: SQLite, the one truth. A source's cursor, its mentions, alert changes and outbox rows commit in one
//! transaction. One [`Writer`] in the whole process; any number of [`Reader`]s, other processes' included.

mod read;
mod schema;
mod write;

pub use read::Reader;
pub use write::Writer;

use crate::alert::{Alert, Change, Delivery, DeliveryState, News};
use crate::brand::FollowerEvent;
use crate::ledger::Gap;
use crate::mention::{AuthorSpam, Label, Mention, Scores, Status};
use crate::post::{Author, Post};
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full, busy or away: what was asked can be tried again as it is.
    #[error("store: {0}")]
    Retry(String),
    /// The file is damaged or of a newer version: stop and tell the operator what to do.
    #[error("store: {0}")]
    Stop(String),
}

/// Opens (and creates or migrates) `data_dir/reputed.db`, takes the lock that keeps a second daemon out, checks the file.
///
/// # Errors
/// [`Error::Stop`] with what to do, when locked by another process, damaged or too new.
pub async fn open(_data_dir: &Path) -> Result<(Writer, Reader), Error> {
    todo!("store")
}

/// Read only, beside a running daemon.
///
/// # Errors
/// [`Error::Stop`] when there is no store yet or it is too new.
pub async fn open_read_only(_data_dir: &Path) -> Result<Reader, Error> {
    todo!("store")
}

/// What the store knows of a post before it is written again.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub seq: i64,
    pub brand: Arc<str>,
    pub deleted: bool,
    pub edited_at: Option<Timestamp>,
    /// blake3 of the post's content fields, to tell an edit from a repetition.
    pub content: [u8; 16],
}

/// Everything of one transaction, in the order in which it is applied.
#[derive(Default)]
pub struct Commit {
    pub new: Vec<Mention>,
    /// Replaces post, watches, scores, cluster of `seq`; a person's status, note and correction stay.
    pub edited: Vec<Mention>,
    /// Text and author are overwritten at once; the row stays as a tombstone so that a replay does not resurrect it.
    pub deleted: Vec<i64>,
    pub patches: Vec<(i64, Patch)>,
    pub authors: Vec<(String, Author<'static>)>,
    pub followers: Vec<FollowerEvent>,
    pub gaps: Vec<(Arc<str>, Gap)>,
    pub alerts: Vec<Change>,
    /// Outbox rows to add; unsent older revisions for the same (alert, hook) become `Superseded`.
    pub deliveries: Vec<Delivery>,
    pub outcomes: Vec<DeliveryOutcome>,
    pub cursors: Vec<(Arc<str>, String)>,
}

/// A person's change to a mention. `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    pub status: Option<Status>,
    pub assignee: Option<Option<String>>,
    pub note: Option<Option<String>>,
    pub correction: Option<Option<Label>>,
}

/// After an attempt: the row's new state.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryOutcome {
    pub id: String,
    pub state: DeliveryState,
    pub attempts: u32,
    pub due_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub last_error: Option<String>,
}

/// A mention as the index needs it: `change` numbers every insert, edit, patch and delete.
#[derive(Clone, Debug)]
pub struct Changed {
    pub change: i64,
    /// False when the row was only ever inserted: the index need not delete an older copy.
    pub rewritten: bool,
    /// `None`: deleted, the index drops `seq`.
    pub mention: Option<Mention>,
    pub seq: i64,
}
