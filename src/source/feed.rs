//! Source kind `feed`: RSS, Atom and JSON Feed, polled politely. Each feed lives on its own: a broken one is counted,
//! shown in the ledger and asked ever more rarely, and holds up nobody.
//! Source: RSS 2.0, RFC 4287, JSON Feed 1.1, RFC 9110 (conditional requests), read in November 2026.

mod charset;
mod document;
mod state;

use super::intake::Intake;
use super::{Context, Source, Stop};
use crate::ledger::{Gap, Ledger, Phase, worth_logging};
use crate::post::{Kind, Post, Str};
use crate::settings::Section;
use crate::wire::backoff::Backoff;
use crate::wire::http::{Client, Error, Reach, Request, Response};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use governor::{DefaultKeyedRateLimiter, Quota};
use jiff::{SignedDuration, Timestamp};
use state::{News, State};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

const EVERY: Duration = Duration::from_secs(600);

/// More often than this is no poll but a flood.
const EVERY_MIN: Duration = Duration::from_millis(100);

/// Below this most publishers call a reader impolite.
const EVERY_POLITE: Duration = Duration::from_secs(60);

/// Between two requests to one host, whatever the number of feeds there.
const HOST_EVERY: Duration = Duration::from_secs(1);

/// Feeds of one source; the cursor holds the state of all of them.
const FEEDS_MAX: usize = 2_000;

/// Feeds asked at the same time: their documents are in memory together.
const FETCHES_MAX: usize = 8;

/// The largest feeds that people really publish are podcasts of some MiB.
const BODY_BYTES_MAX: usize = 8 << 20;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A failing feed is asked at least this often, so that it comes back the same day that it is mended.
const FAILURE_WAIT_MAX: Duration = Duration::from_secs(6 * 3_600);

/// The longest that a `Retry-After` is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);

const ACCEPT: &str =
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5";

type Hosts = DefaultKeyedRateLimiter<String>;

struct Feeds {
    urls: Vec<Url>,
    every: Duration,
    client: Client,
    hosts: Arc<Hosts>,
}

/// Keys: `urls` (required list), `every` (10m), `host_every` (1s: the least time between two requests to one host).
pub fn read(section: &Section<'_>) -> Option<Arc<dyn Source>> {
    let urls = read_urls(section);
    let every = section.duration("every").unwrap_or(EVERY);
    if every < EVERY_MIN {
        section.error("every", format!("`every` must be at least {EVERY_MIN:?}"), None);
    } else if every < EVERY_POLITE {
        section.warning("every", format!("asking a feed every {every:?} is impolite"), Some("10m is usual".into()));
    }
    let host_every = section.duration("host_every").unwrap_or(HOST_EVERY);
    let quota = Quota::with_period(host_every);
    if quota.is_none() {
        section.error("host_every", "`host_every` must be more than nothing".into(), None);
    }
    let hosts = Arc::new(Hosts::keyed(quota?));
    let sound = every >= EVERY_MIN;
    let client = Client::new(Reach::Configured);
    urls.filter(|_| sound).map(|urls| Arc::new(Feeds { urls, every, client, hosts }) as Arc<dyn Source>)
}

fn read_urls(section: &Section<'_>) -> Option<Vec<Url>> {
    if !section.has("urls") {
        section.missing("urls");
        return None;
    }
    let texts = section.strings("urls");
    let mut urls = Vec::with_capacity(texts.len());
    for text in &texts {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && !urls.contains(&url) => urls.push(url),
            Ok(url) if urls.contains(&url) => section.warning("urls", format!("`{text}` stands here twice"), None),
            _ => section.error("urls", format!("`{text}` is no http or https address"), None),
        }
    }
    if texts.len() > FEEDS_MAX {
        section.error("urls", format!("over {FEEDS_MAX} feeds"), Some("spread them over several sources".into()));
        return None;
    }
    if texts.is_empty() {
        section.error("urls", "`urls` holds no feed".into(), None);
    }
    (!urls.is_empty()).then_some(urls)
}

impl Source for Feeds {
    fn run(self: Arc<Self>, cx: Context) -> BoxFuture<'static, Result<(), Stop>> {
        Box::pin(async move { self.poll(cx).await })
    }
}

/// One feed while it is listened to.
struct Feed {
    url: Url,
    /// Name in the ledger: the address without what may be secret in it.
    name: String,
    state: State,
    backoff: Backoff,
    due: Instant,
    busy: bool,
    last: Last,
}

#[derive(Clone, Copy, PartialEq)]
enum Last {
    None,
    Good,
    Throttled,
    Failed,
}

type Fetch = BoxFuture<'static, (usize, Result<Response, Error>)>;

