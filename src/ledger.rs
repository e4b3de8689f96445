//! The ledger of a source: last event, lag, rates, reconnects, gaps, throttling, errors. Tells "quiet" from "broken".
//! Written by the source and the ingest loop, read by HTTP and metrics. Time is an argument.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Seconds over which "a minute" is counted, one slot each.
const WINDOW_SECONDS: usize = 60;

/// The latest gaps that a snapshot lists; the count goes on and the store keeps them all.
pub const GAPS_LISTED_MAX: usize = 20;

/// Distinct error reasons per source. Reasons are our own names, so this is only reached by a defect.
const REASONS_MAX: usize = 64;

/// What a source is doing, as it says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    #[default]
    Starting,
    Connecting,
    /// Connected, or polled with success.
    Live,
    /// Told to wait by the peer.
    Throttled,
    /// Waits before the next try after an error.
    Failing,
    /// Came to its end (a recording, a feed that is gone).
    Ended,
}

/// What a person wants to know: does silence mean that nobody talks, or that we do not hear?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Starting,
    Live,
    /// Connected and kept alive, but nothing came for longer than this source usually is silent.
    Quiet,
    Throttled,
    Broken,
    Ended,
}

/// Posts that were missed for certain or perhaps: the peer no longer had them, or does not say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    pub from: Timestamp,
    pub to: Timestamp,
    pub reason: String,
}

#[derive(Debug)]
pub struct Ledger {
    pub source: String,
    pub kind: &'static str,
    counters: Counters,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Counters {
    frames: AtomicU64,
    bytes: AtomicU64,
    posts: AtomicU64,
    matched: AtomicU64,
    reconnects: AtomicU64,
    throttled: AtomicU64,
    gaps: AtomicU64,
    restarts: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    phase: Phase,
    started_at: Option<Timestamp>,
    /// Any sign of life of the peer: a frame, a ping, a 304.
    alive_at: Option<Timestamp>,
    /// How long a silence (not even a keep-alive) is normal, as the source expects it.
    silence: Option<SignedDuration>,
    event_at: Option<Timestamp>,
    lag: Option<SignedDuration>,
    errors: BTreeMap<&'static str, u64>,
    last_error: Option<(Timestamp, String)>,
    throttled_until: Option<Timestamp>,
    gaps: Vec<Gap>,
    posts_by_second: Window,
    bytes_by_second: Window,
    parts: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Window {
    slots: [u64; WINDOW_SECONDS],
    second: i64,
}

impl Default for Window {
    fn default() -> Self {
        Self { slots: [0; WINDOW_SECONDS], second: 0 }
    }
}

impl Window {
    fn turn(&mut self, second: i64) {
        let passed = (second - self.second).clamp(0, WINDOW_SECONDS as i64);
        for step in 1..=passed {
            self.slots[(second - passed + step).rem_euclid(WINDOW_SECONDS as i64) as usize] = 0;
        }
        self.second = self.second.max(second);
    }

    fn add(&mut self, second: i64, amount: u64) {
        self.turn(second);
        self.slots[second.rem_euclid(WINDOW_SECONDS as i64) as usize] += amount;
    }

    fn sum(&mut self, second: i64) -> u64 {
        self.turn(second);
        self.slots.iter().sum()
    }
}

/// One entry of `GET /api/v1/sources`.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    pub id: String,
    pub kind: &'static str,
    pub health: Health,
    pub phase: Phase,
    /// One sentence for a person.
    pub says: String,
    pub started_at: Option<Timestamp>,
    pub last_seen: Option<Timestamp>,
    pub last_event_at: Option<Timestamp>,
    pub lag_seconds: Option<f64>,
    pub posts_per_minute: u64,
    pub bytes_per_minute: u64,
    pub frames: u64,
    pub bytes: u64,
    pub posts: u64,
    pub matched: u64,
    pub reconnects: u64,
    pub restarts: u64,
    pub throttled: u64,
    pub throttled_until: Option<Timestamp>,
    pub gap_count: u64,
    pub gaps: Vec<Gap>,
    pub errors: BTreeMap<&'static str, u64>,
    pub last_error: Option<String>,
    pub last_error_at: Option<Timestamp>,
    /// State of parts that live on their own, such as the feeds of a feed source.
    pub parts: BTreeMap<String, String>,
}

impl Ledger {
    pub fn new(source: impl Into<String>, kind: &'static str) -> Self {
        Self { source: source.into(), kind, counters: Counters::default(), inner: Mutex::default() }
    }

