//! The one writer. Every commit is one transaction that is on the disk when `commit` returns.

mod alert;
mod author;
mod follower;
mod mention;
mod rescore;

use super::checkpoint::Checkpoint;
use super::{Commit, Error, row};
use jiff::Timestamp;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The only one that writes. Numbers mentions (`seq`) and changes.
pub struct Writer {
    file: Arc<Path>,
    connection: SqliteConnection,
    counters: Counters,
    /// A transaction may be open: a commit failed, or its future was dropped halfway.
    unsettled: bool,
    checkpoint: Checkpoint,
    /// Held for as long as we may write; fields are dropped in order, so it goes last.
    _lock: File,
}

/// The last numbers given, and the number of live mentions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counters {
    seq: i64,
    change: i64,
    live: i64,
}

impl Writer {
    pub(super) async fn new(
        file: Arc<Path>,
        lock: File,
        mut connection: SqliteConnection,
        checkpointer: SqliteConnection,
    ) -> Result<Self, Error> {
        let counters = Counters::load(&mut connection).await.map_err(|e| Error::new(&file, &e))?;
        let checkpoint = Checkpoint::start(checkpointer);
        Ok(Self { file, connection, counters, unsettled: false, checkpoint, _lock: lock })
    }

    /// The next free `seq`; the caller numbers its new mentions from here on, without holes.
    pub fn next_seq(&self) -> i64 {
        self.counters.seq + 1
    }

    /// The number of the last change committed.
    pub fn last_change(&self) -> i64 {
        self.counters.change
    }

    /// One durable transaction. On an error nothing of it is stored and it can be tried again as it is.
    ///
    /// # Errors
    /// [`Error::Retry`] when the disk is full, busy or away. [`Error::Stop`] when the file is damaged, or when the
    /// commit breaks our own rules: a mention twice, or numbered with holes.
    pub async fn commit(&mut self, commit: &Commit) -> Result<(), Error> {
        self.settle().await?;
        self.unsettled = true;
        match apply(&mut self.connection, commit, self.counters).await {
            Ok(counters) => {
                self.counters = counters;
                self.unsettled = false;
                self.checkpoint.after_commit(&mut self.connection, commit.rows()).await;
                Ok(())
            }
            Err(error) => {
                let fault = self.fault(&error);
                // When this fails too, the next call tries again; the first error is the one to tell.
                if let Err(error) = self.settle().await {
                    tracing::warn!(%error, "roll-back put off");
                }
                Err(fault)
            }
        }
    }

    /// Empties the write-ahead log and closes the file, so that the next start finds it clean. Dropping the writer
    /// instead loses nothing; the next start then looks closer.
    ///
    /// # Errors
    /// [`Error::Retry`] when the disk did not take it. Nothing is lost.
    pub async fn close(self) -> Result<(), Error> {
        let Self { file, mut connection, checkpoint, _lock, .. } = self;
        checkpoint.close(&mut connection).await;
        connection.close().await.map_err(|e| Error::new(&file, &e))
    }

    /// Ends a transaction that was left open and reads the counters anew, since it may have been committed unheard.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        if self.unsettled {
            // Fails when SQLite has rolled back by itself, as it does on a full disk. A connection that is beyond
            // this fails in the next statement, too.
            let rolled_back = sqlx::raw_sql("ROLLBACK").execute(&mut self.connection).await;
            tracing::debug!(?rolled_back, "transaction left open");
            self.counters = Counters::load(&mut self.connection).await.map_err(|e| self.fault(&e))?;
            self.unsettled = false;
        }
        Ok(())
    }

    fn fault(&self, error: &sqlx::Error) -> Error {
        Error::new(&self.file, error)
    }
}

impl Counters {
    async fn load(connection: &mut SqliteConnection) -> sqlx::Result<Self> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT name, value FROM counter").fetch_all(&mut *connection).await?;
        let value = |name: &str| rows.iter().find(|row| row.0 == name).map(|row| row.1);
        match (value("seq"), value("change"), value("live")) {
            (Some(seq), Some(change), Some(live)) => Ok(Self { seq, change, live }),
            _ => Err(sqlx::Error::Decode("a counter is missing".into())),
        }
    }

    async fn save(self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        sqlx::query("UPDATE counter SET value = CASE name WHEN 'seq' THEN $1 WHEN 'change' THEN $2 ELSE $3 END")
            .bind(self.seq)
            .bind(self.change)
            .bind(self.live)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Begin to commit. Plain statements rather than sqlx's transaction, whose count of nested ones goes wrong when SQLite
/// rolls back by itself. Profiles count as fetched now: they are committed as soon as they are there.
async fn apply(connection: &mut SqliteConnection, commit: &Commit, before: Counters) -> sqlx::Result<Counters> {
    let mut counters = before;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    mention::insert(connection, &commit.new, &mut counters).await?;
    mention::edit(connection, &commit.edited, &mut counters).await?;
    mention::delete(connection, &commit.deleted, &mut counters).await?;
    mention::patch(connection, &commit.patches, &mut counters).await?;
    rescore::add(connection, &commit.rescore).await?;
    rescore::take(connection, &commit.rescored, &mut counters).await?;
    author::put(connection, &commit.authors, Timestamp::now(), &mut counters).await?;
    author::correct(connection, &commit.corrections).await?;
    author::mark(connection, &commit.marked, &mut counters).await?;
    follower::hear(connection, &commit.followers).await?;
    follower::list(connection, &commit.snapshots).await?;
    // Last: whatever else came in of them goes, too.
    author::forget(connection, &commit.gone).await?;
    author::prune(connection, commit.followers_until).await?;
    for (source, gap) in &commit.gaps {
        sqlx::query("INSERT INTO gap (source, from_at, to_at, reason) VALUES ($1, $2, $3, $4)")
            .bind(&**source)
            .bind(row::nanoseconds(gap.from))
            .bind(row::nanoseconds(gap.to))
            .bind(gap.reason.as_str())
            .execute(&mut *connection)
            .await?;
    }
    alert::put(connection, &commit.alerts).await?;
    alert::send(connection, &commit.deliveries).await?;
    if !commit.deleted.is_empty() {
        alert::forget(connection, &commit.deleted, &commit.alerts).await?;
    }
    alert::conclude(connection, &commit.outcomes).await?;
    for (source, value) in &commit.cursors {
        let sql = "INSERT INTO cursor (source, value) VALUES ($1, $2) \
                   ON CONFLICT (source) DO UPDATE SET value = excluded.value";
        sqlx::query(sql).bind(&**source).bind(value.as_str()).execute(&mut *connection).await?;
    }
    if counters != before {
        counters.save(connection).await?;
    }
    sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
    Ok(counters)
}

#[cfg(test)]
impl Writer {
    /// For tests that need what nobody should do.
    pub(super) async fn run(&mut self, sql: String) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut self.connection).await.unwrap();
    }
}
