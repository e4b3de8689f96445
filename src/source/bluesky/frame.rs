//! A Jetstream frame to an event: pure, borrowing from the frame, both wires. v1 (`/subscribe`) nests the commit and counts
//! microseconds; v2 (`subscribeEvents`) wraps a flat payload and counts a sequence too. Kinds and collections that we do
//! not know are events without content, since their time still moves the cursor. Fields are read by name: their order
//! differs between servers. Identities are put together from parts and never split, since record keys may contain colons.
//! Source: Jetstream's documentation, code and lexicons, August 2026.

use super::cursor::timestamp;
use super::record::{self, Record};
use crate::post::{Post, Str};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

pub const POST: &str = "app.bsky.feed.post";
pub const FOLLOW: &str = "app.bsky.graph.follow";

/// One frame, understood.
#[derive(Debug, PartialEq)]
pub struct Event<'a> {
    /// The server's clock, in microseconds since 1970. 0 where a frame has none.
    pub time_us: i64,
    /// v2 only.
    pub seq: Option<i64>,
    pub what: What<'a>,
}

#[derive(Debug, PartialEq)]
pub enum What<'a> {
    /// Written or edited. `facets_ignored` of its facets lay outside of the text or inside a character.
    Post { post: Box<Post<'a>>, facets_ignored: u32 },
    /// A post's at-uri is all that is known.
    PostDeleted { id: String },
    /// `subject` is the DID that was followed.
    Followed { follower: Str<'a>, subject: Str<'a>, record: String },
    /// The event does not say whom.
    Unfollowed { follower: Str<'a>, record: String },
    /// The account was deleted by its owner. Deactivated, suspended and taken-down accounts may come back: what they
    /// wrote is not thrown away for good on their account.
    AccountDeleted { author: Str<'a> },
    /// v2: the server tells that the cursor was too old and has been moved forward.
    Outdated,
    /// v2: the server ends the stream, `name` says why.
    Ended { name: Str<'a>, message: Str<'a> },
    /// Not ours; its time still counts.
    Other,
}

/// A frame that is dropped and counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    #[error("frame is not utf-8")]
    Text,
    #[error("frame is not understood: {0}")]
    Json(String),
    #[error("frame lacks `{0}`")]
    Lacks(&'static str),
    #[error("record is not understood: {0}")]
    Record(String),
}

impl Bad {
    /// The label of the ledger and the metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Bad::Text => "frame_not_utf8",
            Bad::Json(_) => "frame_not_json",
            Bad::Lacks(_) => "frame_incomplete",
            Bad::Record(_) => "record_malformed",
        }
    }
}

/// `R`: the record, read at once ([`Record`]) or left for later (`RawValue`).
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a, R: Deserialize<'de>"))]
struct Envelope<'a, R> {
    did: Option<Str<'a>>,
    time_us: Option<i64>,
    kind: Option<Str<'a>>,
    commit: Option<Commit<'a, R>>,
    account: Option<Account<'a>>,
    #[serde(rename = "$type")]
    type_: Option<Str<'a>>,
    /// Boxed, as the record is: large, and moved several times while it is read.
    payload: Option<Box<Payload<'a, R>>>,
    error: Option<Str<'a>>,
    message: Option<Str<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a, R: Deserialize<'de>"))]
struct Commit<'a, R> {
    operation: Str<'a>,
    collection: Str<'a>,
    rkey: Str<'a>,
    record: Option<Box<R>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Account<'a> {
    active: Option<bool>,
    status: Option<Str<'a>>,
}

/// v2. All kinds in one: every field is optional but the type.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a, R: Deserialize<'de>"))]
struct Payload<'a, R> {
    #[serde(rename = "$type")]
    type_: Str<'a>,
    seq: Option<i64>,
    did: Option<Str<'a>>,
    time: Option<Str<'a>>,
    operation: Option<Str<'a>>,
    collection: Option<Str<'a>>,
    rkey: Option<Str<'a>>,
    record: Option<Box<R>>,
    active: Option<bool>,
    status: Option<Str<'a>>,
    account: Option<Account<'a>>,
    name: Option<Str<'a>>,
}

/// Understands one frame.
///
/// # Errors
/// [`Bad`]: drop the frame, count it and go on.
pub fn parse(frame: &[u8]) -> Result<Event<'_>, Bad> {
    let text = simdutf8::basic::from_utf8(frame).map_err(|_| Bad::Text)?;
    // Nearly every frame is as it should be, and read in one pass.
    if let Ok(envelope) = serde_json::from_str(text)
        && let Ok(event) = understood(envelope, Ok::<Box<Record<'_>>, Bad>)
    {
        return Ok(event);
    }
    let envelope = serde_json::from_str(text).map_err(|error| Bad::Json(error.to_string()))?;
    understood(envelope, |record: Box<&RawValue>| record::damaged(*record).map(Box::new))
}

