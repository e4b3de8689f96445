//! What ingest asks before it writes: what of a post or its author is stored already. Answers hold what is
//! committed; whoever has more under way must know that himself.

use super::read::Reader;
use super::{Error, Key, Known, row, schema};
use crate::post::Author;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};
use std::sync::{Arc, LazyLock};

impl Reader {
    /// What is known of each post, one entry a source and brand; unknown posts are absent.
    pub async fn known(&self, keys: &[Key]) -> Result<Vec<(Key, Known)>, Error> {
        static SQL: LazyLock<Arc<str>> = LazyLock::new(|| {
            schema::lookup("SELECT key, source, seq, brand, deleted, edited_at, content FROM mention WHERE key IN ")
        });
        let mut found = Vec::new();
        for chunk in keys.chunks(schema::LOOKUP_KEYS) {
            let mut query = sqlx::query(AssertSqlSafe(SQL.clone()));
            for key in chunk {
                query = query.bind(key.as_slice());
            }
            let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
            found.extend(self.each(&rows, known)?);
        }
        Ok(found)
    }

    /// `seq` of all live mentions by an author of a source, for account deletion.
    pub async fn mentions_of_author(&self, source: &str, author: &str) -> Result<Vec<i64>, Error> {
        static SQL: LazyLock<Arc<str>> = LazyLock::new(|| {
            let select = "SELECT seq FROM shelf CROSS JOIN mention ON seq >> 16 = shelf.number AND author = $1 \
                          WHERE source = $2 AND deleted = 0 ORDER BY seq";
            format!("{}{select}", schema::SHELVES).into()
        });
        sqlx::query_scalar(AssertSqlSafe(SQL.clone()))
            .bind(author)
            .bind(source)
            .fetch_all(&mut *self.connection().await)
            .await
            .map_err(self.fault())
    }

    /// The cached profile of authors (native ids), for mentions about to be written.
    pub async fn authors(&self, source: &str, ids: &[&str]) -> Result<Vec<Author<'static>>, Error> {
        static SQL: LazyLock<Arc<str>> = LazyLock::new(|| {
            schema::lookup("SELECT profile FROM author WHERE profile IS NOT NULL AND source = ? AND id IN ")
        });
        let mut authors = Vec::new();
        for chunk in ids.chunks(schema::LOOKUP_KEYS) {
            let mut query = sqlx::query(AssertSqlSafe(SQL.clone())).bind(source);
            for id in chunk {
                query = query.bind(*id);
            }
            let rows = query.fetch_all(&mut *self.connection().await).await.map_err(self.fault())?;
            authors.extend(self.each(&rows, row::profile)?);
        }
        Ok(authors)
    }
}

fn known(row: &SqliteRow) -> sqlx::Result<(Key, Known)> {
    fn bytes<const N: usize>(row: &SqliteRow, column: usize) -> sqlx::Result<[u8; N]> {
        let bytes: &[u8] = row.try_get(column)?;
        bytes.try_into().map_err(|e| sqlx::Error::Decode(Box::new(e)))
    }
    let edited_at: Option<i64> = row.try_get(5)?;
    let (source, brand): (&str, &str) = (row.try_get(1)?, row.try_get(3)?);
    let known = Known {
        source: source.into(),
        seq: row.try_get(2)?,
        brand: brand.into(),
        deleted: row.try_get(4)?,
        edited_at: edited_at.map(row::timestamp).transpose()?,
        content: bytes(row, 6)?,
    };
    Ok((bytes(row, 0)?, known))
}
