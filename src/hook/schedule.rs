//! When a delivery that failed is tried again. Pure but for the jitter.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Waits after the first, second, ... failed attempt: the example schedule of Standard Webhooks, about 27 h in all, so
/// that a peer that is down overnight loses nothing.
pub const WAITS: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * MINUTE),
    Duration::from_secs(30 * MINUTE),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(5 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(10 * HOUR),
];

/// The longest `Retry-After` that is obeyed; a peer that asks for more is asked again after this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(10 * HOUR);

/// How long to wait after `attempts` failed attempts; `None`: given up.
pub fn next_attempt(attempts: u32) -> Option<Duration> {
    // Without randomness the middle: jitter is politeness, not safety.
    wait(attempts, getrandom::u32().map_or(0.5, |n| f64::from(n) / f64::from(u32::MAX)))
}

/// As [`next_attempt`] with `jitter` in `0..=1`: from half to all of the wait, as [`crate::wire::backoff`] does it.
pub fn wait(attempts: u32, jitter: f64) -> Option<Duration> {
    let whole = WAITS.get(usize::try_from(attempts.max(1) - 1).ok()?)?;
    Some(whole.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_up_after_a_day() {
        let waits: Vec<Option<u64>> = (0..=9).map(|n| wait(n, 1.0).map(|wait| wait.as_secs())).collect();
        let hours = |h: u64| Some(h * 3_600);
        assert_eq!(waits[..4], [Some(5), Some(5), Some(300), Some(1_800)]);
        assert_eq!(waits[4..], [hours(2), hours(5), hours(10), hours(10), None, None]);
        assert_eq!(WAITS.iter().sum::<Duration>().as_secs() / 3_600, 27);
    }

    #[test]
    fn jitter_stays_within() {
        assert_eq!(wait(1, 0.0), Some(Duration::from_millis(2_500)));
        for _ in 0..100 {
            let drawn = next_attempt(2).unwrap().as_secs_f64();
            assert!((150.0..=300.0).contains(&drawn), "{drawn}");
        }
    }
}
