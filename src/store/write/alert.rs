//! Alerts and the outbox within a commit: an alert and its deliveries are stored together, before anything is sent.

use crate::alert::{Alert, Change, Delivery};
use crate::store::{DeliveryOutcome, row};
use serde::Serialize;
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub async fn put(connection: &mut SqliteConnection, changes: &[Change]) -> sqlx::Result<()> {
    fn row(Change { alert, .. }: &Change) -> sqlx::Result<impl Serialize> {
        let opened_at = row::nanoseconds(alert.opened_at);
        Ok((&alert.id, alert.revision, alert.state.name(), &alert.brand, opened_at, row::json(alert)?))
    }
    // An alert that changed twice ends as it was last.
    each(
        connection,
        "INSERT INTO alert (id, revision, state, brand, opened_at, body) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each($1) WHERE 1 \
         ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, state = excluded.state, \
         brand = excluded.brand, opened_at = excluded.opened_at, body = excluded.body",
        changes.iter().map(row).collect::<sqlx::Result<_>>()?,
    )
    .await
}

/// Adds rows to the outbox. Older revisions for the same (alert, hook) that wait give way to the newer, so that what
/// is told of an alert never goes backwards. A row that is there already stays as it is.
pub async fn send(connection: &mut SqliteConnection, deliveries: &[Arc<Delivery>]) -> sqlx::Result<()> {
    fn row(delivery: &Arc<Delivery>) -> sqlx::Result<impl Serialize> {
        let Delivery { id, hook, alert, revision, news, body, state, .. } = &**delivery;
        let Delivery { attempts, created_at, due_at, finished_at, last_error, .. } = &**delivery;
        let times = [Some(*created_at), Some(*due_at), *finished_at].map(|at| at.map(row::nanoseconds));
        Ok((id, hook, alert, revision, news.name(), state.name(), attempts, times, last_error, row::json(body)?))
    }
    each(
        connection,
        "INSERT INTO outbox (id, hook, alert, revision, news, state, attempts, created_at, due_at, finished_at, \
         last_error, body) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
         value ->> 6, value ->> '$[7][0]', value ->> '$[7][1]', value ->> '$[7][2]', value ->> 8, value ->> 9 \
         FROM json_each($1) WHERE 1 ON CONFLICT (id) DO NOTHING",
        deliveries.iter().map(row).collect::<sqlx::Result<_>>()?,
    )
    .await?;
    let newest = |delivery: &Arc<Delivery>| {
        let Delivery { alert, hook, revision, created_at, .. } = &**delivery;
        (alert.clone(), hook.clone(), *revision, row::nanoseconds(*created_at))
    };
    each(
        connection,
        "UPDATE outbox SET state = 'superseded', finished_at = newer.value ->> 3 FROM json_each($1) AS newer \
         WHERE outbox.state = 'pending' AND outbox.alert = newer.value ->> 0 AND outbox.hook = newer.value ->> 1 \
         AND outbox.revision < newer.value ->> 2",
        deliveries.iter().map(newest).collect(),
    )
    .await
}

/// Runs `statement` once for all rows, which it takes apart from one JSON array: a statement for each would cost a
/// round trip to the connection's thread each.
async fn each<T: Serialize>(
    connection: &mut SqliteConnection,
    statement: &'static str,
    rows: Vec<T>,
) -> sqlx::Result<()> {
    if !rows.is_empty() {
        sqlx::query(statement).bind(row::json(&rows)?).execute(connection).await?;
    }
    Ok(())
}

/// What alerts quote of deleted mentions goes as well. The rules have renamed those that live (they are among the
/// `changes`); one that was resolved is left with the name of its rule. The outbox keeps what was told, so it follows.
pub async fn forget(connection: &mut SqliteConnection, deleted: &[i64], changes: &[Change]) -> sqlx::Result<()> {
    let mut renamed: Vec<Alert> = changes.iter().map(|change| change.alert.clone()).collect();
    let mut seen: BTreeSet<String> = renamed.iter().map(|alert| alert.id.clone()).collect();
    for seq in deleted {
        let bodies: Vec<String> = sqlx::query_scalar(
            "SELECT body FROM alert WHERE EXISTS (SELECT 1 FROM json_each(body, '$.mentions') WHERE value = $1)",
        )
        .bind(*seq)
        .fetch_all(&mut *connection)
        .await?;
        for body in bodies {
            let mut alert: Alert = serde_json::from_str(&body).map_err(|error| sqlx::Error::Decode(error.into()))?;
            if seen.insert(alert.id.clone()) {
                alert.title.clone_from(&alert.rule);
                alert.mentions.retain(|listed| !deleted.contains(listed));
                let sql = "UPDATE alert SET body = $1 WHERE id = $2";
                sqlx::query(sql).bind(row::json(&alert)?).bind(alert.id.as_str()).execute(&mut *connection).await?;
                renamed.push(alert);
            }
        }
    }
    for alert in renamed {
        sqlx::query("UPDATE outbox SET body = json_set(body, '$.title', $1) WHERE alert = $2")
            .bind(alert.title.as_str())
            .bind(alert.id.as_str())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Records attempts. A row that was superseded while it was on its way only ever becomes delivered: were it to wait
/// again, it would follow its newer revision.
pub async fn conclude(connection: &mut SqliteConnection, outcomes: &[DeliveryOutcome]) -> sqlx::Result<()> {
    // The last word on each row: a statement that met a row twice would take either.
    let last: BTreeMap<&str, &DeliveryOutcome> =
        outcomes.iter().map(|outcome| (outcome.id.as_str(), outcome)).collect();
    let row = |outcome: &DeliveryOutcome| {
        let DeliveryOutcome { id, state, attempts, due_at, finished_at, last_error } = outcome.clone();
        let (due_at, finished_at) = (row::nanoseconds(due_at), finished_at.map(row::nanoseconds));
        (id, state.name(), attempts, due_at, finished_at, last_error)
    };
    each(
        connection,
        "UPDATE outbox SET state = told.value ->> 1, attempts = told.value ->> 2, due_at = told.value ->> 3, \
         finished_at = told.value ->> 4, last_error = told.value ->> 5 FROM json_each($1) AS told \
         WHERE outbox.id = told.value ->> 0 AND (outbox.state <> 'superseded' OR told.value ->> 1 = 'delivered')",
        last.into_values().map(row).collect(),
    )
    .await
}
