//! The share where it can be told by hand.

use super::*;

const EDGES: [f64; 6] = [0.0, 0.1, 0.3, 0.6, 0.9, 1.0];

fn rates() -> Rates {
    Rates::new(&EDGES, &[700, 120, 40, 15, 2], &[4, 8, 16, 30, 40]).unwrap()
}

fn set(counts: [u64; 5], unknown: u64) -> Histogram {
    Histogram { counts: counts.to_vec(), unknown }
}

#[test]
fn nobody_known_is_anything() {
    for unknown in [0, 900] {
        let found = rates().share(&set([0; 5], unknown));
        let whole = Share { spam: 0.5, low: 0.0, high: 1.0, known: 0, unknown, strange: false };
        assert_eq!(found, whole);
    }
}

#[test]
fn few_are_a_wide_interval_and_many_a_narrow_one() {
    let mut width = 1.0;
    for known in [20.0, 200.0, 2_000.0] {
        // A fifth is spam.
        let counts = [0.6465, 0.1258, 0.0692, 0.0749, 0.0836].map(|part: f64| (part * known).round() as u64);
        let found = rates().share(&set(counts, 0));
        assert!((0.15..0.25).contains(&found.spam) && found.low < 0.2 && 0.2 < found.high, "{found:?}");
        assert!(found.high - found.low < 0.9 * width, "{width} {found:?}");
        width = found.high - found.low;
    }
    let one = rates().share(&set([0, 0, 0, 0, 1], 0));
    assert!(one.low > 0.0 && one.high == 1.0 && one.high - one.low > 0.7, "{one:?}");
}

#[test]
fn all_of_one_kind_reaches_the_end() {
    let people = rates().share(&set([800, 137, 46, 17, 2], 0));
    assert!(people.low == 0.0 && people.spam < 0.02 && people.high < 0.1 && !people.strange, "{people:?}");
    let spam = rates().share(&set([41, 82, 163, 306, 408], 0));
    assert!(spam.high == 1.0 && spam.spam > 0.9 && spam.low > 0.6 && !spam.strange, "{spam:?}");
}

#[test]
fn a_million_is_a_count_like_another() {
    let found = rates().share(&set([600_000, 110_000, 60_000, 80_000, 150_000], 0));
    assert!(found.low > 0.1 && found.high < 0.6 && found.low < found.spam && found.spam < found.high, "{found:?}");
}

#[test]
fn what_no_mixture_explains_is_strange_and_wide() {
    let found = rates().share(&set([0, 500, 0, 0, 500], 0));
    assert!(found.strange, "{found:?}");
    assert!(found.high - found.low > 0.3, "{found:?}");
    assert!(!rates().share(&set([0, 1, 0, 0, 1], 0)).strange);
}

#[test]
fn likelihoods_fall_into_their_bins() {
    let rates = rates();
    let seen = [Some(0.0), Some(0.1), Some(0.95), Some(1.0), Some(7.0), Some(-1.0), None, Some(f64::NAN)];
    assert_eq!(rates.histogram(seen), set([2, 1, 0, 0, 3], 2));
    let mut sum = Histogram::default();
    sum.add(&set([1, 2, 3, 4, 5], 6));
    sum.add(&set([1, 1, 1, 1, 1], 1));
    assert_eq!(sum, set([2, 3, 4, 5, 6], 7));
}

#[test]
fn the_parts_of_a_set_add_up_to_its_share() {
    let rates = rates();
    let counts = [300, 60, 30, 25, 35];
    let found = rates.share(&set(counts, 0));
    let spam: f64 = rates.posterior(found.spam).iter().zip(counts).map(|(each, count)| each * count as f64).sum();
    assert!((spam / 450.0 - found.spam).abs() < 0.05, "{spam} {found:?}");
}

#[test]
fn rates_that_cannot_be_are_refused() {
    let refused = |edges: &[f64], genuine: &[u64], spam: &[u64]| Rates::new(edges, genuine, spam).unwrap_err();
    assert_eq!(refused(&[0.0, 0.5, 0.5, 1.0], &[1; 3], &[1; 3]), RatesError::Edges(vec![0.0, 0.5, 0.5, 1.0]));
    assert_eq!(refused(&[0.0, 0.5], &[1], &[1]), RatesError::Edges(vec![0.0, 0.5]));
    assert!(refused(&[0.0, f64::NAN, 1.0], &[1; 2], &[1; 2]).to_string().contains("NaN"));
    assert_eq!(refused(&[0.0, 0.5, 1.0], &[1; 3], &[1; 2]), RatesError::Counts { edges: 3, counts: 3 });
    assert_eq!(refused(&[0.0, 0.5, 1.0], &[1; 2], &[0; 2]), RatesError::Nobody("spam"));
}

#[test]
fn what_people_said_is_certain() {
    let found = rates().share(&set([60, 20, 10, 5, 5], 7));
    assert_eq!(found.with_said((0, 0)), found);
    let with = found.with_said((100, 0));
    assert_eq!((with.known, with.unknown), (200, 7));
    assert!((with.spam - f64::midpoint(found.spam, 1.0)).abs() < 1e-9 && with.low >= 0.5, "{with:?}");
    let only = rates().share(&set([0; 5], 0)).with_said((1, 3));
    assert_eq!((only.spam, only.low, only.high, only.known), (0.25, 0.25, 0.25, 4));
}
