//! Reads of what is committed. A few connections, no timers: under a paused clock nothing here runs out.

use super::{Changed, Error, row, schema};
use crate::alert::{Alert, Delivery, DeliveryState, State};
use crate::ledger::Gap;
use crate::mention::Mention;
use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, QueryBuilder, Row, Sqlite};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::sync::{Mutex, MutexGuard};

/// Readers at work at the same time: a page, an export, the index and the deliverer. More would only share the disk.
const CONNECTIONS: usize = 4;

/// How far back an author counts as recent, from the newest mention on.
const AUTHOR_RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The latest mentions that are looked through for authors without a profile: some 10 ms. Who wrote before those
/// waits for his next mention.
const AUTHOR_SCAN_MAX: i64 = 20_000;

/// Reads committed state; cheap to clone.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

struct Shared {
    file: Box<Path>,
    connections: [Mutex<SqliteConnection>; CONNECTIONS],
    turn: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Live ones.
    pub mentions: u64,
    /// Not resolved.
    pub alerts_open: u64,
    pub deliveries_pending: u64,
    pub deliveries_dead: u64,
}

impl Reader {
    pub(super) async fn open(file: &Path) -> Result<Self, Error> {
        let options = schema::reader(file);
        let open = || async { options.connect().await.map(Mutex::new).map_err(|e| Error::new(file, &e)) };
        let connections = [open().await?, open().await?, open().await?, open().await?];
        Ok(Self { shared: Arc::new(Shared { file: file.into(), connections, turn: AtomicUsize::new(0) }) })
    }

    pub(super) async fn version(&self) -> Result<i64, Error> {
        schema::version(&mut *self.connection().await).await.map_err(self.fault())
    }

    pub async fn mention(&self, seq: i64) -> Result<Option<Mention>, Error> {
        Ok(self.mentions(&[seq]).await?.pop())
    }

    /// In the order asked for; missing and deleted ones left out.
    pub async fn mentions(&self, seqs: &[i64]) -> Result<Vec<Mention>, Error> {
        let mut found: HashMap<i64, Mention> = HashMap::with_capacity(seqs.len());
        for chunk in seqs.chunks(schema::LOOKUP_KEYS) {
            let mut query = QueryBuilder::<Sqlite>::new(row::MENTION);
            query.push("WHERE deleted = 0 AND seq IN (");
            let mut places = query.separated(",");
            for seq in chunk {
                places.push_bind(*seq);
            }
            query.push(")");
            let rows =
                query.build().persistent(false).fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
            for mention in self.each(&rows, row::mention)? {
                found.insert(mention.seq, mention);
            }
        }
        // Removed as they are handed out: twice asked for is handed out once.
        Ok(seqs.iter().filter_map(|seq| found.remove(seq)).collect())
    }

    /// All brands' mentions of a post; `source` narrows when ids collide across sources. Deleted ones left out.
    pub async fn mentions_by_id(&self, id: &str, source: Option<&str>) -> Result<Vec<Mention>, Error> {
        let sql =
            format!("{}WHERE key = $1 AND ($2 IS NULL OR source = $2) AND deleted = 0 ORDER BY seq", row::MENTION);
        let query = sqlx::query(AssertSqlSafe(sql)).bind(row::key(id).to_vec()).bind(source);
        let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        self.each(&rows, row::mention)
    }

    /// Rows with `change > after`, ascending.
    pub async fn changes(&self, after: i64, limit: usize) -> Result<Vec<Changed>, Error> {
        let sql = format!("{}WHERE change > $1 ORDER BY change LIMIT $2", row::MENTION);
        let query = sqlx::query(AssertSqlSafe(sql)).bind(after).bind(count(limit));
        let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        self.each(&rows, |row| {
            let deleted: bool = row.try_get(12)?;
            Ok(Changed {
                change: row.try_get(10)?,
                rewritten: row.try_get(11)?,
                mention: if deleted { None } else { Some(Arc::new(row::mention(row)?)) },
                seq: row.try_get(0)?,
            })
        })
    }

    pub async fn last_change(&self) -> Result<i64, Error> {
        self.number("SELECT value FROM counter WHERE name = 'change'").await
    }

    /// Live mentions with `created_at >= since`, ascending by `seq` from `after_seq`, for warming rules and for export.
    pub async fn mentions_since(&self, since: Timestamp, after_seq: i64, limit: usize) -> Result<Vec<Mention>, Error> {
        let since = row::nanoseconds(since);
        let mut connection = self.connection().await;
        // Where the first one stands comes from the index on time, once; from there on along the table. `+` keeps
        // each statement off the other's way, which would read all there is.
        let first = if after_seq > 0 {
            Some(after_seq.saturating_add(1))
        } else {
            let first = sqlx::query_scalar("SELECT MIN(+seq) FROM mention WHERE deleted = 0 AND created_at >= $1");
            first.bind(since).fetch_one(&mut *connection).await.map_err(self.fault())?
        };
        let Some(first) = first else { return Ok(Vec::new()) };
        let sql =
            format!("{}WHERE seq >= $1 AND deleted = 0 AND +created_at >= $2 ORDER BY seq LIMIT $3", row::MENTION);
        let query = sqlx::query(AssertSqlSafe(sql)).bind(first).bind(since).bind(count(limit));
        let rows = query.fetch_all(&mut *connection).await.map_err(self.fault())?;
        self.each(&rows, row::mention)
    }