impl Feeds {
    async fn poll(&self, mut cx: Context) -> Result<(), Stop> {
        let mut feeds = self.feeds(cx.cursor.as_deref());
        cx.ledger.phase(Phase::Connecting, Timestamp::now());
        let slowest = SignedDuration::try_from(self.every * 8 + TIMEOUT).unwrap_or(SignedDuration::MAX);
        cx.ledger.expect_silence(slowest);
        let mut fetches: FuturesUnordered<Fetch> = FuturesUnordered::new();
        loop {
            self.start(&mut feeds, &mut fetches);
            let due = feeds.iter().filter(|feed| !feed.busy && !feed.state.gone).map(|feed| feed.due).min();
            if due.is_none() && fetches.is_empty() {
                cx.intake.commit(Some(cursor(&feeds))).await?;
                cx.ledger.phase(Phase::Ended, Timestamp::now());
                return Err(Stop::Ended);
            }
            let room = fetches.len() < FETCHES_MAX;
            tokio::select! {
                () = cx.stop.cancelled() => return Ok(()),
                Some((index, result)) = fetches.next() => {
                    let now = Timestamp::now();
                    feeds[index].busy = false;
                    let moved = self.answered(&mut feeds[index], result, &mut cx.intake, &cx.ledger, now);
                    if moved {
                        cx.intake.flush(Some(cursor(&feeds))).await?;
                    }
                    if let Some(phase) = phase(&feeds) {
                        cx.ledger.phase(phase, now);
                    }
                }
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if room && due.is_some() => {}
            }
        }
    }

    fn feeds(&self, cursor: Option<&str>) -> Vec<Feed> {
        let mut states: BTreeMap<String, State> =
            cursor.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let named = |url: &Url| self.urls.iter().filter(|other| shown(other) == shown(url)).count();
        let feed = |(index, url): (usize, &Url)| Feed {
            url: url.clone(),
            name: if named(url) > 1 { format!("{} ({})", shown(url), index + 1) } else { shown(url) },
            state: states.remove(url.as_str()).unwrap_or_default(),
            backoff: Backoff::new(self.every, FAILURE_WAIT_MAX.max(self.every)),
            due: Instant::now(),
            busy: false,
            last: Last::None,
        };
        self.urls.iter().enumerate().map(feed).collect()
    }

    fn start(&self, feeds: &mut [Feed], fetches: &mut FuturesUnordered<Fetch>) {
        let now = Instant::now();
        for (index, feed) in feeds.iter_mut().enumerate() {
            if fetches.len() >= FETCHES_MAX {
                return;
            }
            if feed.busy || feed.state.gone || feed.due > now {
                continue;
            }
            feed.busy = true;
            let (request, client, hosts) = (request(feed), self.client.clone(), self.hosts.clone());
            let host = request.url.host_str().unwrap_or_default().to_owned();
            fetches.push(Box::pin(async move {
                hosts.until_key_ready(&host).await;
                (index, client.send(request).await)
            }));
        }
    }

    /// Takes an answer; whether there is something for the cursor to keep.
    fn answered(
        &self,
        feed: &mut Feed,
        result: Result<Response, Error>,
        intake: &mut Intake,
        ledger: &Ledger,
        now: Timestamp,
    ) -> bool {
        let response = match result {
            Ok(response) => response,
            Err(error) => return failed(feed, ledger, now, reason(&error), &error.to_string(), None),
        };
        ledger.received(now, 1, response.body.len() as u64);
        match response.status {
            200 => self.document(feed, &response, intake, ledger, now),
            304 => {
                feed.state.redirected(response.moved_permanently.then_some(response.url.as_str()));
                self.good(feed, false, max_age(&response), ledger, now);
                feed.state.moved().is_some()
            }
            410 if feed.state.moved().is_none() => {
                feed.state.gone = true;
                feed.last = Last::None;
                ledger.part(&feed.name, Some("gone: the publisher took it down".into()));
                true
            }
            status => {
                if matches!(status, 404 | 410) {
                    feed.state.forget_move();
                }
                let wait = response.retry_after(now).filter(|_| matches!(status, 429 | 503));
                failed(feed, ledger, now, "http_status", &format!("answered {status}"), wait)
            }
        }
    }

