//! Waves in counts without chance; what chance does is the simulator's.

use super::*;
use jiff::SignedDuration;

/// Ten minutes each, from an hour's begin; `count` by the number of the bin.
fn bins(days: usize, count: impl Fn(usize) -> u64) -> Vec<Bin> {
    let bin = |n: usize| Bin { start: at(n), observed: 1.0 / 6.0, count: count(n) };
    (0..days * 144).map(bin).collect()
}

fn at(bin: usize) -> Timestamp {
    Timestamp::from_second(1_767_571_200).unwrap() + SignedDuration::from_secs(600 * bin as i64)
}

const BEGINS: usize = 10 * 144 + 50;

/// Twelve follows an hour, and for three hours on the eleventh day `more`.
fn burst(more: u64) -> Vec<Bin> {
    bins(13, |n| 2 + if (BEGINS..BEGINS + 18).contains(&n) { more } else { 0 })
}

#[test]
fn a_burst_is_a_wave_from_its_begin_to_its_end() {
    let found = waves(burst(6));
    let [wave] = &found[..] else { panic!("{found:?}") };
    assert!(wave.found.duration_since(wave.from) <= SignedDuration::from_hours(1), "{wave:?}");
    assert!((wave.from, wave.until) == (at(BEGINS), Some(at(BEGINS + 18))), "{wave:?}");
    assert!(wave.counted == 18 * 8 && (30.0..43.0).contains(&wave.expected), "{wave:?}");
    assert!((wave.hours - 3.0).abs() < 1e-9, "{wave:?}");
}

#[test]
fn the_usual_and_a_little_more_are_none() {
    assert_eq!(waves(bins(30, |_| 2)), []);
    assert_eq!(waves(burst(1)), []);
    assert_eq!(waves(bins(30, |_| 0)), []);
    // Two followers out of nothing are few.
    assert_eq!(waves(bins(30, |n| u64::from([3_000, 3_001].contains(&n)))), []);
}

#[test]
fn a_rhythm_is_learnt() {
    // All follow within six hours of the day.
    let evening = |n: usize| if (n / 6 % 24) >= 18 { 20 } else { 1 };
    let found = waves(bins(40, evening));
    assert!(found.iter().all(|wave| wave.found < at(3 * 144)), "{found:?}");
    // What is usual in the evening is a wave in the morning.
    let found = waves(bins(40, |n| if n / 6 == 39 * 24 + 9 { 20 } else { evening(n) }));
    assert!(found.iter().any(|wave| wave.from == at(39 * 144 + 54)), "{found:?}");
}

#[test]
fn an_open_wave_is_told_and_one_that_stays_becomes_the_usual() {
    let found = waves(bins(11, |n| if n >= BEGINS { 20 } else { 2 }));
    assert!(found.len() == 1 && found[0].until.is_none(), "{found:?}");
    let found = waves(bins(40, |n| if n >= BEGINS { 20 } else { 2 }));
    assert!(found.len() == 1 && found[0].hours <= HOURS_MAX + 1.0, "{found:?}");
}

#[test]
fn hours_without_observation_are_no_silence() {
    let gaps = |with: u64| {
        let mut bins = bins(20, |n| if n / 6 % 24 == 12 { with } else { 2 });
        // Nothing but the noon of each day is missing.
        bins.iter_mut().filter(|bin| bin.start.as_second() / 3_600 % 24 == 12).for_each(|bin| bin.observed = 0.0);
        bins
    };
    assert_eq!(waves(gaps(0)), []);
    assert_eq!(waves(gaps(500)), [], "counts of an hour that was not observed");
    let mut gauge = Gauge::default();
    assert!(gaps(0).iter().all(|bin| gauge.see(bin).is_none()));
    assert!((gauge.expected(at(20 * 144 + 72)) - 12.0).abs() < 2.0, "{}", gauge.expected(at(20 * 144 + 72)));
    // After two days of silence the rate is the old one.
    let mut long = bins(20, |_| 2);
    long.iter_mut().skip(1_000).take(288).for_each(|bin| (bin.observed, bin.count) = (0.0, 0));
    assert_eq!(waves(long), []);
}

#[test]
fn hours_of_history_make_a_careful_judge() {
    // From the seventh hour on, sixty times as many is a wave; four times is not, for it may be the time of the day.
    let begins = 7 * 6;
    let late = |times: u64| waves(bins(1, move |n| if n >= begins { 10 * times } else { 10 }));
    assert_eq!(late(60).len(), 1);
    assert!(late(60)[0].found <= at(begins + 6));
    assert!(late(2).is_empty());
    assert!(waves(bins(1, |n| if n < 24 { 1_000 } else { 10 })).is_empty(), "nothing to compare with");
}

#[test]
fn disorder_is_passed_over() {
    let mut twice: Vec<Bin> = burst(6);
    let right = waves(twice.clone());
    twice.extend(burst(6));
    assert_eq!(waves(twice), right);
    assert_eq!(waves([]), []);
}
