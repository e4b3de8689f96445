//! What one connection has still to catch up with: a walk along the timeline of every stream that was heard before, one page
//! at a time, beside the live stream. Knows nothing of what the pages say.

use super::rest::{Failure, Page, Rest};
use super::stream::{Cursor, Stream};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Catching up with one stream.
pub struct Walk {
    pub stream: Stream,
    pub min_id: String,
    pub pages: u32,
    pub tries: u32,
}

type Fetch = BoxFuture<'static, (Walk, Result<Page, Failure>)>;

/// What one connection has still to catch up with.
pub struct CatchUp {
    waiting: VecDeque<Walk>,
    fetching: Option<Fetch>,
    /// The stream being fetched.
    current: Option<String>,
    /// What was heard live meanwhile.
    pub held: Cursor,
    /// When we last listened.
    pub away_since: Timestamp,
}

impl CatchUp {
    pub fn new(streams: &[Stream], cursor: &Cursor) -> Self {
        let walk = |stream: &Stream| {
            let min_id = cursor.newest.get(&stream.name)?.clone();
            Some(Walk { stream: stream.clone(), min_id, pages: 0, tries: 0 })
        };
        let mut all = streams.to_vec();
        let notifications = Stream::notifications();
        if streams.iter().any(Stream::is_user) && !streams.contains(&notifications) {
            all.push(notifications);
        }
        Self {
            waiting: all.iter().filter_map(walk).collect(),
            fetching: None,
            current: None,
            held: Cursor::new(cursor.at),
            away_since: cursor.at,
        }
    }

    /// Fetches for the next stream when nothing is under way.
    pub fn start(&mut self, rest: &Arc<Rest>, domain: &str) {
        if self.current.is_none()
            && let Some(walk) = self.waiting.pop_front()
        {
            self.fetch(rest, domain, walk, Duration::ZERO);
        }
    }

    pub fn fetch(&mut self, rest: &Arc<Rest>, domain: &str, walk: Walk, wait: Duration) {
        let (rest, domain) = (rest.clone(), domain.to_owned());
        self.current = Some(walk.stream.name.clone());
        self.fetching = Some(Box::pin(async move {
            sleep(wait).await;
            let page = rest.page(&walk.stream, &walk.min_id, &domain).await;
            (walk, page)
        }));
    }

    /// The page under way, when it is there; never, when none is. Dropping the future loses nothing.
    pub async fn fetched(&mut self) -> (Walk, Result<Page, Failure>) {
        match &mut self.fetching {
            Some(fetching) => {
                let fetched = fetching.await;
                self.fetching = None;
                fetched
            }
            None => std::future::pending().await,
        }
    }

    /// Whether the stream has not been caught up with: what is heard of it live must not move its cursor.
    pub fn holds(&self, stream: &str) -> bool {
        self.current.as_deref() == Some(stream) || self.waiting.iter().any(|walk| walk.stream.name == stream)
    }

    pub fn is_done(&self) -> bool {
        self.current.is_none() && self.waiting.is_empty()
    }

    pub fn done(&mut self, walk: &Walk, cursor: &mut Cursor) {
        self.current = None;
        if let Some(id) = self.held.newest.remove(&walk.stream.name) {
            cursor.heard(&walk.stream.name, &id);
        }
    }
}
