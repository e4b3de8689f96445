//! Source kind `hackernews`: walks the item numbers forward as they are given out, asks again for those that are not
//! shown yet, and follows edits and deletions by `updates`. After a long absence it catches up by search.
//! Source: github.com/HackerNews/API and hn.algolia.com/api, read in November 2026.

mod api;
mod item;
mod progress;

use super::intake::{Intake, Item as Taken};
use super::{Context, Source, Stop};
use crate::ledger::{Gap, Ledger, Phase, worth_logging};
use crate::post::Post;
use crate::settings::Section;
use crate::text::hash::first_u64;
use crate::wire::backoff::Backoff;
use api::{Api, HITS_MAX, Trouble};
use futures_util::future::BoxFuture;
use item::Item;
use jiff::{SignedDuration, Timestamp};
use progress::{Change, Known, Progress};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const API: &str = "https://hacker-news.firebaseio.com/v0";
const SEARCH: &str = "https://hn.algolia.com/api/v1";
const EVERY: Duration = Duration::from_secs(30);
const EVERY_MIN: Duration = Duration::from_millis(100);

/// More rarely than this, thousands of items pile up between two rounds.
const EVERY_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Items before the newest that the first start looks at: some twenty minutes, to show that it works.
const START_BACK: u64 = 200;

/// Items that are committed together.
const CHUNK: u64 = 200;

/// A longer way is walked by search: a thousand items a request instead of one.
const WALK_MAX: u64 = 5_000;

/// The first slice of a search; an hour holds some 600 items.
const SLICE: i64 = 3_600;

/// Search looks back this far before what was seen last, and its newest items are left to the walk: the index lags.
const OVERLAP: i64 = 600;

/// Further back than this nobody answers any more; it is a gap.
const CATCH_UP_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Failed rounds before the search is given up for a gap, so that it does not keep us from listening now.
const SEARCH_TRIES_MAX: u32 = 5;

const FAILURE_WAIT_MAX: Duration = Duration::from_secs(900);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

struct HackerNews {
    api: Url,
    search: Url,
    every: Duration,
}

/// Keys: `api`, `search` (addresses), `every` (30s); all optional.
pub fn read(section: &Section<'_>) -> Option<Arc<dyn Source>> {
    let api = read_url(section, "api", API);
    let search = read_url(section, "search", SEARCH);
    let every = section.duration("every").unwrap_or(EVERY);
    if !(EVERY_MIN..=EVERY_MAX).contains(&every) {
        section.error("every", format!("`every` must lie in {EVERY_MIN:?}..={EVERY_MAX:?}"), None);
        return None;
    }
    Some(Arc::new(HackerNews { api: api?, search: search?, every }))
}

fn read_url(section: &Section<'_>, key: &'static str, default: &str) -> Option<Url> {
    let text = section.str(key).unwrap_or_else(|| default.to_owned());
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
        _ => {
            section.error(key, format!("`{text}` is no http or https address"), None);
            None
        }
    }
}

impl Source for HackerNews {
    fn run(self: Arc<Self>, cx: Context) -> BoxFuture<'static, Result<(), Stop>> {
        Box::pin(async move { self.listen(cx).await })
    }
}