    fn document(
        &self,
        feed: &mut Feed,
        response: &Response,
        intake: &mut Intake,
        ledger: &Ledger,
        now: Timestamp,
    ) -> bool {
        let document = match document::parse(&response.body, response.header("content-type"), &response.url) {
            Ok(document) => document,
            Err(bad) => return failed(feed, ledger, now, bad.reason(), &bad.to_string(), None),
        };
        feed.state.redirected(response.moved_permanently.then_some(response.url.as_str()));
        feed.state.validators(response.header("etag"), response.header("last-modified"));
        let judged = feed.state.judge(document.entries, now);
        if let Some(from) = judged.gap_from {
            let reason = format!("{}: nothing of the last poll is there any more", feed.name);
            intake.gap(Gap { from, to: now, reason });
        }
        let news = !judged.news.is_empty();
        for item in judged.news {
            let created_at = item.created_at;
            // A refusal is already counted.
            intake.offer(post(item), created_at).ok();
        }
        self.good(feed, news, max_age(response).max(document.interval_min), ledger, now);
        true
    }

    fn good(&self, feed: &mut Feed, news: bool, wish: Option<Duration>, ledger: &Ledger, now: Timestamp) {
        feed.backoff.reset();
        feed.last = Last::Good;
        let wait = feed.state.next_interval(self.every, news, wish);
        feed.due = Instant::now() + wait;
        let moved = feed.state.moved().map_or_else(String::new, |to| format!(", moved to {to}"));
        ledger.part(&feed.name, Some(format!("good at {now:.0}, next in {} s{moved}", wait.as_secs())));
    }
}

/// Puts the next try off and says why; nothing for the cursor.
fn failed(
    feed: &mut Feed,
    ledger: &Ledger,
    now: Timestamp,
    reason: &'static str,
    message: &str,
    retry_after: Option<Duration>,
) -> bool {
    let wait = feed.backoff.next().max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX));
    feed.due = Instant::now() + wait;
    feed.last = if retry_after.is_some() { Last::Throttled } else { Last::Failed };
    let count = ledger.error(now, reason, format!("{}: {message}", feed.name));
    if worth_logging(count) {
        tracing::warn!(source = %ledger.source, feed = %feed.name, reason, count, "{message}");
    }
    if retry_after.is_some() {
        ledger.throttled(SignedDuration::try_from(wait).map_or(now, |wait| now.saturating_add(wait).unwrap_or(now)));
    }
    ledger.part(&feed.name, Some(format!("failing at {now:.0}: {message}, next in {} s", wait.as_secs())));
    false
}

/// What the source as a whole does: it listens as long as one feed does.
fn phase(feeds: &[Feed]) -> Option<Phase> {
    let any = |last: Last| feeds.iter().any(|feed| feed.last == last);
    match () {
        () if any(Last::Good) => Some(Phase::Live),
        () if any(Last::None) || any(Last::Throttled) => None,
        () => Some(Phase::Failing),
    }
}

fn request(feed: &Feed) -> Request {
    let url = feed.state.moved().and_then(|moved| Url::parse(moved).ok()).unwrap_or_else(|| feed.url.clone());
    let mut headers = vec![("accept".to_owned(), ACCEPT.to_owned())];
    headers.extend(feed.state.etag.iter().map(|etag| ("if-none-match".to_owned(), etag.clone())));
    headers.extend(feed.state.modified.iter().map(|date| ("if-modified-since".to_owned(), date.clone())));
    Request { headers, timeout: TIMEOUT, body_bytes_max: BODY_BYTES_MAX, ..Request::get(url) }
}

fn reason(error: &Error) -> &'static str {
    match error {
        Error::Forbidden(_) => "forbidden",
        Error::TooLarge(_) => "too_large",
        Error::Timeout(_) => "timeout",
        Error::Failed(_) => "unreachable",
    }
}

fn max_age(response: &Response) -> Option<Duration> {
    let directives = response.header("cache-control")?.split(',');
    let mut ages = directives.filter_map(|directive| directive.trim().strip_prefix("max-age="));
    ages.next()?.trim_matches('"').parse().ok().map(Duration::from_secs)
}

/// Scheme, host and path; queries and user names of private feeds hold keys.
fn shown(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

fn cursor(feeds: &[Feed]) -> String {
    let states: BTreeMap<&str, &State> = feeds.iter().map(|feed| (feed.url.as_str(), &feed.state)).collect();
    // Maps of strings to plain structs always serialise.
    serde_json::to_string(&states).unwrap_or_default()
}

fn post(news: News) -> Post<'static> {
    let entry = news.entry;
    let strings = |list: Vec<String>| list.into_iter().map(Str::from).collect();
    let mut post = Post::new(news.id, entry.text, news.created_at);
    post.kind = Kind::Article;
    post.edited_at = news.edited_at;
    post.url = entry.url.map(Str::from);
    post.title = entry.title.map(Str::from);
    post.lang = entry.lang.map(Str::from);
    post.author.name = entry.author.map(Str::from);
    post.links = strings(entry.links);
    post.tags = strings(entry.tags);
    post
}

#[cfg(test)]
mod tests;
