//! Likelihoods against the trainer's, the promises of the model on grids and on invented people, and groups.

use super::alike::{self, Shared};
use super::audit::told_waves;
use super::growth::Event;
use super::model::Model;
use super::profile::Profile;
use crate::brand::FollowKind;
use jiff::Timestamp;
use std::sync::LazyLock;

mod bad;
mod groups;
mod plot;
mod simulate;
mod world;

const GOLDEN: &str = include_str!("../../models/follower-1/golden.jsonl");

fn model() -> &'static Model {
    static LOADED: LazyLock<Model> = LazyLock::new(|| Model::load().unwrap());
    &LOADED
}

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Nothing of it may be disbelieved.
fn profile(json: &str) -> Profile {
    let (profile, doubts) = Profile::parse(json, now()).unwrap();
    assert_eq!(doubts, [], "{json}");
    profile
}

/// Somebody every six hours for more than two years, and sixty in the last hour.
#[test]
fn the_latest_wave_is_found_however_far_back_is_asked() {
    let at = |hours: i64| now().checked_sub(jiff::SignedDuration::from_hours(hours)).unwrap();
    let follow = |at| Event { at, kind: FollowKind::Follow, likelihood: Some(0.9) };
    let mut events: Vec<Event> = (1..3_200).rev().map(|n| follow(at(6 * n))).collect();
    events.extend(std::iter::repeat_n(follow(at(1)), 60));
    let waves = told_waves(&events, model().rates(), (at(24 * 800), now()), &[]);
    assert!(waves.last().is_some_and(|told| told.wave.counted >= 60), "{waves:?}");
}

fn spam(json: &str) -> f32 {
    model().spam(&profile(json))
}

#[derive(serde::Deserialize)]
struct Golden {
    profile: serde_json::Value,
    spam: f64,
    terms: std::collections::BTreeMap<String, f64>,
}

#[test]
fn the_program_computes_what_the_trainer_computed() {
    let near = |one: f64, other: f64| (one - other).abs() < 1e-6;
    let mut count = 0;
    for line in GOLDEN.lines() {
        let golden: Golden = serde_json::from_str(line).unwrap();
        let profile = profile(&golden.profile.to_string());
        let found = model().terms(&profile);
        let [followers, following, posts] = found.counts;
        let parts = [
            ("base", Some(found.base)),
            ("followers", followers),
            ("following", following),
            ("posts", posts),
            ("has_avatar", found.has_avatar),
            ("handle_digit_share", found.handle_digit_share),
            ("handle_trailing_digits", found.handle_trailing_digits),
        ];
        for (name, part) in parts {
            let expected = golden.terms.get(name).copied();
            assert_eq!(expected.is_some(), part.is_some(), "{name} of {line}");
            assert!(near(expected.unwrap_or(0.0), part.unwrap_or(0.0)), "{name} of {line}: found {part:?}");
        }
        let whole: f64 = parts.iter().filter_map(|(_, part)| *part).sum();
        assert!(near(whole, model().log_odds(&profile)), "{line}: the parts add up to {whole}");
        assert!(near(golden.spam, f64::from(model().spam(&profile))), "{line}");
        count += 1;
    }
    assert!(count >= 200, "only {count} golden profiles");
}

/// Of numbers near and far from the knots.
const GRID: [u64; 17] =
    [0, 1, 2, 3, 6, 15, 33, 100, 128, 700, 1_024, 3_000, 7_500, 16_384, 70_000, 1_000_000, u64::MAX];

