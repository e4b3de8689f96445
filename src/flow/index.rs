//! Feeds the search index from the store: whatever changed since the index's own last commit, also after a crash or
//! from nothing. The store is the only source of it, so that there is one path to get wrong.

use crate::index::{self, Writer};
use crate::metric::Metrics;
use crate::store::{self, Changed, Reader};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Rows read at once: a few megabytes.
const CHUNK: usize = 4_000;

/// Under load, a commit of the index at most this often. Each writes a segment that is merged again later, so seldom is
/// cheap; with reading and syncing, what is stored is searchable within 1.5 s.
const COMMIT_EVERY: Duration = Duration::from_millis(700);

/// With nothing to do, the store is looked at again this often, in case a wake-up was missed.
const LOOK_EVERY: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Index(#[from] index::Error),
}

pub struct Indexing {
    pub writer: Writer,
    pub reader: Reader,
    /// Kind of each configured source.
    pub kinds: Arc<HashMap<String, &'static str>>,
    pub stored: watch::Receiver<u64>,
    pub metrics: Arc<Metrics>,
    /// Set once everything stored is searchable.
    pub caught_up: Arc<AtomicBool>,
}

impl Indexing {
    /// Feeds the index until `stop`; an index that proves damaged is built anew from the store.
    ///
    /// # Errors
    /// The caller waits and calls again.
    pub async fn run(&mut self, stop: CancellationToken) -> Result<(), Error> {
        let followed = self.follow(stop).await;
        if let Err(Error::Index(index::Error::Rebuild(reason))) = &followed {
            tracing::error!(reason, "the search index is damaged and is built anew");
            self.caught_up.store(false, Relaxed);
            tokio::task::block_in_place(|| self.writer.begin_anew())?;
        }
        followed
    }

    /// Runs until `stop`, then brings the index up to what is stored. Documents are fed as they come; under load they are
    /// committed together every [`COMMIT_EVERY`], after a pause at once.
    ///
    /// # Errors
    /// What was not committed is fed again by the next call.
    async fn follow(&mut self, stop: CancellationToken) -> Result<(), Error> {
        let mut fed = self.writer.last_change();
        let mut committed: Option<Instant> = None;
        loop {
            self.stored.mark_unchanged();
            if self.feed(&mut fed, &mut committed).await? {
                continue;
            }
            let open = fed > self.writer.last_change();
            self.metrics.index_lag_changes.set(fed - self.writer.last_change());
            if !open {
                self.caught_up.store(true, Relaxed);
            }
            tokio::select! {
                changed = self.stored.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(until_due(committed)), if open => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => break,
            }
        }
        while self.feed(&mut fed, &mut committed).await? {}
        self.write(Vec::new(), Some(fed)).await
    }

    /// Feeds the next chunk behind `fed`, and commits when it is time. `false`: that was all.
    async fn feed(&mut self, fed: &mut i64, committed: &mut Option<Instant>) -> Result<bool, Error> {
        let changes = self.reader.changes(*fed, CHUNK).await?;
        let more = changes.len() == CHUNK;
        *fed = changes.last().map_or(*fed, |changed| changed.change);
        let due = *fed > self.writer.last_change() && until_due(*committed).is_zero();
        self.write(changes, due.then_some(*fed)).await?;
        if due {
            *committed = Some(Instant::now());
        }
        Ok(more)
    }

    /// Indexes everything stored so far; `progress` hears the last change that is held.
    ///
    /// # Errors
    /// As [`Indexing::run`].
    pub async fn catch_up(&mut self, progress: impl Fn(i64)) -> Result<(), Error> {
        let mut fed = self.writer.last_change();
        let mut committed = Some(Instant::now());
        while self.feed(&mut fed, &mut committed).await? {
            progress(self.writer.last_change());
        }
        self.write(Vec::new(), Some(fed)).await?;
        progress(fed);
        self.metrics.index_lag_changes.set(0);
        Ok(())
    }

    /// Off the runtime's threads: tantivy works and syncs.
    async fn write(&mut self, changes: Vec<Changed>, commit: Option<i64>) -> Result<(), Error> {
        let kinds = self.kinds.clone();
        let writer = &mut self.writer;
        tokio::task::block_in_place(|| {
            for changed in changes {
                match changed.mention {
                    Some(mention) => {
                        let kind = kinds.get(mention.post.source.as_str()).copied().unwrap_or_default();
                        writer.put(&mention, kind, changed.rewritten)?;
                    }
                    None => writer.remove(changed.seq)?,
                }
            }
            match commit {
                Some(change) => writer.commit(change),
                None => Ok(()),
            }
        })?;
        Ok(())
    }
}

/// How long until the index may be committed again.
fn until_due(committed: Option<Instant>) -> Duration {
    committed.map_or(Duration::ZERO, |at| COMMIT_EVERY.saturating_sub(at.elapsed()))
}
