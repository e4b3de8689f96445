//! Flow: the only loops of the program. Here are the words that they share with the doors above.

use crate::alert::{Alert, Delivery};
use crate::mention::Mention;
use crate::store;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a person or a door asks of the one writer; answered after the durable commit.
#[derive(Debug)]
pub enum Command {
    /// Answers false when there is no such mention.
    Patch { seq: i64, patch: store::Patch, done: oneshot::Sender<bool> },
    /// Answers false when no such alert is open.
    Acknowledge { alert: String, who: String, done: oneshot::Sender<bool> },
    /// Answers false when no such alert is open.
    Resolve { alert: String, who: String, done: oneshot::Sender<bool> },
    /// A dead letter goes back to pending under the same id. Answers false when there is no such dead letter.
    Replay { delivery: String, done: oneshot::Sender<bool> },
}

/// What happened, for server-sent events.
#[derive(Clone, Debug)]
pub enum Event {
    Mention(Arc<Mention>),
    Alert(Arc<Alert>),
    Delivery(Arc<Delivery>),
}
