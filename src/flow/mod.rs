//! The only loops of the program. Each takes channels and a stop token, does one thing, and is restarted by `supervise`
//! when it panics. Whatever decides something is called from here, on the judgement floor, with the time as an argument.

pub mod author;
pub mod deliver;
pub mod entrance;
pub mod index;
pub mod ingest;
pub mod judge;
pub mod pipeline;
pub mod supervise;

use crate::alert::{Alert, Delivery};
use crate::mention::Mention;
use crate::store::Patch;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a person or a door asks of the one writer; answered after the durable commit.
#[derive(Debug)]
pub enum Command {
    /// `false`: no such mention.
    Patch { seq: i64, patch: Patch, done: oneshot::Sender<bool> },
    /// `false`: no such open alert.
    Acknowledge { alert: String, who: String, done: oneshot::Sender<bool> },
    /// `false`: no such open alert.
    Resolve { alert: String, who: String, done: oneshot::Sender<bool> },
    /// The rules were replaced: take them over, with windows warmed from the store.
    Rules { done: oneshot::Sender<bool> },
    /// A dead letter back to pending under the same id. `false`: no such dead letter.
    Replay { delivery: String, done: oneshot::Sender<bool> },
}

/// What happened, for whoever watches live.
#[derive(Clone, Debug)]
pub enum Event {
    Mention(Arc<Mention>),
    Alert(Arc<Alert>),
    Delivery(Arc<Delivery>),
}
