//! Hands out intakes at any time, also while the way in is being built anew after a panic, and none once it closes.

use crate::ledger::Ledger;
use crate::source::intake::{Batch, Intake};
use crate::watch::Gate;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

pub struct Entrance {
    gate: Arc<Gate>,
    ledgers: HashMap<String, Arc<Ledger>>,
    batches: Mutex<Option<mpsc::Sender<Batch>>>,
}

impl Entrance {
    pub fn new(gate: Arc<Gate>, ledgers: &[Arc<Ledger>]) -> Self {
        let ledgers = ledgers.iter().map(|ledger| (ledger.source.clone(), ledger.clone())).collect();
        Self { gate, ledgers, batches: Mutex::new(None) }
    }

    pub fn open(&self, batches: mpsc::Sender<Batch>) {
        *self.batches.lock().unwrap_or_else(PoisonError::into_inner) = Some(batches);
    }

    /// Ingest ends when every intake that was handed out is gone too.
    pub fn close(&self) {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// `None`: no such source, or closed.
    pub fn intake(&self, source: &str) -> Option<Intake> {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let ledger = self.ledgers.get(source)?;
        Some(Intake::new(source, self.gate.clone(), ledger.clone(), batches))
    }
}
