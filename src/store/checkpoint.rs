//! Brings the write-ahead log back into the file, outside of commits. A task with its own connection copies whenever the
//! log has grown by [`STEP_BYTES`], which never blocks the writer; a log can only start over when all of it was copied
//! at a moment when nobody writes, so the writer itself copies the short rest once the log passes [`LOG_BYTES_MAX`].
//! When nothing was committed for [`IDLE`], the log is emptied.
//! Source: <https://www.sqlite.org/wal.html#ckpt>.

use super::file;
use sqlx::sqlite::SqliteConnection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Growth after which the task copies: some ten thousand mentions, and a copy takes well under a second.
const STEP_BYTES: u64 = 16 * 1024 * 1024;

/// Length at which the writer copies the rest itself. A reader that reads on for long can make the log longer still.
const LOG_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Silence after which the log is emptied, so that a deleted text does not stay in it for long.
const IDLE: Duration = Duration::from_secs(2);

/// The writer's side.
pub struct Checkpoint {
    wal: PathBuf,
    committed: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Checkpoint {
    /// Starts the task. Must be called within a tokio runtime.
    pub fn start(store: &Path, connection: SqliteConnection) -> Self {
        let (wal, committed) = (file::wal(store), Arc::new(Notify::new()));
        let task = tokio::spawn(follow(connection, wal.clone(), committed.clone()));
        Self { wal, committed, task }
    }

    /// To be called after each commit.
    pub async fn after_commit(&self, writer: &mut SqliteConnection) {
        self.committed.notify_one();
        if file::length(&self.wal) > LOG_BYTES_MAX {
            copy(writer, "PRAGMA wal_checkpoint(PASSIVE)").await;
        }
    }

    /// Ends the task and empties the log through `writer`.
    pub async fn close(mut self, writer: &mut SqliteConnection) {
        self.task.abort();
        // The answer only says that it was aborted; what matters is that its connection is gone.
        drop((&mut self.task).await);
        copy(writer, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    }
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Woken by commits alone: without them no timer runs.
async fn follow(mut connection: SqliteConnection, wal: PathBuf, committed: Arc<Notify>) {
    let mut copied = 0;
    loop {
        committed.notified().await;
        loop {
            let length = file::length(&wal);
            // Shorter than what was copied: it has started over.
            let grown = length.checked_sub(copied).unwrap_or(length);
            if grown >= STEP_BYTES {
                copy(&mut connection, "PRAGMA wal_checkpoint(PASSIVE)").await;
                copied = length;
            }
            if timeout(IDLE, committed.notified()).await.is_err() {
                break;
            }
        }
        copy(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        copied = 0;
    }
}

/// A failure costs nothing but length: the next commit tries again, and a broken file shows in the commit itself.
async fn copy(connection: &mut SqliteConnection, pragma: &'static str) {
    if let Err(error) = sqlx::query(pragma).execute(connection).await {
        tracing::debug!(%error, "checkpoint put off");
    }
}
