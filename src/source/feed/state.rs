//! What is remembered of one feed between polls: validators, what was seen, how often to ask. Pure, `now` is an
//! argument; kept in the cursor as JSON.

use super::document::{Entry, hash};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Entries remembered of a feed, the present ones first. As many as one document may hold, or the tail of a long
/// document would be new at every poll.
pub const SEEN_MAX: usize = super::document::ENTRIES_MAX;

/// A silent feed is asked this much more rarely at most.
const SLOWEST: u32 = 6;

/// The longest interval that a feed may ask for by `ttl` or `max-age`; some say a week and publish daily.
const WISH_MAX: Duration = Duration::from_secs(6 * 3_600);

/// A permanent redirect is believed after as many polls in a row: a wrong one should not be kept for ever.
const MOVES_CONFIRMED: u32 = 3;

/// A date further ahead than any time zone mistake is wrong.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(24);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Verbatim, as the two validators are sent back.
    pub etag: Option<String>,
    pub modified: Option<String>,
    seen: Vec<Seen>,
    interval_seconds: u64,
    moved_to: Option<String>,
    moves: u32,
    /// Answered 410: never asked again, unless it is taken out of the configuration and put back.
    pub gone: bool,
    /// The feed gives different entries one id; their links tell them apart.
    by_link: bool,
    polled_at: Option<Timestamp>,
}

/// Hash of the id, hash of the content, second of first sight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Seen(u64, u64, i64);

/// An entry that is new or was changed.
#[derive(Debug, PartialEq)]
pub struct News {
    pub id: String,
    pub entry: Entry,
    pub created_at: Timestamp,
    pub edited_at: Option<Timestamp>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Judged {
    pub news: Vec<News>,
    /// Nothing of what was seen is there any more: entries were missed since.
    pub gap_from: Option<Timestamp>,
}

impl State {
    /// What of a document is news; remembers all of it.
    pub fn judge(&mut self, entries: Vec<Entry>, now: Timestamp) -> Judged {
        let switched = !self.by_link && ids_repeat(&entries);
        self.by_link |= switched;
        let known: HashMap<u64, Seen> = self.seen.iter().map(|seen| (seen.0, *seen)).collect();
        let mut present = HashSet::new();
        let mut seen = Vec::with_capacity(entries.len());
        let mut judged = Judged::default();
        let mut met_again = false;
        for entry in entries {
            let id = self.id_of(&entry);
            let key = hash(&id);
            if !present.insert(key) {
                continue;
            }
            let content = entry.content_hash();
            let before = known.get(&key);
            met_again |= before.is_some();
            let first_seen = before.map_or(now.as_second(), |seen| seen.2);
            seen.push(Seen(key, content, first_seen));
            if before.is_none_or(|seen| seen.1 != content) {
                let created_at = created_at(&entry, first_seen, now);
                judged.news.push(News { id, entry, created_at, edited_at: before.map(|_| now) });
            }
        }
        if !known.is_empty() && !present.is_empty() && !met_again && !switched {
            judged.gap_from = Some(self.polled_at.unwrap_or(now));
        }
        seen.extend(self.seen.iter().filter(|seen| !present.contains(&seen.0)));
        seen.truncate(SEEN_MAX);
        self.seen = seen;
        self.polled_at = Some(now);
        judged
    }

    /// How long to wait after a poll: less when it brought news, more when it did not, and never less than `every`
    /// or (within reason) than the feed wishes.
    pub fn next_interval(&mut self, every: Duration, news: bool, wish: Option<Duration>) -> Duration {
        let last = Duration::from_secs(self.interval_seconds).max(every);
        let next = if news { last / 2 } else { last + last / 4 };
        let next = next.clamp(every, every.saturating_mul(SLOWEST));
        self.interval_seconds = next.as_secs();
        next.max(wish.unwrap_or_default().min(WISH_MAX))
    }

    /// The feed answered with an ETag and the like, or without.
    pub fn validators(&mut self, etag: Option<&str>, modified: Option<&str>) {
        self.etag = etag.map(ToOwned::to_owned);
        self.modified = modified.map(ToOwned::to_owned);
    }

    /// Where to ask: the configured address until a permanent move is confirmed.
    pub fn moved(&self) -> Option<&str> {
        self.moved_to.as_deref().filter(|_| self.moves >= MOVES_CONFIRMED)
    }

    /// A poll was redirected permanently (`to`), or was not.
    pub fn redirected(&mut self, to: Option<&str>) {
        if self.moved().is_some() && to.is_none() {
            return;
        }
        self.moves =
            if to.is_some() && self.moved_to.as_deref() == to { self.moves + 1 } else { u32::from(to.is_some()) };
        self.moved_to = to.map(ToOwned::to_owned);
    }

    /// The new address does not serve the feed: back to the configured one.
    pub fn forget_move(&mut self) {
        (self.moved_to, self.moves) = (None, 0);
    }

