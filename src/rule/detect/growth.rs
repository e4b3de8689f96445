//! Detector `growth`: a wave of new followers of an own account, of any kind or mostly spam.
//! `detect = { kind = "growth", account = "any-own", within = "24h", factor = 4, min_count = 50, spam_share_min = 0.5 }`
//!
//! It judges looks at followers, no mentions: what is a wave, what is usual and how many are spam was found before.

use super::window::read_within;
use super::{Detector, Known, Seen};
use crate::brand::{Burst, Influx};
use crate::rule::group::Group;
use crate::settings::{Section, nearest};
use jiff::SignedDuration;
use std::time::Duration;

/// Stands for every own account.
const ANY: &str = "any-own";
/// Waves are told by the hour.
const WITHIN_MIN: Duration = Duration::from_secs(3_600);
const FACTOR_MAX: f64 = 1_000.0;
/// Fewer followers are no wave.
const MIN_COUNT_MIN: i64 = 5;
const MIN_COUNT_MAX: i64 = 10_000_000;
const SPAM_SHARE_MIN: f64 = 0.01;
/// An alert without a new follower for so long ends, if nobody says that its wave did: the account may be gone.
const KEEP_MIN: SignedDuration = SignedDuration::from_hours(24);
/// A wave lasts a week of observed hours at most; one that was resolved by hand must not open again in that time.
const RECALL: SignedDuration = SignedDuration::from_hours(14 * 24);

#[derive(Clone, Debug)]
pub struct Growth {
    /// Handle or native id; any own account when absent.
    account: Option<String>,
    within: SignedDuration,
    factor: f64,
    min_count: u64,
    spam_share_min: Option<f64>,
}

pub fn read(section: &Section<'_>, known: &Known<'_>) -> Option<Box<dyn Detector>> {
    for key in ["factor", "min_count"] {
        if !section.has(key) {
            section.missing(key);
        }
    }
    let account = read_account(section, known.accounts);
    let within = read_within(section, WITHIN_MIN);
    let factor = section.float("factor", 1.0..=FACTOR_MAX);
    let min_count = section.integer("min_count", MIN_COUNT_MIN..=MIN_COUNT_MAX);
    let spam_share_min =
        if section.has("spam_share_min") { Some(section.float("spam_share_min", SPAM_SHARE_MIN..=1.0)?) } else { None };
    let min_count = u64::try_from(min_count?).ok()?;
    Some(Box::new(Growth { account: account?, within: within?, factor: factor?, min_count, spam_share_min }))
}

/// `Some(None)`: any.
fn read_account(section: &Section<'_>, accounts: &[String]) -> Option<Option<String>> {
    if !section.has("account") {
        return Some(None);
    }
    let name = section.required_str("account")?;
    if name == ANY {
        return Some(None);
    }
    let plain = name.trim_start_matches('@');
    if accounts.iter().any(|own| own.eq_ignore_ascii_case(plain)) {
        return Some(Some(plain.to_owned()));
    }
    let known = accounts.iter().map(String::as_str).chain([ANY]);
    let hint = nearest(plain, known).map_or_else(
        || "the `handle` or `id` of a brand's `account`, or any-own".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    section.error("account", format!("no own account `{name}` is configured"), Some(hint));
    None
}

impl Detector for Growth {
    fn copy(&self) -> Box<dyn Detector> {
        Box::new(self.clone())
    }

    fn holds(&self, _group: &Group, _seen: Seen) -> Option<Vec<Seen>> {
        None
    }

    fn watches(&self, influx: &Influx) -> bool {
        let same = |name: &String| name.eq_ignore_ascii_case(&influx.handle) || *name == influx.account;
        self.account.as_ref().is_none_or(same)
    }

    fn alarms(&self, burst: &Burst) -> bool {
        let surge = &burst.surge;
        // Of a few profiles a share is told as well: the interval then begins low. Of none it says nothing at all.
        let is_spam = |least: f64| surge.known > 0 && surge.low >= least;
        // Wherever in the wave: what is heard late, after a night without network, is no less true.
        let is_large = |first: usize| {
            let hours = &burst.hours[first..];
            let inside = hours.iter().take_while(|hour| hour.start.duration_since(hours[0].start) <= self.within);
            let (counted, expected) = inside.fold((0, 0.0), |sum, hour| (sum.0 + hour.counted, sum.1 + hour.expected));
            counted >= self.min_count && counted as f64 >= self.factor * expected
        };
        self.spam_share_min.is_none_or(is_spam) && (0..burst.hours.len()).any(is_large)
    }

    fn least(&self) -> u64 {
        self.min_count
    }

    fn keep_default(&self) -> SignedDuration {
        self.within.max(KEEP_MIN)
    }

    fn recall(&self) -> SignedDuration {
        RECALL
    }
}
