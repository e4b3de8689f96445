//! Followers within a commit: what was heard of them, and what whole lists of them say.

use crate::brand::{FollowerEvent, Listed, SnapshotState, SnapshotStep};
use crate::store::follower::{FOLLOW_KINDS, SNAPSHOT_STATES};
use crate::store::row;
use sqlx::sqlite::SqliteConnection;

/// An event, and how things stand after it. A second follow still brings its record: an unfollow will name the newest.
const HEAR: [&str; 2] = [
    "INSERT INTO follower_event (account, follower, kind, record, at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (account, at, follower, kind) DO NOTHING",
    "INSERT INTO follow (account, follower, kind, record, at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (account, follower) DO UPDATE SET kind = excluded.kind, record = excluded.record, \
     at = CASE WHEN kind = excluded.kind THEN at ELSE excluded.at END",
];

/// Takes what is news: a follow of somebody who follows already, an unfollow after an unfollow, and an event that was
/// heard before are left out.
pub async fn hear(connection: &mut SqliteConnection, events: &[FollowerEvent]) -> sqlx::Result<()> {
    for event in events {
        let account = number(connection, OWN_NUMBER, &event.source, &event.account).await?;
        let follower = number(connection, AUTHOR_NUMBER, &event.source, &event.follower).await?;
        let kind = FOLLOW_KINDS[event.kind as usize].0;
        let before: Option<String> = sqlx::query_scalar("SELECT kind FROM follow WHERE account = $1 AND follower = $2")
            .bind(account)
            .bind(follower)
            .fetch_optional(&mut *connection)
            .await?;
        let is_news = before.as_deref() != Some(kind);
        for sql in if is_news { &HEAR[..] } else { &HEAR[1..] } {
            let done = sqlx::query(*sql)
                .bind(account)
                .bind(follower)
                .bind(kind)
                .bind(event.record.as_str())
                .bind(row::nanoseconds(event.at))
                .execute(&mut *connection)
                .await?;
            // It was heard before, and something else since then.
            if done.rows_affected() == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Takes steps of snapshots. One that names no open snapshot is passed over: its beginning was never stored.
pub async fn list(connection: &mut SqliteConnection, steps: &[SnapshotStep]) -> sqlx::Result<()> {
    for SnapshotStep { source, account, at, what } in steps {
        let account = number(connection, OWN_NUMBER, source, account).await?;
        let at = row::nanoseconds(*at);
        if let Listed::Began { total } = what {
            begin(connection, account, at, *total).await?;
            continue;
        }
        let Some(open) = Open::find(connection, account).await? else { continue };
        match what {
            Listed::Began { .. } => {}
            Listed::Page { followers, next } => {
                let followers = numbers(connection, source, followers).await?;
                open.page(connection, at, &followers, next.as_deref()).await?;
            }
            Listed::Ended(state) => open.end(connection, at, *state).await?,
        }
    }
    Ok(())
}

async fn begin(connection: &mut SqliteConnection, account: i64, at: i64, total: Option<u64>) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO snapshot (account, number, began_at, total, state) \
         SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, 'open' FROM snapshot WHERE account = $1",
    )
    .bind(account)
    .bind(at)
    .bind(total.map(|total| i64::try_from(total).unwrap_or(i64::MAX)))
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a number where there is none yet, and tells it.
type Numbering = [&'static str; 2];
const OWN_NUMBER: Numbering = [
    "INSERT INTO own_account (source, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    "SELECT number FROM own_account WHERE source = $1 AND id = $2",
];
const AUTHOR_NUMBER: Numbering = [
    "INSERT INTO author (source, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    "SELECT number FROM author WHERE source = $1 AND id = $2",
];

async fn number(
    connection: &mut SqliteConnection,
    [give, tell]: Numbering,
    source: &str,
    id: &str,
) -> sqlx::Result<i64> {
    sqlx::query(give).bind(source).bind(id).execute(&mut *connection).await?;
    sqlx::query_scalar(tell).bind(source).bind(id).fetch_one(connection).await
}

/// The numbers of different accounts, as a JSON list: one parameter for all of a page, since a statement an account would
/// cost a million trips to the connection's thread.
async fn numbers(connection: &mut SqliteConnection, source: &str, ids: &[String]) -> sqlx::Result<String> {
    let ids = row::json(&ids)?;
    let give = "INSERT INTO author (source, id) SELECT $1, value FROM json_each($2) WHERE TRUE ON CONFLICT DO NOTHING";
    sqlx::query(give).bind(source).bind(ids.as_str()).execute(&mut *connection).await?;
    let tell = "SELECT json_group_array(DISTINCT number) FROM json_each($2) \
                CROSS JOIN author ON author.source = $1 AND author.id = value";
    sqlx::query_scalar(tell).bind(source).bind(ids.as_str()).fetch_one(connection).await
}

/// The snapshot that is being read.
struct Open {
    /// The own account's number.
    account: i64,
    /// Among the snapshots of that account.
    number: i64,
    began_at: i64,
    /// When the last whole one began. Without one, whom this names was there before we listened.
    before: Option<i64>,
}

impl Open {
    async fn find(connection: &mut SqliteConnection, account: i64) -> sqlx::Result<Option<Self>> {
        let found: Option<(i64, i64, Option<i64>)> = sqlx::query_as(
            "SELECT number, began_at, (SELECT MAX(began_at) FROM snapshot whole WHERE whole.account = $1 \
             AND whole.state = 'whole') FROM snapshot WHERE account = $1 AND state = 'open' ORDER BY number DESC LIMIT 1",
        )
        .bind(account)
        .fetch_optional(connection)
        .await?;
        Ok(found.map(|(number, began_at, before)| Self { account, number, began_at, before }))
    }

    /// `followers`: their numbers, a JSON list.
    async fn page(
        &self,
        connection: &mut SqliteConnection,
        at: i64,
        followers: &str,
        next: Option<&str>,
    ) -> sqlx::Result<()> {
        // Who unfollowed while the list was being read may still stand in a page.
        if let Some(since) = self.before {
            sqlx::query(
                "INSERT INTO follower_event (account, follower, kind, record, at, since) \
                 SELECT $1, value, 'follow', '', $2, MAX($3, COALESCE(follow.at, 0)) FROM json_each($4) \
                 LEFT JOIN follow ON follow.account = $1 AND follow.follower = value \
                 WHERE follow.kind IS NULL OR (follow.kind = 'unfollow' AND follow.at < $5) ON CONFLICT DO NOTHING",
            )
            .bind(self.account)
            .bind(at)
            .bind(since)
            .bind(followers)
            .bind(self.began_at)
            .execute(&mut *connection)
            .await?;
        }
        sqlx::query(
            "UPDATE snapshot SET next = $1, named = named + (SELECT COUNT(*) FROM json_each($2) \
             LEFT JOIN follow ON follow.account = $3 AND follow.follower = value \
             WHERE follow.snapshot IS NULL OR follow.snapshot < $4) WHERE account = $3 AND number = $4",
        )
        .bind(next)
        .bind(followers)
        .bind(self.account)
        .bind(self.number)
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "INSERT INTO follow (account, follower, kind, record, at, snapshot) \
             SELECT $1, value, 'follow', '', $2, $3 FROM json_each($4) WHERE TRUE \
             ON CONFLICT (account, follower) DO UPDATE SET snapshot = excluded.snapshot, \
             kind = CASE WHEN kind = 'unfollow' AND at >= $5 THEN kind ELSE 'follow' END, \
             at = CASE WHEN kind = 'unfollow' AND at < $5 THEN excluded.at ELSE at END",
        )
        .bind(self.account)
        .bind(if self.before.is_some() { at } else { 0 })
        .bind(self.number)
        .bind(followers)
        .bind(self.began_at)
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn end(&self, connection: &mut SqliteConnection, at: i64, state: SnapshotState) -> sqlx::Result<()> {
        // Whom a whole list does not name has left, unless the follow was heard while the list was read.
        const LEFT: [&str; 2] = [
            "INSERT INTO follower_event (account, follower, kind, record, at, since) \
             SELECT account, follower, 'unfollow', record, $2, MAX(at, $5) FROM follow \
             WHERE account = $1 AND kind = 'follow' AND snapshot < $3 AND at < $4 ON CONFLICT DO NOTHING",
            "UPDATE follow SET kind = 'unfollow', at = $2 \
             WHERE account = $1 AND kind = 'follow' AND snapshot < $3 AND at < $4",
        ];
        for sql in if state == SnapshotState::Whole { &LEFT[..] } else { &[] } {
            sqlx::query(*sql)
                .bind(self.account)
                .bind(at)
                .bind(self.number)
                .bind(self.began_at)
                .bind(self.before.unwrap_or(0))
                .execute(&mut *connection)
                .await?;
        }
        sqlx::query("UPDATE snapshot SET state = $1, ended_at = $2, next = NULL WHERE account = $3 AND number = $4")
            .bind(SNAPSHOT_STATES[state as usize].0)
            .bind(at)
            .bind(self.account)
            .bind(self.number)
            .execute(connection)
            .await?;
        Ok(())
    }
}
