//! Who is grouped, and who must not be.

use super::*;

const HOUR: i64 = 3_600;

fn at(second: i64) -> Option<Timestamp> {
    Some(Timestamp::from_second(1_700_000_000 + second).unwrap())
}

fn named(handle: String, created: i64) -> Profile {
    Profile { handle: Some(handle), created_at: at(created), ..Profile::default() }
}

fn word(n: usize) -> String {
    ["ann", "mia", "jonas", "petra", "lena", "omar", "wei", "ines"][n % 8].repeat(1 + n % 3)
}

/// People of five years, one in ten of them with four digits at the end.
fn people(count: usize) -> Vec<Profile> {
    let handle = |n: usize| if n % 10 == 3 { format!("{}{}", word(n), 1_950 + n % 50) } else { word(n) };
    (0..count).map(|n| named(handle(n), (n as i64 * 7_919 * HOUR) % (5 * 365 * 24 * HOUR))).collect()
}

#[test]
fn people_make_no_group() {
    assert_eq!(alike::groups(&people(5_000)), []);
    assert_eq!(alike::groups(&[]), []);
}

#[test]
fn handles_of_a_pattern_made_within_hours_are_grouped() {
    let mut all = people(2_000);
    all.extend(
        (0..40).map(|n| named(format!("{}_{}{}", word(n), word(n + 3), 1_000 + n), 90_000 * HOUR / 24 + n as i64 * 60)),
    );
    let groups = alike::groups(&all);
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!(groups[0].members, (2_000..2_040).collect::<Vec<_>>());
    assert_eq!(groups[0].shares, [Shared::Made { pattern: "a_a9999".to_owned(), hours: 1 }]);
    assert_eq!(groups[0].shares[0].to_string(), "handles like a_a9999, made within 1 h");
    assert!(groups[0].raise > 1.5 && groups[0].raise <= alike::RAISE_MAX, "{}", groups[0].raise);
}

#[test]
fn few_make_no_group() {
    let together = |count: usize| {
        let mut all = people(2_000);
        all.extend((0..count).map(|n| named(format!("{}--{n}", word(n)), 40_000 * HOUR + n as i64)));
        all.extend(
            (0..2).map(|_| Profile { bio: Some("I give away free followers".to_owned()), ..Profile::default() }),
        );
        alike::groups(&all)
    };
    assert_eq!(together(4), []);
    assert_eq!(together(5).len(), 1);
}

#[test]
fn a_day_on_which_many_joined_is_no_group() {
    // They move from another network within six hours, with handles as everybody's.
    let mut all = people(2_000);
    let mut moved = people(400);
    for (n, profile) in moved.iter_mut().enumerate() {
        profile.created_at = at(40_000 * HOUR + n as i64 * 50);
    }
    all.extend(moved);
    assert_eq!(alike::groups(&all), []);
}

#[test]
fn a_common_pattern_is_no_group() {
    let all: Vec<Profile> = (0..3_000)
        .map(|n| named(format!("{}{}", word(n), 1_000 + n), (n as i64 * 7_919 * HOUR) % (300 * HOUR)))
        .collect();
    assert_eq!(alike::groups(&all), []);
}

#[test]
fn the_same_words_pictures_and_lists_are_grouped() {
    let mut all = people(300);
    for (n, profile) in all[10..16].iter_mut().enumerate() {
        profile.bio = Some(format!("DM me for FREE followers today!! ({n})"));
    }
    for profile in &mut all[20..24] {
        (profile.avatar, profile.has_avatar) = (Some(7), Some(true));
        profile.follows = Some(99);
    }
    let groups = alike::groups(&all);
    let told: Vec<_> = groups.iter().map(|group| (group.members.clone(), group.shares.clone())).collect();
    assert_eq!(
        told,
        [((10..16).collect(), vec![Shared::Bio]), ((20..24).collect(), vec![Shared::Picture, Shared::Following]),]
    );
    assert!(groups[1].raise > (4.0_f32).ln(), "two signs are more than one");
    let raises = alike::raises(&groups, all.len());
    assert!(raises[9] == 0.0 && raises[10] == groups[0].raise && raises[23] == groups[1].raise);
}

#[test]
fn what_many_share_or_says_little_makes_no_group() {
    let mut all = people(300);
    for (n, profile) in all.iter_mut().enumerate() {
        profile.bio = Some(if n % 2 == 0 { "love life".to_owned() } else { "Berlin 🌻 2026 ❤".to_owned() });
        // A default picture of the network, told apart from none or not.
        (profile.avatar, profile.has_avatar) = (Some(n as u64 % 3), Some(true));
    }
    for profile in &mut all[..6] {
        (profile.avatar, profile.has_avatar) = (Some(50), Some(false));
    }
    assert_eq!(alike::groups(&all), []);
}

#[test]
fn a_raise_is_bounded_and_stays_a_likelihood() {
    assert!((alike::raised(0.5, 1.0) - 0.731).abs() < 1e-3);
    assert!((alike::raised(0.5, 99.0) - 0.953).abs() < 1e-3);
    assert_eq!((alike::raised(0.0, 3.0), alike::raised(1.0, 3.0)), (0.0, 1.0));
    assert_eq!(alike::raised(0.3, -1.0), 0.3);
    let mut all = people(900);
    for (n, profile) in all.iter_mut().enumerate() {
        (profile.avatar, profile.follows) = (Some(1_000 + n as u64), Some(1_000 + n as u64));
    }
    for profile in &mut all[..100] {
        (profile.avatar, profile.follows, profile.bio) =
            (Some(1), Some(2), Some("one two three four five six".to_owned()));
    }
    assert_eq!(alike::groups(&all)[0].raise, alike::RAISE_MAX);
}
