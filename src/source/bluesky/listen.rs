//! The loop: choose a host, connect from the cursor, hand on what comes, start again. Every host has its own backoff; when
//! one fails the first of the others that may be tried is next. What a server forgets or cannot send is recorded as a gap.

use super::cursor::{Cursor, REWIND_US, Tracker, timestamp};
use super::frame::{self, Event, FOLLOW, POST, What};
use super::{Config, Endpoint, WireVersion};
use crate::brand::{FollowKind, FollowerEvent};
use crate::ledger::{Gap, Ledger, Phase, worth_logging};
use crate::source::intake::Item;
use crate::source::{Context, Stop};
use crate::wire::backoff::Backoff;
use crate::wire::websocket::{Error, MESSAGE_BYTES_MAX, Message, Socket};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A connection that lasted as long forgives the failures before it.
const STABLE_AFTER: Duration = Duration::from_secs(30);

/// Frames that are handed on together at most while more are waiting, so that the cursor moves during a replay too.
const BURST_MAX: u64 = 1_024;

/// A host that asks for a longer wait is tried after this anyway.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

/// The first jump over a frame that is too large to read; doubled until it is behind us.
const JUMP_US: i64 = 1_000_000;

/// A host and when it may be tried again.
struct Host {
    endpoint: Endpoint,
    name: String,
    backoff: Backoff,
    not_before: Instant,
}

/// What survives a connection.
struct Listener<'c> {
    config: &'c Config,
    cx: Context,
    cursor: Option<Cursor>,
    hosts: Vec<Host>,
    stuck: Option<Stuck>,
}

/// A frame that was too large: the position before it, where we went on, and how often that did not lead past it.
#[derive(Clone, Copy)]
struct Stuck {
    from: i64,
    to: i64,
    tries: u32,
}

/// Why a connection ended.
enum End {
    Stopped(Result<(), Stop>),
    /// Own accounts came or went: subscribe anew.
    Resubscribe,
    Failed(Error),
    /// v2: the server said so.
    Refused(String),
}

pub async fn run(config: &Config, cx: Context) -> Result<(), Stop> {
    let cursor = cx.cursor.as_deref().and_then(Cursor::parse);
    if cx.cursor.is_some() && cursor.is_none() {
        note(&cx.ledger, "cursor", "the stored cursor is not understood: starting at the live end".to_owned());
    }
    let hosts = config.endpoints.iter().map(|endpoint| Host {
        endpoint: endpoint.clone(),
        name: endpoint.host(),
        backoff: config.backoff.clone(),
        not_before: Instant::now(),
    });
    let silence = SignedDuration::try_from(config.silence_max).unwrap_or(SignedDuration::MAX);
    cx.ledger.expect_silence(silence);
    Listener { config, cx, cursor, hosts: hosts.collect(), stuck: None }.run().await
}

