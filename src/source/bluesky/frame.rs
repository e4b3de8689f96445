//! A Jetstream frame to an event: pure, borrowing from the frame, both wires. v1 (`/subscribe`) nests the commit and counts
//! microseconds; v2 (`subscribeEvents`) wraps a flat payload and counts a sequence too. Kinds and collections that we do
//! not know are events without content, since their time still moves the cursor. Fields are read by name: their order
//! differs between servers. Identities are put together from parts and never split, since record keys may contain colons.
//! Source: Jetstream's documentation, code and lexicons, August 2026.

use super::cursor::timestamp;
use super::record;
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

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Envelope<'a> {
    did: Option<Str<'a>>,
    time_us: Option<i64>,
    kind: Option<Str<'a>>,
    commit: Option<Commit<'a>>,
    account: Option<Account<'a>>,
    #[serde(rename = "$type")]
    type_: Option<Str<'a>>,
    payload: Option<Payload<'a>>,
    error: Option<Str<'a>>,
    message: Option<Str<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Commit<'a> {
    operation: Str<'a>,
    collection: Str<'a>,
    rkey: Str<'a>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Account<'a> {
    active: Option<bool>,
    status: Option<Str<'a>>,
}

/// v2. All kinds in one: every field is optional but the type.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Payload<'a> {
    #[serde(rename = "$type")]
    type_: Str<'a>,
    seq: Option<i64>,
    did: Option<Str<'a>>,
    time: Option<Str<'a>>,
    operation: Option<Str<'a>>,
    collection: Option<Str<'a>>,
    rkey: Option<Str<'a>>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
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
    let text = std::str::from_utf8(frame).map_err(|_| Bad::Text)?;
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| Bad::Json(error.to_string()))?;
    match envelope.payload {
        Some(payload) => parse_v2(payload),
        None if envelope.type_.as_deref() == Some("error") => Ok(Event {
            time_us: 0,
            seq: None,
            what: What::Ended {
                name: envelope.error.unwrap_or_default(),
                message: envelope.message.unwrap_or_default(),
            },
        }),
        None => parse_v1(envelope),
    }
}

fn parse_v1(envelope: Envelope<'_>) -> Result<Event<'_>, Bad> {
    let time_us = envelope.time_us.ok_or(Bad::Lacks("time_us"))?;
    let did = envelope.did.ok_or(Bad::Lacks("did"))?;
    let what = match envelope.kind.ok_or(Bad::Lacks("kind"))?.as_str() {
        "commit" => commit(did, envelope.commit.ok_or(Bad::Lacks("commit"))?, time_us)?,
        "account" => account(did, envelope.account.ok_or(Bad::Lacks("account"))?),
        _ => What::Other,
    };
    Ok(Event { time_us, seq: None, what })
}

fn parse_v2(payload: Payload<'_>) -> Result<Event<'_>, Bad> {
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
            commit(did, parts, time_us)?
        }
        "account" => {
            let flat = Account { active: payload.active, status: payload.status };
            account(did, payload.account.unwrap_or(flat))
        }
        _ => What::Other,
    };
    Ok(Event { time_us, seq: payload.seq, what })
}

fn commit<'a>(did: Str<'a>, commit: Commit<'a>, time_us: i64) -> Result<What<'a>, Bad> {
    let deleted = commit.operation.as_str() == "delete";
    let record = || commit.record.map(RawValue::get).ok_or(Bad::Lacks("commit.record"));
    Ok(match (commit.collection.as_str(), deleted) {
        (POST, true) => What::PostDeleted { id: at_uri(&did, POST, &commit.rkey) },
        (POST, false) => {
            let edited = commit.operation.as_str() == "update";
            record::post(did, &commit.rkey, record()?, timestamp(time_us), edited)?
        }
        (FOLLOW, true) => What::Unfollowed { record: at_uri(&did, FOLLOW, &commit.rkey), follower: did },
        (FOLLOW, false) => {
            let record = record()?;
            let follow: Follow<'a> = serde_json::from_str(record).map_err(|error| Bad::Record(error.to_string()))?;
            What::Followed { record: at_uri(&did, FOLLOW, &commit.rkey), follower: did, subject: follow.subject }
        }
        _ => What::Other,
    })
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Follow<'a> {
    subject: Str<'a>,
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
