//! Brings the write-ahead log back into the file, outside of commits. A task with its own connection copies whenever the
//! log has grown by [`STEP_PAGES`], which never blocks the writer; a log can only start over when all of it was copied
//! at a moment when nobody writes, so the writer itself copies the short rest once the log passes [`LOG_PAGES_MAX`].
//! When nothing was committed for [`IDLE`], the log is emptied; until then its file keeps its length and is written over.
//! Source: <https://www.sqlite.org/wal.html#ckpt>.

use sqlx::sqlite::SqliteConnection;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Growth after which the task copies: 16 MiB, and a copy takes well under a second.
const STEP_PAGES: usize = 4 * 1_024;

/// Length at which the writer copies the rest itself: 64 MiB. A reader that reads on for long can make the log longer
/// still.
const LOG_PAGES_MAX: usize = 16 * 1_024;

/// Pages that a commit writes whatever is in it: the last ones of each table and index. Each row adds about one.
const COMMIT_PAGES: usize = 8;

/// Silence after which the log is emptied, so that a deleted text does not stay in it for long.
const IDLE: Duration = Duration::from_secs(2);

/// The writer's side.
pub struct Checkpoint {
    log: Arc<Log>,
    task: JoinHandle<()>,
}

/// How long the log is, in pages. The length of its file does not tell, and SQLite tells only who copies.
#[derive(Default)]
struct Log {
    committed: Notify,
    /// When it was last copied.
    told: AtomicUsize,
    /// Since then, by what was committed.
    grown: AtomicUsize,
}

impl Checkpoint {
    /// Starts the task. Must be called within a tokio runtime.
    pub fn start(connection: SqliteConnection) -> Self {
        let log = Arc::new(Log::default());
        Self { task: tokio::spawn(follow(connection, log.clone())), log }
    }

    /// To be called after each commit, with the number of rows in it.
    pub async fn after_commit(&self, writer: &mut SqliteConnection, rows: usize) {
        let grown = self.log.grown.fetch_add(COMMIT_PAGES + rows, Relaxed);
        self.log.committed.notify_one();
        if self.log.told.load(Relaxed) + grown > LOG_PAGES_MAX {
            self.log.copy(writer, "PRAGMA wal_checkpoint(PASSIVE)").await;
        }
    }

    /// Ends the task and empties the log through `writer`.
    pub async fn close(mut self, writer: &mut SqliteConnection) {
        self.task.abort();
        // The answer only says that it was aborted; what matters is that its connection is gone.
        drop((&mut self.task).await);
        self.log.copy(writer, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    }
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Woken by commits alone: without them no timer runs.
async fn follow(mut connection: SqliteConnection, log: Arc<Log>) {
    loop {
        log.committed.notified().await;
        loop {
            if log.grown.load(Relaxed) >= STEP_PAGES {
                log.copy(&mut connection, "PRAGMA wal_checkpoint(PASSIVE)").await;
            }
            if timeout(IDLE, log.committed.notified()).await.is_err() {
                break;
            }
        }
        log.copy(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    }
}

impl Log {
    /// A failure costs nothing but length: the next commit tries again, and a broken file shows in the commit itself.
    async fn copy(&self, connection: &mut SqliteConnection, pragma: &'static str) {
        let grown = self.grown.swap(0, Relaxed);
        match sqlx::query_as::<_, (bool, i64, i64)>(pragma).fetch_one(connection).await {
            // Somebody else copies: he will tell.
            Ok((_, length, _)) if length < 0 => {}
            // All of it is copied: the next commit starts over.
            Ok((_, length, copied)) if length == copied => self.told.store(0, Relaxed),
            Ok((_, length, _)) => self.told.store(usize::try_from(length).unwrap_or(0), Relaxed),
            Err(error) => {
                tracing::debug!(%error, "checkpoint put off");
                self.grown.fetch_add(grown, Relaxed);
            }
        }
    }
}
