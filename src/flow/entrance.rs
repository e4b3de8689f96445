//! Hands out intakes at any time, also while the way in is being built anew after a panic, and none once it closes.

use super::judge::Hurry;
use crate::ledger::Ledger;
use crate::source::intake::{self, Intake};
use crate::watch::Gate;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

pub struct Entrance {
    gate: Arc<Gate>,
    ledgers: HashMap<String, Arc<Ledger>>,
    batches: Mutex<Option<intake::Sender>>,
    /// Whether it was ever open.
    opened: watch::Sender<bool>,
    /// Outlives each way in.
    pub hurry: Arc<Hurry>,
}

impl Entrance {
    pub fn new(gate: Arc<Gate>, ledgers: &[Arc<Ledger>]) -> Self {
        let ledgers = ledgers.iter().map(|ledger| (ledger.source.clone(), ledger.clone())).collect();
        Self { gate, ledgers, batches: Mutex::new(None), opened: watch::Sender::new(false), hurry: Arc::default() }
    }

    pub fn open(&self, batches: intake::Sender) {
        *self.batches.lock().unwrap_or_else(PoisonError::into_inner) = Some(batches);
        self.opened.send_replace(true);
    }

    /// Until it opens for the first time: nobody is let to the door before.
    pub async fn opened(&self) {
        // We hold the sender ourselves, so that there is no error to wait for.
        drop(self.opened.subscribe().wait_for(|opened| *opened).await);
    }

    /// Ingest ends when every intake that was handed out is gone too.
    pub fn close(&self) {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether anything is between the sources and the disk, or more comes than the encoder keeps up with.
    pub fn is_busy(&self) -> bool {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.as_ref().is_some_and(|batches| batches.load().waiting() > 0) || self.hurry.is_on(Instant::now())
    }

    /// `None`: no such source. While closed, an intake that says so when it is flushed.
    pub fn intake(&self, source: &str) -> Option<Intake> {
        let ledger = self.ledgers.get(source)?;
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let batches = batches.unwrap_or_else(|| intake::channel().0);
        Some(Intake::new(source, self.gate.clone(), ledger.clone(), batches))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::intake::Closed;
    use crate::watch::WatchSet;

    #[tokio::test]
    async fn a_closed_one_promises_nothing() {
        let gate = Arc::new(Gate::new(
            WatchSet::compile(&[], &[], &Default::default()).unwrap_or_else(|bad| panic!("{bad:?}")),
        ));
        let entrance = Entrance::new(gate, &[Arc::new(Ledger::new("crm", "push"))]);
        assert!(entrance.intake("other").is_none());
        assert_eq!(entrance.intake("crm").unwrap().commit(None).await, Err(Closed));
        let (to, mut batches) = intake::channel();
        entrance.open(to);
        entrance.opened().await;
        let mut intake = entrance.intake("crm").unwrap();
        let (committed, taken) =
            tokio::join!(intake.commit(None), async { batches.recv().await.unwrap().done.unwrap().send(()) });
        assert_eq!((committed, taken), (Ok(()), Ok(())));
        entrance.close();
        assert_eq!(entrance.intake("crm").unwrap().commit(None).await, Err(Closed));
        drop(intake);
        assert!(batches.recv().await.is_none(), "ingest comes to its end once all intakes are gone");
    }
}