    pub fn phase(&self, phase: Phase, now: Timestamp) {
        let mut inner = self.lock();
        inner.started_at.get_or_insert(now);
        if phase == Phase::Live {
            inner.alive_at = Some(now);
            inner.throttled_until = None;
        }
        inner.phase = phase;
    }

    /// How long the peer may be silent, keep-alives counted, before it is called quiet (once) or broken (three times).
    pub fn expect_silence(&self, silence: SignedDuration) {
        self.lock().silence = Some(silence);
    }

    /// A sign of life that carries no post: a ping, a 304.
    pub fn alive(&self, now: Timestamp) {
        self.lock().alive_at = Some(now);
    }

    /// `frames` messages of `bytes` together arrived.
    pub fn received(&self, now: Timestamp, frames: u64, bytes: u64) {
        self.counters.frames.fetch_add(frames, Relaxed);
        self.counters.bytes.fetch_add(bytes, Relaxed);
        let mut inner = self.lock();
        inner.alive_at = Some(now);
        inner.bytes_by_second.add(now.as_second(), bytes);
    }

    /// `posts` were understood, `matched` of them wanted; the newest happened at `event_at` by the platform's clock.
    pub fn understood(&self, now: Timestamp, posts: u64, matched: u64, event_at: Option<Timestamp>) {
        self.counters.posts.fetch_add(posts, Relaxed);
        self.counters.matched.fetch_add(matched, Relaxed);
        let mut inner = self.lock();
        inner.posts_by_second.add(now.as_second(), posts);
        if let Some(at) = event_at {
            inner.event_at = Some(inner.event_at.map_or(at, |last| last.max(at)));
            inner.lag = Some(now.duration_since(at).max(SignedDuration::ZERO));
        }
    }

    pub fn reconnected(&self) {
        self.counters.reconnects.fetch_add(1, Relaxed);
    }

    /// The task of this source panicked and was started again.
    pub fn restarted(&self) {
        self.counters.restarts.fetch_add(1, Relaxed);
    }

    pub fn throttled(&self, until: Timestamp) {
        self.counters.throttled.fetch_add(1, Relaxed);
        let mut inner = self.lock();
        inner.phase = Phase::Throttled;
        inner.throttled_until = Some(until);
    }

    pub fn gap(&self, gap: Gap) {
        self.counters.gaps.fetch_add(1, Relaxed);
        let mut inner = self.lock();
        if inner.gaps.len() == GAPS_LISTED_MAX {
            inner.gaps.remove(0);
        }
        inner.gaps.push(gap);
    }

    /// Something foreign was bad: counted by `reason` (a fixed name), the latest told in `message`.
    /// Returns how often this reason was seen, so that the caller can sample its log line (see [`worth_logging`]).
    pub fn error(&self, now: Timestamp, reason: &'static str, message: impl Into<String>) -> u64 {
        let mut inner = self.lock();
        inner.last_error = Some((now, message.into()));
        if inner.errors.len() >= REASONS_MAX && !inner.errors.contains_key(reason) {
            return 0;
        }
        let count = inner.errors.entry(reason).or_insert(0);
        *count += 1;
        *count
    }

