//! Feeds the search index with whatever changed since its own last commit, also after a crash or from nothing. Changes
//! come from the store, in the order of their numbers; those just committed come by the shorter way of a channel, and
//! wherever that has a gap (it was full, something else changed in between) the store is read.

use crate::index::{self, Writer};
use crate::metric::Metrics;
use crate::store::{self, Changed, Reader};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Rows read at once: a few megabytes.
const CHUNK: usize = 4_000;

/// Under load, a commit of the index at most this often. Each writes a segment that is merged again later, so seldom is
/// cheap; with reading and syncing, what is stored is searchable within 1.5 s.
const COMMIT_EVERY: Duration = Duration::from_millis(700);

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
    /// The number of the last change stored.
    pub stored: watch::Receiver<i64>,
    pub fresh: Fresh,
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
            let stored = *self.stored.borrow_and_update();
            self.metrics.index_lag_changes.set(stored - self.writer.last_change());
            if fed < stored {
                self.feed(&mut fed, &mut committed).await?;
                continue;
            }
            let open = fed > self.writer.last_change();
            if !open {
                self.caught_up.store(true, Relaxed);
            }
            tokio::select! {
                changed = self.stored.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(until_due(committed)), if open => {
                    self.write(Vec::new(), Some(fed)).await?;
                    committed = Some(Instant::now());
                }
                () = stop.cancelled() => break,
            }
        }
        while self.feed(&mut fed, &mut committed).await? {}
        self.write(Vec::new(), Some(fed)).await
    }

    /// Feeds the next changes behind `fed`, and commits when it is time. `false`: there were none.
    async fn feed(&mut self, fed: &mut i64, committed: &mut Option<Instant>) -> Result<bool, Error> {
        let changes = match self.fresh.behind(*fed) {
            Some(changes) => changes,
            None => self.reader.changes(*fed, CHUNK).await?,
        };
        let any = !changes.is_empty();
        *fed = changes.last().map_or(*fed, |changed| changed.change);
        let due = *fed > self.writer.last_change() && until_due(*committed).is_zero();
        self.write(changes, due.then_some(*fed)).await?;
        if due {
            *committed = Some(Instant::now());
        }
        Ok(any)
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

/// Changes just committed, as they come from there.
pub struct Fresh {
    from: mpsc::Receiver<Vec<Changed>>,
    /// Came in, and changes before it are still to be fed.
    held: Option<Vec<Changed>>,
}

impl Fresh {
    pub fn new(from: mpsc::Receiver<Vec<Changed>>) -> Self {
        Self { from, held: None }
    }

    /// The changes that directly follow change number `fed`, where they have come in.
    fn behind(&mut self, fed: i64) -> Option<Vec<Changed>> {
        loop {
            let mut changes = self.held.take().or_else(|| self.from.try_recv().ok())?;
            // What the store was read for meanwhile.
            changes.retain(|changed| changed.change > fed);
            match changes.first() {
                None => {}
                Some(first) if first.change == fed + 1 => return Some(changes),
                Some(_) => {
                    self.held = Some(changes);
                    return None;
                }
            }
        }
    }
}

/// How long until the index may be committed again.
fn until_due(committed: Option<Instant>) -> Duration {
    committed.map_or(Duration::ZERO, |at| COMMIT_EVERY.saturating_sub(at.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_committed_is_taken_where_it_follows() {
        let (to, from) = mpsc::channel(8);
        let mut fresh = Fresh::new(from);
        let send = |from: i64, last: i64| {
            let changed = |change| Changed { change, rewritten: false, mention: None, seq: change };
            assert!(to.try_send((from..=last).map(changed).collect()).is_ok());
        };
        let mut behind = |fed| {
            let changes = fresh.behind(fed)?;
            Some((changes.first()?.change, changes.last()?.change))
        };
        assert_eq!(behind(0), None);
        send(1, 3);
        send(4, 5);
        assert_eq!(behind(0), Some((1, 3)));
        assert_eq!(behind(3), Some((4, 5)));
        // 6 and 7 came by the store only: the rest is held until they are fed.
        send(8, 10);
        assert_eq!(behind(5), None);
        assert_eq!(behind(7), Some((8, 10)));
        // The store was read further than the gap.
        send(12, 14);
        send(15, 15);
        assert_eq!(behind(10), None);
        assert_eq!(behind(13), Some((14, 14)));
        assert_eq!(behind(15), None);
    }
}
