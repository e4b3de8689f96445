//! Mentions within a commit: inserted, edited, deleted, patched. Each change takes a number of its own, and only what
//! changed a row does: whoever follows the numbers (the index) finds the last one in a row.

use super::{Counters, author};
use crate::mention::Mention;
use crate::post::Post;
use crate::store::{Patch, row, schema};
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Row, Sqlite, query::Query};
use std::collections::BTreeSet;
use std::sync::Arc;

pub async fn insert(
    connection: &mut SqliteConnection,
    mentions: &[Arc<Mention>],
    counters: &mut Counters,
) -> sqlx::Result<()> {
    let mut rest = mentions;
    for (rows, sql) in &*schema::INSERT_MENTIONS {
        while rest.len() >= *rows {
            let (now, later) = rest.split_at(*rows);
            let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
            for mention in now {
                query = bind(query, mention, counters)?;
            }
            query.execute(&mut *connection).await?;
            rest = later;
        }
    }
    Ok(())
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// The values of one row, in the order of the schema's insert statement.
fn bind<'q>(query: Statement<'q>, mention: &'q Mention, counters: &mut Counters) -> sqlx::Result<Statement<'q>> {
    counters.seq += 1;
    counters.change += 1;
    if mention.seq != counters.seq {
        return Err(sqlx::Error::Protocol(format!("mention numbered {}, not {}", mention.seq, counters.seq)));
    }
    let post = &mention.post;
    let query = query
        .bind(mention.seq)
        .bind(counters.change)
        .bind(post.deleted)
        .bind(row::key(&post.id).to_vec())
        .bind(post.source.as_str())
        .bind(mention.brand.as_str())
        .bind(row::nanoseconds(post.created_at))
        .bind(row::nanoseconds(mention.seen_at));
    if post.deleted {
        // Deleted before we ever saw it: remembered, so that an older copy is not taken for new.
        let query = query.bind(None::<i64>).bind(None::<&str>).bind(vec![0; 16]).bind(row::JUDGED_NOTHING);
        let query = query.bind(mention.status.name()).bind(None::<&str>).bind(None::<&str>).bind(None::<&str>);
        return Ok(query.bind(row::post_json(&post.tombstone())?));
    }
    counters.live += 1;
    Ok(query
        .bind(post.edited_at.map(row::nanoseconds))
        .bind(post.author.id.as_deref())
        .bind(row::content(post).to_vec())
        .bind(row::judged_json(mention)?)
        .bind(mention.status.name())
        .bind(mention.assignee.as_deref())
        .bind(mention.note.as_deref())
        .bind(mention.correction.map(|label| label.name()))
        .bind(row::post_json(post)?))
}

/// A deleted row stays deleted.
pub async fn edit(
    connection: &mut SqliteConnection,
    mentions: &[Arc<Mention>],
    counters: &mut Counters,
) -> sqlx::Result<()> {
    for mention in mentions {
        if mention.post.deleted {
            delete(connection, &[mention.seq], counters).await?;
            continue;
        }
        let post = &mention.post;
        let done = sqlx::query(
            "UPDATE mention SET change = $1, rewritten = 1, created_at = $2, edited_at = $3, author = $4, \
             content = $5, judged = $6, post = $7 WHERE seq = $8 AND deleted = 0",
        )
        .bind(counters.change + 1)
        .bind(row::nanoseconds(post.created_at))
        .bind(post.edited_at.map(row::nanoseconds))
        .bind(post.author.id.as_deref())
        .bind(row::content(post).to_vec())
        .bind(row::judged_json(mention)?)
        .bind(row::post_json(post)?)
        .bind(mention.seq)
        .execute(&mut *connection)
        .await?;
        counters.change += i64::from(done.rows_affected() > 0);
    }
    Ok(())
}

/// Leaves a tombstone of each, and forgets the profiles of those who have nothing left. Already deleted or unknown
/// ones are passed over.
pub async fn delete(connection: &mut SqliteConnection, seqs: &[i64], counters: &mut Counters) -> sqlx::Result<()> {
    let mut authors = BTreeSet::new();
    for seq in seqs {
        let row = sqlx::query("SELECT source, author, post FROM mention WHERE seq = $1 AND deleted = 0")
            .bind(*seq)
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { continue };
        let source: String = row.try_get(0)?;
        let post: Post<'_> = row::post(&source, row.try_get(2)?)?;
        counters.change += 1;
        counters.live -= 1;
        sqlx::query(
            "UPDATE mention SET change = $1, rewritten = 1, deleted = 1, edited_at = NULL, author = NULL, content = $2, \
             judged = $3, assignee = NULL, note = NULL, correction = NULL, post = $4 WHERE seq = $5",
        )
        .bind(counters.change)
        .bind(vec![0; 16])
        .bind(row::JUDGED_NOTHING)
        .bind(row::post_json(&post.tombstone())?)
        .bind(*seq)
        .execute(&mut *connection)
        .await?;
        if let Some(author) = row.try_get::<Option<String>, _>(1)? {
            authors.insert((source, author));
        }
    }
    for (source, author) in authors {
        author::forget_unseen(connection, &source, &author).await?;
    }
    Ok(())
}

pub async fn patch(
    connection: &mut SqliteConnection,
    patches: &[(i64, Patch)],
    counters: &mut Counters,
) -> sqlx::Result<()> {
    for (seq, patch) in patches {
        let Patch { status, assignee, note, correction } = patch;
        let done = sqlx::query(
            "UPDATE mention SET change = $1, rewritten = 1, status = COALESCE($2, status), \
             assignee = CASE WHEN $3 THEN $4 ELSE assignee END, note = CASE WHEN $5 THEN $6 ELSE note END, \
             correction = CASE WHEN $7 THEN $8 ELSE correction END WHERE seq = $9 AND deleted = 0",
        )
        .bind(counters.change + 1)
        .bind(status.map(|status| status.name()))
        .bind(assignee.is_some())
        .bind(assignee.as_ref().and_then(|inner| inner.as_deref()))
        .bind(note.is_some())
        .bind(note.as_ref().and_then(|inner| inner.as_deref()))
        .bind(correction.is_some())
        .bind(correction.flatten().map(|label| label.name()))
        .bind(*seq)
        .execute(&mut *connection)
        .await?;
        counters.change += i64::from(done.rows_affected() > 0);
    }
    Ok(())
}
