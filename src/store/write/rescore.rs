//! Scores made anew, and which mentions wait for theirs.

use super::Counters;
use crate::store::{Range, Rescored, row};
use sqlx::sqlite::SqliteConnection;

/// Adds ranges; what they touch or overlap becomes one with them.
pub async fn add(connection: &mut SqliteConnection, ranges: &[Range]) -> sqlx::Result<()> {
    for range in ranges {
        let touching = overlapping(connection, range.first - 1, range.last + 1).await?;
        let first = touching.iter().map(|(first, _)| *first).fold(range.first, i64::min);
        let last = touching.iter().map(|(_, last)| *last).fold(range.last, i64::max);
        put(connection, first, last).await?;
    }
    Ok(())
}

/// Takes new scores in, where the mention still says what was scored, and the range out of those that wait.
pub async fn take(
    connection: &mut SqliteConnection,
    rescored: &[Rescored],
    counters: &mut Counters,
) -> sqlx::Result<()> {
    for Rescored { range, scores } in rescored {
        for (seq, content, scores) in scores {
            let done = sqlx::query(
                "UPDATE mention SET change = $1, rewritten = 1, judged = json_set(judged, '$.scores', json($2)) \
                 WHERE seq = $3 AND content = $4 AND deleted = 0",
            )
            .bind(counters.change + 1)
            .bind(row::json(scores)?)
            .bind(*seq)
            .bind(content.to_vec())
            .execute(&mut *connection)
            .await?;
            counters.change += i64::from(done.rows_affected() > 0);
        }
        remove(connection, *range).await?;
    }
    Ok(())
}

async fn remove(connection: &mut SqliteConnection, range: Range) -> sqlx::Result<()> {
    for (first, last) in overlapping(connection, range.first, range.last).await? {
        put(connection, first, range.first - 1).await?;
        put(connection, range.last + 1, last).await?;
    }
    Ok(())
}

/// Takes the rows out that overlap a range.
async fn overlapping(connection: &mut SqliteConnection, first: i64, last: i64) -> sqlx::Result<Vec<(i64, i64)>> {
    sqlx::query_as("DELETE FROM rescore WHERE first <= $1 AND last >= $2 RETURNING first, last")
        .bind(last)
        .bind(first)
        .fetch_all(connection)
        .await
}

async fn put(connection: &mut SqliteConnection, first: i64, last: i64) -> sqlx::Result<()> {
    if first <= last {
        let sql = "INSERT INTO rescore (first, last) VALUES ($1, $2)";
        sqlx::query(sql).bind(first).bind(last).execute(connection).await?;
    }
    Ok(())
}
