//! The channels between the loops, and how much each may hold.

use crate::flow::commit::{Fresh, Newsroom};
use crate::flow::ingest::Inlets;
use crate::flow::{Command, Told};
use crate::metric::Metrics;
use crate::post::Author;
use crate::store::{self, Changed};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, watch};

/// Events that a slow watcher may lag behind before it is told that it missed some.
const EVENTS: usize = 4_096;
const COMMANDS: usize = 64;
const OUTCOMES: usize = 1_024;
/// Commits' worth of fresh outbox rows; beyond it delivery reads the store.
const FRESH: usize = 256;
/// Commits' worth of new mentions (some megabytes each at most); beyond it the index reads the store.
const INDEXING: usize = 8;

/// The ends of the channels between the loops.
pub struct Channels {
    pub commands: mpsc::Sender<Command>,
    pub outcomes: mpsc::Sender<store::DeliveryOutcome>,
    pub profiles: mpsc::Sender<(String, Vec<Author<'static>>)>,
    pub fresh: mpsc::Receiver<Fresh>,
    pub news: Newsroom,
    pub indexing: mpsc::Receiver<Vec<Changed>>,
    pub found: mpsc::Sender<Told>,
    pub looked: watch::Sender<Option<Timestamp>>,
    pub inlets: Inlets,
}

impl Channels {
    pub fn new(metrics: Arc<Metrics>, last_change: i64) -> Self {
        let (commands, command_inlet) = mpsc::channel(COMMANDS);
        let (outcomes, outcome_inlet) = mpsc::channel(OUTCOMES);
        let (profiles, profile_inlet) = mpsc::channel(COMMANDS);
        let (outbox, fresh) = mpsc::channel(FRESH);
        let (found, found_inlet) = mpsc::channel(1);
        // Replaced by each generation of the pipeline.
        let (_, judged) = mpsc::channel(1);
        let inlets = Inlets {
            judged,
            commands: command_inlet,
            outcomes: outcome_inlet,
            profiles: profile_inlet,
            found: found_inlet,
        };
        let (events, stored) = (broadcast::channel(EVENTS).0, watch::channel(last_change).0);
        let (to_index, indexing) = mpsc::channel(INDEXING);
        let news = Newsroom { metrics, events, stored, indexing: to_index, outbox };
        let looked = watch::channel(None).0;
        Self { commands, outcomes, profiles, fresh, news, indexing, found, looked, inlets }
    }
}
