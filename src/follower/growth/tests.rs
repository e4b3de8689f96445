//! Growth of few events, counted by hand.

use super::*;
use jiff::SignedDuration;

fn rates() -> Rates {
    Rates::new(&[0.0, 0.2, 0.8, 1.0], &[800, 60, 17], &[8, 30, 60]).unwrap()
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_767_571_200).unwrap() + SignedDuration::from_hours(hours)
}

fn follow(hours: i64, likelihood: Option<f64>) -> Event {
    Event { at: at(hours), kind: FollowKind::Follow, likelihood }
}

fn events() -> Vec<Event> {
    let mut events: Vec<Event> = (0..48).flat_map(|hour| vec![follow(hour, Some(0.05)); 10]).collect();
    events.extend(vec![follow(30, Some(0.95)); 200]);
    events.extend(vec![follow(31, None); 7]);
    events.push(Event { at: at(5), kind: FollowKind::Unfollow, likelihood: Some(0.9) });
    // Before and after.
    events.extend([follow(-1, Some(0.9)), follow(48, Some(0.9))]);
    events
}

#[test]
fn days_hold_their_parts() {
    let points = series(events(), &rates(), (at(0), at(48)), Step::Day, &[]);
    let [first, second] = &points[..] else { panic!("{points:?}") };
    assert!(first.spam.value < 10.0 && first.spam.low == 0.0 && first.unfollows == 1, "{first:?}");
    assert!((150.0..=290.0).contains(&second.spam.value) && second.unknown == 7, "{second:?}");
    for (point, all) in points.iter().zip([240.0, 447.0]) {
        assert!((point.genuine.value + point.spam.value + point.unknown as f64 - all).abs() < 1e-6, "{point:?}");
        for count in [&point.genuine, &point.spam] {
            assert!(0.0 <= count.low && count.low <= count.value && count.value <= count.high, "{point:?}");
        }
        assert_eq!(point.observed, 1.0);
    }
}

#[test]
fn hours_add_up_to_their_day() {
    let days = series(events(), &rates(), (at(0), at(48)), Step::Day, &[]);
    let hours = series(events(), &rates(), (at(0), at(48)), Step::Hour, &[]);
    assert_eq!(hours.len(), 48);
    for (day, hours) in days.iter().zip(hours.chunks(24)) {
        let spam: f64 = hours.iter().map(|hour| hour.spam.value).sum();
        assert!((spam - day.spam.value).abs() < 1.0, "{spam} {day:?}");
    }
    assert!(hours[30].spam.low > 100.0, "{:?}", hours[30]);
    assert!(hours[29].spam.value < 3.0, "{:?}", hours[29]);
}

#[test]
fn gaps_are_told() {
    let gap = |from: i64, until: i64| Gap { from: at(from), until: at(until) };
    let points = series([], &rates(), (at(0), at(72)), Step::Day, &[gap(-5, 6), gap(20, 48)]);
    let observed: Vec<f64> = points.iter().map(|point| (point.observed * 24.0).round()).collect();
    assert_eq!(observed, [14.0, 0.0, 24.0]);
    assert!(points.iter().all(|point| point.spam == Count::default() && point.genuine == Count::default()));
}

#[test]
fn bins_know_gaps() {
    let gaps = [Gap { from: at(1), until: at(2) }, Gap { from: at(0), until: at(0) + SignedDuration::from_mins(7) }];
    let found = counted(at(0), vec![10; 18], &gaps);
    assert_eq!(found[0], Bin { start: at(0), observed: (1.0 - 0.7) / 6.0, count: 10 });
    assert_eq!(found.iter().filter(|bin| bin.observed == 0.0).count(), 6);
    assert_eq!(found[17].start, at(3) - SignedDuration::from_mins(10));
}

#[test]
fn what_is_turned_round_or_endless_is_bounded() {
    assert_eq!(series(events(), &rates(), (at(48), at(0)), Step::Hour, &[]), []);
    assert_eq!(series([], &rates(), (Timestamp::MIN, Timestamp::MAX), Step::Hour, &[]).len(), STEPS_MAX);
}
