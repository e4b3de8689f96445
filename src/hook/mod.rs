//! Ways out. A hook is one file: its `read` (config), its `deliver`; and one row of [`KINDS`].

mod body;
pub mod schedule;
pub mod signature;
pub mod webhook;

#[cfg(test)]
mod tests;

use crate::alert::Delivery;
use crate::mention::Mention;
use crate::settings::Section;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// What a hook sends: the outbox row, with the mentions of its alert as they are now.
#[derive(Clone, Debug)]
pub struct Message {
    pub delivery: Delivery,
    pub mentions: Vec<Mention>,
    /// Base URL under which a person reaches this daemon, for links.
    pub base_url: String,
    /// Marked as a test, for `reputed hook test`.
    pub test: bool,
}

/// What the peer made of it, by what the caller does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// Try again; not before `after` when the peer asked for it.
    Retry {
        after: Option<Duration>,
        reason: String,
    },
    /// This message will never be taken: dead letter.
    Refused {
        reason: String,
    },
    /// The hook as a whole is not wanted any more (410) or not allowed (401, 403): stop sending, tell the operator.
    Halted {
        reason: String,
    },
}

impl Outcome {
    /// The label of the metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Retry { .. } => "retry",
            Outcome::Refused { .. } => "refused",
            Outcome::Halted { .. } => "halted",
        }
    }
}

pub trait Hook: Send + Sync {
    /// One attempt, bounded by the hook's own timeout. Never panics on what the peer sends.
    fn deliver(self: Arc<Self>, message: Message) -> BoxFuture<'static, Outcome>;
}

/// A hook as configured.
#[derive(Clone)]
pub struct Configured {
    pub id: String,
    pub kind: &'static str,
    pub hook: Arc<dyn Hook>,
}

/// One kind of hook: its name in `kind = "..."` and how its keys are read.
pub struct KindRow {
    pub kind: &'static str,
    /// Reads the kind's own keys (`id` and `kind` are already read). `None` after reporting a problem.
    pub read: fn(&Section<'_>) -> Option<Arc<dyn Hook>>,
}

pub const KINDS: &[KindRow] = &[KindRow { kind: "webhook", read: webhook::read }];
