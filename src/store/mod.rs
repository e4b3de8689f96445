//! The store: SQLite, the one truth. A source's cursor, its mentions, alert changes and outbox rows commit in one
//! transaction. One [`Writer`] in the whole process; any number of [`Reader`]s, other processes' included.

mod author;
mod checkpoint;
mod file;
mod follower;
mod lookup;
mod read;
mod row;
mod schema;
mod waiting;
mod write;

#[cfg(test)]
mod tests;

pub use read::{Counts, Reader};
pub use row::{Key, content, key};
pub use write::Writer;

use crate::alert::{Change, Delivery, DeliveryState};
use crate::brand::{FollowerEvent, SnapshotStep};
use crate::ledger::Gap;
use crate::mention::{AuthorSpam, Label, Mention, Scores, Status};
use crate::post::Author;
use jiff::Timestamp;
use sqlx::ConnectOptions;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full, busy or away: what was asked can be tried again as it is.
    #[error("store: {0}")]
    Retry(String),
    /// The file is damaged or of a newer version, or we have a defect: stop and tell the operator what to do.
    #[error("store: {0}")]
    Stop(String),
}

impl Error {
    /// Sorts by what the caller does next. Source: <https://www.sqlite.org/rescode.html>.
    fn new(file: &Path, error: &sqlx::Error) -> Self {
        const IO: i32 = 10;
        const CORRUPT: i32 = 11;
        const NOT_A_DATABASE: i32 = 26;
        /// An input or output error of which the file system says that it is itself corrupt.
        const CORRUPT_FILE_SYSTEM: i32 = IO | (33 << 8);
        /// Locked, out of memory, read-only, interrupted, full, cannot open, protocol of locks.
        const PASSING: [i32; 9] = [5, 6, 7, 8, 9, IO, 13, 14, 15];

        let name = file.display();
        match error {
            sqlx::Error::Database(inner) => {
                let code = inner.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(1);
                match code & 0xff {
                    CORRUPT | NOT_A_DATABASE => file::damaged(file, inner.message()),
                    _ if code == CORRUPT_FILE_SYSTEM => file::damaged(file, inner.message()),
                    primary if PASSING.contains(&primary) => Error::Retry(format!("{name}: {}", inner.message())),
                    _ => Error::Stop(format!("{name}: defect: {} (code {code})", inner.message())),
                }
            }
            sqlx::Error::Io(_) => Error::Retry(format!("{name}: {error}")),
            sqlx::Error::Decode(why) => file::damaged(file, &why.to_string()),
            sqlx::Error::ColumnDecode { source, .. } => file::damaged(file, &source.to_string()),
            _ => Error::Stop(format!("{name}: defect: {error}")),
        }
    }
}

/// Opens (and creates or migrates) `data_dir/reputed.db`, takes the lock that keeps a second daemon out, checks the file:
/// always its header, and the whole of it when it is small or was not closed cleanly and is not huge.
///
/// # Errors
/// [`Error::Stop`] with what to do, when locked by another process, damaged or too new.
pub async fn open(data_dir: &Path) -> Result<(Writer, Reader), Error> {
    file::create_dir(data_dir)?;
    let lock = file::lock(data_dir)?;
    let path = file::store(data_dir);
    let check = file::inspect(&path)?;
    let fault = |error| Error::new(&path, &error);

    let mut connection = schema::writer(&path).connect().await.map_err(fault)?;
    if check == file::Check::Whole
        && let Some(damage) = schema::damage(&mut connection).await.map_err(fault)?
    {
        return Err(file::damaged(&path, &damage));
    }
    let version = schema::version(&mut connection).await.map_err(fault)?;
    if version > schema::MIGRATIONS.len() as i64 {
        return Err(too_new(&path, version));
    }
    schema::migrate(&mut connection, version).await.map_err(fault)?;
    let checkpointer = schema::checkpointer(&path).connect().await.map_err(fault)?;
    let writer = Writer::new(path.as_path().into(), lock, connection, checkpointer).await?;
    Ok((writer, Reader::open(&path).await?))
}

/// Whether a daemon (or an import) writes to the store of `data_dir`.
pub fn is_locked(data_dir: &Path) -> bool {
    file::is_locked(data_dir)
}

/// Read only, beside a running daemon.
///
/// # Errors
/// [`Error::Stop`] when there is no store yet or it is too new.
pub async fn open_read_only(data_dir: &Path) -> Result<Reader, Error> {
    let path = file::store(data_dir);
    if file::length(&path) == 0 && file::length(&file::wal(&path)) == 0 {
        let dir = data_dir.display();
        return Err(Error::Stop(format!("no store in {dir} yet: start the daemon or import posts first")));
    }
    let reader = Reader::open(&path).await?;
    let version = reader.version().await?;
    if version > schema::MIGRATIONS.len() as i64 {
        return Err(too_new(&path, version));
    }
    if version < schema::MIGRATIONS.len() as i64 {
        let name = path.display();
        return Err(Error::Stop(format!(
            "{name} is of an older version ({version}): start the daemon once to renew it"
        )));
    }
    Ok(reader)
}

