//! Reads whole lists of own accounts' followers, page by page, once a day: who was there before we listened, and who came
//! or went unheard. Some pages together go through ingest like everything else; after a crash the list goes on behind the
//! last page stored. Who they are, `author` looks up.

use super::{Found, Told};
use crate::brand::{Listed, Snapshot, SnapshotState, SnapshotStep};
use crate::ledger::Ledger;
use crate::post::Author;
use crate::source::{Configured, FollowerPage, Stop};
use crate::store::Reader;
use crate::watch::Gate;
use crate::wire::backoff::Backoff;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// From one list to the next: what happens in between is heard where the network tells it.
const EVERY: SignedDuration = SignedDuration::from_hours(24);
/// A list that was broken off longer ago begins anew: the places of its pages may be forgotten.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(48);
/// How often we look whether a list is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// More than this is hours of pages and a gigabyte of profiles: such an account is followed by what is heard alone.
const FOLLOWERS_MAX: u64 = 2_000_000;
/// A list is whole from this share of the followers that the account's profile counts: networks count accounts that
/// they do not name, such as suspended ones.
const WHOLE_FROM: f64 = 0.95;
/// Pages that are stored at once: each time waits for the disk, some ten milliseconds that a million followers would wait
/// ten thousand times. Where so many in a row name nobody new, the server goes in circles.
pub const PAGES_AT_ONCE: usize = 20;

pub struct Listing {
    pub source: Configured,
    pub ledger: Arc<Ledger>,
    pub gate: Arc<Gate>,
    pub reader: Reader,
    pub found: mpsc::Sender<Told>,
}

