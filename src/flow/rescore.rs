//! Scores anew, by the best model, what the fast tier scored in a burst or an older model before an upgrade: in the
//! background, newest first, whenever nothing fresh waits and the encoder keeps up with what comes. What it finds goes
//! through ingest like everything else. Rules have judged these mentions already and do not judge them again.

use super::entrance::Entrance;
use super::{Found, Told, judge};
use crate::classify::Classifier;
use crate::mention::{Mention, Tier};
use crate::metric::Metrics;
use crate::store::{self, Reader, Rescored};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Mentions of one step: a tenth of a second or two of the encoder's work, for which fresh posts may have to wait.
const STEP: i64 = 64;
/// Between looks whether fresh posts are still on their way, or too many come.
const WAIT: Duration = Duration::from_millis(50);
/// After a failure.
const RETRY: Duration = Duration::from_secs(5);

/// Why nothing is scored anew.
pub const NOTHING_BETTER: &str = "`[model] tier` is `fast`: the mentions are scored by it already";

pub struct Rescoring {
    pub classifier: Arc<Classifier>,
    pub reader: Reader,
    pub entrance: Arc<Entrance>,
    pub found: mpsc::Sender<Told>,
    /// Wakes us: something was committed.
    pub stored: watch::Receiver<i64>,
    pub metrics: Arc<Metrics>,
}

impl Rescoring {
    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let work = async {
            loop {
                self.stored.mark_unchanged();
                match self.step().await {
                    Ok(true) => {}
                    Ok(false) => {
                        if self.stored.changed().await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "mentions wait for better scores");
                        tokio::time::sleep(RETRY).await;
                    }
                }
            }
        };
        tokio::select! { () = work => {}, () = stop.cancelled() => {} }
    }

    /// Scores the newest that wait. `false`: none did.
    async fn step(&self) -> Result<bool, store::Error> {
        while self.entrance.is_busy() {
            tokio::time::sleep(WAIT).await;
        }
        let Some((range, mentions)) = self.reader.waiting_for_scores(STEP).await? else { return Ok(false) };
        let scores = tokio::task::block_in_place(|| self.score(&mentions));
        let (done, taken) = oneshot::channel();
        if self.found.send((Found::Scores(Rescored { range, scores }), done)).await.is_ok() {
            // Until then the store would tell the same range again. Given up with what was under way: tried again.
            drop(taken.await);
        }
        Ok(true)
    }

    fn score(&self, mentions: &[Mention]) -> store::NewScores {
        let is_old = |mention: &&Mention| match &mention.scores {
            Some(scores) => scores.tier == Tier::Fast || scores.model != self.classifier.model(),
            None => true,
        };
        let old: Vec<&Mention> = mentions.iter().filter(is_old).collect();
        let posts: Vec<_> = old.iter().map(|mention| &mention.post).collect();
        // What the best model cannot tell stays as it is.
        let scores = judge::best(&self.classifier, &posts).unwrap_or_default();
        self.metrics.scored(scores.iter().map(|scores| scores.as_ref().map(|scores| scores.tier)));
        old.iter().zip(scores).map(|(mention, scores)| (mention.seq, store::content(&mention.post), scores)).collect()
    }
}
