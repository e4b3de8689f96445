//! How long to wait before trying again: exponential with full jitter, bounded, reset after success.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, failures: 0 }
    }

    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait before the next try: uniformly between half and all of `first * 2^failures`, at most `most`.
    /// Half at least, so that a peer that refuses at once is never hammered.
    #[expect(clippy::should_implement_trait, reason = "it has no end, and nothing to iterate for")]
    pub fn next(&mut self) -> Duration {
        let whole = self.first.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.most);
        self.failures = self.failures.saturating_add(1);
        whole.mul_f64(0.5 + 0.5 * random_unit())
    }
}

/// `0..1`. Falls back to the middle when the system has no randomness: jitter is politeness, not safety.
fn random_unit() -> f64 {
    getrandom::u32().map_or(0.5, |n| f64::from(n) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_bound_and_resets() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        for failure in 0..40_u32 {
            let whole = Duration::from_secs(2_u64.saturating_pow(failure).min(60));
            let wait = backoff.next();
            assert!(wait >= whole / 2 && wait <= whole, "{failure}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_secs(1));
    }
}