#[test]
fn more_following_never_lowers_and_more_followers_or_posts_never_raise() {
    let some = || GRID.into_iter().map(Some).chain([None]);
    let mut moved = 0;
    for one in some() {
        for other in some() {
            for pair in GRID.windows(2) {
                for (field, sign) in [(0, -1.0), (1, 1.0), (2, -1.0)] {
                    let of = |value| {
                        let mut counts = [one, other, one];
                        counts[(field + 1) % 3] = one;
                        counts[(field + 2) % 3] = other;
                        counts[field] = Some(value);
                        let [followers, following, posts] = counts;
                        model().log_odds(&Profile { followers, following, posts, ..Profile::default() })
                    };
                    let step = (of(pair[1]) - of(pair[0])) * sign;
                    assert!(
                        step >= -1e-9,
                        "field {field} from {} to {} beside {one:?} and {other:?}: {step}",
                        pair[0],
                        pair[1]
                    );
                    moved += usize::from(step > 0.01);
                }
            }
        }
    }
    assert!(moved > 1_000, "only {moved} steps move anything");
}

#[test]
fn a_missing_picture_and_more_digits_never_lower() {
    let handle =
        |letters: usize, digits: usize| format!("{{\"handle\":\"{}{}\"}}", "q".repeat(letters), "7".repeat(digits));
    for length in [1, 2, 5, 9, 12, 30] {
        for digits in 0..length {
            let (fewer, more) =
                (spam(&handle(length - digits, digits)), spam(&handle(length - digits - 1, digits + 1)));
            assert!(more >= fewer, "{digits} digits of {length}: {fewer}, one more: {more}");
        }
    }
    assert!(spam("{\"handle\":\"mia40718\"}") > spam("{\"handle\":\"40718mia\"}"), "digits at the end are worse");
    assert!(spam("{\"has_avatar\":false}") > spam("{\"has_avatar\":true}") + 0.1);
}

