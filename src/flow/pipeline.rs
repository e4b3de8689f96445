//! Sources, judging and ingest as one generation. When a defect of ours stops one of the latter two, what was under way
//! is given up and the whole generation starts again: sources from their committed cursors, rules from the store.

use super::Clock;
use super::commit::{Committing, Newsroom};
use super::entrance::Entrance;
use super::ingest::{Ingest, Inlets};
use super::judge::Judge;
use super::spam::Authors;
use super::supervise::{self, Surroundings};
use super::under_way::UnderWay;
use crate::classify::Classifier;
use crate::cluster::copies::Copies;
use crate::follower::model::Model;
use crate::ledger::Ledger;
use crate::metric::Metrics;
use crate::rule::{Engine, RuleSet};
use crate::source::{Configured, intake};
use crate::store::{self, Reader, Writer};
use crate::watch::Gate;
use crate::wire::backoff::Backoff;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Rows read at once while rules are warmed.
const WARM_CHUNK: usize = 4_000;

pub struct Pipeline {
    pub data_dir: PathBuf,
    pub sources: Vec<(Configured, Arc<Ledger>)>,
    pub kinds: Vec<(String, &'static str)>,
    pub rules: Arc<ArcSwap<RuleSet>>,
    pub hooks: Vec<String>,
    pub classifier: Arc<Classifier>,
    /// Judges authors.
    pub model: Arc<Model>,
    pub gate: Arc<Gate>,
    pub reader: Reader,
    pub entrance: Arc<Entrance>,
    pub metrics: Arc<Metrics>,
    pub news: Newsroom,
    /// Outlives a generation: what waits in it is not lost.
    pub inlets: Arc<Mutex<Inlets>>,
    pub clock: Clock,
    pub stop: CancellationToken,
    /// Cancelled once the last delivery has told its outcome: until then the store takes outcomes.
    pub delivered: CancellationToken,
}

impl Pipeline {
    /// Runs until `stop`, then takes in what was under way.
    ///
    /// # Errors
    /// [`store::Error::Stop`]: the store is damaged or away for good.
    pub async fn run(self, writer: Writer) -> Result<(), store::Error> {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let mut writer = Some(writer);
        loop {
            let writer = match writer.take() {
                Some(writer) => writer,
                None => store::open(&self.data_dir).await?.0,
            };
            match self.generation(writer).await {
                Ok(done) => return done,
                Err(panic) => {
                    let wait = backoff.next();
                    tracing::error!(panic = %panic, ?wait, "ingest panicked, starting again from what is stored");
                    self.metrics.task_restarted("ingest");
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// `Err`: a panic of ours.
    async fn generation(&self, writer: Writer) -> Result<Result<(), store::Error>, tokio::task::JoinError> {
        let (batches, to_judge) = intake::channel();
        // Bounded by the room that batches take.
        let (judged, to_ingest) = mpsc::channel(intake::ROOM);
        let mut copies = Copies::default();
        let (rules, now) = (self.rules.load_full(), self.clock.now());
        let engine = match warmed_engine(rules, &self.kinds, &self.reader, &mut copies, now).await {
            Ok(engine) => engine,
            Err(error) => return Ok(Err(error)),
        };
        let authors = match Authors::load(self.model.clone(), &self.reader).await {
            Ok(authors) => authors,
            Err(error) => return Ok(Err(error)),
        };
        let (classifier, load, metrics) = (self.classifier.clone(), batches.load(), self.metrics.clone());
        let judge = Judge { classifier, load, hurry: self.entrance.hurry.clone(), metrics };
        if let Err(error) = judge.spawn(to_judge, judged) {
            return Ok(Err(store::Error::Stop(format!("no thread for judging: {error}"))));
        }
        let stop = self.stop.child_token();
        let (drafts, to_commit) = mpsc::channel(1);
        let (committed, is_committed) = watch::channel(0);
        let mut commits = is_committed.clone();
        let ingest = self.ingest(writer.next_seq(), engine, (copies, authors), UnderWay::new(drafts, is_committed));
        let committing = tokio::spawn(Committing { writer, committed, news: self.news.clone() }.run(to_commit));
        let mut inlets = self.inlets.clone().lock_owned().await;
        inlets.judged = to_ingest;
        let ingest = tokio::spawn(async move { ingest.run(&mut inlets).await });
        let sources = self.start_sources(&batches, &stop);
        self.entrance.open(batches);
        // Closing the entrance once the sources are told to stop lets ingest come to its end by itself.
        let closing = async {
            stop.cancelled().await;
            sources.wait().await;
            self.delivered.cancelled().await;
            self.entrance.close();
        };
        // The committing task is gone, and nothing can be stored any more: that must not wait until something comes in.
        let lost = async { drop(commits.wait_for(|_| false).await) };
        tokio::pin!(ingest);
        let ended = tokio::select! {
            ended = &mut ingest => ended,
            () = closing => ingest.await,
            () = lost => {
                stop.cancel();
                self.entrance.close();
                ingest.await
            }
        };
        stop.cancel();
        self.entrance.close();
        sources.wait().await;
        // Ends once ingest has: whatever was handed over is committed.
        let committed = committing.await;
        ended.and_then(|ended| committed.map(|committed| ended.and(committed)))
    }

    fn ingest(
        &self,
        next_seq: i64,
        engine: Engine,
        (copies, authors): (Copies, Authors),
        under_way: UnderWay,
    ) -> Ingest {
        let looked_up = self.sources.iter().filter(|(source, _)| source.source.profiles_max() > 0);
        Ingest {
            engine,
            copies,
            authors,
            reader: self.reader.clone(),
            kinds: self.kinds.clone(),
            rules: self.rules.clone(),
            hooks: self.hooks.clone(),
            looked_up: looked_up.map(|(source, _)| source.id.clone()).collect(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            events: self.news.events.clone(),
            next_seq,
            refines: self.classifier.encoder().is_some(),
            under_way,
            pruned_at: Some(self.clock.now()),
        }
    }

    fn start_sources(&self, batches: &intake::Sender, stop: &CancellationToken) -> TaskTracker {
        let tasks = TaskTracker::new();
        for (source, ledger) in &self.sources {
            let around = Surroundings {
                gate: self.gate.clone(),
                reader: self.reader.clone(),
                batches: batches.clone(),
                metrics: self.metrics.clone(),
                stop: stop.clone(),
            };
            tasks.spawn(supervise::source(source.clone(), ledger.clone(), around));
        }
        tasks.close();
        tasks
    }
}

/// A rule engine as if it had never stopped: open alerts from the store, windows from the mentions they look back on,
/// which `copies` recalls, too.
///
/// # Errors
/// The store cannot be read.
pub async fn warmed_engine(
    rules: Arc<RuleSet>,
    kinds: &[(String, &'static str)],
    reader: &Reader,
    copies: &mut Copies,
    now: Timestamp,
) -> Result<Engine, store::Error> {
    let since = now.checked_sub(rules.window_max()).unwrap_or(Timestamp::MIN);
    let alerts = reader.recent_alerts(now.checked_sub(rules.recall_max()).unwrap_or(Timestamp::MIN)).await?;
    let mut engine = Engine::new(RuleSet::clone(&rules), kinds.to_vec(), alerts);
    for mention in reader.mentions(&engine.listed()).await? {
        if mention.post.created_at < since {
            engine.warm(&mention);
        }
    }
    let mut after = 0;
    loop {
        let mentions = reader.mentions_since(since, after, WARM_CHUNK).await?;
        let Some(last) = mentions.last() else { return Ok(engine) };
        after = last.seq;
        for mention in &mentions {
            copies.recall(mention);
            engine.warm(mention);
        }
    }
}