impl Listing {
    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! { () = self.work() => {}, () = stop.cancelled() => {} }
    }

    async fn work(&self) {
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(15 * 60));
        loop {
            let mut wait = LOOK_EVERY;
            for account in self.gate.own_accounts(&self.source.id).iter() {
                match self.list(account).await {
                    Ok(()) => backoff.reset(),
                    Err(Stop::Failed(reason)) => {
                        wait = backoff.next();
                        tracing::warn!(source = self.source.id, account, reason, ?wait, "followers cannot be listed");
                        self.tell(account, format!("stopped: {reason}"));
                    }
                    Err(Stop::Ended | Stop::Closed) => return,
                }
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Reads an account's list to its end, when it is due.
    async fn list(&self, account: &str) -> Result<(), Stop> {
        let now = Timestamp::now();
        let last = self.snapshot(account).await?;
        let mut from = match last {
            Some(last) if last.state == SnapshotState::Open && now.duration_since(last.began_at) < OPEN_FOR => {
                last.next
            }
            Some(last) if last.state == SnapshotState::Open => {
                self.store(account, Listed::Ended(SnapshotState::Short), Vec::new()).await?;
                None
            }
            Some(last) if now.duration_since(last.began_at) < EVERY => return Ok(()),
            _ => None,
        };
        let (mut places, mut held, mut pages, mut named) = (HashSet::new(), Vec::new(), 0, None);
        loop {
            let page = match self.source.source.clone().followers(account.to_owned(), from.clone()).await {
                Ok(page) => page,
                Err(stop) => {
                    // What is there is kept: the list goes on behind it.
                    if from.is_some() && !held.is_empty() {
                        self.page(account, held, from).await?;
                    }
                    return Err(stop);
                }
            };
            if from.is_none() && !self.begin(account, &page).await? {
                return Ok(());
            }
            held.extend(page.followers);
            pages += 1;
            let ends = page.next.as_ref().is_none_or(|next| !places.insert(next.clone()));
            from = page.next;
            if !ends && pages < PAGES_AT_ONCE {
                continue;
            }
            self.page(account, std::mem::take(&mut held), from.clone()).await?;
            pages = 0;
            let Some(snapshot) = self.snapshot(account).await? else { return Ok(()) };
            self.tell(account, told(&snapshot));
            if ends || named.replace(snapshot.named) == Some(snapshot.named) {
                let state = if from.is_some() { SnapshotState::Short } else { verdict(&snapshot) };
                self.store(account, Listed::Ended(state), Vec::new()).await?;
                self.tell(account, told(&Snapshot { state, ..snapshot }));
                return Ok(());
            }
        }
    }

    /// Begins a list; `false` where it would be too long.
    async fn begin(&self, account: &str, page: &FollowerPage) -> Result<bool, Stop> {
        let total = page.own.as_ref().and_then(|own| own.followers);
        if self.snapshot(account).await?.is_none_or(|last| last.state != SnapshotState::Open) {
            self.store(account, Listed::Began { total }, page.own.iter().cloned().collect()).await?;
        }
        if total.is_some_and(|total| total > FOLLOWERS_MAX) {
            self.store(account, Listed::Ended(SnapshotState::Hidden), Vec::new()).await?;
            self.tell(account, format!("not listed: more than {FOLLOWERS_MAX} followers"));
            return Ok(false);
        }
        Ok(true)
    }

    async fn page(&self, account: &str, followers: Vec<Author<'static>>, next: Option<String>) -> Result<(), Stop> {
        let ids = followers.iter().filter_map(|author| author.id.as_deref().map(str::to_owned)).collect();
        // What lacks the counts is looked up.
        let authors = followers.into_iter().filter(|author| author.followers.is_some()).collect();
        self.store(account, Listed::Page { followers: ids, next }, authors).await
    }

    async fn store(&self, account: &str, what: Listed, authors: Vec<Author<'static>>) -> Result<(), Stop> {
        let (source, account) = (self.source.id.clone(), account.to_owned());
        let step = SnapshotStep { source, account, at: Timestamp::now(), what };
        let (done, taken) = oneshot::channel();
        self.found.send((Found::Followers(step, authors), done)).await.map_err(|_| Stop::Closed)?;
        // Dropped with what was under way: the step is tried again from what the store knows.
        taken.await.map(drop).map_err(|_| Stop::Failed("not stored".to_owned()))
    }

    async fn snapshot(&self, account: &str) -> Result<Option<Snapshot>, Stop> {
        self.reader.snapshot(&self.source.id, account).await.map_err(|error| Stop::Failed(error.to_string()))
    }

    fn tell(&self, account: &str, message: String) {
        self.ledger.part(&format!("followers of {account}"), Some(message));
    }
}

fn verdict(snapshot: &Snapshot) -> SnapshotState {
    match snapshot.total {
        Some(total) if snapshot.named == 0 && total > 0 => SnapshotState::Hidden,
        Some(total) if (snapshot.named as f64) < WHOLE_FROM * total as f64 => SnapshotState::Short,
        _ => SnapshotState::Whole,
    }
}

fn told(snapshot: &Snapshot) -> String {
    let Snapshot { named, total, state, .. } = snapshot;
    let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
    match state {
        SnapshotState::Open => format!("{named}{of} read"),
        SnapshotState::Whole => format!("{named}{of} read, the list is whole"),
        SnapshotState::Short => format!("{named}{of} read, the server names no more"),
        SnapshotState::Hidden => format!("{named}{of} read, the server keeps the list to itself"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_whole_when_it_names_nearly_all() {
        let verdict = |named, total| {
            let (began_at, ended_at, next) = (Timestamp::UNIX_EPOCH, None, None);
            verdict(&Snapshot { began_at, ended_at, next, named, total, state: SnapshotState::Open })
        };
        assert_eq!(verdict(0, Some(0)), SnapshotState::Whole);
        assert_eq!(verdict(97, Some(100)), SnapshotState::Whole);
        assert_eq!(verdict(101, Some(100)), SnapshotState::Whole);
        assert_eq!(verdict(9, None), SnapshotState::Whole);
        assert_eq!(verdict(94, Some(100)), SnapshotState::Short);
        assert_eq!(verdict(0, Some(100)), SnapshotState::Hidden);
    }
}
