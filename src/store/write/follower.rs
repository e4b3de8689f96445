//! Followers within a commit: what was heard of them, and what whole lists of them say.

use crate::brand::{FollowKind, FollowerEvent, Listed, SnapshotState, SnapshotStep};
use crate::store::follower::{FOLLOW_KINDS, SNAPSHOT_STATES};
use crate::store::row;
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

/// Takes what is news: a follow of somebody who follows already, an unfollow after an unfollow, and an event that was
/// heard before are left out.
pub async fn hear(connection: &mut SqliteConnection, events: &[FollowerEvent]) -> sqlx::Result<()> {
    for event in events {
        let FollowerEvent { source, account, follower, record, at, kind } = event;
        let name = FOLLOW_KINDS[*kind as usize].0;
        let before: Option<String> =
            sqlx::query_scalar("SELECT kind FROM follow WHERE source = $1 AND account = $2 AND follower = $3")
                .bind(source.as_str())
                .bind(account.as_str())
                .bind(follower.as_str())
                .fetch_optional(&mut *connection)
                .await?;
        if before.as_deref() != Some(name) {
            let taken = sqlx::query(
                "INSERT INTO follower_event (source, account, follower, kind, record, at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (source, account, at, follower, kind) DO NOTHING",
            )
            .bind(source.as_str())
            .bind(account.as_str())
            .bind(follower.as_str())
            .bind(name)
            .bind(record.as_str())
            .bind(row::nanoseconds(*at))
            .execute(&mut *connection)
            .await?;
            if taken.rows_affected() == 0 {
                continue;
            }
            if *kind == FollowKind::Follow {
                want(connection, source, &ids(&[follower])?).await?;
            }
        }
        // A second follow still brings its record: an unfollow will name the newest.
        sqlx::query(
            "INSERT INTO follow (source, account, follower, kind, record, at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (source, account, follower) DO UPDATE SET kind = excluded.kind, record = excluded.record, \
             at = CASE WHEN kind = excluded.kind THEN at ELSE excluded.at END",
        )
        .bind(source.as_str())
        .bind(account.as_str())
        .bind(follower.as_str())
        .bind(name)
        .bind(record.as_str())
        .bind(row::nanoseconds(*at))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Takes steps of snapshots. One that names no open snapshot is passed over: its beginning was never stored.
pub async fn list(connection: &mut SqliteConnection, steps: &[SnapshotStep]) -> sqlx::Result<()> {
    for SnapshotStep { source, account, at, what } in steps {
        if let Listed::Began { total } = what {
            begin(connection, source, account, *at, *total).await?;
            continue;
        }
        let Some(open) = Open::find(connection, source, account).await? else { continue };
        match what {
            Listed::Began { .. } => {}
            Listed::Page { followers, next } => open.page(connection, *at, &ids(followers)?, next.as_deref()).await?,
            Listed::Ended(state) => open.end(connection, *at, *state).await?,
        }
    }
    Ok(())
}

async fn begin(
    connection: &mut SqliteConnection,
    source: &str,
    account: &str,
    at: Timestamp,
    total: Option<u64>,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO snapshot (source, account, number, began_at, total, state) SELECT $1, $2, \
         COALESCE(MAX(number), 0) + 1, $3, $4, 'open' FROM snapshot WHERE source = $1 AND account = $2",
    )
    .bind(source)
    .bind(account)
    .bind(row::nanoseconds(at))
    .bind(total.map(|total| i64::try_from(total).unwrap_or(i64::MAX)))
    .execute(connection)
    .await?;
    Ok(())
}

/// Asks for the profiles that were never fetched. `ids`: a JSON list.
async fn want(connection: &mut SqliteConnection, source: &str, ids: &str) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO wanted_profile (source, id) SELECT $1, value FROM json_each($2) WHERE NOT EXISTS \
         (SELECT 1 FROM author WHERE author.source = $1 AND author.id = value) ON CONFLICT DO NOTHING",
    )
    .bind(source)
    .bind(ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// One parameter for all of a page: a statement an id would cost a million trips to the connection's thread.
fn ids(ids: &[impl serde::Serialize]) -> sqlx::Result<String> {
    serde_json::to_string(ids).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// The snapshot that is being read.
struct Open<'a> {
    source: &'a str,
    account: &'a str,
    number: i64,
    began_at: i64,
    /// When the last whole one began. Without one, whom this names was there before we listened.
    before: Option<i64>,
}

impl<'a> Open<'a> {
    async fn find(connection: &mut SqliteConnection, source: &'a str, account: &'a str) -> sqlx::Result<Option<Self>> {
        let found: Option<(i64, i64, Option<i64>)> = sqlx::query_as(
            "SELECT number, began_at, (SELECT MAX(began_at) FROM snapshot whole WHERE whole.source = $1 \
             AND whole.account = $2 AND whole.state = 'whole') FROM snapshot \
             WHERE source = $1 AND account = $2 AND state = 'open' ORDER BY number DESC LIMIT 1",
        )
        .bind(source)
        .bind(account)
        .fetch_optional(connection)
        .await?;
        Ok(found.map(|(number, began_at, before)| Self { source, account, number, began_at, before }))
    }

    async fn page(
        &self,
        connection: &mut SqliteConnection,
        at: Timestamp,
        ids: &str,
        next: Option<&str>,
    ) -> sqlx::Result<()> {
        let at = row::nanoseconds(at);
        // Who unfollowed while the list was being read may still stand in a page.
        if let Some(since) = self.before {
            sqlx::query(
                "INSERT INTO follower_event (source, account, follower, kind, record, at, since) \
                 SELECT $1, $2, value, 'follow', '', $3, MAX($4, COALESCE(follow.at, 0)) FROM json_each($5) \
                 LEFT JOIN follow ON follow.source = $1 AND follow.account = $2 AND follow.follower = value \
                 WHERE follow.kind IS NULL OR (follow.kind = 'unfollow' AND follow.at < $6) ON CONFLICT DO NOTHING",
            )
            .bind(self.source)
            .bind(self.account)
            .bind(at)
            .bind(since)
            .bind(ids)
            .bind(self.began_at)
            .execute(&mut *connection)
            .await?;
        }
        sqlx::query(
            "UPDATE snapshot SET next = $1, named = named + (SELECT COUNT(DISTINCT value) FROM json_each($2) \
             LEFT JOIN follow ON follow.source = $3 AND follow.account = $4 AND follow.follower = value \
             WHERE follow.snapshot IS NULL OR follow.snapshot < $5) \
             WHERE source = $3 AND account = $4 AND number = $5",
        )
        .bind(next)
        .bind(ids)
        .bind(self.source)
        .bind(self.account)
        .bind(self.number)
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "INSERT INTO follow (source, account, follower, kind, record, at, snapshot) \
             SELECT $1, $2, value, 'follow', '', $3, $4 FROM json_each($5) WHERE TRUE \
             ON CONFLICT (source, account, follower) DO UPDATE SET snapshot = excluded.snapshot, \
             kind = CASE WHEN kind = 'unfollow' AND at >= $6 THEN kind ELSE 'follow' END, \
             at = CASE WHEN kind = 'unfollow' AND at < $6 THEN excluded.at ELSE at END",
        )
        .bind(self.source)
        .bind(self.account)
        .bind(if self.before.is_some() { at } else { 0 })
        .bind(self.number)
        .bind(ids)
        .bind(self.began_at)
        .execute(&mut *connection)
        .await?;
        want(connection, self.source, ids).await
    }

    async fn end(&self, connection: &mut SqliteConnection, at: Timestamp, state: SnapshotState) -> sqlx::Result<()> {
        let at = row::nanoseconds(at);
        if state == SnapshotState::Whole {
            sqlx::query(
                "INSERT INTO follower_event (source, account, follower, kind, record, at, since) \
                 SELECT source, account, follower, 'unfollow', record, $3, MAX(at, $4) FROM follow \
                 WHERE source = $1 AND account = $2 AND kind = 'follow' AND snapshot < $5 AND at < $6 \
                 ON CONFLICT DO NOTHING",
            )
            .bind(self.source)
            .bind(self.account)
            .bind(at)
            .bind(self.before.unwrap_or(0))
            .bind(self.number)
            .bind(self.began_at)
            .execute(&mut *connection)
            .await?;
            sqlx::query(
                "UPDATE follow SET kind = 'unfollow', at = $3 WHERE source = $1 AND account = $2 AND kind = 'follow' \
                 AND snapshot < $4 AND at < $5",
            )
            .bind(self.source)
            .bind(self.account)
            .bind(at)
            .bind(self.number)
            .bind(self.began_at)
            .execute(&mut *connection)
            .await?;
        }
        sqlx::query("UPDATE snapshot SET state = $1, ended_at = $2, next = NULL WHERE source = $3 AND account = $4 AND number = $5")
            .bind(SNAPSHOT_STATES[state as usize].0)
            .bind(at)
            .bind(self.source)
            .bind(self.account)
            .bind(self.number)
            .execute(connection)
            .await?;
        Ok(())
    }
}
