//! Alerts and the outbox within a commit: an alert and its deliveries are stored together, before anything is sent.

use crate::alert::{Alert, Change, Delivery, DeliveryState};
use crate::store::{DeliveryOutcome, row};
use sqlx::sqlite::SqliteConnection;
use std::collections::BTreeSet;
use std::sync::Arc;

pub async fn put(connection: &mut SqliteConnection, changes: &[Change]) -> sqlx::Result<()> {
    for Change { alert, .. } in changes {
        sqlx::query(
            "INSERT INTO alert (id, revision, state, brand, opened_at, body) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, state = excluded.state, \
             brand = excluded.brand, opened_at = excluded.opened_at, body = excluded.body",
        )
        .bind(alert.id.as_str())
        .bind(alert.revision)
        .bind(alert.state.name())
        .bind(alert.brand.as_str())
        .bind(row::nanoseconds(alert.opened_at))
        .bind(row::json(alert)?)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Adds rows to the outbox. Older revisions for the same (alert, hook) that wait give way to the newer, so that what
/// is told of an alert never goes backwards. A row that is there already stays as it is.
pub async fn send(connection: &mut SqliteConnection, deliveries: &[Arc<Delivery>]) -> sqlx::Result<()> {
    for delivery in deliveries {
        sqlx::query(
            "UPDATE outbox SET state = 'superseded', finished_at = $1 \
             WHERE state = 'pending' AND alert = $2 AND hook = $3 AND revision < $4",
        )
        .bind(row::nanoseconds(delivery.created_at))
        .bind(delivery.alert.as_str())
        .bind(delivery.hook.as_str())
        .bind(delivery.revision)
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "INSERT INTO outbox (id, hook, alert, revision, news, state, attempts, created_at, due_at, finished_at, \
             last_error, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING",
        )
        .bind(delivery.id.as_str())
        .bind(delivery.hook.as_str())
        .bind(delivery.alert.as_str())
        .bind(delivery.revision)
        .bind(delivery.news.name())
        .bind(delivery.state.name())
        .bind(delivery.attempts)
        .bind(row::nanoseconds(delivery.created_at))
        .bind(row::nanoseconds(delivery.due_at))
        .bind(delivery.finished_at.map(row::nanoseconds))
        .bind(delivery.last_error.as_deref())
        .bind(row::json(&delivery.body)?)
        .execute(&mut *connection)
        .await?;
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
    for outcome in outcomes {
        sqlx::query(
            "UPDATE outbox SET state = $1, attempts = $2, due_at = $3, finished_at = $4, last_error = $5 \
             WHERE id = $6 AND (state <> 'superseded' OR $7)",
        )
        .bind(outcome.state.name())
        .bind(outcome.attempts)
        .bind(row::nanoseconds(outcome.due_at))
        .bind(outcome.finished_at.map(row::nanoseconds))
        .bind(outcome.last_error.as_deref())
        .bind(outcome.id.as_str())
        .bind(outcome.state == DeliveryState::Delivered)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