fn too_new(path: &Path, version: i64) -> Error {
    let (name, known) = (path.display(), schema::MIGRATIONS.len());
    Error::Stop(format!(
        "{name} is of version {version}, this program knows up to {known}: run the newer program, or restore a backup"
    ))
}

/// What the store knows of a post before it is written again.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub source: Arc<str>,
    pub seq: i64,
    pub brand: Arc<str>,
    pub deleted: bool,
    pub edited_at: Option<Timestamp>,
    /// As [`content`] gives it, to tell an edit from a repetition; zeros once deleted.
    pub content: [u8; 16],
}

/// Everything of one transaction, in the order in which it is applied.
#[derive(Default)]
pub struct Commit {
    /// Shared with whoever is told of them afterwards.
    pub new: Vec<Arc<Mention>>,
    /// Replaces post, watches, scores, cluster of `seq`; a person's status, note and correction stay.
    pub edited: Vec<Arc<Mention>>,
    /// Text and author are overwritten at once; the row stays as a tombstone so that a replay does not resurrect it.
    pub deleted: Vec<i64>,
    pub patches: Vec<(i64, Patch)>,
    pub authors: Vec<Fetched>,
    pub corrections: Vec<AuthorCorrection>,
    /// Mentions (`seq`) whose author is judged anew.
    pub marked: Vec<(i64, AuthorSpam)>,
    /// Accounts that were deleted where they were: nothing of them stays.
    pub gone: Vec<AuthorGone>,
    pub followers: Vec<FollowerEvent>,
    pub snapshots: Vec<SnapshotStep>,
    /// Follows and unfollows before it are forgotten, some of them at a time.
    pub followers_until: Option<Timestamp>,
    pub gaps: Vec<(Arc<str>, Gap)>,
    pub alerts: Vec<Change>,
    /// Outbox rows to add; unsent older revisions for the same (alert, hook) become `Superseded`.
    pub deliveries: Vec<Arc<Delivery>>,
    pub outcomes: Vec<DeliveryOutcome>,
    pub cursors: Vec<(Arc<str>, String)>,
    /// Mentions that are to be scored by the best model later.
    pub rescore: Vec<Range>,
    pub rescored: Vec<Rescored>,
}

impl Commit {
    /// Rows that somebody waits for, roughly: all but cursors and outcomes of deliveries.
    pub fn rows(&self) -> usize {
        // Taken apart in full, so that a new field cannot be forgotten.
        let Self {
            new,
            edited,
            deleted,
            patches,
            authors,
            corrections,
            marked,
            gone,
            followers,
            snapshots,
            followers_until,
            gaps,
            alerts,
            deliveries,
            outcomes: _,
            cursors: _,
            rescore,
            rescored,
        } = self;
        let mentions = new.len() + edited.len() + deleted.len() + patches.len() + rescore.len() + rescored.len();
        let people = authors.len() + corrections.len() + marked.len() + gone.len() + followers.len() + snapshots.len();
        mentions + people + usize::from(followers_until.is_some()) + gaps.len() + alerts.len() + deliveries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows() == 0 && self.outcomes.is_empty() && self.cursors.is_empty()
    }

    /// It brings new mentions and changes no other.
    pub fn only_adds_mentions(&self) -> bool {
        let Self { edited, deleted, patches, authors, marked, rescored, .. } = self;
        let changed = edited.len() + deleted.len() + patches.len() + authors.len() + marked.len() + rescored.len();
        changed == 0
    }
}

/// A profile as it came in, and how likely its author is spam.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    pub source: String,
    pub author: Author<'static>,
    pub spam: AuthorSpam,
}

/// A person's word on an author; wins over the model wherever the author appears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorCorrection {
    pub source: String,
    /// As the source calls it.
    pub author: String,
    /// `None`: taken back.
    pub spam: Option<bool>,
    pub who: String,
    pub at: Timestamp,
}

/// An account that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorGone {
    pub source: String,
    /// As the source calls it.
    pub author: String,
    pub at: Timestamp,
}

/// A person's change to a mention. `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    pub status: Option<Status>,
    pub assignee: Option<Option<String>>,
    pub note: Option<Option<String>>,
    pub correction: Option<Option<Label>>,
}

/// Numbers of mentions (`seq`), both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub first: i64,
    pub last: i64,
}

impl Range {
    /// Adds the next number to the last of `ranges` where it follows, else begins a new one.
    pub fn extend(ranges: &mut Vec<Range>, seq: i64) {
        match ranges.last_mut() {
            Some(range) if range.last + 1 == seq => range.last = seq,
            _ => ranges.push(Range { first: seq, last: seq }),
        }
    }
}

/// A range that waited for better scores and need not wait any longer.
#[derive(Clone, Debug)]
pub struct Rescored {
    pub range: Range,
    pub scores: NewScores,
}

/// `seq`, what was scored as [`content`] tells it, its scores.
pub type NewScores = Vec<(i64, [u8; 16], Option<Scores>)>;

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
    pub mention: Option<Arc<Mention>>,
    pub seq: i64,
}

impl Changed {
    /// A new mention that was just committed.
    pub fn added(change: i64, mention: &Arc<Mention>) -> Self {
        let (mention, seq) = ((!mention.post.deleted).then(|| mention.clone()), mention.seq);
        Self { change, rewritten: false, mention, seq }
    }
}
