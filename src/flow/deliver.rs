//! From the outbox to the hooks: at least once, one stable id a revision, first-in-first-out for each (alert, hook).
//! Fresh rows come straight from ingest; what waits for a retry, or was left by a crash, comes from the store.

use super::Event;
use super::ingest::Fresh;
use crate::alert::{Delivery, DeliveryState};
use crate::hook::{self, Hook, Message, Outcome};
use crate::metric::Metrics;
use crate::store::{self, DeliveryOutcome, Reader};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Deliveries of one hook under way at once: one slow peer holds up its own only.
const IN_FLIGHT_MAX: usize = 32;

/// Fresh rows of one hook that wait for a place; what is more waits in the store for a later look.
const WAITING_MAX: usize = 1_024;

/// Rows read from the store at once.
const CHUNK: usize = 256;

/// The store is asked for due rows at least this often; fresh rows do not wait for it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is under way may still finish when the daemon stops; the rest is sent after the next start.
const DRAIN: Duration = Duration::from_secs(5);

/// The longest wait a peer may ask for by `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);

pub struct Delivering {
    pub reader: Reader,
    pub hooks: Vec<hook::Configured>,
    pub fresh: mpsc::Receiver<Fresh>,
    pub outcomes: mpsc::Sender<DeliveryOutcome>,
    pub events: broadcast::Sender<Event>,
    pub metrics: Arc<Metrics>,
    pub base_url: String,
}

/// One hook with its bulkhead.
struct Lane {
    hook: Arc<dyn Hook>,
    places: Arc<Semaphore>,
    /// Fresh rows for which there was no place, with the arrival of their frame.
    waiting: VecDeque<(Arc<Delivery>, Instant)>,
    /// Why it no longer sends; until the next start.
    halted: Option<String>,
}

struct Finished {
    delivery: Arc<Delivery>,
    outcome: Outcome,
}

/// What is known of rows without asking the store: under way (waiting for a place included), or finished with the outcome not yet committed.
#[derive(Default)]
struct Busy {
    ids: HashSet<String>,
    /// (alert, hook) with a row under way: the next revision waits for it.
    lanes: HashSet<(String, String)>,
    /// Finished rows whose outcome ingest may not have committed yet, and until when to leave them alone.
    settled: HashMap<String, Instant>,
}

/// An outcome is in the store long before this; until then a look must not send the row again.
const SETTLED_FOR: Duration = Duration::from_secs(30);

impl Delivering {
    /// Runs until `stop`.
    ///
    /// # Errors
    /// The store cannot be read; the caller waits and calls again.
    pub async fn run(&mut self, stop: CancellationToken) -> Result<(), store::Error> {
        let mut lanes: HashMap<String, Lane> =
            self.hooks.iter().map(|hook| (hook.id.clone(), Lane::new(hook))).collect();
        let mut tasks: JoinSet<Finished> = JoinSet::new();
        let mut busy = Busy::default();
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(finished) = tasks.join_next() => {
                    self.finished(finished, &mut busy, &mut lanes).await;
                    self.start_waiting(&mut lanes, &mut tasks);
                }
                Some(fresh) = self.fresh.recv() => {
                    for delivery in fresh.deliveries {
                        self.start(delivery, Some(fresh.received_at), &mut lanes, &mut busy, &mut tasks);
                    }
                }
                _ = look.tick() => {
                    busy.settled.retain(|_, until| *until > Instant::now());
                    for delivery in self.reader.due_deliveries(Timestamp::now(), CHUNK + busy.ids.len()).await? {
                        self.start(Arc::new(delivery), None, &mut lanes, &mut busy, &mut tasks);
                    }
                }
            }
        }
        let drained = tokio::time::timeout(DRAIN, async {
            while let Some(finished) = tasks.join_next().await {
                self.finished(finished, &mut busy, &mut lanes).await;
            }
        });
        if drained.await.is_err() {
            tracing::info!("deliveries under way are left to the next start");
        }
        Ok(())
    }

    fn start(
        &self,
        delivery: Arc<Delivery>,
        received_at: Option<Instant>,
        lanes: &mut HashMap<String, Lane>,
        busy: &mut Busy,
        tasks: &mut JoinSet<Finished>,
    ) {
        let key = (delivery.alert.clone(), delivery.hook.clone());
        if busy.ids.contains(&delivery.id) || busy.lanes.contains(&key) || busy.settled.contains_key(&delivery.id) {
            return;
        }
        let Some(lane) = lanes.get_mut(&delivery.hook) else {
            busy.enter(&delivery, key);
            let reason = format!("hook `{}` is not configured any more", delivery.hook);
            tasks.spawn(async move { Finished { delivery, outcome: Outcome::Refused { reason } } });
            return;
        };
        match (self.attempt(lane, &delivery, received_at), received_at) {
            (Some(attempt), _) => {
                busy.enter(&delivery, key);
                tasks.spawn(attempt);
            }
            (None, Some(at)) if lane.waiting.len() < WAITING_MAX => {
                busy.enter(&delivery, key);
                lane.waiting.push_back((delivery, at));
            }
            // The row stays in the store and is found by a later look.
            (None, _) => {}
        }
    }

    /// First come, first served, as places become free.
    fn start_waiting(&self, lanes: &mut HashMap<String, Lane>, tasks: &mut JoinSet<Finished>) {
        for lane in lanes.values_mut() {
            while let Some((delivery, at)) = lane.waiting.pop_front() {
                match self.attempt(lane, &delivery, Some(at)) {
                    Some(attempt) => drop(tasks.spawn(attempt)),
                    None => {
                        lane.waiting.push_front((delivery, at));
                        break;
                    }
                }
            }
        }
    }

    /// One attempt, ready to run; `None` when the lane has no place.
    fn attempt(
        &self,
        lane: &Lane,
        delivery: &Arc<Delivery>,
        received_at: Option<Instant>,
    ) -> Option<impl Future<Output = Finished> + Send + use<>> {
        let place = match &lane.halted {
            Some(_) => None,
            None => Some(lane.places.clone().try_acquire_owned().ok()?),
        };
        let (delivery, hook, halted) = (delivery.clone(), lane.hook.clone(), lane.halted.clone());
        let (reader, base_url, metrics) = (self.reader.clone(), self.base_url.clone(), self.metrics.clone());
        Some(async move {
            let _place = place;
            let outcome = match halted {
                Some(reason) => Outcome::Refused { reason },
                None => attempt(hook, &delivery, &reader, base_url).await,
            };
            if let (Outcome::Delivered, Some(at)) = (&outcome, received_at) {
                metrics.frame_to_delivery_seconds.observe(at.elapsed().as_secs_f64());
            }
            Finished { delivery, outcome }
        })
    }

    async fn finished(
        &self,
        finished: Result<Finished, tokio::task::JoinError>,
        busy: &mut Busy,
        lanes: &mut HashMap<String, Lane>,
    ) {
        let Ok(Finished { delivery, outcome }) = finished else {
            // The panic is in the log; the row is still pending in the store, but its (alert, hook) is not known here.
            busy.ids.clear();
            busy.lanes.clear();
            lanes.values_mut().for_each(|lane| lane.waiting.clear());
            return;
        };
        let now = Timestamp::now();
        self.metrics.delivery(&delivery.hook, outcome.name());
        if let (Outcome::Halted { reason }, Some(lane)) = (&outcome, lanes.get_mut(&delivery.hook)) {
            tracing::error!(hook = delivery.hook, reason, "hook halted until the next start");
            lane.halted = Some(reason.clone());
        }
        let settled = settle(&delivery, outcome, now);
        busy.leave(&delivery, &settled, now);
        if settled.state == DeliveryState::Dead {
            tracing::warn!(delivery = settled.id, hook = delivery.hook, error = settled.last_error, "dead letter");
        }
        let told = Delivery {
            state: settled.state,
            attempts: settled.attempts,
            due_at: settled.due_at,
            finished_at: settled.finished_at,
            last_error: settled.last_error.clone(),
            ..(*delivery).clone()
        };
        drop(self.events.send(Event::Delivery(Arc::new(told))));
        drop(self.outcomes.send(settled).await);
    }
}