    /// Live ones.
    pub async fn mention_count(&self) -> Result<u64, Error> {
        Ok(self.number("SELECT value FROM counter WHERE name = 'live'").await?.unsigned_abs())
    }

    pub async fn cursor(&self, source: &str) -> Result<Option<String>, Error> {
        let query = sqlx::query_scalar("SELECT value FROM cursor WHERE source = $1").bind(source);
        query.fetch_optional(&mut *self.connection().await).await.map_err(self.fault())
    }

    pub async fn alert(&self, id: &str) -> Result<Option<Alert>, Error> {
        let query = sqlx::query("SELECT body FROM alert WHERE id = $1").bind(id);
        let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        Ok(self.each(&rows, row::alert)?.pop())
    }

    /// Live mentions whose sentiment a person corrected, ascending by `seq` from `after_seq`. Reads the table along.
    pub async fn corrected(&self, after_seq: i64, limit: usize) -> Result<Vec<Mention>, Error> {
        let wanted = "WHERE seq > $1 AND deleted = 0 AND correction IS NOT NULL ORDER BY seq LIMIT $2";
        let query = sqlx::query(AssertSqlSafe(format!("{}{wanted}", row::MENTION))).bind(after_seq).bind(count(limit));
        let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        self.each(&rows, row::mention)
    }

    /// Those that are not resolved, oldest first.
    pub async fn open_alerts(&self) -> Result<Vec<Alert>, Error> {
        let query = sqlx::query("SELECT body FROM alert WHERE state <> 'resolved' ORDER BY opened_at, id");
        let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        self.each(&rows, row::alert)
    }

    /// Those that a rule engine must know: not resolved, or resolved since `since` (an alert that stayed open for more
    /// than a month is left out then: what it counted is long gone).
    pub async fn recent_alerts(&self, since: Timestamp) -> Result<Vec<Alert>, Error> {
        let opened = since.checked_sub(jiff::SignedDuration::from_hours(30 * 24)).unwrap_or(Timestamp::MIN);
        let query =
            sqlx::query("SELECT body FROM alert WHERE state <> 'resolved' OR opened_at >= $1 ORDER BY opened_at, id")
                .bind(row::nanoseconds(opened));
        let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        let mut alerts = self.each(&rows, row::alert)?;
        alerts.retain(|alert| alert.resolved_at.is_none_or(|at| at >= since));
        Ok(alerts)
    }