    /// The state of a part (a feed, a host); `None` forgets it.
    pub fn part(&self, name: &str, state: Option<String>) {
        let mut inner = self.lock();
        match state {
            Some(state) => inner.parts.insert(name.to_owned(), state),
            None => inner.parts.remove(name),
        };
    }

    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        let mut inner = self.lock();
        let second = now.as_second();
        let health = health(&inner, now);
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        Snapshot {
            id: self.source.clone(),
            kind: self.kind,
            health,
            phase: inner.phase,
            says: says(&inner, health, now),
            started_at: inner.started_at,
            last_seen: inner.alive_at,
            last_event_at: inner.event_at,
            lag_seconds: inner.lag.map(|lag| lag.as_secs_f64()),
            posts_per_minute: inner.posts_by_second.sum(second),
            bytes_per_minute: inner.bytes_by_second.sum(second),
            frames: count(&self.counters.frames),
            bytes: count(&self.counters.bytes),
            posts: count(&self.counters.posts),
            matched: count(&self.counters.matched),
            reconnects: count(&self.counters.reconnects),
            restarts: count(&self.counters.restarts),
            throttled: count(&self.counters.throttled),
            throttled_until: inner.throttled_until,
            gap_count: count(&self.counters.gaps),
            gaps: inner.gaps.clone(),
            errors: inner.errors.clone(),
            last_error: inner.last_error.as_ref().map(|(_, message)| message.clone()),
            last_error_at: inner.last_error.as_ref().map(|(at, _)| *at),
            parts: inner.parts.clone(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A panic while counting leaves numbers that are at worst one short: go on with them.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Whether the `count`-th of a kind is worth a log line: the first, then at every power of ten.
pub fn worth_logging(count: u64) -> bool {
    count > 0 && 10_u64.pow(count.ilog10()) == count
}

fn health(inner: &Inner, now: Timestamp) -> Health {
    let silent = inner.alive_at.map(|at| now.duration_since(at));
    match (inner.phase, inner.silence, silent) {
        (Phase::Ended, ..) => Health::Ended,
        (Phase::Throttled, ..) => Health::Throttled,
        (Phase::Failing, ..) => Health::Broken,
        (Phase::Starting | Phase::Connecting, _, None) => Health::Starting,
        (Phase::Starting | Phase::Connecting, ..) => Health::Broken,
        (Phase::Live, Some(normal), Some(silent)) if silent > normal * 3 => Health::Broken,
        (Phase::Live, Some(normal), _) => {
            let since = inner.event_at.map(|at| now.duration_since(at));
            if silent.is_some_and(|silent| silent > normal) || since.is_some_and(|since| since > normal) {
                Health::Quiet
            } else {
                Health::Live
            }
        }
        (Phase::Live, None, _) => Health::Live,
    }
}

fn says(inner: &Inner, health: Health, now: Timestamp) -> String {
    let ago = |at: Timestamp| {
        let seconds = now.duration_since(at).as_secs().max(0);
        match seconds {
            0..=119 => format!("{seconds} s ago"),
            120..=7_199 => format!("{} min ago", seconds / 60),
            _ => format!("{} h ago", seconds / 3_600),
        }
    };
    let event = inner.event_at.map_or_else(|| "no post yet".to_owned(), |at| format!("last post {}", ago(at)));
    match health {
        Health::Starting => "starting".to_owned(),
        Health::Live => format!("listening, {event}"),
        Health::Quiet => format!("connected, nobody talks: {event}"),
        Health::Throttled => "the peer asked us to wait".to_owned(),
        Health::Ended => format!("came to its end, {event}"),
        Health::Broken => match &inner.last_error {
            Some((at, message)) => format!("not listening: {message} ({})", ago(*at)),
            None => format!("not listening, {event}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn quiet_is_not_broken() {
        let ledger = Ledger::new("bluesky", "bluesky");
        ledger.expect_silence(SignedDuration::from_secs(60));
        ledger.phase(Phase::Connecting, at(0));
        assert_eq!(ledger.snapshot(at(1)).health, Health::Starting);
        ledger.phase(Phase::Live, at(1));
        ledger.understood(at(2), 1, 0, Some(at(2)));
        assert_eq!(ledger.snapshot(at(3)).health, Health::Live);
        ledger.alive(at(90));
        assert_eq!(ledger.snapshot(at(91)).health, Health::Quiet);
        assert_eq!(ledger.snapshot(at(300)).health, Health::Broken);
        ledger.phase(Phase::Failing, at(301));
        assert_eq!(ledger.snapshot(at(301)).health, Health::Broken);
    }

    #[test]
    fn a_minute_forgets() {
        let ledger = Ledger::new("a", "push");
        ledger.understood(at(0), 5, 0, None);
        ledger.understood(at(30), 7, 0, None);
        assert_eq!(ledger.snapshot(at(59)).posts_per_minute, 12);
        assert_eq!(ledger.snapshot(at(60)).posts_per_minute, 7);
        assert_eq!(ledger.snapshot(at(5_000)).posts_per_minute, 0);
        assert_eq!(ledger.snapshot(at(5_000)).posts, 12);
    }

    #[test]
    fn logs_thin_out() {
        let logged: Vec<u64> = (0..=1_000).filter(|n| worth_logging(*n)).collect();
        assert_eq!(logged, [1, 10, 100, 1_000]);
    }
}