impl Listener<'_> {
    async fn run(mut self) -> Result<(), Stop> {
        let mut first = true;
        loop {
            let host = self.next_host();
            tokio::select! {
                () = self.cx.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(self.hosts[host].not_before) => {}
            }
            if !std::mem::take(&mut first) {
                self.cx.ledger.reconnected();
            }
            let began = Instant::now();
            let end = self.listen(host).await;
            if began.elapsed() >= STABLE_AFTER {
                self.hosts[host].backoff.reset();
            }
            match end {
                End::Stopped(result) => return result,
                End::Resubscribe => {}
                End::Failed(error) => self.failed(host, &error),
                End::Refused(message) => self.fail(host, "ended_by_peer", message, None),
            }
        }
    }

    /// The first host that may be tried now, else the one whose turn comes first.
    fn next_host(&self) -> usize {
        let now = Instant::now();
        let mut order = self.hosts.iter().enumerate();
        let best = order.clone().min_by_key(|(_, host)| host.not_before).map_or(0, |(n, _)| n);
        order.find(|(_, host)| host.not_before <= now).map_or(best, |(n, _)| n)
    }

    /// One connection, from connecting to its end.
    async fn listen(&mut self, host: usize) -> End {
        let stop = self.cx.stop.clone();
        self.cx.ledger.phase(Phase::Connecting, Timestamp::now());
        let follows = self.wants_follows();
        let (name, endpoint) = (self.hosts[host].name.clone(), &self.hosts[host].endpoint);
        let url = subscription(endpoint, &self.collections(follows), self.cursor.as_ref().map(|c| c.resume(&name)));
        let opened = tokio::select! {
            () = stop.cancelled() => return End::Stopped(Ok(())),
            opened = Socket::open(&url, &[], self.config.silence_max) => opened,
        };
        let mut socket = match opened {
            Ok(socket) => socket,
            Err(error) => return End::Failed(error),
        };
        let now = Timestamp::now();
        self.cx.ledger.phase(Phase::Live, now);
        self.cx.ledger.part(&name, Some(format!("listening since {now:.0}")));
        let mut tracker = Tracker::new(&name, self.cursor.clone());
        // Should it break before the first event: that is where we began to listen.
        self.cursor.get_or_insert_with(|| Cursor::at_timestamp(now));
        loop {
            let message = tokio::select! {
                () = stop.cancelled() => {
                    let flushed = self.cx.intake.flush(tracker.cursor().map(|c| c.text())).await;
                    socket.close().await;
                    return End::Stopped(flushed.map_err(Stop::from));
                }
                message = socket.next() => message,
            };
            let end = self.burst(&mut socket, message, &mut tracker);
            if let Some(cursor) = tracker.cursor() {
                self.cursor = Some(cursor);
            }
            let text = tracker.moved().then(|| self.cursor.as_ref().map(Cursor::text)).flatten();
            if let Err(closed) = self.cx.intake.flush(text).await {
                return End::Stopped(Err(closed.into()));
            }
            if let Some(end) = end {
                return end;
            }
            if self.wants_follows() != follows {
                socket.close().await;
                return End::Resubscribe;
            }
        }
    }

    /// Takes the `first` message and all that are already here. `Some` when the connection is over.
    fn burst(&mut self, socket: &mut Socket, first: Result<Message, Error>, tracker: &mut Tracker) -> Option<End> {
        let (mut frames, mut bytes) = (0, 0);
        let mut next = Some(first);
        let end = loop {
            let message = match next {
                None => break None,
                Some(Err(error)) => break Some(End::Failed(error)),
                Some(Ok(message)) => message,
            };
            if let Some(frame) = message.bytes() {
                (frames, bytes) = (frames + 1, bytes + frame.len() as u64);
                if let Some(end) = self.take(frame, tracker) {
                    break Some(end);
                }
            }
            if self.cx.intake.is_full() || frames >= BURST_MAX {
                break None;
            }
            next = socket.next_now();
        };
        match (frames, &end) {
            (0, Some(_)) => {}
            (0, None) => self.cx.ledger.alive(Timestamp::now()),
            _ => self.cx.ledger.received(Timestamp::now(), frames, bytes),
        }
        end
    }

    /// One frame. What is bad about it is counted; `Some` only when the server ends the stream.
    fn take(&mut self, frame: &[u8], tracker: &mut Tracker) -> Option<End> {
        let event = match frame::parse(frame) {
            Ok(event) => event,
            Err(bad) => {
                note(&self.cx.ledger, bad.reason(), bad.to_string());
                return None;
            }
        };
        if let Some((from, to)) = tracker.observe(event.time_us, event.seq) {
            let reason = "the server no longer had what came before, or nothing was said".to_owned();
            self.cx.intake.gap(Gap { from, to, reason });
        }
        match event {
            Event { what: What::Ended { name, message }, .. } => Some(End::Refused(format!("{name}: {message}"))),
            Event { time_us, what, .. } => {
                self.hand_on(what, timestamp(time_us));
                None
            }
        }
    }

    fn hand_on(&mut self, what: What<'_>, at: Timestamp) {
        let Context { intake, gate, ledger, .. } = &mut self.cx;
        match what {
            What::Post { post, facets_ignored } => {
                if facets_ignored > 0 {
                    note(ledger, "facet", format!("{}: {facets_ignored} facets ignored", post.id));
                }
                if let Err(refusal) = intake.offer(*post, at) {
                    tracing::debug!(%refusal, "post refused");
                }
            }
            What::PostDeleted { id } => {
                let source = intake.source().to_owned();
                intake.push(Item::Delete { source, id, at });
            }
            What::Followed { follower, subject, record } => {
                if gate.is_own(&ledger.source, &subject) {
                    let event = FollowerEvent {
                        source: ledger.source.clone(),
                        account: subject.to_string(),
                        follower: follower.to_string(),
                        record,
                        at,
                        kind: FollowKind::Follow,
                    };
                    intake.push(Item::Follower(event, None));
                }
            }
            What::Unfollowed { follower, record } => {
                if !gate.own_accounts(&ledger.source).is_empty() {
                    intake.push(Item::UnfollowRecord { follower: follower.to_string(), record, at });
                }
            }
            What::AccountDeleted { author } => intake.push(Item::AuthorGone { author: author.to_string(), at }),
            What::Outdated => note(ledger, "cursor_outdated", "the server moved our cursor forward".to_owned()),
            What::Ended { .. } | What::Other => {}
        }
    }

    /// Follows are only worth their bytes when somebody can be followed.
    fn wants_follows(&self) -> bool {
        let source = &self.cx.ledger.source;
        !self.cx.gate.own_accounts(source).is_empty() || !self.cx.gate.unresolved_handles(source).is_empty()
    }

    fn collections(&self, follows: bool) -> Vec<&str> {
        if !self.config.collections.is_empty() {
            return self.config.collections.iter().map(String::as_str).collect();
        }
        if follows { vec![POST, FOLLOW] } else { vec![POST] }
    }

    fn failed(&mut self, host: usize, error: &Error) {
        match error {
            Error::TooLarge => {
                self.jump();
                self.fail(host, "frame_too_large", error.to_string(), None);
            }
            Error::Refused { status: 400, body, .. } if body.contains("CursorTooOld") => {
                // Its sequence number is gone: the time is moved forward by the server instead, and the gap shows then.
                self.cursor = self.cursor.as_ref().map(|cursor| Cursor::at(cursor.time_us));
                self.fail(host, "cursor_too_old", error.to_string(), None);
            }
            Error::Refused { status, retry_after, .. } => {
                let wait = retry_after.map(|wait| wait.min(RETRY_AFTER_MAX));
                let reason = if *status == 429 { "throttled" } else { "connection_refused" };
                self.fail(host, reason, error.to_string(), wait);
                if *status == 429 {
                    let wait = self.hosts[host].not_before - Instant::now();
                    self.cx.ledger.throttled(Timestamp::now() + wait);
                }
            }
            Error::Silent(_) => self.fail(host, "connection_silent", error.to_string(), None),
            Error::Timeout | Error::Closed(_) | Error::Failed(_) => {
                self.fail(host, "connection", error.to_string(), None);
            }
        }
    }

    fn fail(&mut self, host: usize, reason: &'static str, message: String, wait: Option<Duration>) {
        let host = &mut self.hosts[host];
        let wait = host.backoff.next().max(wait.unwrap_or_default());
        host.not_before = Instant::now() + wait;
        let ledger = &self.cx.ledger;
        ledger.phase(Phase::Failing, Timestamp::now());
        ledger.part(&host.name, Some(message.clone()));
        note(ledger, reason, format!("{}: {message}", host.name));
    }

    /// A frame is too large although we told the server our bound. The first time we read up to it again, since another
    /// host may leave it out; after that we go on behind it, further each time, and say what may be missing.
    fn jump(&mut self) {
        let Some(cursor) = &self.cursor else { return };
        let at = cursor.time_us;
        let (from, tries) = match self.stuck {
            Some(Stuck { from, to, tries }) if at <= to => (from, tries + 1),
            _ => (at, 0),
        };
        let Some(doublings) = tries.checked_sub(1) else {
            self.stuck = Some(Stuck { from, to: from, tries });
            return;
        };
        let behind = from + JUMP_US.saturating_mul(1 << doublings.min(20));
        let reason = format!("a frame over {MESSAGE_BYTES_MAX} bytes could not be read");
        self.cx.intake.gap(Gap { from: timestamp(from), to: timestamp(behind), reason });
        // The rewind of a resume is added, so that it leads there.
        let to = behind + REWIND_US;
        self.stuck = Some(Stuck { from, to, tries });
        self.cursor = Some(Cursor::at(to));
    }
}

/// The URL with what we want and from where. Keys that the operator wrote into the endpoint stay.
fn subscription(endpoint: &Endpoint, collections: &[&str], cursor: Option<i64>) -> Url {
    let mut url = endpoint.url.clone();
    {
        let mut query = url.query_pairs_mut();
        let key = match endpoint.wire {
            WireVersion::V1 => "wantedCollections",
            WireVersion::V2 => "collections",
        };
        query.extend_pairs(collections.iter().map(|collection| (key, collection)));
        if endpoint.wire == WireVersion::V1 {
            query.append_pair("maxMessageSizeBytes", &MESSAGE_BYTES_MAX.to_string());
        }
        if let Some(cursor) = cursor {
            query.append_pair("cursor", &cursor.to_string());
        }
    }
    url
}

fn note(ledger: &Ledger, reason: &'static str, message: String) {
    let count = ledger.error(Timestamp::now(), reason, message.clone());
    if worth_logging(count) {
        tracing::warn!(source = ledger.source, reason, count, "{message}");
    }
}
