//! Tables, migrations and how a connection is set up. Whatever only SQLite understands stands here (and in `file` and
//! `checkpoint`), so that the rest can follow to another database.
//! Source: <https://www.sqlite.org/pragma.html>, <https://www.sqlite.org/wal.html>.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// One entry per version, applied in order, each in its own transaction. Never edited once released: append.
pub const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// How long a connection waits for another's lock. Only a truncating checkpoint or another program can hold one.
pub const BUSY_MAX: Duration = Duration::from_secs(5);

/// Page cache of the writer in KiB: the upper levels of the two random indexes (identity, author) of some 10 million
/// mentions stay in it.
const WRITER_CACHE_KIB: u32 = 64 * 1024;

/// Page cache of each reader in KiB.
const READER_CACHE_KIB: u32 = 8 * 1024;

/// Rows that a connection may be ahead of its caller: large enough that the two threads rarely wait for each other.
const ROWS_AHEAD: usize = 1_024;

pub fn writer(file: &Path) -> SqliteConnectOptions {
    base(file)
        .create_if_missing(true)
        // Keys and authors are spread over their indexes, so that a small commit writes a page for each: larger pages
        // (8 KiB) cost a third more there and gain nothing elsewhere.
        .page_size(4_096)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_MAX)
        .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
        // `checkpoint` does it, outside of commits. The log is written over rather than cut and grown anew: a sync costs
        // several times as much where the file system must find room first.
        .pragma("wal_autocheckpoint", "0")
        .pragma("journal_size_limit", "-1")
        // The text of a deleted post must not linger in free space. Costs inserts nothing that can be measured.
        .pragma("secure_delete", "ON")
}

pub fn reader(file: &Path) -> SqliteConnectOptions {
    base(file).read_only(true).busy_timeout(BUSY_MAX).pragma("cache_size", format!("-{READER_CACHE_KIB}"))
}

/// Never waits: what is locked is tried again later.
pub fn checkpointer(file: &Path) -> SqliteConnectOptions {
    base(file).synchronous(SqliteSynchronous::Full).busy_timeout(Duration::ZERO).pragma("wal_autocheckpoint", "0")
}

fn base(file: &Path) -> SqliteConnectOptions {
    // Statements are not logged: their values are people's texts.
    SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(true)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
}

/// The version that the file says it has, 0 for a new one.
pub async fn version(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await
}

/// Brings the file from `version` to the newest.
pub async fn migrate(connection: &mut SqliteConnection, version: i64) -> sqlx::Result<()> {
    for (at, sql) in MIGRATIONS.iter().enumerate().skip(usize::try_from(version).unwrap_or(0)) {
        let step = format!("BEGIN IMMEDIATE; {sql}; PRAGMA user_version = {}; COMMIT", at + 1);
        sqlx::raw_sql(AssertSqlSafe(step)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// `None` when sound, otherwise the first damage found. Reads the whole file.
pub async fn damage(connection: &mut SqliteConnection) -> sqlx::Result<Option<String>> {
    let said: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await?;
    Ok((said != "ok").then_some(said))
}

/// All shelves of the index on authors, to be joined as `shelf CROSS JOIN mention ON seq >> 16 = shelf.number AND author = ...`.
pub const SHELVES: &str = "WITH RECURSIVE shelf (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM shelf \
                           WHERE number < (SELECT MAX(seq) FROM mention) >> 16) ";

/// `(?,?),(?,?)`: numbered places would be looked up one by one, which is quadratic for this many.
fn places(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    vec![row; rows].join(",")
}

/// Keys that one look-up statement takes; shorter lists are filled up with NULL, which equals nothing.
pub const LOOKUP_KEYS: usize = 512;

/// `prefix` with [`LOOKUP_KEYS`] places in parentheses.
pub fn lookup(prefix: &str) -> Arc<str> {
    format!("{prefix}{}", places(1, LOOKUP_KEYS)).into()
}

/// Rows that one insert statement takes. A statement costs a round trip to the connection's thread; beyond 64 rows
/// nothing more is gained, and one JSON parameter for all rows costs half as much again. Fixed sizes, so that each is
/// prepared once; halves, so that a handful of mentions takes two or three.
const INSERT_ROWS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

const MENTION_COLUMNS: &str = "seq, change, deleted, key, source, brand, created_at, seen_at, edited_at, author, \
                               content, judged, status, assignee, note, correction, post";

/// Insert statements for mentions by number of rows, largest first.
pub static INSERT_MENTIONS: LazyLock<[(usize, Arc<str>); INSERT_ROWS.len()]> = LazyLock::new(|| {
    INSERT_ROWS.map(|rows| {
        let places = places(rows, MENTION_COLUMNS.split(',').count());
        // What fails ends the transaction, so that SQLite need not keep what a single statement changed.
        (rows, format!("INSERT OR ROLLBACK INTO mention ({MENTION_COLUMNS}) VALUES {places}").into())
    })
});
