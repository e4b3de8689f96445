//! Own accounts that are configured by handle, until their native ids are found: what every source that looks them up
//! does with an answer. How to look up is the source's own.

use crate::ledger::{Ledger, worth_logging};
use crate::watch::Gate;
use crate::wire::backoff::Backoff;
use jiff::Timestamp;
use std::fmt::Display;
use std::time::Duration;

/// How often we look whether the config brought a new own account.
const LOOK_EVERY: Duration = Duration::from_secs(15);

pub struct Resolution {
    backoff: Backoff,
    failed: bool,
}

impl Default for Resolution {
    fn default() -> Self {
        Self { backoff: Backoff::new(Duration::from_secs(5), Duration::from_secs(600)), failed: false }
    }
}

impl Resolution {
    /// Tells the gate the id that was found, or the ledger why there is none. `shown`: the id as the ledger shows it.
    pub fn take(
        &mut self,
        gate: &Gate,
        ledger: &Ledger,
        handle: &str,
        found: Result<String, impl Display>,
        shown: impl Fn(&str) -> String,
    ) {
        match found {
            Ok(id) => {
                gate.resolve(&ledger.source, handle, &id);
                ledger.part(handle, Some(shown(&id)));
            }
            Err(failure) => {
                self.failed = true;
                let message = format!("own account `{handle}` is not found: {failure}");
                ledger.part(handle, Some(message.clone()));
                if worth_logging(ledger.error(Timestamp::now(), "own_account", message.clone())) {
                    tracing::warn!(source = ledger.source, "{message}");
                }
            }
        }
    }

    /// How long to wait before the next round.
    pub fn pause(&mut self) -> Duration {
        if std::mem::take(&mut self.failed) {
            return self.backoff.next();
        }
        self.backoff.reset();
        LOOK_EVERY
    }
}
