//! The loop: connect, subscribe, and only then read what was missed, while the stream goes on being read. The cursor of a
//! stream stands still until its timeline has been caught up with.

use super::Config;
use super::catch_up::{CatchUp, Walk};
use super::message::{self, Event, What};
use super::rest::{Failure, Instance, PAGE_MAX, Page, Rest};
use super::stream::{Cursor, Stream};
use crate::brand::{FollowKind, FollowerEvent};
use crate::ledger::{Gap, Ledger, Phase, worth_logging};
use crate::source::intake::Item;
use crate::source::{Context, Stop};
use crate::wire::backoff::Backoff;
use crate::wire::websocket::{Error, Message, Socket};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use url::Url;

/// Pages read of one stream after a gap: a thousand posts, a twelfth of the requests that five minutes allow.
const PAGES_MAX: u32 = 25;

/// Failures of one page, waits included, after which the rest is called a gap.
const TRIES_MAX: u32 = 5;

/// A public timeline that is empty after so long an absence is probably switched off: the server does not say.
const QUIET_MAX: SignedDuration = SignedDuration::from_mins(30);

/// A connection that lasted as long forgives the failures before it.
const STABLE_AFTER: Duration = Duration::from_secs(30);

/// Messages that are handed on together at most while more are waiting.
const BURST_MAX: u64 = 256;

/// A server that asks for a longer wait is tried after this anyway.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

struct Listener<'c> {
    config: &'c Config,
    rest: Arc<Rest>,
    cx: Context,
    cursor: Cursor,
    instance: Option<Instance>,
    /// The account of the token, once known.
    own_id: Option<String>,
}

pub async fn run(config: &Config, rest: Arc<Rest>, cx: Context) -> Result<(), Stop> {
    let stored = cx.cursor.as_deref().map(Cursor::parse);
    if matches!(stored, Some(None)) {
        note(&cx.ledger, "cursor", "the stored cursor is not understood: starting at the live end".to_owned());
    }
    let cursor = stored.flatten().unwrap_or_else(|| Cursor::new(Timestamp::now()));
    cx.ledger.expect_silence(SignedDuration::try_from(config.silence_max).unwrap_or(SignedDuration::MAX));
    Listener { config, rest, cx, cursor, instance: None, own_id: None }.run().await
}