    /// Newest first. `state`, `brand`: all when `None`. `before`: `opened_at` and id of the last one of the page before.
    pub async fn alerts(
        &self,
        state: Option<State>,
        brands: Option<&[String]>,
        limit: usize,
        before: Option<(Timestamp, String)>,
    ) -> Result<Vec<Alert>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT body FROM alert WHERE 1 = 1");
        if let Some(state) = state {
            query.push(" AND state = ").push_bind(state.name());
        }
        if let Some(brands) = brands {
            query.push(" AND brand IN (");
            let mut places = query.separated(",");
            for brand in brands {
                places.push_bind(brand.as_str());
            }
            query.push(")");
        }
        if let Some((opened_at, id)) = before {
            query.push(" AND (opened_at, id) < (").push_bind(row::nanoseconds(opened_at));
            query.push(",").push_bind(id).push(")");
        }
        query.push(" ORDER BY opened_at DESC, id DESC LIMIT ").push_bind(count(limit));
        let rows =
            query.build().persistent(false).fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        self.each(&rows, row::alert)
    }

    /// Pending deliveries due at `now`, first in first out per (alert, hook), at most one for each (alert, hook).
    /// Those of the hooks `except` are left out.
    pub async fn due_deliveries(
        &self,
        now: Timestamp,
        except: &[String],
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(row::DELIVERY);
        query.push(" AS due WHERE state = 'pending' AND due_at <= ").push_bind(row::nanoseconds(now));
        for hook in except {
            query.push(" AND hook <> ").push_bind(hook.as_str());
        }
        query.push(
            " AND NOT EXISTS (SELECT 1 FROM outbox AS older WHERE older.state = 'pending' \
             AND older.alert = due.alert AND older.hook = due.hook AND older.revision < due.revision) \
             ORDER BY due_at, seq LIMIT ",
        );
        query.push_bind(count(limit));
        let rows = query.build().fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        self.each(&rows, row::delivery)
    }

    /// When the next attempt is due; in the past when one is overdue.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        let query = sqlx::query_scalar("SELECT MIN(due_at) FROM outbox WHERE state = 'pending'");
        let due: Option<i64> = query.fetch_one(&mut *self.connection().await).await.map_err(self.fault())?;
        due.map(row::timestamp).transpose().map_err(self.fault())
    }

    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(row::DELIVERY);
        query.push("WHERE id = ").push_bind(id);
        let rows = query.build().fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        Ok(self.each(&rows, row::delivery)?.pop())
    }

    /// Newest first.
    pub async fn deliveries(
        &self,
        state: Option<DeliveryState>,
        hook: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(row::DELIVERY);
        query.push("WHERE 1 = 1");
        if let Some(state) = state {
            // Our own word, not a parameter: only so is the index of the few that are pending or dead of use.
            query.push(" AND state = '").push(state.name()).push("'");
        }
        if let Some(hook) = hook {
            query.push(" AND hook = ").push_bind(hook);
        }
        query.push(" ORDER BY seq DESC LIMIT ").push_bind(count(limit));
        let rows =
            query.build().persistent(false).fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        self.each(&rows, row::delivery)
    }

    /// Newest first.
    pub async fn gaps(&self, source: &str, limit: usize) -> Result<Vec<Gap>, Error> {
        let query = sqlx::query("SELECT from_at, to_at, reason FROM gap WHERE source = $1 ORDER BY seq DESC LIMIT $2");
        let query = query.bind(source).bind(count(limit));
        let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        self.each(&rows, |row| {
            Ok(Gap {
                from: row::timestamp(row.try_get(0)?)?,
                to: row::timestamp(row.try_get(1)?)?,
                reason: row.try_get(2)?,
            })
        })
    }

    /// Authors of recent mentions of a source whose profile was never fetched or is older than `stale_before`; newest first.
    /// Recent: within 7 days before the newest mention, and among the latest some ten thousand.
    pub async fn authors_to_look_up(
        &self,
        source: &str,
        stale_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let mut connection = self.connection().await;
        let newest: Option<(i64, i64)> = sqlx::query_as("SELECT seq, seen_at FROM mention ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await
            .map_err(self.fault())?;
        let Some((newest, seen_at)) = newest else { return Ok(Vec::new()) };
        let recent = seen_at.saturating_sub(i64::try_from(AUTHOR_RECENT.as_nanos()).unwrap_or(i64::MAX));
        let mut ids = sqlx::query_scalar::<_, String>(
            "SELECT author FROM mention WHERE seq > $1 AND source = $2 AND author IS NOT NULL AND deleted = 0 \
             AND +created_at >= $3 AND NOT EXISTS (SELECT 1 FROM author WHERE author.source = mention.source \
             AND author.id = mention.author AND author.fetched_at >= $4) ORDER BY seq DESC",
        )
        .bind(newest.saturating_sub(AUTHOR_SCAN_MAX))
        .bind(source)
        .bind(recent)
        .bind(row::nanoseconds(stale_before))
        .fetch(&mut *connection);
        let (mut met, mut found) = (BTreeSet::new(), Vec::new());
        // Read on only as far as is needed: most of the time the newest will do.
        while found.len() < limit
            && let Some(id) = ids.try_next().await.map_err(self.fault())?
        {
            if met.insert(id.clone()) {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// Numbers of rows, for `/metrics` and the page.
    pub async fn counts(&self) -> Result<Counts, Error> {
        let (mentions, open, pending, dead): (i64, i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT value FROM counter WHERE name = 'live'), \
                    (SELECT COUNT(*) FROM alert WHERE state <> 'resolved'), \
                    (SELECT COUNT(*) FROM outbox WHERE state = 'pending'), \
                    (SELECT COUNT(*) FROM outbox WHERE state = 'dead')",
        )
        .fetch_one(&mut *self.connection().await)
        .await
        .map_err(self.fault())?;
        Ok(Counts {
            mentions: mentions.unsigned_abs(),
            alerts_open: open.unsigned_abs(),
            deliveries_pending: pending.unsigned_abs(),
            deliveries_dead: dead.unsigned_abs(),
        })
    }

    /// A free connection, else the next in turn.
    pub(super) async fn connection(&self) -> MutexGuard<'_, SqliteConnection> {
        let all = &self.shared.connections;
        match all.iter().find_map(|one| one.try_lock().ok()) {
            Some(free) => free,
            None => all[self.shared.turn.fetch_add(1, Relaxed) % CONNECTIONS].lock().await,
        }
    }

    pub(super) async fn number(&self, sql: &'static str) -> Result<i64, Error> {
        sqlx::query_scalar(sql).fetch_one(&mut *self.connection().await).await.map_err(self.fault())
    }

    pub(super) fn each<T>(
        &self,
        rows: &[SqliteRow],
        read: impl Fn(&SqliteRow) -> sqlx::Result<T>,
    ) -> Result<Vec<T>, Error> {
        rows.iter().map(read).collect::<sqlx::Result<_>>().map_err(self.fault())
    }

    pub(super) fn fault(&self) -> impl Fn(sqlx::Error) -> Error {
        |error| Error::new(&self.shared.file, &error)
    }
}

pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