impl Lane {
    fn new(hook: &hook::Configured) -> Self {
        Self {
            hook: hook.hook.clone(),
            places: Arc::new(Semaphore::new(IN_FLIGHT_MAX)),
            waiting: VecDeque::new(),
            halted: None,
        }
    }
}

impl Busy {
    fn enter(&mut self, delivery: &Delivery, key: (String, String)) {
        self.ids.insert(delivery.id.clone());
        self.lanes.insert(key);
    }

    fn leave(&mut self, delivery: &Delivery, settled: &DeliveryOutcome, now: Timestamp) {
        self.ids.remove(&delivery.id);
        self.lanes.remove(&(delivery.alert.clone(), delivery.hook.clone()));
        let wait = match settled.state {
            DeliveryState::Pending => settled.due_at.duration_since(now).try_into().unwrap_or(Duration::ZERO),
            _ => SETTLED_FOR,
        };
        self.settled.insert(delivery.id.clone(), Instant::now() + wait.min(SETTLED_FOR));
    }
}

async fn attempt(hook: Arc<dyn Hook>, delivery: &Delivery, reader: &Reader, base_url: String) -> Outcome {
    // An alert without its mentions still tells what matters: deliver it rather than wait.
    let mentions = reader.mentions(&delivery.body.mentions).await.unwrap_or_default();
    hook.deliver(Message { delivery: delivery.clone(), mentions, base_url, test: false }).await
}

/// The row's next state after an attempt.
fn settle(delivery: &Delivery, outcome: Outcome, now: Timestamp) -> DeliveryOutcome {
    let attempts = delivery.attempts + 1;
    let end = |state, last_error| DeliveryOutcome {
        id: delivery.id.clone(),
        state,
        attempts,
        due_at: delivery.due_at,
        finished_at: Some(now),
        last_error,
    };
    match outcome {
        Outcome::Delivered => end(DeliveryState::Delivered, None),
        Outcome::Refused { reason } | Outcome::Halted { reason } => end(DeliveryState::Dead, Some(reason)),
        Outcome::Retry { after, reason } => match hook::schedule::next_attempt(attempts) {
            None => end(DeliveryState::Dead, Some(format!("out of attempts: {reason}"))),
            Some(wait) => {
                let wait = wait.max(after.unwrap_or_default().min(RETRY_AFTER_MAX));
                let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_hours(24));
                DeliveryOutcome {
                    id: delivery.id.clone(),
                    state: DeliveryState::Pending,
                    attempts,
                    due_at: now.checked_add(wait).unwrap_or(now),
                    finished_at: None,
                    last_error: Some(reason),
                }
            }
        },
    }
}
