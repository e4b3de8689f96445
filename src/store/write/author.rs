//! Authors within a commit: their profiles, what people said of them, and that nothing stays of those who are gone.

use super::Counters;
use crate::mention::AuthorSpam;
use crate::store::{AuthorCorrection, AuthorGone, Fetched, row, schema};
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Events that one commit forgets: some tens of milliseconds.
const PRUNED_MAX: i64 = 1_000;

/// Caches profiles and completes the latest mentions of these authors that lack their counts: those of the last two
/// shelves of the index, at least 65,536 mentions, since profiles are asked for while they are fresh. An author without an
/// id is passed over. One with nothing but an id says that the platform does not know him: he is not asked for again soon.
pub async fn put(
    connection: &mut SqliteConnection,
    authors: &[Fetched],
    fetched_at: Timestamp,
    counters: &mut Counters,
) -> sqlx::Result<()> {
    // A statement an author would cost a million trips to the connection's thread; a page of one source is a run.
    for run in authors.chunk_by(|one, other| one.source == other.source) {
        let Some(source) = run.first().map(|fetched| fetched.source.as_str()) else { continue };
        let known: HashMap<&str, &Fetched> =
            run.iter().filter_map(|fetched| Some((fetched.author.id.as_deref()?, fetched))).collect();
        // In the order in which they came, of each the last.
        let is_last = |fetched: &&Fetched| {
            let last = fetched.author.id.as_deref().and_then(|id| known.get(id));
            last.is_some_and(|last| std::ptr::eq(*last, *fetched))
        };
        let profiles = run.iter().filter(is_last).map(|fetched| &fetched.author).collect::<Vec<_>>();
        let profiles = row::json(&profiles)?;
        sqlx::query(
            "INSERT INTO author (source, id, fetched_at, profile) SELECT $1, value ->> '$.id', $2, value \
             FROM json_each($3) WHERE TRUE \
             ON CONFLICT (source, id) DO UPDATE SET fetched_at = excluded.fetched_at, profile = excluded.profile",
        )
        .bind(source)
        .bind(row::nanoseconds(fetched_at))
        .bind(profiles.as_str())
        .execute(&mut *connection)
        .await?;
        for id in writers(connection, source, &profiles).await? {
            if let Some(fetched) = known.get(id.as_str()) {
                complete(connection, &id, fetched, counters).await?;
            }
        }
    }
    Ok(())
}

/// Those of the profiles with counts, a JSON list, whose authors wrote any of the latest mentions.
async fn writers(connection: &mut SqliteConnection, source: &str, profiles: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "WITH last (number) AS (SELECT MAX(seq) >> 16 FROM mention) SELECT DISTINCT author FROM last \
         CROSS JOIN json_each($1) CROSS JOIN mention ON seq >> 16 IN (last.number, last.number - 1) \
         AND author = value ->> '$.id' WHERE source = $2 AND deleted = 0 AND value ->> '$.followers' IS NOT NULL",
    )
    .bind(profiles)
    .bind(source)
    .fetch_all(connection)
    .await
}

async fn complete(
    connection: &mut SqliteConnection,
    id: &str,
    Fetched { source, author, spam }: &Fetched,
    counters: &mut Counters,
) -> sqlx::Result<()> {
    // Within a text the quotes would be escaped, so that this finds the author's own field and nothing else.
    let rows = sqlx::query(
        "WITH last (number) AS (SELECT MAX(seq) >> 16 FROM mention) SELECT seq, post FROM last CROSS JOIN mention \
         ON seq >> 16 IN (last.number, last.number - 1) AND author = $1 \
         WHERE source = $2 AND deleted = 0 AND post NOT LIKE '%\"followers\":%'",
    )
    .bind(id)
    .bind(source.as_str())
    .fetch_all(&mut *connection)
    .await?;
    let mut marked = Vec::new();
    for row in &rows {
        let (seq, mut post) = (row.try_get(0)?, row::post(source, row.try_get(1)?)?);
        post.author = author.clone().completed_by(&post.author);
        counters.change += 1;
        sqlx::query("UPDATE mention SET change = $1, rewritten = 1, post = $2 WHERE seq = $3")
            .bind(counters.change)
            .bind(row::post_json(&post)?)
            .bind(seq)
            .execute(&mut *connection)
            .await?;
        if *spam != AuthorSpam::default() {
            marked.push((seq, spam.clone()));
        }
    }
    mark(connection, &marked, counters).await
}