impl HackerNews {
    async fn listen(&self, mut cx: Context) -> Result<(), Stop> {
        let progress = cx.cursor.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let ledger = cx.ledger.clone();
        let mut walk = Walk {
            api: Api::new(&self.api, &self.search),
            intake: &mut cx.intake,
            ledger: &ledger,
            progress,
            known: Known::default(),
            updated: Vec::new(),
            search_failures: 0,
        };
        let mut backoff = Backoff::new(self.every, FAILURE_WAIT_MAX.max(self.every));
        ledger.phase(Phase::Connecting, Timestamp::now());
        ledger.expect_silence(SignedDuration::try_from(self.every * 10).unwrap_or(SignedDuration::MAX));
        loop {
            let round = tokio::select! {
                () = cx.stop.cancelled() => return Ok(()),
                round = walk.round() => round,
            };
            let wait = match round {
                Ok(()) => {
                    backoff.reset();
                    ledger.phase(Phase::Live, Timestamp::now());
                    self.every
                }
                Err(Trouble::Stop(stop)) => return Err(stop),
                Err(Trouble::Later { reason, message, retry_after }) => {
                    let wait = backoff.next().max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX));
                    failed(&ledger, reason, message, retry_after.map(|_| wait));
                    wait
                }
            };
            tokio::select! {
                () = cx.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

fn failed(ledger: &Ledger, reason: &'static str, message: String, told_to_wait: Option<Duration>) {
    let now = Timestamp::now();
    let count = ledger.error(now, reason, message.clone());
    if worth_logging(count) {
        tracing::warn!(source = %ledger.source, reason, count, "{message}");
    }
    match told_to_wait.and_then(|wait| now.checked_add(wait).ok()) {
        Some(until) => ledger.throttled(until),
        None => ledger.phase(Phase::Failing, now),
    }
}

struct Walk<'c> {
    api: Api,
    intake: &'c mut Intake,
    ledger: &'c Ledger,
    progress: Progress,
    known: Known,
    /// The list of changed items as it was last, sorted: it slides, and most of it was asked for already.
    updated: Vec<u64>,
    search_failures: u32,
}

impl Walk<'_> {
    /// Everything new since the last round. May be dropped at any time: what was not flushed comes again.
    async fn round(&mut self) -> Result<(), Trouble> {
        let newest = self.api.newest(self.ledger).await?;
        if self.progress.next == 0 {
            self.progress.next = newest.saturating_sub(START_BACK).max(1);
        }
        if newest.saturating_sub(self.progress.next) > WALK_MAX {
            self.catch_up(newest).await?;
        }
        self.walk(newest).await?;
        self.follow_updates().await?;
        self.ask_again().await?;
        Ok(self.intake.flush(Some(self.cursor())).await?)
    }

    async fn walk(&mut self, newest: u64) -> Result<(), Trouble> {
        while self.progress.next <= newest {
            let end = newest.min(self.progress.next + CHUNK - 1);
            let ids: Vec<u64> = (self.progress.next..=end).collect();
            let now = Timestamp::now();
            for (id, item) in self.api.items(&ids, self.ledger).await? {
                match item {
                    Item::Missing => self.owe(id, 0, now),
                    Item::Post(post) => self.take(*post, None),
                    // Gone before we ever had it.
                    Item::Gone { .. } | Item::Other => {}
                }
            }
            self.progress.next = end + 1;
            self.intake.flush(Some(self.cursor())).await?;
        }
        Ok(())
    }

    async fn follow_updates(&mut self) -> Result<(), Trouble> {
        let mut updated = self.api.updates(self.ledger).await?;
        updated.sort_unstable();
        updated.dedup();
        updated.truncate(WALK_MAX as usize);
        let before = &self.updated;
        let fresh = |id: &u64| *id < self.progress.next && before.binary_search(id).is_err();
        let ids: Vec<u64> = updated.iter().copied().filter(fresh).collect();
        let now = Timestamp::now();
        for (_, item) in self.api.items(&ids, self.ledger).await? {
            match item {
                Item::Post(post) => self.take(*post, Some(now)),
                Item::Gone { id } => {
                    let source = self.intake.source().to_owned();
                    self.intake.push(Taken::Delete { source, id: id.to_string(), at: now });
                }
                Item::Missing | Item::Other => {}
            }
        }
        self.updated = updated;
        Ok(())
    }

    async fn ask_again(&mut self) -> Result<(), Trouble> {
        let now = Timestamp::now();
        let mut progress = self.progress.clone();
        let due = progress.due(now);
        let ids: Vec<u64> = due.iter().map(|(id, _)| *id).collect();
        let items = self.api.items(&ids, self.ledger).await?;
        self.progress = progress;
        for ((id, item), (_, tries)) in items.into_iter().zip(due) {
            match item {
                Item::Missing => self.owe(id, tries, now),
                Item::Post(post) => self.take(*post, None),
                Item::Gone { .. } | Item::Other => {}
            }
        }
        Ok(())
    }

