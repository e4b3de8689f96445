//! A follower's profile as people and sources give it: every field may be unknown, and what cannot be true becomes
//! unknown with a word, never a wrong number and never an error of the whole.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// More than there are people, so more than any account has of anything.
pub const COUNT_MAX: u64 = 10_000_000_000;

/// No network's handles are longer (a domain name has 253 letters at most).
const HANDLE_BYTES_MAX: usize = 1_024;

/// Seconds since 1970 of 1995: no account that follows on a network of today is older.
const CREATED_MIN: i64 = 788_918_400;

/// How far a peer's clock may run ahead of ours, in seconds.
const CLOCK_AHEAD_MAX: i64 = 86_400;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub id: Option<String>,
    /// With or without `@`, server or domain.
    pub handle: Option<String>,
    pub name: Option<String>,
    pub bio: Option<String>,
    pub followers: Option<u64>,
    pub following: Option<u64>,
    pub posts: Option<u64>,
    pub has_avatar: Option<bool>,
    pub is_private: Option<bool>,
    pub created_at: Option<Timestamp>,
    pub has_link: Option<bool>,
    /// A hash of the picture, where the source gives one: equal for equal pictures.
    pub avatar: Option<u64>,
    /// A hash of the list of whom the account follows, where it is known and not empty.
    pub follows: Option<u64>,
}

/// A field that was given and is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disbelieved {
    pub field: &'static str,
    pub why: String,
}

impl fmt::Display for Disbelieved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} taken as unknown: {}", self.field, self.why)
    }
}

/// A line is no JSON object: count it and go on.
#[derive(Debug, thiserror::Error)]
#[error("no profile: {0}")]
pub struct NoProfile(String);

/// As it stands in JSON. Other fields are passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    id: Value,
    handle: Value,
    name: Value,
    bio: Value,
    followers: Value,
    following: Value,
    posts: Value,
    has_avatar: Value,
    is_private: Value,
    created_at: Value,
    has_link: Value,
}

impl Profile {
    /// Reads one JSON object; `null` is unknown. What is disbelieved is told beside the profile.
    ///
    /// # Errors
    /// It is no JSON object.
    pub fn parse(json: &str, now: Timestamp) -> Result<(Self, Vec<Disbelieved>), NoProfile> {
        // The parser would take a list for the fields in their order.
        if !json.trim_start().starts_with('{') {
            return Err(NoProfile("expected an object".to_owned()));
        }
        let wire: Wire = serde_json::from_str(json).map_err(|error| NoProfile(error.to_string()))?;
        let mut doubts = Doubts(Vec::new());
        let mut profile = Self {
            id: doubts.take("id", wire.id, id, "is neither words nor a number"),
            handle: doubts.take("handle", wire.handle, words, "are no words"),
            name: doubts.take("name", wire.name, words, "are no words"),
            bio: doubts.take("bio", wire.bio, words, "are no words"),
            followers: doubts.take("followers", wire.followers, count, "is no count"),
            following: doubts.take("following", wire.following, count, "is no count"),
            posts: doubts.take("posts", wire.posts, count, "is no count"),
            has_avatar: doubts.take("has_avatar", wire.has_avatar, truth, "is neither true nor false"),
            is_private: doubts.take("is_private", wire.is_private, truth, "is neither true nor false"),
            created_at: doubts.take("created_at", wire.created_at, time, "is no time"),
            has_link: doubts.take("has_link", wire.has_link, truth, "is neither true nor false"),
            avatar: None,
            follows: None,
        };
        doubts.0.extend(profile.check(now));
        Ok((profile, doubts.0))
    }

    /// Makes unknown what cannot be true, and says what that was. A source calls it on what it read.
    pub fn check(&mut self, now: Timestamp) -> Vec<Disbelieved> {
        let mut doubts = Doubts(Vec::new());
        for (field, count) in
            [("followers", &mut self.followers), ("following", &mut self.following), ("posts", &mut self.posts)]
        {
            doubts.unless(field, count, |count| {
                (*count > COUNT_MAX).then(|| format!("{count} is more than there can be"))
            });
        }
        doubts.unless("created_at", &mut self.created_at, |created| {
            let at = created.as_second();
            if at > now.as_second().saturating_add(CLOCK_AHEAD_MAX) {
                Some(format!("{created} lies in the future"))
            } else {
                (at < CREATED_MIN).then(|| format!("{created} is before any network"))
            }
        });
        doubts.unless("handle", &mut self.handle, |handle| {
            if handle.len() > HANDLE_BYTES_MAX {
                Some(format!("it has {} bytes", handle.len()))
            } else if local(handle).is_empty() {
                Some("it is empty".to_owned())
            } else {
                // Signs that turn the writing direction or hide, which no network gives out.
                let odd = handle.chars().find(|letter| !letter.is_ascii_graphic() && !letter.is_alphanumeric());
                odd.map(|odd| format!("it holds U+{:04X}", u32::from(odd)))
            }
        });
        // These are for people to read and count for nothing: no signs in them that would rearrange a page.
        for text in [&mut self.name, &mut self.bio].into_iter().flatten() {
            text.retain(|letter| !is_hidden(letter));
        }
        doubts.0
    }
}

/// Control characters but for line breaks, and signs that turn the writing direction.
fn is_hidden(letter: char) -> bool {
    letter.is_control() && letter != '\n'
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The part of a handle that its owner chose; the network chose the rest. `@ann@server` and `ann.bsky.example` leave
/// `ann`. A domain's last label holds letters only, so `ann.b99` is no domain and stays whole.
pub fn local(handle: &str) -> &str {
    let handle = handle.strip_prefix('@').unwrap_or(handle);
    let name = handle.split('@').next().unwrap_or_default();
    match (name.split_once('.'), name.rsplit('.').next()) {
        (Some((first, _)), Some(last)) if !last.is_empty() && last.chars().all(char::is_alphabetic) => first,
        _ => name,
    }
}

struct Doubts(Vec<Disbelieved>);

impl Doubts {
    fn take<T>(&mut self, field: &'static str, value: Value, read: fn(&Value) -> Option<T>, wrong: &str) -> Option<T> {
        if value.is_null() {
            return None;
        }
        let found = read(&value);
        if found.is_none() {
            // A word of a stranger, which may be long: its beginning tells enough.
            let given: String = value.to_string().chars().filter(|letter| !is_hidden(*letter)).take(40).collect();
            self.0.push(Disbelieved { field, why: format!("{given} {wrong}") });
        }
        found
    }

    fn unless<T>(&mut self, field: &'static str, value: &mut Option<T>, wrong: impl Fn(&T) -> Option<String>) {
        if let Some(why) = value.as_ref().and_then(wrong) {
            *value = None;
            self.0.push(Disbelieved { field, why });
        }
    }
}

fn words(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn id(value: &Value) -> Option<String> {
    words(value).or_else(|| value.as_number().map(ToString::to_string))
}

/// A whole number of at least 0, also when written as `12.0`.
fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        // Beyond 2^53 not every whole number can be written so; and such a count is absurd anyway.
        (number.fract() == 0.0 && (0.0..=9e15).contains(&number)).then_some(number as u64)
    })
}

/// `true`, `false`, or 1 and 0 as tables have it.
fn truth(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| match value.as_u64()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    })
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
