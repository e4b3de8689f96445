//! Last part of the way in: one durable transaction after the other, while ingest prepares the next, and the news of
//! each to whoever waits for it. The only owner of the store's writer.

use super::Event;
use super::draft::Draft;
use super::patience::retrying;
use crate::alert::{Delivery, News};
use crate::mention::Mention;
use crate::metric::Metrics;
use crate::store::{self, Changed, Commit, Writer};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{broadcast, mpsc, watch};

pub struct Committing {
    pub writer: Writer,
    /// How many drafts are on the disk, counted by this generation of the pipeline.
    pub committed: watch::Sender<u64>,
    pub news: Newsroom,
}

/// Whom to tell.
#[derive(Clone)]
pub struct Newsroom {
    pub metrics: Arc<Metrics>,
    pub events: broadcast::Sender<Event>,
    /// The number of the last change: wakes the index and whoever scores anew.
    pub stored: watch::Sender<i64>,
    /// New mentions, so that the index need not read them back. When the channel is full, it does.
    pub indexing: mpsc::Sender<Vec<Changed>>,
    /// Fresh outbox rows: wakes delivery. When the channel is full, delivery finds them in the store.
    pub outbox: mpsc::Sender<Fresh>,
}

/// Outbox rows just committed.
pub struct Fresh {
    pub deliveries: Vec<Arc<Delivery>>,
    /// The new mentions of the commit, ascending by `seq`: most of what the rows tell of.
    pub mentions: Arc<[Arc<Mention>]>,
    /// When the frame came in that the commit began with.
    pub received_at: Instant,
}

impl Committing {
    /// Commits what comes until the channel closes; leaves the store clean for the next start.
    ///
    /// # Errors
    /// [`store::Error::Stop`]: the store is damaged; the process must end.
    pub async fn run(mut self, mut drafts: mpsc::Receiver<Draft>) -> Result<(), store::Error> {
        // Also what the last generation committed without being able to say so.
        self.news.stored.send_replace(self.writer.last_change());
        while let Some(draft) = drafts.recv().await {
            self.commit(draft).await?;
            self.committed.send_modify(|count| *count += 1);
        }
        self.writer.close().await
    }

    async fn commit(&mut self, draft: Draft) -> Result<(), store::Error> {
        let Draft { commit, items, gone, done, answers, received_at, .. } = draft;
        let (began, before) = (Instant::now(), self.writer.last_change());
        if !commit.is_empty() {
            retrying!(self.writer.commit(&commit))?;
            let metrics = &self.news.metrics;
            metrics.commit_seconds.observe(began.elapsed().as_secs_f64());
            metrics.commit_posts.observe(items as f64);
            metrics.mentions_stored.inc_by(commit.new.len() as u64);
        }
        // Whoever waited may have given up: what matters is that it is stored.
        let heard = done.into_iter().filter_map(|done| done.send(()).ok()).count();
        let answered = answers.into_iter().filter_map(|(done, found)| done.send(found).ok()).count();
        tracing::trace!(items, heard, answered, "committed");
        self.news.tell(&commit, (before, self.writer.last_change()), received_at.unwrap_or(began));
        self.news.tell_watchers(&commit, gone);
        Ok(())
    }
}

impl Newsroom {
    /// Wakes delivery and index. `before` and `last`: the numbers of the last change before the commit and in it.
    fn tell(&self, commit: &Commit, (before, last): (i64, i64), received_at: Instant) {
        if !commit.deliveries.is_empty() {
            let (deliveries, mentions) = (commit.deliveries.clone(), commit.new.clone().into());
            drop(self.outbox.try_send(Fresh { deliveries, mentions, received_at }));
        }
        for change in commit.alerts.iter().filter(|change| change.news == Some(News::Opened)) {
            self.metrics.alert_opened(&change.alert.rule);
        }
        // Mentions that are to be scored anew wake whoever does it, though none has changed yet.
        if last == before && commit.rescore.is_empty() {
            return;
        }
        if commit.only_adds_mentions() {
            let added = (before + 1..).zip(&commit.new).map(|(change, mention)| Changed::added(change, mention));
            drop(self.indexing.try_send(added.collect()));
        }
        self.stored.send_replace(last);
    }

    /// Tells who watches live.
    fn tell_watchers(&self, commit: &Commit, gone: Vec<Mention>) {
        if self.events.receiver_count() == 0 {
            return;
        }
        let gone = gone.into_iter().map(Arc::new);
        for mention in commit.new.iter().chain(&commit.edited).cloned().chain(gone) {
            drop(self.events.send(Event::Mention(mention)));
        }
        for change in &commit.alerts {
            drop(self.events.send(Event::Alert(Arc::new(change.alert.clone()))));
        }
    }
}
