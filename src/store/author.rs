//! What is known of authors beside their posts: whether anything is, and what people said of them.

use super::read::Reader;
use super::{AuthorCorrection, Error, row, schema};
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};
use std::sync::{Arc, LazyLock};

impl Reader {
    /// Whether a row of any table names this account of a source, so that there is something to correct or to forget.
    pub async fn knows_author(&self, source: &str, id: &str) -> Result<bool, Error> {
        static SQL: LazyLock<Arc<str>> = LazyLock::new(|| {
            format!(
                "{}SELECT EXISTS (SELECT 1 FROM author WHERE source = $1 AND id = $2) \
                 OR EXISTS (SELECT 1 FROM author_correction WHERE source = $1 AND id = $2) \
                 OR EXISTS (SELECT 1 FROM shelf CROSS JOIN mention ON seq >> 16 = shelf.number AND author = $2 \
                 WHERE source = $1 AND deleted = 0)",
                schema::SHELVES
            )
            .into()
        });
        let query = sqlx::query_scalar(AssertSqlSafe(SQL.clone())).bind(source).bind(id);
        query.fetch_one(&mut *self.connection().await).await.map_err(self.fault())
    }

    /// Native ids of the accounts of a source whose profile has this handle, in any case. Reads every profile.
    pub async fn authors_called(&self, source: &str, handle: &str) -> Result<Vec<String>, Error> {
        let sql = "SELECT id FROM author WHERE source = $1 AND profile IS NOT NULL \
                   AND lower(json_extract(profile, '$.handle')) = lower($2)";
        let query = sqlx::query_scalar(sql).bind(source).bind(handle.trim_start_matches('@'));
        query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())
    }

    /// All that hold, at most `limit`.
    pub async fn author_corrections(&self, limit: usize) -> Result<Vec<AuthorCorrection>, Error> {
        let sql = "SELECT source, id, spam, who, at FROM author_correction WHERE spam IS NOT NULL LIMIT $1";
        let query = sqlx::query(sql).bind(super::read::count(limit));
        let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
        self.each(&rows, correction)
    }

    /// What was said last of an author, also where it was taken back.
    pub async fn author_correction(&self, source: &str, id: &str) -> Result<Option<AuthorCorrection>, Error> {
        let sql = "SELECT source, id, spam, who, at FROM author_correction WHERE source = $1 AND id = $2";
        let query = sqlx::query(sql).bind(source).bind(id);
        let row = query.fetch_optional(&mut *self.connection().await).await.map_err(self.fault())?;
        row.as_ref().map(correction).transpose().map_err(self.fault())
    }
}

fn correction(row: &SqliteRow) -> sqlx::Result<AuthorCorrection> {
    let at: Timestamp = row::timestamp(row.try_get(4)?)?;
    let (source, author, spam) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(AuthorCorrection { source, author, spam, who: row.try_get(3)?, at })
}