/// Judges the authors of mentions anew. Deleted ones stay as they are.
pub async fn mark(
    connection: &mut SqliteConnection,
    marked: &[(i64, AuthorSpam)],
    counters: &mut Counters,
) -> sqlx::Result<()> {
    for (seq, spam) in marked {
        let done = sqlx::query(
            "UPDATE mention SET change = $1, rewritten = 1, judged = json_set(judged, '$.author_spam', json($2)) \
             WHERE seq = $3 AND deleted = 0",
        )
        .bind(counters.change + 1)
        .bind(row::json(spam)?)
        .bind(*seq)
        .execute(&mut *connection)
        .await?;
        counters.change += i64::from(done.rows_affected() > 0);
    }
    Ok(())
}

/// Keeps what people said; the last word on each author holds.
pub async fn correct(connection: &mut SqliteConnection, corrections: &[AuthorCorrection]) -> sqlx::Result<()> {
    for AuthorCorrection { source, author, spam, who, at } in corrections {
        sqlx::query(
            "INSERT INTO author_correction (source, id, spam, who, at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (source, id) DO UPDATE SET spam = excluded.spam, who = excluded.who, at = excluded.at",
        )
        .bind(source.as_str())
        .bind(author.as_str())
        .bind(*spam)
        .bind(who.as_str())
        .bind(row::nanoseconds(*at))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Forgets accounts: profile, correction, and who it was that followed. That somebody did stays, without a name, so that
/// the past of an own account still adds up; whoever followed to the last has left now.
pub async fn forget(connection: &mut SqliteConnection, gone: &[AuthorGone]) -> sqlx::Result<()> {
    const FORGET: [&str; 4] = [
        "DELETE FROM author_correction WHERE source = $1 AND id = $2",
        "INSERT INTO follower_event (account, follower, kind, record, at) SELECT account, follower, 'unfollow', '', $3 \
         FROM author JOIN follow ON follower = number AND kind = 'follow' WHERE source = $1 AND id = $2 \
         ON CONFLICT DO NOTHING",
        "UPDATE follower_event SET record = '' WHERE follower = (SELECT number FROM author WHERE source = $1 AND id = $2)",
        // What refers to it goes along or loses the name.
        "DELETE FROM author WHERE source = $1 AND id = $2",
    ];
    for AuthorGone { source, author, at } in gone {
        for sql in FORGET {
            let forget = sqlx::query(sql).bind(source.as_str()).bind(author.as_str()).bind(row::nanoseconds(*at));
            forget.execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Forgets the profile and the correction of an author who has no mention left and is no follower, nor was one that is
/// still told of.
pub async fn forget_unseen(connection: &mut SqliteConnection, source: &str, author: &str) -> sqlx::Result<()> {
    static FORGET: LazyLock<[Arc<str>; 2]> = LazyLock::new(|| {
        let shelves = schema::SHELVES;
        let mention = "SELECT 1 FROM shelf CROSS JOIN mention ON seq >> 16 = shelf.number AND mention.author = $2 \
                       WHERE mention.source = $1 AND mention.deleted = 0";
        let number = "(SELECT number FROM author WHERE source = $1 AND id = $2)";
        // The number is found by the author's row: that goes last.
        ["author_correction", "author"].map(|table| {
            format!(
                "DELETE FROM {table} WHERE source = $1 AND id = $2 \
                 AND NOT EXISTS (SELECT 1 FROM follow WHERE follower = {number} AND kind = 'follow') \
                 AND NOT EXISTS (SELECT 1 FROM follower_event WHERE follower = {number}) \
                 AND NOT EXISTS ({shelves}{mention})"
            )
            .into()
        })
    });
    for sql in &*FORGET {
        sqlx::query(AssertSqlSafe(sql.clone())).bind(source).bind(author).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Forgets follows and unfollows before `until`, the oldest first, and the profiles that only they were kept for. Who
/// follows now stays known as a follower.
pub async fn prune(connection: &mut SqliteConnection, until: Option<Timestamp>) -> sqlx::Result<()> {
    let Some(until) = until.map(row::nanoseconds) else { return Ok(()) };
    const OLD: &str = "WITH old AS (SELECT seq, follower FROM follower_event WHERE at < $1 ORDER BY at, seq LIMIT $2) ";
    const FORGET: [&str; 2] = [
        "DELETE FROM follow WHERE kind = 'unfollow' AND at < $1 AND follower IN (SELECT follower FROM old)",
        "DELETE FROM follower_event WHERE seq IN (SELECT seq FROM old)",
    ];
    let told = format!("{OLD}SELECT DISTINCT source, id FROM old JOIN author ON number = follower");
    let told: Vec<(String, String)> =
        sqlx::query_as(AssertSqlSafe(told)).bind(until).bind(PRUNED_MAX).fetch_all(&mut *connection).await?;
    for sql in FORGET {
        let forget = sqlx::query(AssertSqlSafe(format!("{OLD}{sql}"))).bind(until).bind(PRUNED_MAX);
        forget.execute(&mut *connection).await?;
    }
    for (source, id) in told {
        forget_unseen(connection, &source, &id).await?;
    }
    Ok(())
}
