//! The one way from a source into the daemon: `offer` what came, then `flush` with the cursor that lies behind it.
//! Offering asks the gate whether anybody wants the post, so that what nobody wants is never even copied.

use super::line::follow::Follow;
use super::line::{Bad, Line};
use crate::brand::FollowerEvent;
use crate::ledger::{Gap, Ledger};
use crate::post::{Author, Post, Refusal};
use crate::watch::{Gate, Match, Scratch};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// A batch is sent on by `offer`-ers at the latest at this size: large enough to share one commit, small enough
/// that a few in flight stay within some megabytes.
pub const BATCH_MAX: usize = 1_024;

/// Items between the sources and ingest: some megabytes. Counted in items rather than batches, since a busy source that
/// sends each few posts as they come must not wait sooner than one that sends a thousand at once.
pub const ROOM: usize = 8 * BATCH_MAX;

/// A cursor that moved without any wanted post is worth a commit only this often.
const CURSOR_EVERY: Duration = Duration::from_secs(1);

/// Something wanted.
#[derive(Clone, Debug)]
pub enum Item {
    /// A new or edited post, with the brands and watches that want it.
    Post(Box<Post<'static>>, Vec<Match>),
    /// The post was deleted by its author or the platform.
    Delete { source: String, id: String, at: Timestamp },
    /// The account is gone: everything it wrote goes.
    AuthorGone { author: String, at: Timestamp },
    /// With the follower's profile, where the source carries it along.
    Follower(FollowerEvent, Option<Box<Author<'static>>>),
    /// An unfollow that names only the follow record; the store knows whom it meant.
    UnfollowRecord { follower: String, record: String, at: Timestamp },
}

/// What ingest commits together: items, the cursor behind them, gaps.
#[derive(Debug)]
pub struct Batch {
    pub source: Arc<str>,
    pub items: Vec<Item>,
    /// Moves in the transaction that stores `items`.
    pub cursor: Option<String>,
    pub gaps: Vec<Gap>,
    /// When the first of `items` came in, for the latency figure.
    pub received_at: Instant,
    /// Answered after the durable commit.
    pub done: Option<oneshot::Sender<()>>,
    /// Its part of [`ROOM`], given back when ingest is through with it.
    pub room: Option<OwnedSemaphorePermit>,
}

/// The way into judging.
#[derive(Clone)]
pub struct Sender {
    batches: mpsc::Sender<Batch>,
    room: Arc<Semaphore>,
}

/// A channel with [`ROOM`] for items.
pub fn channel() -> (Sender, mpsc::Receiver<Batch>) {
    // Every batch takes some room: this many fit at most.
    let (batches, taken) = mpsc::channel(ROOM);
    (Sender { batches, room: Arc::new(Semaphore::new(ROOM)) }, taken)
}

/// How much is on its way between the sources and the disk.
#[derive(Clone)]
pub struct Load(Arc<Semaphore>);

impl Load {
    /// Items, `0..=`[`ROOM`].
    pub fn waiting(&self) -> usize {
        ROOM.saturating_sub(self.0.available_permits())
    }
}

impl Sender {
    pub fn load(&self) -> Load {
        Load(self.room.clone())
    }

    async fn send(&self, mut batch: Batch) -> Result<(), Closed> {
        let room = u32::try_from(batch.items.len().clamp(1, ROOM)).unwrap_or(1);
        let room = tokio::select! {
            room = self.room.clone().acquire_many_owned(room) => room.map_err(|_| Closed)?,
            () = self.batches.closed() => return Err(Closed),
        };
        batch.room = Some(room);
        self.batches.send(batch).await.map_err(|_| Closed)
    }
}

/// A source's end of the channel into ingest.
pub struct Intake {
    source: Arc<str>,
    gate: Arc<Gate>,
    ledger: Arc<Ledger>,
    to: Sender,
    scratch: Scratch,
    items: Vec<Item>,
    gaps: Vec<Gap>,
    posts: u64,
    matched: u64,
    event_at: Option<Timestamp>,
    received_at: Option<Instant>,
    flushed_at: Option<Instant>,
}

/// Ingest no longer listens: the daemon stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ingest has stopped")]
pub struct Closed;

impl From<Closed> for super::Stop {
    fn from(_: Closed) -> Self {
        super::Stop::Closed
    }
}

impl Intake {
    pub fn new(source: &str, gate: Arc<Gate>, ledger: Arc<Ledger>, to: Sender) -> Self {
        Self {
            source: source.into(),
            gate,
            ledger,
            to,
            scratch: Scratch::default(),
            items: Vec::new(),
            gaps: Vec::new(),
            posts: 0,
            matched: 0,
            event_at: None,
            received_at: None,
            flushed_at: None,
        }
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Takes the post if it is sound and somebody wants it. Fills in `post.source` when empty.
    /// `event_at` is the platform's clock at which it was published there, for the lag.
    ///
    /// # Errors
    /// Why it was refused; already counted in the ledger. The caller goes on with the next.
    pub fn offer(&mut self, post: Post<'_>, event_at: Timestamp) -> Result<bool, Refusal> {
        let source = self.source.clone();
        // May borrow from `source` too.
        let mut post: Post<'_> = post;
        self.posts += 1;
        self.event_at = Some(self.event_at.map_or(event_at, |last| last.max(event_at)));
        if let Err(refusal) = post.check() {
            let now = Timestamp::now();
            self.ledger.error(now, refusal.reason(), format!("post refused: {refusal}"));
            return Err(refusal);
        }
        if post.source.is_empty() {
            post.source = (&*source).into();
        }
        if post.deleted {
            let (source, id) = (post.source.to_string(), post.id.to_string());
            self.push(Item::Delete { source, id, at: post.edited_at.unwrap_or(event_at) });
            return Ok(true);
        }
        let matches = self.gate.matches(&post, &mut self.scratch);
        if matches.is_empty() {
            return Ok(false);
        }
        self.matched += 1;
        self.push(Item::Post(Box::new(post.into_owned()), matches));
        Ok(true)
    }

    /// Takes a post as [`Self::offer`] does, or a follow of an own account.
    ///
    /// # Errors
    /// Why it was refused; already counted in the ledger. The caller goes on with the next.
    pub fn take(&mut self, line: Line<'_>, event_at: Timestamp) -> Result<bool, Bad> {
        let follow = match line {
            Line::Post(post) => return Ok(self.offer(post, event_at)?),
            Line::Follow(follow) => follow,
        };
        let now = Timestamp::now();
        match self.own(follow, now) {
            Ok((event, profile)) => {
                self.push(Item::Follower(event, profile.map(Box::new)));
                Ok(true)
            }
            Err(bad) => {
                self.ledger.error(now, bad.reason(), format!("follow refused: {bad}"));
                Err(bad)
            }
        }
    }

    /// A follow that names no source is of ours, or of the only one that has such an own account.
    fn own(&self, mut follow: Follow<'_>, now: Timestamp) -> Result<(FollowerEvent, Option<Author<'static>>), Bad> {
        if follow.source.is_empty() {
            let mut sources = self.gate.sources_of(&follow.account);
            let only = if sources.len() == 1 { sources.pop() } else { None };
            follow.source = only.unwrap_or_else(|| self.source.to_string()).into();
        }
        let account = self.gate.own_account(&follow.source, &follow.account).map_err(|why| {
            let (account, source_id) = (follow.account.to_string(), follow.source.to_string());
            Bad::NotOwn { account, source_id, why }
        })?;
        follow.into_event(account, now)
    }

    /// Takes anything that is no new or edited post.
    pub fn push(&mut self, item: Item) {
        self.received_at.get_or_insert_with(Instant::now);
        self.items.push(item);
    }

    /// Posts were missed, for certain or perhaps.
    pub fn gap(&mut self, gap: Gap) {
        self.ledger.gap(gap.clone());
        self.gaps.push(gap);
    }

    pub fn is_full(&self) -> bool {
        self.items.len() >= BATCH_MAX
    }

    /// Sends on what was taken, with the cursor that lies behind it. Waits when the daemon is slower than the source.
    /// With nothing taken, a moved cursor is sent at most once a second.
    ///
    /// # Errors
    /// [`Closed`] when the daemon stops: the source returns.
    pub async fn flush(&mut self, cursor: Option<String>) -> Result<(), Closed> {
        self.count();
        let nothing = self.items.is_empty() && self.gaps.is_empty();
        let recent = self.flushed_at.is_some_and(|at| at.elapsed() < CURSOR_EVERY);
        if nothing && (cursor.is_none() || recent) {
            return Ok(());
        }
        self.send(cursor, None).await
    }

    /// Sends on and waits for the durable commit.
    ///
    /// # Errors
    /// [`Closed`] when the daemon stops: nothing may be acknowledged.
    pub async fn commit(&mut self, cursor: Option<String>) -> Result<(), Closed> {
        self.count();
        let (done, committed) = oneshot::channel();
        self.send(cursor, Some(done)).await?;
        committed.await.map_err(|_| Closed)
    }

    fn count(&mut self) {
        if self.posts > 0 {
            self.ledger.understood(Timestamp::now(), self.posts, self.matched, self.event_at);
            (self.posts, self.matched, self.event_at) = (0, 0, None);
        }
    }

    async fn send(&mut self, cursor: Option<String>, done: Option<oneshot::Sender<()>>) -> Result<(), Closed> {
        self.flushed_at = Some(Instant::now());
        let batch = Batch {
            source: self.source.clone(),
            items: std::mem::take(&mut self.items),
            cursor,
            gaps: std::mem::take(&mut self.gaps),
            received_at: self.received_at.take().unwrap_or_else(Instant::now),
            done,
            room: None,
        };
        self.to.send(batch).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brand::{Brand, OwnAccount};
    use crate::query::names::Names;
    use crate::watch::WatchSet;
    use futures_util::FutureExt;

    fn batch(items: usize) -> Batch {
        let gone = |n| Item::AuthorGone { author: format!("{n}"), at: Timestamp::UNIX_EPOCH };
        Batch {
            source: "s".into(),
            items: (0..items).map(gone).collect(),
            cursor: None,
            gaps: Vec::new(),
            received_at: Instant::now(),
            done: None,
            room: None,
        }
    }

    #[test]
    fn a_follow_finds_its_source_by_its_account() {
        let account = |source: &str, handle: &str| OwnAccount {
            source: source.to_owned(),
            handle: handle.to_owned(),
            id: Some(format!("id of {handle}")),
        };
        let accounts = vec![account("crm", "velora"), account("fedi", "velora"), account("fedi", "bolt")];
        let brand = Brand { id: "b".to_owned(), name: "B".to_owned(), watches: Vec::new(), accounts };
        let gate = Arc::new(Gate::new(WatchSet::compile(&[brand], &[], &Names::default()).unwrap()));
        let (to, _taken) = channel();
        let taken = |source: &str, named: &str, account: &str| {
            let ledger = Arc::new(Ledger::new(source, "push"));
            let mut intake = Intake::new(source, gate.clone(), ledger.clone(), to.clone());
            let author = Author { id: Some("7".into()), followers: Some(3), ..Author::default() };
            let created_at = Timestamp::from_second(1_700_000_000).unwrap();
            let follow =
                Follow { source: named.into(), account: account.into(), created_at, author, ..Follow::default() };
            let wanted = intake.take(Line::Follow(follow), created_at);
            assert_eq!(ledger.snapshot(Timestamp::now()).errors.len(), usize::from(wanted.is_err()), "counted");
            match (wanted, intake.items.pop()) {
                (Ok(true), Some(Item::Follower(event, Some(_)))) => Ok((event.source, event.account)),
                (Err(bad), None) => Err(bad.reason()),
                other => panic!("{other:?}"),
            }
        };
        let told = |source: &str, account: &str| Ok((source.to_owned(), format!("id of {account}")));
        assert_eq!(taken("crm", "", "velora"), told("crm", "velora"), "ours before others");
        assert_eq!(taken("crm", "", "bolt"), told("fedi", "bolt"), "the only one");
        assert_eq!(taken("crm", "crm", "bolt"), Err("no_own_account"), "never where another source is named");
        assert_eq!(taken("import", "", "velora"), Err("no_own_account"), "which of two is not known");
    }

    #[test]
    fn room_is_counted_in_items_and_given_back() {
        let (to, mut taken) = channel();
        let sends = |items| to.send(batch(items)).now_or_never();
        for _ in 0..ROOM / BATCH_MAX - 1 {
            assert_eq!(sends(BATCH_MAX), Some(Ok(())));
        }
        for _ in 0..BATCH_MAX {
            assert_eq!(sends(1), Some(Ok(())), "small batches find as much room as large ones");
        }
        assert_eq!(sends(0), None, "a cursor alone takes room, too");
        let first = taken.try_recv().unwrap();
        assert_eq!(sends(1), None, "only when ingest is through with it");
        drop(first);
        assert_eq!(sends(BATCH_MAX), Some(Ok(())));
        drop(taken);
        assert_eq!(sends(1), Some(Err(Closed)));
    }
}
