//! From the outbox to the hooks: at least once, one stable id a revision, first-in-first-out for each (alert, hook).
//! Fresh rows come straight from ingest; what waits for a retry, or was left by a crash, comes from the store.

use super::Event;
use super::commit::Fresh;
use crate::alert::{Delivery, DeliveryState};
use crate::hook::{self, Hook, Message, Outcome};
use crate::mention::Mention;
use crate::metric::Metrics;
use crate::store::{self, DeliveryOutcome, Reader};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Deliveries of one hook under way at once: one slow peer holds up its own only.
const IN_FLIGHT_MAX: usize = 32;

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
    /// Why it no longer sends; until the next start.
    halted: Option<String>,
    /// Rows of this hook were left in the store for want of a place.
    waits: bool,
}

/// What came with a row that was just committed; nothing with one from the store.
#[derive(Clone, Default)]
struct Heard {
    /// Ascending by `seq`.
    mentions: Arc<[Arc<Mention>]>,
    received_at: Option<Instant>,
}

struct Finished {
    delivery: Arc<Delivery>,
    outcome: Outcome,
}

/// What is known of rows without asking the store: under way, or finished with the outcome not yet committed.
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
                    // What waits for a place need not wait for the next look, too.
                    if lanes.values_mut().any(Lane::may_go_on) {
                        look.reset_immediately();
                    }
                }
                Some(fresh) = self.fresh.recv() => {
                    let heard = Heard { mentions: fresh.mentions, received_at: Some(fresh.received_at) };
                    for delivery in fresh.deliveries {
                        self.start(delivery, heard.clone(), &mut lanes, &mut busy, &mut tasks);
                    }
                }
                _ = look.tick() => {
                    busy.settled.retain(|_, until| *until > Instant::now());
                    self.look(&mut lanes, &mut busy, &mut tasks).await?;
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

    /// Starts what is due in the store, hook by hook as far as there are places: the rows of one that hangs must not
    /// hide those of another.
    async fn look(
        &self,
        lanes: &mut HashMap<String, Lane>,
        busy: &mut Busy,
        tasks: &mut JoinSet<Finished>,
    ) -> Result<(), store::Error> {
        loop {
            let full: Vec<String> = lanes.iter().filter(|(_, lane)| lane.is_full()).map(|(id, _)| id.clone()).collect();
            for lane in lanes.values_mut() {
                lane.waits |= lane.is_full();
            }
            let limit = CHUNK + busy.ids.len() + busy.settled.len();
            let due = self.reader.due_deliveries(Timestamp::now(), &full, limit).await?;
            let more = due.len() == limit;
            for delivery in due {
                self.start(Arc::new(delivery), Heard::default(), lanes, busy, tasks);
            }
            // Each round fills at least one more hook.
            if !more || lanes.values().filter(|lane| lane.is_full()).count() == full.len() {
                return Ok(());
            }
        }
    }

    fn start(
        &self,
        delivery: Arc<Delivery>,
        heard: Heard,
        lanes: &mut HashMap<String, Lane>,
        busy: &mut Busy,
        tasks: &mut JoinSet<Finished>,
    ) {
        let key = (delivery.alert.clone(), delivery.hook.clone());
        if busy.ids.contains(&delivery.id) || busy.lanes.contains(&key) || busy.settled.contains_key(&delivery.id) {
            return;
        }
        let (hook, place) = match lanes.get_mut(&delivery.hook) {
            None => (None, None),
            Some(lane) if lane.halted.is_some() => {
                let reason = lane.halted.clone().unwrap_or_default();
                busy.enter(&delivery, key);
                tasks.spawn(async move { Finished { delivery, outcome: Outcome::Refused { reason } } });
                return;
            }
            // No place: the row stays in the store and is found by a later look.
            Some(lane) => match lane.places.clone().try_acquire_owned() {
                Ok(place) => (Some(lane.hook.clone()), Some(place)),
                Err(_) => {
                    lane.waits = true;
                    return;
                }
            },
        };
        busy.enter(&delivery, key);
        let (reader, base_url, metrics) = (self.reader.clone(), self.base_url.clone(), self.metrics.clone());
        tasks.spawn(async move {
            let _place = place;
            let outcome = match hook {
                None => Outcome::Refused { reason: format!("hook `{}` is not configured any more", delivery.hook) },
                Some(hook) => attempt(hook, &delivery, &heard.mentions, &reader, base_url).await,
            };
            if let (Outcome::Delivered, Some(at)) = (&outcome, heard.received_at) {
                metrics.frame_to_delivery_seconds.observe(at.elapsed().as_secs_f64());
            }
            Finished { delivery, outcome }
        });
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
        Self { hook: hook.hook.clone(), places: Arc::new(Semaphore::new(IN_FLIGHT_MAX)), halted: None, waits: false }
    }

    /// A full one is passed over by a look.
    fn is_full(&self) -> bool {
        self.halted.is_none() && self.places.available_permits() == 0
    }

    /// Once half of the places are free, so that a look is worth its while.
    fn may_go_on(&mut self) -> bool {
        let goes_on = self.waits && self.places.available_permits() >= IN_FLIGHT_MAX / 2;
        self.waits &= !goes_on;
        goes_on
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

async fn attempt(
    hook: Arc<dyn Hook>,
    delivery: &Delivery,
    fresh: &[Arc<Mention>],
    reader: &Reader,
    base_url: String,
) -> Outcome {
    let mentions = mentions(&delivery.body.mentions, fresh, reader).await;
    let span = tracing::debug_span!("deliver", delivery = delivery.id, hook = delivery.hook, alert = delivery.alert);
    hook.deliver(Message { delivery: delivery.clone(), mentions, base_url, test: false }).instrument(span).await
}

/// The mentions of these numbers, from the commit that brought them where that is all, else from the store.
async fn mentions(seqs: &[i64], fresh: &[Arc<Mention>], reader: &Reader) -> Vec<Mention> {
    let find = |seq: &i64| fresh.binary_search_by_key(seq, |mention| mention.seq).ok().map(|at| (*fresh[at]).clone());
    match seqs.iter().map(find).collect() {
        Some(all) => all,
        // An alert without its mentions still tells what matters: deliver it rather than wait.
        None => reader.mentions(seqs).await.unwrap_or_default(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Alert, News, Priority, State};

    fn delivery(attempts: u32) -> Delivery {
        let now = Timestamp::UNIX_EPOCH;
        let body = Alert {
            id: "a".into(),
            revision: 1,
            rule: "r".into(),
            title: "t".into(),
            priority: Priority::P3,
            priority_why: vec![],
            brand: "acme".into(),
            group: [].into(),
            state: State::Open,
            opened_at: now,
            updated_at: now,
            resolved_at: None,
            resolved_why: None,
            count: 1,
            spam_left_out: 0,
            ruleset: "0".into(),
            mentions: vec![],
            reasons: Vec::new(),
            growth: None,
        };
        Delivery {
            id: "msg".into(),
            hook: "ops".into(),
            alert: "a".into(),
            revision: 1,
            news: News::Opened,
            body,
            state: DeliveryState::Pending,
            attempts,
            created_at: now,
            due_at: now,
            finished_at: None,
            last_error: None,
        }
    }

    #[test]
    fn an_outcome_settles_the_row() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let retry =
            |after: Option<u64>| Outcome::Retry { after: after.map(Duration::from_secs), reason: "away".into() };
        let reason = || "no".to_owned();
        // Attempts before, outcome, state, error, and the bounds of the wait in seconds.
        for (attempts, outcome, state, error, wait) in [
            (0, Outcome::Delivered, DeliveryState::Delivered, None, None),
            (0, Outcome::Refused { reason: reason() }, DeliveryState::Dead, Some("no"), None),
            (3, Outcome::Halted { reason: reason() }, DeliveryState::Dead, Some("no"), None),
            (0, retry(None), DeliveryState::Pending, Some("away"), Some((2, 5))),
            (1, retry(None), DeliveryState::Pending, Some("away"), Some((150, 300))),
            (0, retry(Some(600)), DeliveryState::Pending, Some("away"), Some((600, 600))),
            (0, retry(Some(9_000_000)), DeliveryState::Pending, Some("away"), Some((86_400, 86_400))),
            (50, retry(Some(600)), DeliveryState::Dead, Some("out of attempts: away"), None),
        ] {
            let settled = settle(&delivery(attempts), outcome.clone(), now);
            let told = (settled.state, settled.last_error.as_deref(), settled.attempts);
            assert_eq!(told, (state, error, attempts + 1), "{outcome:?}");
            assert_eq!(settled.finished_at.is_none(), wait.is_some(), "{outcome:?}");
            if let Some((least, most)) = wait {
                let waits = settled.due_at.duration_since(now).as_secs();
                assert!((least..=most).contains(&waits), "{outcome:?}: {waits} s");
            }
        }
    }

    #[test]
    fn a_row_that_ended_is_left_alone_until_the_store_knows() {
        let now = Timestamp::now();
        let (mut busy, row) = (Busy::default(), delivery(0));
        let lane = || ("a".to_owned(), "ops".to_owned());
        busy.enter(&row, lane());
        assert!(busy.ids.contains("msg") && busy.lanes.contains(&lane()));
        busy.leave(&row, &settle(&row, Outcome::Delivered, now), now);
        assert!(busy.ids.is_empty() && busy.lanes.is_empty());
        assert!(busy.settled["msg"] > Instant::now() + SETTLED_FOR / 2);
        // One that waits is left alone for as long as it waits.
        let retry = Outcome::Retry { after: None, reason: "away".into() };
        busy.leave(&row, &settle(&row, retry, now), now);
        assert!(busy.settled["msg"] <= Instant::now() + Duration::from_secs(5));
    }
}