    /// By search, slice by slice, up to shortly before now; then the walk goes on from there.
    async fn catch_up(&mut self, newest: u64) -> Result<(), Trouble> {
        let now = Timestamp::now();
        let oldest = now.saturating_sub(CATCH_UP_MAX).unwrap_or(now);
        let last = self.progress.at.unwrap_or(now);
        if last < oldest {
            self.intake.gap(Gap { from: last, to: oldest, reason: "away for longer than is caught up".into() });
        }
        let mut from = last.max(oldest).as_second() - OVERLAP;
        let end = now.as_second() - OVERLAP;
        let (mut slice, mut id_max) = (SLICE, self.progress.next);
        while from < end {
            let to = end.min(from + slice);
            let page = match self.api.page(from, to, self.ledger).await {
                Ok(page) => page,
                Err(trouble) => return self.search_failed(trouble, newest).await,
            };
            if page.hits >= HITS_MAX && to - from > 1 {
                slice = (to - from) / 2;
                continue;
            }
            if page.hits >= HITS_MAX {
                self.gap(from, to, "more items in one second than search gives");
            }
            for bad in &page.bad {
                self.ledger.error(now, "bad_item", bad.to_string());
            }
            id_max = id_max.max(page.id_max);
            for post in page.posts {
                self.take(post, None);
            }
            from = to;
            if page.hits < HITS_MAX / 4 {
                slice = (slice * 2).min(SLICE * 24);
            }
            // The next start goes on from here; `next` stays until the way is done.
            self.progress.at = Timestamp::from_second(to).ok().or(self.progress.at);
            self.intake.flush(Some(self.cursor())).await?;
        }
        self.search_failures = 0;
        let walkable = newest.saturating_sub(WALK_MAX);
        if id_max < walkable {
            self.gap(end, now.as_second(), "the search lags behind");
        }
        self.progress.next = id_max.clamp(walkable, newest);
        Ok(())
    }

    async fn search_failed(&mut self, trouble: Trouble, newest: u64) -> Result<(), Trouble> {
        self.search_failures += 1;
        if self.search_failures < SEARCH_TRIES_MAX || matches!(trouble, Trouble::Stop(_)) {
            return Err(trouble);
        }
        let now = Timestamp::now();
        let from = self.progress.at.unwrap_or(now);
        self.gap(from.as_second(), now.as_second(), "the search does not answer");
        self.progress.next = newest.saturating_sub(START_BACK).max(1);
        self.search_failures = 0;
        Ok(self.intake.flush(Some(self.cursor())).await?)
    }

    /// `updated`: the interface said that something about it changed, at this moment or just before.
    fn take(&mut self, mut post: Post<'static>, updated: Option<Timestamp>) {
        let change = self.known.learn(&post.id, content(&post));
        if change == Change::Same {
            return;
        }
        // Not known any more may mean edited; ingest compares the text before it calls it an edit.
        post.edited_at = updated;
        let event_at = updated.unwrap_or(post.created_at);
        if updated.is_none() {
            self.progress.seen_at(event_at);
        }
        // A refusal is already counted.
        self.intake.offer(post, event_at).ok();
    }

    fn owe(&mut self, id: u64, tries: usize, now: Timestamp) {
        if !self.progress.owe(id, tries, now) {
            self.ledger.error(now, "never_shown", format!("item {id} or an older one was never shown"));
        }
    }

    fn gap(&mut self, from: i64, to: i64, reason: &str) {
        if let (Ok(from), Ok(to)) = (Timestamp::from_second(from), Timestamp::from_second(to)) {
            self.intake.gap(Gap { from, to, reason: reason.to_owned() });
        }
    }

    fn cursor(&self) -> String {
        // A plain struct always serialises.
        serde_json::to_string(&self.progress).unwrap_or_default()
    }
}

/// Changes when what a person reads changes.
fn content(post: &Post<'_>) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(post.title.as_deref().unwrap_or_default().as_bytes()).update(b"\0").update(post.text.as_bytes());
    first_u64(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    #[test]
    fn keys() {
        for (toml, problems) in [
            ("", 0),
            ("api = 'http://127.0.0.1:1/v0'\nsearch = 'http://127.0.0.1:1/s'\nevery = '1m'", 0),
            ("every = '0s'", 1),
            ("every = '99999999w'", 1),
            ("api = 'news'\nsearch = 'ftp://x.example'", 2),
            ("apl = 'https://x.example'", 1),
        ] {
            let document = Document::parse("t", toml);
            let read = read(&document.root()).is_some();
            let found = document.into_problems();
            assert_eq!(found.len(), problems, "{toml}: {found:?}");
            assert!(read || problems > 0);
        }
    }
}