fn understood<'a, R>(envelope: Envelope<'a, R>, read: impl Read<'a, R>) -> Result<Event<'a>, Bad> {
    match envelope.payload {
        Some(payload) => parse_v2(*payload, read),
        None if envelope.type_.as_deref() == Some("error") => Ok(Event {
            time_us: 0,
            seq: None,
            what: What::Ended {
                name: envelope.error.unwrap_or_default(),
                message: envelope.message.unwrap_or_default(),
            },
        }),
        None => parse_v1(envelope, read),
    }
}

/// From a record, read or not, to one that is.
trait Read<'a, R>: Fn(Box<R>) -> Result<Box<Record<'a>>, Bad> {}

impl<'a, R, F: Fn(Box<R>) -> Result<Box<Record<'a>>, Bad>> Read<'a, R> for F {}

fn parse_v1<'a, R>(envelope: Envelope<'a, R>, read: impl Read<'a, R>) -> Result<Event<'a>, Bad> {
    let time_us = envelope.time_us.ok_or(Bad::Lacks("time_us"))?;
    let did = envelope.did.ok_or(Bad::Lacks("did"))?;
    let what = match envelope.kind.ok_or(Bad::Lacks("kind"))?.as_str() {
        "commit" => commit(did, envelope.commit.ok_or(Bad::Lacks("commit"))?, time_us, read)?,
        "account" => account(did, envelope.account.ok_or(Bad::Lacks("account"))?),
        _ => What::Other,
    };
    Ok(Event { time_us, seq: None, what })
}

fn parse_v2<'a, R>(payload: Payload<'a, R>, read: impl Read<'a, R>) -> Result<Event<'a>, Bad> {
    let (_, kind) = payload.type_.rsplit_once('#').ok_or(Bad::Lacks("payload.$type"))?;
    if kind == "info" {
        let outdated = payload.name.as_deref() == Some("OutdatedCursor");
        let what = if outdated { What::Outdated } else { What::Other };
        return Ok(Event { time_us: 0, seq: None, what });
    }
    let time: Timestamp = payload.time.and_then(|time| time.parse().ok()).ok_or(Bad::Lacks("payload.time"))?;
    let time_us = time.as_microsecond();
    let did = payload.did.ok_or(Bad::Lacks("payload.did"))?;
    let what = match kind {
        "commit" => {
            let parts = Commit {
                operation: payload.operation.ok_or(Bad::Lacks("payload.operation"))?,
                collection: payload.collection.ok_or(Bad::Lacks("payload.collection"))?,
                rkey: payload.rkey.ok_or(Bad::Lacks("payload.rkey"))?,
                record: payload.record,
            };
            commit(did, parts, time_us, read)?
        }
        "account" => {
            let flat = Account { active: payload.active, status: payload.status };
            account(did, payload.account.unwrap_or(flat))
        }
        _ => What::Other,
    };
    Ok(Event { time_us, seq: payload.seq, what })
}

fn commit<'a, R>(did: Str<'a>, commit: Commit<'a, R>, time_us: i64, read: impl Read<'a, R>) -> Result<What<'a>, Bad> {
    let deleted = commit.operation.as_str() == "delete";
    let record = || commit.record.ok_or(Bad::Lacks("commit.record")).and_then(&read);
    Ok(match (commit.collection.as_str(), deleted) {
        (POST, true) => What::PostDeleted { id: at_uri(&did, POST, &commit.rkey) },
        (POST, false) => {
            let edited = commit.operation.as_str() == "update";
            record::post(did, &commit.rkey, record()?, timestamp(time_us), edited)
        }
        (FOLLOW, true) => What::Unfollowed { record: at_uri(&did, FOLLOW, &commit.rkey), follower: did },
        (FOLLOW, false) => {
            let subject = record()?.subject.ok_or_else(|| Bad::Record("a follow without `subject`".to_owned()))?;
            What::Followed { record: at_uri(&did, FOLLOW, &commit.rkey), follower: did, subject }
        }
        _ => What::Other,
    })
}

fn account<'a>(did: Str<'a>, account: Account<'a>) -> What<'a> {
    match (account.active, account.status.as_deref()) {
        (Some(false), Some("deleted")) => What::AccountDeleted { author: did },
        _ => What::Other,
    }
}

/// The identity of a record in the network.
pub fn at_uri(did: &str, collection: &str, rkey: &str) -> String {
    ["at://", did, "/", collection, "/", rkey].concat()
}

#[cfg(test)]
mod tests;
