//! Who came in a wave beyond the usual, and how many of them are spam: the share of all who came then, less the part of
//! those who would have come anyway. A success with real people is a wave as well; what it is says the interval.

use super::share::Share;
use super::wave::Wave;
use serde::{Deserialize, Serialize};

/// From this low end of the interval on, most of the excess is spam.
pub const SPAM_LOW_MIN: f64 = 0.5;
/// Up to this high end, most are people: the share that an account may have by itself, and what few followers leave open.
pub const PEOPLE_HIGH_MAX: f64 = 0.25;
/// Of the usual number during a wave: one standard deviation, as a share of it.
const EXPECTED_DOUBT: f64 = 0.3;
/// Standard deviations on either side that hold 90 %.
const SIDES_90: f64 = 1.645;

/// What came beyond the usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Excess {
    /// Followers.
    pub count: f64,
    /// Of those whose profiles are known, `0..=1`, with the ends of the 90 % interval.
    pub spam: f64,
    pub low: f64,
    pub high: f64,
    pub reading: Reading,
}

/// What the interval allows to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// At least half is spam, and it is surely more than usual: such waves are bought. People who follow hundreds and have
    /// nothing yet look just alike (see the card).
    Spam,
    /// At most a quarter is spam, as far as profiles tell: spam with bought posts looks like people.
    People,
    /// Either may be, or those who came are unlike any whom the model knows.
    Unclear,
}

/// `of_wave` is the share among all who came in the wave, `usual` that among those who came before it.
///
/// Ends are put together as squares (Zou and Donner, Construction of confidence limits about effect measures, 2008).
pub fn excess(wave: &Wave, of_wave: &Share, usual: &Share) -> Excess {
    let counted = wave.counted as f64;
    let count = (counted - wave.expected).max(0.0);
    let mut excess = Excess { count, spam: 0.5, low: 0.0, high: 1.0, reading: Reading::Unclear };
    if count <= 0.0 || of_wave.known == 0 {
        return excess;
    }
    // Shares of all who came: usual ones, and the excess.
    let (of_usual, of_excess) = (wave.expected / counted, count / counted);
    let spam = (of_wave.spam - of_usual * usual.spam) / of_excess;
    let doubt = SIDES_90 * EXPECTED_DOUBT * of_usual * (of_wave.spam - usual.spam) / of_excess;
    let end = |wave: f64, usual: f64| wave.hypot(of_usual * usual).hypot(doubt) / of_excess;
    excess.spam = spam.clamp(0.0, 1.0);
    excess.low = (spam - end(of_wave.spam - of_wave.low, usual.high - usual.spam)).clamp(0.0, 1.0);
    excess.high = (spam + end(of_wave.high - of_wave.spam, usual.spam - usual.low)).clamp(0.0, 1.0);
    excess.reading = if of_wave.strange {
        Reading::Unclear
    // Where everybody looks so, it is the network's newcomers and not the wave.
    } else if excess.low >= SPAM_LOW_MIN && of_wave.low > usual.spam {
        Reading::Spam
    } else if excess.high <= PEOPLE_HIGH_MAX {
        Reading::People
    } else {
        Reading::Unclear
    };
    excess
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn wave(expected: f64, counted: u64) -> Wave {
        let from = Timestamp::UNIX_EPOCH;
        Wave { from, found: from, until: None, expected, counted, hours: 1.0 }
    }

    fn share(low: f64, spam: f64, high: f64) -> Share {
        Share { spam, low, high, known: 100, unknown: 0, strange: false }
    }

    #[test]
    fn the_usual_followers_are_taken_out() {
        let usual = share(0.0, 0.1, 0.2);
        // 100 of 400 are usual: 10 of them and 220 of the others are spam.
        let found = excess(&wave(100.0, 400), &share(0.5, 0.575, 0.65), &usual);
        assert!((found.count - 300.0).abs() < 1e-9 && (found.spam - 0.7333).abs() < 1e-3, "{found:?}");
        assert!(found.low > 0.5 && found.high < 0.95 && found.reading == Reading::Spam, "{found:?}");
        let people = excess(&wave(100.0, 1_000), &share(0.02, 0.06, 0.12), &usual);
        assert!(people.reading == Reading::People && people.low < 0.06, "{people:?}");
        let strange = Share { strange: true, ..share(0.02, 0.06, 0.12) };
        assert_eq!(excess(&wave(100.0, 1_000), &strange, &usual).reading, Reading::Unclear);
        let unclear = excess(&wave(100.0, 400), &share(0.2, 0.5, 0.8), &usual);
        assert_eq!(unclear.reading, Reading::Unclear);
    }

    #[test]
    fn nothing_known_and_nothing_beyond_the_usual_stay_open() {
        let usual = share(0.0, 0.1, 0.2);
        for (expected, counted, known) in [(100.0, 400, 0), (100.0, 90, 100), (0.0, 0, 100)] {
            let found = excess(&wave(expected, counted), &Share { known, ..share(0.9, 0.95, 1.0) }, &usual);
            assert!((found.low, found.high) == (0.0, 1.0) && found.reading == Reading::Unclear, "{found:?}");
        }
    }
}
