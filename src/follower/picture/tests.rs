//! The picture, read as text.

use super::*;
use crate::follower::growth::Count;
use jiff::SignedDuration;

fn at(days: i64) -> Timestamp {
    Timestamp::from_second(1_767_571_200).unwrap() + SignedDuration::from_hours(24 * days)
}

fn points(days: i64) -> Vec<Point> {
    let point = |day: i64| Point {
        start: at(day),
        observed: if day == 3 { 0.5 } else { 1.0 },
        genuine: Count { value: 900.0, low: 850.0, high: 950.0 },
        spam: if day == 5 {
            Count { value: 1_500.0, low: 1_300.0, high: 1_600.0 }
        } else {
            Count { value: 100.0, low: 50.0, high: 150.0 }
        },
        unknown: 20,
        unfollows: u64::from(day == 6) * 300,
    };
    (0..days).map(point).collect()
}

fn wave() -> Wave {
    Wave { from: at(5), found: at(5), until: None, expected: 1_000.0, counted: 2_420, hours: 24.0 }
}

#[test]
fn it_says_in_words_what_it_shows() {
    let svg = svg("Growth of @acme.example", &points(30), Step::Day, &[wave()]);
    for words in [
        "<title id=\"growth-title\">Growth of @acme.example</title>",
        "2026-01-05 to 2026-02-03: 32,000 new followers, of whom 4,400 are likely spam (2,750 to 5,950) and 600 unknown",
        "A wave from 2026-01-10 00:00: 2,420 where 1,000 would be usual.",
        "prefers-color-scheme: dark",
        "observed 50 % of the time",
        ">not observed<",
        ">unfollowed<",
    ] {
        assert!(svg.contains(words), "{words}\n{svg}");
    }
    assert_eq!(svg.matches("<g>").count(), svg.matches("</g>").count());
    assert_eq!(svg.matches("class=\"spam\"").count(), 31, "a bar a day and the legend");
    assert_eq!(svg.matches("class=\"ink-line\"").count(), 31, "a whisker a day and the line of zero");
}

#[test]
fn a_title_cannot_leave_its_place() {
    let svg = svg("</title><script>alert(1)</script>\u{0} & \"x\"", &points(2), Step::Hour, &[]);
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;") && !svg.contains('\u{0}'), "{svg}");
}

#[test]
fn nothing_and_very_much_are_pictures_too() {
    let nothing = svg("", &[], Step::Day, &[wave()]);
    assert!(nothing.contains("Nothing was recorded.") && nothing.ends_with("</svg>"), "{nothing}");
    let much = svg("", &points(8_000), Step::Hour, &[]);
    assert!(much.ends_with("</svg>") && !much.contains("NaN") && !much.contains("inf"));
    assert_eq!([0.4, 7.0, 61.0, 1_300.0].map(tick), [1.0, 2.0, 20.0, 500.0]);
}
