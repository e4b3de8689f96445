//! Keeps a task going: an error or a panic restarts that task alone, with backoff, and is counted. A source starts
//! again from its last committed cursor.

use crate::ledger::{Ledger, Phase};
use crate::metric::Metrics;
use crate::source::intake::{Batch, Intake};
use crate::source::{Configured, Context, Stop};
use crate::store::Reader;
use crate::watch::Gate;
use crate::wire::backoff::Backoff;
use jiff::Timestamp;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
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
    pub batches: mpsc::Sender<Batch>,
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