impl Listener<'_> {
    async fn run(mut self) -> Result<(), Stop> {
        let stop = self.cx.stop.clone();
        let mut backoff = self.config.backoff.clone();
        loop {
            let began = Instant::now();
            let error = match self.listen().await {
                End::Stopped(result) => return result,
                End::Failed(error) => error,
            };
            if began.elapsed() >= STABLE_AFTER {
                backoff.reset();
            }
            let wait = self.failed(&error, &mut backoff);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = sleep(wait) => self.cx.ledger.reconnected(),
            }
        }
    }

    /// One connection, from connecting to its end.
    async fn listen(&mut self) -> End {
        let stop = self.cx.stop.clone();
        let connected = tokio::select! {
            () = stop.cancelled() => return End::Stopped(Ok(())),
            connected = self.connect() => connected,
        };
        let (mut socket, instance) = match connected {
            Ok(connected) => connected,
            Err(error) => return End::Failed(error),
        };
        self.cx.ledger.phase(Phase::Live, Timestamp::now());
        let mut behind = CatchUp::new(&self.config.streams, &self.cursor);
        loop {
            behind.start(&self.rest, &instance.domain);
            // Never cancelled while it hands on: what was taken would be lost, and the cursor behind it would not.
            let ended = tokio::select! {
                () = stop.cancelled() => Some(End::Stopped(Ok(()))),
                message = socket.next() => self.burst(&mut socket, message, &instance, &mut behind).map(End::Failed),
                (walk, page) = behind.fetched() => {
                    self.page(walk, page, &instance, &mut behind);
                    None
                }
            };
            if behind.is_done() {
                self.cursor.at = Timestamp::now();
            }
            if let Err(closed) = self.cx.intake.flush(Some(self.cursor.text())).await {
                return End::Stopped(Err(closed.into()));
            }
            if let Some(end) = ended {
                if matches!(end, End::Stopped(_)) {
                    socket.close().await;
                }
                return end;
            }
        }
    }

    async fn connect(&mut self) -> Result<(Socket, Instance), Error> {
        self.cx.ledger.phase(Phase::Connecting, Timestamp::now());
        let instance = self.ask().await;
        let bearer = format!("Bearer {}", self.config.token.expose());
        let url = streaming(&instance.streaming);
        let mut socket = Socket::open(&url, &[("authorization", &bearer)], self.config.silence_max).await?;
        for stream in &self.config.streams {
            socket.send(stream.subscribe()).await?;
        }
        Ok((socket, instance))
    }

    /// Who the server is and whose token we use; asked again at the next connection when it did not say.
    async fn ask(&mut self) -> Instance {
        if self.instance.is_none() {
            match self.rest.instance().await {
                Ok(instance) => self.instance = Some(instance),
                Err(failure) => {
                    note(&self.cx.ledger, "instance", format!("the server says nothing of itself: {failure}"))
                }
            }
        }
        if self.own_id.is_none() && self.config.streams.iter().any(Stream::is_user) {
            match self.rest.own_id().await {
                Ok(id) => self.own_id = Some(id),
                Err(failure) => {
                    note(&self.cx.ledger, "token_account", format!("whose token it is, is not told: {failure}"))
                }
            }
        }
        self.instance.clone().unwrap_or_else(|| self.rest.instance_by_default())
    }

    /// Takes the `first` message and all that are already here. `Some` when the connection is over.
    fn burst(
        &mut self,
        socket: &mut Socket,
        first: Result<Message, Error>,
        instance: &Instance,
        behind: &mut CatchUp,
    ) -> Option<Error> {
        let (mut frames, mut bytes) = (0, 0);
        let mut next = Some(first);
        let error = loop {
            let message = match next {
                None => break None,
                Some(Err(error)) => break Some(error),
                Some(Ok(message)) => message,
            };
            if let Some(frame) = message.bytes().filter(|frame| !frame.is_empty()) {
                (frames, bytes) = (frames + 1, bytes + frame.len() as u64);
                self.take(frame, instance, behind);
            }
            if self.cx.intake.is_full() || frames >= BURST_MAX {
                break None;
            }
            next = socket.next_now();
        };
        match (frames, &error) {
            (0, Some(_)) => {}
            (0, None) => self.cx.ledger.alive(Timestamp::now()),
            _ => self.cx.ledger.received(Timestamp::now(), frames, bytes),
        }
        error
    }

    fn take(&mut self, frame: &[u8], instance: &Instance, behind: &mut CatchUp) {
        let event = match message::parse(frame, &instance.domain, Timestamp::now()) {
            Ok(event) => event,
            Err(bad) => return note(&self.cx.ledger, bad.reason(), bad.to_string()),
        };
        if let Event { stream, id: Some(id), .. } = &event {
            let cursor = if behind.holds(stream) { &mut behind.held } else { &mut self.cursor };
            cursor.heard(stream, id);
        }
        self.hand_on(event.what);
    }

    fn hand_on(&mut self, what: What) {
        let Context { intake, gate, ledger, .. } = &mut self.cx;
        match what {
            What::Post(post) => {
                let at = post.edited_at.unwrap_or(post.created_at);
                if let Err(refusal) = intake.offer(*post, at) {
                    tracing::debug!(%refusal, "post refused");
                }
            }
            What::PostDeleted { id } => {
                let source = intake.source().to_owned();
                intake.push(Item::Delete { source, id, at: Timestamp::now() });
            }
            What::Followed { follower, notification, at } => {
                let Some(id) = follower.id.as_deref().map(str::to_owned) else { return };
                let own = self.own_id.as_ref().filter(|id| gate.is_own(&ledger.source, id));
                if let Some(account) = own {
                    let event = FollowerEvent {
                        source: ledger.source.clone(),
                        account: account.clone(),
                        follower: id,
                        record: notification,
                        at,
                        kind: FollowKind::Follow,
                    };
                    intake.push(Item::Follower(event, follower.is_profile().then_some(follower)));
                }
            }
            What::Failed { message } => note(ledger, "stream", format!("the server refuses a stream: {message}")),
            What::Unknown { name } => note(ledger, "unknown_event", format!("unknown event `{name}`")),
            What::Other => {}
        }
    }

    /// A page of what was missed, or why there is none.
    fn page(&mut self, mut walk: Walk, page: Result<Page, Failure>, instance: &Instance, behind: &mut CatchUp) {
        let now = Timestamp::now();
        let failure = match page {
            Ok(page) => return self.took(walk, page, instance, behind),
            Err(failure) => failure,
        };
        walk.tries += 1;
        let wait = match &failure {
            Failure::Throttled(wait) => {
                self.cx.ledger.throttled(now + *wait);
                Some(*wait)
            }
            Failure::Refused(_) => None,
            Failure::Failed(_) => Some(self.config.backoff.clone().next().saturating_mul(walk.tries)),
        };
        note(&self.cx.ledger, "catch_up", format!("{}: {failure}", walk.stream.name));
        match wait.filter(|_| walk.tries <= TRIES_MAX) {
            Some(wait) => behind.fetch(&self.rest, &instance.domain, walk, wait),
            None => {
                let reason = format!("{}: the timeline could not be read: {failure}", walk.stream.name);
                self.cx.intake.gap(Gap { from: behind.away_since, to: now, reason });
                self.cx.ledger.phase(Phase::Live, now);
                behind.done(&walk, &mut self.cursor);
            }
        }
    }

    fn took(&mut self, mut walk: Walk, page: Page, instance: &Instance, behind: &mut CatchUp) {
        let now = Timestamp::now();
        self.cx.ledger.phase(Phase::Live, now);
        if page.bad > 0 {
            note(&self.cx.ledger, "payload_malformed", format!("{} items of {} ", page.bad, walk.stream.name));
        }
        let Some(last) = page.items.last() else {
            let silent = walk.pages == 0 && now.duration_since(behind.away_since) > QUIET_MAX;
            if silent && walk.stream.name.starts_with("public") {
                let reason = format!("{}: the timeline is empty, perhaps switched off", walk.stream.name);
                self.cx.intake.gap(Gap { from: behind.away_since, to: now, reason });
            }
            return behind.done(&walk, &mut self.cursor);
        };
        (walk.pages, walk.tries) = (walk.pages + 1, 0);
        let reached = last.created_at;
        walk.min_id.clone_from(&last.id);
        self.cursor.heard(&walk.stream.name, &last.id);
        for item in page.items {
            self.hand_on(item.what);
        }
        if walk.pages < PAGES_MAX {
            return behind.fetch(&self.rest, &instance.domain, walk, Duration::ZERO);
        }
        let read = PAGES_MAX as usize * PAGE_MAX;
        let reason = format!("{}: more was missed than the {read} posts that were read", walk.stream.name);
        self.cx.intake.gap(Gap { from: reached.min(now), to: now, reason });
        behind.done(&walk, &mut self.cursor);
    }

    /// How long to wait after the connection ended.
    fn failed(&mut self, error: &Error, backoff: &mut Backoff) -> Duration {
        let ledger = &self.cx.ledger;
        ledger.phase(Phase::Failing, Timestamp::now());
        let (reason, asked) = match error {
            Error::Refused { status: 429, retry_after, .. } => ("throttled", *retry_after),
            Error::Refused { status: 401 | 403, .. } => ("token", None),
            Error::Refused { retry_after, .. } => ("connection_refused", *retry_after),
            Error::TooLarge => ("message_too_large", None),
            Error::Silent(_) => ("connection_silent", None),
            Error::Timeout | Error::Closed(_) | Error::Failed(_) => ("connection", None),
        };
        note(ledger, reason, error.to_string());
        let wait = backoff.next().max(asked.unwrap_or_default().min(RETRY_AFTER_MAX));
        if reason == "throttled" {
            ledger.throttled(Timestamp::now() + wait);
        }
        // Perhaps the server has moved its streaming elsewhere.
        self.instance = None;
        wait
    }
}

/// Why a connection ended.
enum End {
    Failed(Error),
    Stopped(Result<(), Stop>),
}

fn streaming(base: &Url) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["api", "v1", "streaming"]);
    }
    url
}

fn note(ledger: &Ledger, reason: &'static str, message: String) {
    let count = ledger.error(Timestamp::now(), reason, message.clone());
    if worth_logging(count) {
        tracing::warn!(source = ledger.source, reason, count, "{message}");
    }
}
