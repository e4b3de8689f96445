//! Authors' profiles within a commit.

use super::Counters;
use crate::post::Author;
use crate::store::row;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use std::collections::HashMap;

/// Caches profiles and completes the latest mentions of these authors that lack their counts: those of the last two
/// shelves of the index, at least 65,536 mentions, since profiles are asked for while they are fresh. An author without an
/// id is passed over. One with nothing but an id says that the platform does not know him: he is not asked for again soon.
pub async fn put(
    connection: &mut SqliteConnection,
    authors: &[(String, Author<'static>)],
    fetched_at: Timestamp,
    counters: &mut Counters,
) -> sqlx::Result<()> {
    // A statement an author would cost a million trips to the connection's thread; a page of one source is a run.
    for run in authors.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((source, _)) = run.first() else { continue };
        let known = run.iter().filter_map(|(_, author)| Some((author.id.as_deref()?, author)));
        let known: HashMap<&str, &Author<'static>> = known.collect();
        let profiles = row::json(&known.values().collect::<Vec<_>>())?;
        sqlx::query(
            "INSERT INTO author (source, id, fetched_at, profile) SELECT $1, value ->> '$.id', $2, value \
             FROM json_each($3) WHERE TRUE \
             ON CONFLICT (source, id) DO UPDATE SET fetched_at = excluded.fetched_at, profile = excluded.profile",
        )
        .bind(source.as_str())
        .bind(row::nanoseconds(fetched_at))
        .bind(profiles.as_str())
        .execute(&mut *connection)
        .await?;
        let sql = "DELETE FROM wanted_profile WHERE source = $1 AND id IN (SELECT value ->> '$.id' FROM json_each($2))";
        sqlx::query(sql).bind(source.as_str()).bind(profiles.as_str()).execute(&mut *connection).await?;
        for id in writers(connection, source, &profiles).await? {
            if let Some(author) = known.get(id.as_str()) {
                complete(connection, source, &id, author, counters).await?;
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
    source: &str,
    id: &str,
    author: &Author<'static>,
    counters: &mut Counters,
) -> sqlx::Result<()> {
    // Within a text the quotes would be escaped, so that this finds the author's own field and nothing else.
    let rows = sqlx::query(
        "WITH last (number) AS (SELECT MAX(seq) >> 16 FROM mention) SELECT seq, post FROM last CROSS JOIN mention \
         ON seq >> 16 IN (last.number, last.number - 1) AND author = $1 \
         WHERE source = $2 AND deleted = 0 AND post NOT LIKE '%\"followers\":%'",
    )
    .bind(id)
    .bind(source)
    .fetch_all(&mut *connection)
    .await?;
    for row in &rows {
        let mut post = row::post(source, row.try_get(1)?)?;
        post.author = author.clone().completed_by(&post.author);
        counters.change += 1;
        sqlx::query("UPDATE mention SET change = $1, rewritten = 1, post = $2 WHERE seq = $3")
            .bind(counters.change)
            .bind(row::post_json(&post)?)
            .bind(row.try_get::<i64, _>(0)?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