#[test]
fn what_is_not_known_draws_towards_one_in_ten() {
    let prior = spam("{}");
    assert!((0.08..0.13).contains(&prior), "{prior}");
    for (whole, side) in [
        (r#"{"followers":3,"following":4812,"posts":0,"has_avatar":false,"handle":"mia4071887"}"#, 1.0),
        (r#"{"followers":900,"following":350,"posts":410,"has_avatar":true,"handle":"fernwald"}"#, -1.0),
    ] {
        let known = profile(whole);
        let whole = model().log_odds(&known);
        let hide: [fn(&mut Profile); 5] = [
            |profile| profile.followers = None,
            |profile| profile.following = None,
            |profile| profile.posts = None,
            |profile| profile.has_avatar = None,
            |profile| profile.handle = None,
        ];
        for one in hide {
            let mut without = known.clone();
            one(&mut without);
            let said = model().log_odds(&without);
            // It still leans to the same side of the prior, and a hidden field never makes it much surer.
            assert!((said - model().log_odds(&Profile::default())) * side > 0.5, "{without:?}: {said}");
            assert!((said - whole) * side < 0.7, "{without:?}: {said}, known {whole}");
        }
        let mut less = known;
        for one in hide {
            one(&mut less);
        }
        assert_eq!(model().spam(&less), prior);
    }
}

#[test]
fn people_who_look_like_spam_are_not_called_spam() {
    for (kind, json, most) in [
        (
            "newcomer of a community",
            r#"{"followers":21,"following":140,"posts":6,"has_avatar":true,"handle":"lena.bsky.example"}"#,
            0.2,
        ),
        (
            "newcomer without a picture",
            r#"{"followers":35,"following":90,"posts":12,"has_avatar":false,"handle":"jonas_k"}"#,
            0.3,
        ),
        (
            "lurker who never posts",
            r#"{"followers":64,"following":180,"posts":0,"has_avatar":true,"handle":"quiet_ann"}"#,
            0.5,
        ),
        (
            "private account",
            r#"{"followers":150,"following":310,"posts":22,"has_avatar":true,"is_private":true,"handle":"mia.r"}"#,
            0.1,
        ),
        (
            "year of birth in the handle",
            r#"{"followers":210,"following":260,"posts":48,"has_avatar":true,"handle":"petra1987"}"#,
            0.1,
        ),
        ("celebrity", r#"{"followers":4200000,"following":310,"posts":2900,"has_avatar":true,"handle":"star"}"#, 0.02),
        (
            "business",
            r#"{"followers":5400,"following":1900,"posts":830,"has_avatar":true,"handle":"lumora-shop"}"#,
            0.1,
        ),
        (
            "collector of follows who posts",
            r#"{"followers":2600,"following":5200,"posts":700,"has_avatar":true,"handle":"wanderer"}"#,
            0.2,
        ),
    ] {
        let said = spam(json);
        assert!(said <= most, "{kind}: {said}");
    }
}

#[test]
fn spam_is_called_spam() {
    for (kind, json, least) in [
        ("bought", r#"{"followers":3,"following":4812,"posts":0,"has_avatar":false,"handle":"mia4071887"}"#, 0.9),
        (
            "with a picture and a name",
            r#"{"followers":12,"following":3100,"posts":0,"has_avatar":true,"handle":"mia_brown"}"#,
            0.7,
        ),
        (
            "with a few posts",
            r#"{"followers":40,"following":6900,"posts":4,"has_avatar":true,"handle":"mia_brown99"}"#,
            0.6,
        ),
        ("counts alone", r#"{"followers":3,"following":4812,"posts":0}"#, 0.8),
    ] {
        let said = spam(json);
        assert!(said >= least, "{kind}: {said}");
    }
}

#[test]
fn reasons_are_told_strongest_first() {
    let told = |json| {
        let score = model().likelihood(&profile(json));
        let strengths: Vec<f32> = score.reasons.iter().map(|reason| reason.log_odds.abs()).collect();
        assert!(strengths.is_sorted_by(|one, other| one >= other), "{strengths:?}");
        (score.reasons.iter().map(ToString::to_string).collect::<Vec<_>>(), score.known)
    };
    let (reasons, known) =
        told(r#"{"followers":3,"following":4812,"posts":0,"has_avatar":false,"handle":"mia407188"}"#);
    assert_eq!(reasons, ["follows 4,812, followed by 3", "no post", "handle ends in 6 digits", "no picture"]);
    assert_eq!(known, ["followers", "following", "posts", "has_avatar", "handle"]);
    let (reasons, known) = told(r#"{"followers":1204500,"posts":2900}"#);
    assert_eq!(reasons, ["for a person: 2,900 posts", "for a person: followed by 1,204,500"]);
    assert_eq!(known, ["followers", "posts"]);
    assert_eq!(told(r#"{"bio":"nothing that counts","is_private":true}"#), (vec![], vec![]));
}

#[test]
fn a_likelihood_allocates_nothing() {
    let json = r#"{"followers":3,"following":4812,"posts":0,"has_avatar":false,"handle":"@mia407188@social.example"}"#;
    let profile = profile(json);
    let model = model();
    let allocated = allocation_counter::measure(|| assert!(model.spam(&profile) > 0.5));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn rates_are_those_of_the_training_rows() {
    let file: serde_json::Value = serde_json::from_str(super::file::WEIGHTS).unwrap();
    let sum = |kind: &str| file["rates"][kind].as_array().unwrap().iter().filter_map(|n| n.as_u64()).sum::<u64>();
    assert_eq!((sum("genuine"), sum("spam")), (877, 98));
    let counts = |kind: &str| -> Vec<u32> { serde_json::from_value(file["rates"][kind].clone()).unwrap() };
    assert_eq!((counts("genuine"), counts("spam")), (world::GENUINE.0.to_vec(), world::SPAM.0.to_vec()));
    // Of profiles as they were measured, the share comes out as it was.
    let mut set = model().rates().histogram([]);
    for kind in ["genuine", "spam"] {
        let counts = file["rates"][kind].as_array().unwrap().iter().filter_map(|n| n.as_u64()).collect();
        set.add(&super::share::Histogram { counts, unknown: 0 });
    }
    let share = model().rates().share(&set);
    assert!((share.spam - 98.0 / 975.0).abs() < 0.01 && share.low < share.spam && share.spam < share.high, "{share:?}");
}
