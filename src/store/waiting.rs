//! Which mentions wait to be scored by the best model, newest first: what is being talked about now matters most.

use super::read::Reader;
use super::{Error, Range, row};
use crate::mention::Mention;
use sqlx::AssertSqlSafe;

impl Reader {
    /// The newest numbers that wait, at most `most` of them, and the live mentions among them, ascending.
    pub async fn waiting_for_scores(&self, most: i64) -> Result<Option<(Range, Vec<Mention>)>, Error> {
        let mut connection = self.connection().await;
        let newest: Option<(i64, i64)> = sqlx::query_as("SELECT first, last FROM rescore ORDER BY first DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await
            .map_err(self.fault())?;
        let Some((first, last)) = newest else { return Ok(None) };
        let range = Range { first: first.max(last - most + 1), last };
        let sql = format!("{}WHERE seq BETWEEN $1 AND $2 AND deleted = 0 ORDER BY seq", row::MENTION);
        let query = sqlx::query(AssertSqlSafe(sql)).bind(range.first).bind(range.last);
        let rows = query.fetch_all(&mut *connection).await.map_err(self.fault())?;
        Ok(Some((range, self.each(&rows, row::mention)?)))
    }

    /// How many numbers wait; some of their mentions may be scored or gone already.
    pub async fn count_waiting_for_scores(&self) -> Result<u64, Error> {
        let left = self.number("SELECT COALESCE(SUM(last - first + 1), 0) FROM rescore").await?;
        Ok(u64::try_from(left).unwrap_or(0))
    }
}
