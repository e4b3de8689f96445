//! What the store has just refused, waited out: a full disk stops the intake (sources wait), it loses nothing.

use crate::store;
use crate::wire::backoff::Backoff;
use std::time::Duration;

/// A full disk is asked again this often at most.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(10);

/// Asks the store again until it answers. A macro, since the question borrows the store anew each time.
macro_rules! retrying {
    ($ask:expr) => {{
        let mut patience = $crate::flow::patience::Patience::new();
        loop {
            match $ask.await {
                Ok(answer) => break Ok::<_, $crate::store::Error>(answer),
                Err(error) => patience.wait(error).await?,
            }
        }
    }};
}
pub(super) use retrying;

pub struct Patience(Backoff);

impl Patience {
    pub fn new() -> Self {
        Self(Backoff::new(RETRY_FIRST, RETRY_MOST))
    }

    /// # Errors
    /// What no waiting mends.
    pub async fn wait(&mut self, error: store::Error) -> Result<(), store::Error> {
        let store::Error::Retry(reason) = error else { return Err(error) };
        let wait = self.0.next();
        tracing::error!(reason, ?wait, "the store does not answer; everything waits");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
