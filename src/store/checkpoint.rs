//! Brings the write-ahead log back into the file, outside of commits. A task with its own connection copies whenever the
//! log has grown by [`STEP_PAGES`], which never blocks the writer; a log can only start over when all of it was copied
//! at a moment when nobody writes and nobody reads from it, so the writer itself copies the short rest once the log
//! passes [`LOG_PAGES_MAX`], and waits for readers a moment. When nothing was committed for [`IDLE`], the log is emptied;
//! until then its file keeps its length and is written over.
//! Source: <https://www.sqlite.org/wal.html#ckpt>, <https://www.sqlite.org/pragma.html#pragma_wal_checkpoint>.

use super::schema;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// So that tests need not write for long to see the log start over.
const MIB_PAGES: usize = if cfg!(test) { 8 } else { 256 };

/// Growth after which the task copies: 16 MiB, and a copy takes well under a second.
const STEP_PAGES: usize = 16 * MIB_PAGES;

/// Length at which the writer copies the rest itself, and has the log start over: 64 MiB.
const LOG_PAGES_MAX: usize = 64 * MIB_PAGES;

/// How long the writer waits for those who read from the log. Most are done within a few milliseconds; one who reads on
/// (an export) makes the log longer, and is waited for again after each further step.
const READERS_MAX: Duration = Duration::from_millis(50);

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
    /// At which length the writer has it start over.
    limit: AtomicUsize,
}

impl Checkpoint {
    /// Starts the task. Must be called within a tokio runtime.
    pub fn start(connection: SqliteConnection) -> Self {
        let log = Arc::new(Log { limit: LOG_PAGES_MAX.into(), ..Log::default() });
        Self { task: tokio::spawn(follow(connection, log.clone())), log }
    }

    /// To be called after each commit, with the number of rows in it.
    pub async fn after_commit(&self, writer: &mut SqliteConnection, rows: usize) {
        let grown = self.log.grown.fetch_add(COMMIT_PAGES + rows, Relaxed);
        self.log.committed.notify_one();
        if self.log.told.load(Relaxed) + grown > self.log.limit.load(Relaxed) {
            self.log.start_over(writer).await;
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
    /// Copies what no reader is in the way of, and learns how long the log is.
    async fn copy(&self, connection: &mut SqliteConnection, pragma: &'static str) {
        if let Some((_, length)) = self.checkpoint(connection, pragma).await {
            self.told.store(length, Relaxed);
        }
    }

    /// Copies all of it, so that the next commit begins at its beginning.
    async fn start_over(&self, writer: &mut SqliteConnection) {
        wait_for_locks(writer, READERS_MAX).await;
        let done = self.checkpoint(writer, "PRAGMA wal_checkpoint(RESTART)").await;
        wait_for_locks(writer, schema::BUSY_MAX).await;
        let (told, limit) = match done {
            Some((true, _)) => (0, LOG_PAGES_MAX),
            Some((false, length)) => (length, length + STEP_PAGES),
            None => return,
        };
        self.told.store(told, Relaxed);
        self.limit.store(limit, Relaxed);
    }

    /// Whether nobody was in the way, and the length of the log in pages. `None`: it failed, or somebody else copies and
    /// will tell. That costs nothing but length: the next commit tries again, and a broken file shows in the commit itself.
    async fn checkpoint(&self, connection: &mut SqliteConnection, pragma: &'static str) -> Option<(bool, usize)> {
        let grown = self.grown.swap(0, Relaxed);
        match sqlx::query_as::<_, (bool, i64, i64)>(pragma).fetch_one(connection).await {
            Ok((busy, length, _)) if length >= 0 => Some((!busy, usize::try_from(length).unwrap_or(0))),
            other => {
                tracing::debug!(?other, "checkpoint put off");
                self.grown.fetch_add(grown, Relaxed);
                None
            }
        }
    }
}

async fn wait_for_locks(connection: &mut SqliteConnection, time: Duration) {
    let pragma = format!("PRAGMA busy_timeout = {}", time.as_millis());
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(pragma)).execute(connection).await {
        tracing::debug!(%error, "the time to wait for locks stays as it was");
    }
}