    fn id_of(&self, entry: &Entry) -> String {
        if self.by_link {
            return format!("hash:{}", blake3::hash(entry.link_or_title().as_bytes()).to_hex());
        }
        entry.id.clone()
    }
}

fn ids_repeat(entries: &[Entry]) -> bool {
    let mut links = HashMap::new();
    entries.iter().any(|entry| *links.entry(&entry.id).or_insert(entry.link_or_title()) != entry.link_or_title())
}

/// A date that is missing or lies ahead is the second of first sight, which stays the same from poll to poll.
fn created_at(entry: &Entry, first_seen: i64, now: Timestamp) -> Timestamp {
    let given = entry.published.or(entry.updated).filter(|at| at.duration_since(now) <= AHEAD_MAX);
    given.or_else(|| Timestamp::from_second(first_seen).ok()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn entry(id: &str, text: &str) -> Entry {
        Entry { id: id.into(), url: Some(format!("https://a.example/{id}")), text: text.into(), ..Entry::default() }
    }

    fn told(judged: &Judged) -> Vec<(&str, bool)> {
        judged.news.iter().map(|news| (news.id.as_str(), news.edited_at.is_some())).collect()
    }

    #[test]
    fn new_edited_and_the_same() {
        let mut state = State::default();
        let first = state.judge(vec![entry("b", "two"), entry("a", "one"), entry("a", "one")], at(0));
        assert_eq!((told(&first), first.gap_from), (vec![("b", false), ("a", false)], None));
        // A bumped date and other white space are no edit.
        let bumped = Entry { updated: Some(at(9)), text: " one\n".into(), ..entry("a", "") };
        assert_eq!(state.judge(vec![entry("b", "two"), bumped], at(10)), Judged::default());
        let edited = state.judge(vec![entry("b", "two!"), entry("a", "one")], at(20));
        assert_eq!(told(&edited), [("b", true)]);
        // The date of first sight stays.
        assert_eq!((edited.news[0].created_at, edited.news[0].edited_at), (at(0), Some(at(20))));
        // A stale copy brings back what is known.
        assert!(told(&state.judge(vec![entry("c", "three")], at(30))) == [("c", false)]);
        assert_eq!(state.judge(vec![entry("a", "one")], at(40)), Judged::default());
    }

    #[test]
    fn a_window_that_moved_past_everything_is_a_gap() {
        let mut state = State::default();
        state.judge(vec![entry("a", "one")], at(0));
        state.judge(vec![], at(5));
        assert_eq!(state.judge(vec![entry("x", "new")], at(10)).gap_from, Some(at(5)));
        assert_eq!(state.judge(vec![entry("x", "new")], at(20)).gap_from, None);
    }

    #[test]
    fn one_id_for_all_is_told_apart_by_links_from_then_on() {
        let mut state = State::default();
        let same = |link: &str| Entry { url: Some(link.into()), ..entry("same", link) };
        assert_eq!(state.judge(vec![same("1"), same("2")], at(0)).news.len(), 2);
        let next = state.judge(vec![same("2")], at(1));
        assert_eq!(next, Judged::default());
    }

    #[test]
    fn dates_that_cannot_be_are_first_sight() {
        let mut state = State::default();
        let ahead = Entry { published: Some(at(999_999)), ..entry("a", "x") };
        let dated = Entry { published: Some(at(-50)), updated: Some(at(-10)), ..entry("b", "x") };
        let judged = state.judge(vec![ahead, dated, entry("c", "x")], at(0));
        let dates: Vec<Timestamp> = judged.news.iter().map(|news| news.created_at).collect();
        assert_eq!(dates, [at(0), at(-50), at(0)]);
    }

    #[test]
    fn intervals_follow_the_feed() {
        let every = Duration::from_secs(600);
        let mut state = State::default();
        assert_eq!(state.next_interval(every, true, None), every);
        let mut silent = Duration::ZERO;
        for _ in 0..20 {
            silent = state.next_interval(every, false, None);
        }
        assert_eq!(silent, every * SLOWEST);
        assert_eq!(state.next_interval(every, true, None), every * 3);
        assert_eq!(state.next_interval(every, true, Some(Duration::from_secs(7_200))), Duration::from_secs(7_200));
        assert_eq!(state.next_interval(every, true, Some(Duration::MAX)), WISH_MAX);
    }

    #[test]
    fn a_move_is_believed_after_some_polls() {
        let mut state = State::default();
        state.redirected(Some("https://b.example/"));
        state.redirected(None);
        for _ in 0..MOVES_CONFIRMED {
            assert_eq!(state.moved(), None);
            state.redirected(Some("https://c.example/"));
        }
        assert_eq!(state.moved(), Some("https://c.example/"));
        state.redirected(None);
        assert_eq!(state.moved(), Some("https://c.example/"));
        state.forget_move();
        assert_eq!(state.moved(), None);
    }

    proptest! {
        #[test]
        fn the_same_document_is_news_once(
            entries in proptest::collection::vec(("[a-e]{0,2}", "[x-z ]{0,3}", "[l-n]{0,1}"), 0..20)
        ) {
            let entries: Vec<Entry> =
                entries.into_iter().map(|(id, text, link)| Entry { url: Some(link), ..entry(&id, &text) }).collect();
            let mut state = State::default();
            state.judge(entries.clone(), at(0));
            let kept = serde_json::to_string(&state).unwrap();
            let mut again: State = serde_json::from_str(&kept).unwrap();
            prop_assert_eq!(&again, &state);
            prop_assert_eq!(again.judge(entries, at(1)), Judged::default());
        }
    }
}
