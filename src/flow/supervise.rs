//! Keeps a task going: an error or a panic restarts that task alone, with backoff, and is counted. A source starts
//! again from its last committed cursor.

use crate::ledger::{Ledger, Phase};
use crate::metric::Metrics;
use crate::source::intake::{self, Intake};
use crate::source::{Configured, Context, Stop};
use crate::store::Reader;
use crate::watch::Gate;
use crate::wire::backoff::Backoff;
use jiff::Timestamp;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const RESTART_FIRST: Duration = Duration::from_secs(1);
const RESTART_MOST: Duration = Duration::from_secs(60);

/// A task that ran this long was well: the next failure starts counting anew.
const WELL_AFTER: Duration = Duration::from_secs(120);

/// What a supervised source needs.
#[derive(Clone)]
pub struct Surroundings {
    pub gate: Arc<Gate>,
    pub reader: Reader,
    pub batches: intake::Sender,
    pub metrics: Arc<Metrics>,
    pub stop: CancellationToken,
}

/// Runs a source until it ends or `stop`.
pub async fn source(source: Configured, ledger: Arc<Ledger>, around: Surroundings) {
    let mut backoff = Backoff::new(RESTART_FIRST, RESTART_MOST);
    while !around.stop.is_cancelled() {
        let began = Instant::now();
        let failure = match run_once(&source, &ledger, &around).await {
            Ok(()) | Err(Stop::Closed) => return,
            Err(Stop::Ended) => {
                ledger.phase(Phase::Ended, Timestamp::now());
                tracing::info!(source = source.id, "came to its end");
                return;
            }
            Err(Stop::Failed(reason)) => reason,
        };
        if began.elapsed() > WELL_AFTER {
            backoff.reset();
        }
        let wait = backoff.next();
        tracing::warn!(source = source.id, reason = failure, ?wait, "source failed, starting again");
        ledger.error(Timestamp::now(), "failed", failure);
        ledger.phase(Phase::Failing, Timestamp::now());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = around.stop.cancelled() => return,
        }
    }
}

async fn run_once(source: &Configured, ledger: &Arc<Ledger>, around: &Surroundings) -> Result<(), Stop> {
    let cursor = around.reader.cursor(&source.id).await.map_err(|error| Stop::Failed(error.to_string()))?;
    ledger.phase(Phase::Starting, Timestamp::now());
    let context = Context {
        intake: Intake::new(&source.id, around.gate.clone(), ledger.clone(), around.batches.clone()),
        cursor,
        ledger: ledger.clone(),
        gate: around.gate.clone(),
        stop: around.stop.clone(),
    };
    // Its own task, so that a panic ends there.
    let task = tokio::spawn(source.source.clone().run(context));
    task.await.unwrap_or_else(|error| {
        ledger.restarted();
        around.metrics.task_restarted(&source.id);
        Err(Stop::Failed(panic_reason(error)))
    })
}

/// Runs `make()` again whenever it fails or panics, until it returns `Ok` or `stop`.
pub async fn keep<F, E>(task: &'static str, metrics: &Metrics, stop: &CancellationToken, mut make: impl FnMut() -> F)
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send + 'static,
{
    let mut backoff = Backoff::new(RESTART_FIRST, RESTART_MOST);
    loop {
        let began = Instant::now();
        let reason = match tokio::spawn(make()).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => panic_reason(error),
        };
        metrics.task_restarted(task);
        if began.elapsed() > WELL_AFTER {
            backoff.reset();
        }
        let wait = backoff.next();
        tracing::error!(task, reason, ?wait, "task failed, starting again");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}

fn panic_reason(error: tokio::task::JoinError) -> String {
    if error.is_cancelled() {
        return "cancelled".into();
    }
    let panic = error.into_panic();
    let text =
        panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_else(|| "no message".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use crate::watch::WatchSet;
    use futures_util::future::BoxFuture;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    /// Panics, then fails, then comes to its end; remembers the cursor of each start.
    #[derive(Default)]
    struct Clumsy {
        starts: AtomicU32,
    }

    impl Source for Clumsy {
        fn run(self: Arc<Self>, mut cx: Context) -> BoxFuture<'static, Result<(), Stop>> {
            Box::pin(async move {
                let start = self.starts.fetch_add(1, Relaxed);
                assert_eq!(cx.cursor, None, "nothing was committed");
                cx.intake.flush(Some(start.to_string())).await?;
                match start {
                    0 => panic!("a defect"),
                    1 => Err(Stop::Failed("the peer is away".into())),
                    _ => Err(Stop::Ended),
                }
            })
        }
    }

    async fn around() -> (tempfile::TempDir, Surroundings, tokio::sync::mpsc::Receiver<intake::Batch>) {
        let dir = tempfile::tempdir().unwrap();
        let (_writer, reader) = crate::store::open(dir.path()).await.unwrap();
        let set = WatchSet::compile(&[], &[], &Default::default()).unwrap_or_else(|bad| panic!("{bad:?}"));
        let (batches, taken) = intake::channel();
        let metrics = Arc::new(Metrics::new());
        let stop = CancellationToken::new();
        (dir, Surroundings { gate: Arc::new(Gate::new(set)), reader, batches, metrics, stop }, taken)
    }

    #[tokio::test]
    async fn a_source_that_panics_is_started_again_alone_and_counted() {
        let (_dir, around, mut taken) = around().await;
        let clumsy = Arc::new(Clumsy::default());
        let ledger = Arc::new(Ledger::new("clumsy", "push"));
        let configured = Configured { id: "clumsy".into(), kind: "push", source: clumsy.clone() };
        // The store answers from a thread of its own, which a clock that runs ahead would overtake.
        let began = Instant::now();
        source(configured, ledger.clone(), around.clone()).await;
        assert!(began.elapsed() >= RESTART_FIRST, "it waits before each start");
        assert_eq!(clumsy.starts.load(Relaxed), 3);
        let told = ledger.snapshot(Timestamp::now());
        assert_eq!((told.restarts, told.phase, told.errors["failed"]), (1, Phase::Ended, 2));
        assert_eq!(told.last_error.as_deref(), Some("the peer is away"));
        for cursor in ["0", "1", "2"] {
            assert_eq!(taken.recv().await.unwrap().cursor.as_deref(), Some(cursor));
        }
        let text = around.metrics.render(&[ledger], Timestamp::now()).unwrap();
        assert!(text.contains("reputed_task_restarts_total{task=\"clumsy\"} 1"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_goes_on_until_it_is_done_or_told_to_stop() {
        let (metrics, stop) = (Metrics::new(), CancellationToken::new());
        let mut runs = 0;
        let began = tokio::time::Instant::now();
        keep("index", &metrics, &stop, || {
            runs += 1;
            let run = runs;
            async move {
                match run {
                    1 => panic!("a defect"),
                    2 => Err("the disk is away"),
                    _ => Ok(()),
                }
            }
        })
        .await;
        assert_eq!(runs, 3);
        assert!(
            (Duration::from_millis(1_500)..=Duration::from_secs(3)).contains(&began.elapsed()),
            "{:?}",
            began.elapsed()
        );
        stop.cancel();
        keep("index", &metrics, &stop, || async { Err::<(), _>("for ever") }).await;
        let text = metrics.render(&[], Timestamp::now()).unwrap();
        assert!(text.contains("reputed_task_restarts_total{task=\"index\"} 3"), "{text}");
    }
}
