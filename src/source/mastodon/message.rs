//! A message of the streaming API to an event. The payload is JSON inside of a JSON string, except for deletions, where it
//! is a bare id. Pure: the clock is an argument.
//! Sources: Mastodon's documentation and streaming server, July 2026.

use super::status::{Account, Status};
use crate::post::{Author, Post, Str};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The stream that notifications count as, wherever they came from.
pub const NOTIFICATIONS: &str = "user:notification";

#[derive(Debug, PartialEq)]
pub struct Event {
    /// The stream as we name it, such as `hashtag:bells`; empty when the message does not tell.
    pub stream: String,
    /// The local id of the status or notification, for the cursor.
    pub id: Option<String>,
    pub what: What,
}

#[derive(Debug, PartialEq)]
pub enum What {
    /// New or edited.
    Post(Box<Post<'static>>),
    PostDeleted {
        id: String,
    },
    /// Somebody follows the account whose token we use.
    Followed {
        follower: Box<Author<'static>>,
        notification: String,
        at: Timestamp,
    },
    /// An error inside of the socket, such as an unknown stream.
    Failed {
        message: String,
    },
    /// Not for us: a boost, something private, a conversation.
    Other,
    /// An event or notification type that we do not know.
    Unknown {
        name: String,
    },
}

/// A message that is dropped and counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    #[error("message is not understood: {0}")]
    Message(String),
    #[error("payload of `{event}` is not understood: {error}")]
    Payload { event: String, error: String },
}

impl Bad {
    /// The label of the ledger and the metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Bad::Message(_) => "message_not_json",
            Bad::Payload { .. } => "payload_malformed",
        }
    }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Envelope<'a> {
    #[serde(default)]
    stream: Vec<Str<'a>>,
    event: Option<Str<'a>>,
    /// A string; some servers send ids as numbers, and `filters_changed` has none.
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    error: Option<Str<'a>>,
}

#[derive(Deserialize)]
pub struct Notification {
    pub id: String,
    #[serde(rename = "type")]
    kind: String,
    pub created_at: Timestamp,
    account: Option<Account>,
    status: Option<Status>,
}

/// Understands one message. `domain` is the server's, for the handles of its own accounts.
///
/// # Errors
/// [`Bad`]: drop the message, count it and go on.
pub fn parse(message: &[u8], domain: &str, now: Timestamp) -> Result<Event, Bad> {
    let envelope: Envelope<'_> = serde_json::from_slice(message).map_err(|error| Bad::Message(error.to_string()))?;
    if let Some(error) = envelope.error {
        return Ok(Event { stream: String::new(), id: None, what: What::Failed { message: error.to_string() } });
    }
    let event = envelope.event.ok_or_else(|| Bad::Message("neither event nor error".to_owned()))?;
    // `user` carries statuses and notifications, whose ids have nothing to do with each other.
    let stream = match event.as_str() {
        "notification" => NOTIFICATIONS.to_owned(),
        _ => envelope.stream.iter().map(Str::as_str).collect::<Vec<_>>().join(":"),
    };
    let payload = match envelope.payload.map(RawValue::get) {
        Some(text) if text.starts_with('"') => serde_json::from_str(text).map_err(|error| bad(&event, &error))?,
        Some(text) => text.to_owned(),
        None => String::new(),
    };
    let (id, what) = match event.as_str() {
        "update" | "status.update" => {
            let status: Status = serde_json::from_str(&payload).map_err(|error| bad(&event, &error))?;
            let edited = event.as_str() == "status.update";
            // An edit has the id of a post that may be years old: it is no place to go on from.
            let id = (!edited).then(|| status.id.clone());
            (id, take_status(status, domain, now))
        }
        "delete" => (None, What::PostDeleted { id: payload }),
        "notification" => {
            let notification: Notification = serde_json::from_str(&payload).map_err(|error| bad(&event, &error))?;
            (Some(notification.id.clone()), notification.into_what(domain, now))
        }
        "filters_changed" | "conversation" | "notifications_merged" => (None, What::Other),
        // The documentation has both spellings of the third.
        "announcement" | "announcement.reaction" | "announcement.delete" | "announcements.delete" => {
            (None, What::Other)
        }
        name => (None, What::Unknown { name: name.to_owned() }),
    };
    Ok(Event { stream, id, what })
}

pub fn take_status(status: Status, domain: &str, now: Timestamp) -> What {
    status.into_post(domain, now).map_or(What::Other, |post| What::Post(Box::new(post)))
}

impl Notification {
    pub fn into_what(self, domain: &str, now: Timestamp) -> What {
        match (self.kind.as_str(), self.status, self.account) {
            ("mention" | "status" | "update" | "quote", Some(status), _) => take_status(status, domain, now),
            ("follow", _, Some(account)) => {
                let follower = Box::new(account.into_author(domain));
                What::Followed { follower, notification: self.id, at: self.created_at.min(now) }
            }
            ("reblog" | "favourite" | "poll" | "follow_request" | "mention" | "status" | "update" | "quote", ..) => {
                What::Other
            }
            _ => What::Unknown { name: self.kind },
        }
    }
}

fn bad(event: &str, error: &serde_json::Error) -> Bad {
    Bad::Payload { event: event.to_owned(), error: error.to_string() }
}

#[cfg(test)]
mod tests;
