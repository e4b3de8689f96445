//! What is known of an own account's followers: who came and went, whole lists, and who they are.

use super::read::{Reader, count};
use super::{Error, row};
use crate::brand::{FollowKind, FollowerEvent, Snapshot, SnapshotState};
use crate::post::Author;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

pub(super) const FOLLOW_KINDS: [(&str, FollowKind); 2] =
    [("follow", FollowKind::Follow), ("unfollow", FollowKind::Unfollow)];

/// By number: `state as usize`.
pub(super) const SNAPSHOT_STATES: [(&str, SnapshotState); 4] = [
    ("open", SnapshotState::Open),
    ("whole", SnapshotState::Whole),
    ("short", SnapshotState::Short),
    ("hidden", SnapshotState::Hidden),
];

impl Reader {
    /// Oldest first. Whose account is gone has a name that tells only that.
    pub async fn followers(
        &self,
        source: &str,
        account: &str,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<FollowerEvent>, Error> {
        let query = sqlx::query(
            "SELECT COALESCE(author.id, 'gone/' || seq), record, at, kind FROM own_account own \
             JOIN follower_event ON account = own.number LEFT JOIN author ON author.number = follower \
             WHERE own.source = $1 AND own.id = $2 AND at >= $3 ORDER BY at, seq LIMIT $4",
        )
        .bind(source)
        .bind(account)
        .bind(row::nanoseconds(since))
        .bind(count(limit));
        let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        self.each(&rows, |row| {
            Ok(FollowerEvent {
                source: source.to_owned(),
                account: account.to_owned(),
                follower: row.try_get(0)?,
                record: row.try_get(1)?,
                at: row::timestamp(row.try_get(2)?)?,
                kind: row::by_name(&FOLLOW_KINDS, row.try_get(3)?)?,
            })
        })
    }

    /// Whom a follow record pointed at: (own account, follower).
    pub async fn follow_record(&self, source: &str, record: &str) -> Result<Option<(String, String)>, Error> {
        sqlx::query_as(
            "SELECT own.id, author.id FROM follow JOIN own_account own ON own.number = account \
             JOIN author ON author.number = follower \
             WHERE own.source = $1 AND record = $2 AND record <> '' AND kind = 'follow'",
        )
        .bind(source)
        .bind(record)
        .fetch_optional(&mut *self.connection().await)
        .await
        .map_err(self.fault())
    }

    /// The latest snapshot of an account's followers.
    pub async fn snapshot(&self, source: &str, account: &str) -> Result<Option<Snapshot>, Error> {
        let query = sqlx::query(
            "SELECT began_at, ended_at, next, named, total, state FROM snapshot \
             JOIN own_account own ON own.number = account \
             WHERE own.source = $1 AND own.id = $2 ORDER BY snapshot.number DESC LIMIT 1",
        )
        .bind(source)
        .bind(account);
        let row = query.fetch_optional(&mut *self.connection().await).await.map_err(self.fault())?;
        row.as_ref().map(snapshot).transpose().map_err(self.fault())
    }

    /// Shows everybody who follows, in no order, with what is known of them, at least their id, and whether a person said
    /// that they are spam.
    pub async fn each_follower(
        &self,
        source: &str,
        account: &str,
        mut show: impl FnMut(Author<'static>, Option<bool>),
    ) -> Result<(), Error> {
        let mut connection = self.connection().await;
        let mut rows = sqlx::query(
            "SELECT author.id, author.profile, said.spam FROM own_account own \
             JOIN follow ON follow.account = own.number AND follow.kind = 'follow' \
             JOIN author ON author.number = follow.follower \
             LEFT JOIN author_correction said ON said.source = author.source AND said.id = author.id \
             WHERE own.source = $1 AND own.id = $2",
        )
        .bind(source)
        .bind(account)
        .fetch(&mut *connection);
        while let Some(row) = rows.try_next().await.map_err(self.fault())? {
            let (author, said) = follower(&row).map_err(self.fault())?;
            show(author, said);
        }
        Ok(())
    }

    /// Shows what was heard since then, oldest first, with what is known and said of the follower: nothing where the account
    /// is gone. What only two snapshots tell of has no time of its own and is left out.
    pub async fn each_heard(
        &self,
        source: &str,
        account: &str,
        since: Timestamp,
        mut show: impl FnMut(Timestamp, FollowKind, (Author<'static>, Option<bool>)),
    ) -> Result<(), Error> {
        self.each_heard_after(source, account, since, 0, |_, at, kind, author| show(at, kind, author)).await
    }

    /// As [`Reader::each_heard`], of what was stored after the event of this number; with the number of each.
    pub async fn each_heard_after(
        &self,
        source: &str,
        account: &str,
        since: Timestamp,
        after: i64,
        mut show: impl FnMut(i64, Timestamp, FollowKind, (Author<'static>, Option<bool>)),
    ) -> Result<(), Error> {
        let mut connection = self.connection().await;
        let mut rows = sqlx::query(
            "SELECT author.id, author.profile, said.spam, event.at, event.kind, event.seq FROM own_account own \
             JOIN follower_event event ON event.account = own.number LEFT JOIN author ON author.number = event.follower \
             LEFT JOIN author_correction said ON said.source = author.source AND said.id = author.id \
             WHERE own.source = $1 AND own.id = $2 AND event.at >= $3 AND event.seq > $4 AND event.since IS NULL \
             ORDER BY event.at, event.seq",
        )
        .bind(source)
        .bind(account)
        .bind(row::nanoseconds(since))
        .bind(after)
        .fetch(&mut *connection);
        while let Some(row) = rows.try_next().await.map_err(self.fault())? {
            let (at, kind, author) = heard(&row).map_err(self.fault())?;
            show(row.try_get(5).map_err(self.fault())?, at, kind, author);
        }
        Ok(())
    }

    /// When an account's followers were first heard of or listed.
    pub async fn followed_since(&self, source: &str, account: &str) -> Result<Option<Timestamp>, Error> {
        let query = sqlx::query_scalar::<_, Option<i64>>(
            "WITH own AS (SELECT number FROM own_account WHERE source = $1 AND id = $2) SELECT MIN(at) FROM \
             (SELECT MIN(began_at) AS at FROM snapshot WHERE account = (SELECT number FROM own) \
             UNION ALL SELECT MIN(at) FROM follower_event WHERE account = (SELECT number FROM own))",
        )
        .bind(source)
        .bind(account);
        let first = query.fetch_one(&mut *self.connection().await).await.map_err(self.fault())?;
        first.map(row::timestamp).transpose().map_err(self.fault())
    }

    /// Whether a person said something since then of whoever is known to have followed an account.
    pub async fn follower_corrected_since(&self, source: &str, account: &str, since: Timestamp) -> Result<bool, Error> {
        // In this order: corrections are few, events may be millions.
        let query = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM author_correction said \
             CROSS JOIN author ON author.source = said.source AND author.id = said.id \
             CROSS JOIN follower_event event ON event.follower = author.number \
             WHERE said.source = $1 AND said.at >= $3 \
             AND +event.account = (SELECT number FROM own_account WHERE source = $1 AND id = $2))",
        )
        .bind(source)
        .bind(account)
        .bind(row::nanoseconds(since));
        query.fetch_one(&mut *self.connection().await).await.map_err(self.fault())
    }

    /// How many follow an account, as far as we know.
    pub async fn follower_count(&self, source: &str, account: &str) -> Result<u64, Error> {
        let query = sqlx::query_scalar::<_, i64>(
            "SELECT COUNT(*) FROM follow JOIN own_account own ON own.number = account \
             WHERE own.source = $1 AND own.id = $2 AND kind = 'follow'",
        )
        .bind(source)
        .bind(account);
        let count = query.fetch_one(&mut *self.connection().await).await.map_err(self.fault())?;
        Ok(count.unsigned_abs())
    }

    /// Source and native id of the listed own accounts with this id or handle; a handle may lack its server.
    pub async fn listed_accounts(&self, name: &str) -> Result<Vec<(String, String)>, Error> {
        sqlx::query_as(
            "WITH named (source, account, handle) AS (SELECT own.source, own.id, \
             lower(json_extract(author.profile, '$.handle')) FROM own_account own LEFT JOIN author \
             ON author.source = own.source AND author.id = own.id \
             WHERE EXISTS (SELECT 1 FROM snapshot WHERE snapshot.account = own.number)) \
             SELECT source, account FROM named WHERE account = $1 \
             OR lower(ltrim($1, '@')) IN (handle, NULLIF(substr(handle, 1, instr(handle, '@') - 1), ''))",
        )
        .bind(name)
        .fetch_all(&mut *self.connection().await)
        .await
        .map_err(self.fault())
    }

    /// Followers of a source whose profile was never asked for; the newest first.
    pub async fn followers_to_look_up(&self, source: &str, limit: usize) -> Result<Vec<String>, Error> {
        let sql = "SELECT id FROM author WHERE source = $1 AND fetched_at IS NULL ORDER BY number DESC LIMIT $2";
        sqlx::query_scalar(sql)
            .bind(source)
            .bind(count(limit))
            .fetch_all(&mut *self.connection().await)
            .await
            .map_err(self.fault())
    }
}

fn snapshot(row: &SqliteRow) -> sqlx::Result<Snapshot> {
    let (named, total): (i64, Option<i64>) = (row.try_get(3)?, row.try_get(4)?);
    Ok(Snapshot {
        began_at: row::timestamp(row.try_get(0)?)?,
        ended_at: row.try_get::<Option<i64>, _>(1)?.map(row::timestamp).transpose()?,
        next: row.try_get(2)?,
        named: named.unsigned_abs(),
        total: total.map(i64::unsigned_abs),
        state: row::by_name(&SNAPSHOT_STATES, row.try_get(5)?)?,
    })
}

fn heard(row: &SqliteRow) -> sqlx::Result<(Timestamp, FollowKind, (Author<'static>, Option<bool>))> {
    let kind = row::by_name(&FOLLOW_KINDS, row.try_get(4)?)?;
    Ok((row::timestamp(row.try_get(3)?)?, kind, follower(row)?))
}

fn follower(row: &SqliteRow) -> sqlx::Result<(Author<'static>, Option<bool>)> {
    let id: Option<String> = row.try_get(0)?;
    let known = row.try_get::<Option<&str>, _>(1)?.map(row::from_json::<Author<'_>>).transpose()?;
    let author = Author { id: id.map(Into::into), ..known.map(Author::into_owned).unwrap_or_default() };
    Ok((author, row.try_get(2)?))
}
