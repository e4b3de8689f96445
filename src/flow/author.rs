//! Looks up the profiles of authors that matched and of new followers, for sources that do not carry them along: in batches, cached, within
//! the peer's limits. What it learns goes through ingest like everything else.

use crate::post::Author;
use crate::source::{Configured, Stop};
use crate::store::Reader;
use crate::wire::backoff::Backoff;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// A profile older than this is asked for again when its author is heard of again.
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(24);

/// New authors wait this long for company, so that a batch is worth its request.
const GATHER: Duration = Duration::from_secs(2);

/// After an answer that lacked an author (deleted, suspended), how many empty rounds before we wait for news.
const LOOK_EVERY: Duration = Duration::from_secs(300);

/// Runs until `stop`.
pub async fn run(
    source: Configured,
    reader: Reader,
    profiles: mpsc::Sender<(String, Vec<Author<'static>>)>,
    mut stored: watch::Receiver<i64>,
    stop: CancellationToken,
) {
    let most = source.source.profiles_max();
    let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(300));
    loop {
        let wait = match look_up(&source, &reader, most, &profiles).await {
            Ok(true) => {
                backoff.reset();
                GATHER
            }
            Ok(false) => {
                backoff.reset();
                stored.mark_unchanged();
                tokio::select! {
                    changed = stored.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = stop.cancelled() => return,
                }
                GATHER
            }
            Err(Stop::Failed(reason)) => {
                let wait = backoff.next();
                tracing::warn!(source = source.id, reason, ?wait, "profiles of authors cannot be looked up");
                wait
            }
            Err(Stop::Ended | Stop::Closed) => return,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// One batch. `true`: there was something to ask.
async fn look_up(
    source: &Configured,
    reader: &Reader,
    most: usize,
    profiles: &mpsc::Sender<(String, Vec<Author<'static>>)>,
) -> Result<bool, Stop> {
    let stale = Timestamp::now().checked_sub(FRESH_FOR).unwrap_or(Timestamp::MIN);
    let mut asked =
        reader.authors_to_look_up(&source.id, stale, most).await.map_err(|error| Stop::Failed(error.to_string()))?;
    let left = most.saturating_sub(asked.len());
    let followers =
        reader.followers_to_look_up(&source.id, left).await.map_err(|error| Stop::Failed(error.to_string()))?;
    for id in followers {
        if !asked.contains(&id) {
            asked.push(id);
        }
    }
    if asked.is_empty() {
        return Ok(false);
    }
    let mut found = source.source.clone().profiles(asked.clone()).await?;
    // Who is absent is remembered as such, or he would be asked for in every batch.
    for id in asked {
        if !found.iter().any(|author| author.id.as_deref() == Some(&id)) {
            found.push(Author { id: Some(id.into()), ..Author::default() });
        }
    }
    profiles.send((source.id.clone(), found)).await.map_err(|_| Stop::Closed)?;
    Ok(true)
}
