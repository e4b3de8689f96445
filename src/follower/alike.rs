//! Followers that look as if they were made together: the same words of themselves, the same picture, the same list of
//! whom they follow, or handles of one pattern made within hours. Agreement counts only where it is rarer among all the
//! others: a pattern that many have, a day on which many joined, a picture that a network gives out, make no group.
//! The amounts are set by hand, bounded, and shown as groups, so that a person can disagree.

use super::profile::{Profile, local};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

/// Two may agree by chance or know each other.
const MEMBERS_MIN: usize = 3;
/// Handles of one pattern made at one time: more are needed, as that is weaker than the same words.
const MADE_MIN: usize = 5;

/// The most that membership adds to the log-odds of spam: with it, a profile that the model finds as likely as not is
/// 0.95. It never decides alone over a profile that looks like a person's.
pub const RAISE_MAX: f32 = 3.0;

/// A picture or a list of follows that more than one in five have, of those of whom it is known, is a network's default
/// or a list that it proposes to newcomers. Where few are known, one in five is soon reached: so many may agree in any
/// case.
const COMMON_SHARE: usize = 5;
const COMMON_MIN: usize = 20;

/// Words of oneself that are shorter are no news ("love life").
const BIO_WORDS_MIN: usize = 4;
const BIO_LETTERS_MIN: usize = 16;
/// Longer ones are told apart by their beginning.
const BIO_LETTERS_MAX: usize = 512;

/// Accounts of one order are made within some hours, in seconds.
const MADE_WITHIN: i64 = 6 * 3_600;
/// How many times commoner a pattern must be at that time than at all others.
const LIFT_MIN: f64 = 2.0;
/// How surprising, in natural logarithms, beyond what looking at every profile once brings by chance: one in a thousand
/// lists of honest followers may hold such a group.
const SURPRISE_MIN: f64 = 7.0;

/// Runs of letters and digits of a handle beyond this are not looked at.
const PATTERN_RUNS_MAX: usize = 12;

/// Profiles that agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Places in the slice that was asked of, rising.
    pub members: Vec<usize>,
    pub shares: Vec<Shared>,
    /// What it adds to the log-odds of spam of each member, `0..=RAISE_MAX`.
    pub raise: f32,
}

/// What the members of a group share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Shared {
    Bio,
    Picture,
    Following,
    /// Handles of this pattern (`a` letters, `9` a digit), made within `hours`.
    Made {
        pattern: String,
        hours: u32,
    },
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bio => f.write_str("the same words about themselves"),
            Self::Picture => f.write_str("the same picture"),
            Self::Following => f.write_str("follow exactly the same accounts"),
            Self::Made { pattern, hours } => write!(f, "handles like {pattern}, made within {hours} h"),
        }
    }
}

/// Groups among `profiles`, largest first. A profile may be in several. Takes time in proportion to their number, but
/// for sorting.
pub fn groups(profiles: &[Profile]) -> Vec<Group> {
    // No network gives out words about oneself: there, however many agree is not common.
    let mut found = equal(profiles, Shared::Bio, 1, |profile| profile.bio.as_deref().and_then(plain));
    found.extend(equal(profiles, Shared::Picture, COMMON_SHARE, |profile| {
        // Without a picture of one's own, the hash is that of the network's.
        profile.avatar.filter(|_| profile.has_avatar != Some(false))
    }));
    found.extend(equal(profiles, Shared::Following, COMMON_SHARE, |profile| profile.follows));
    found.extend(made(profiles));
    united(found)
}

/// What each of `count` profiles is raised by: the strongest of its groups. They are not added up, since they are signs
/// of one and the same thing.
pub fn raises(groups: &[Group], count: usize) -> Vec<f32> {
    let mut raises = vec![0.0_f32; count];
    for group in groups {
        for member in &group.members {
            if let Some(raise) = raises.get_mut(*member) {
                *raise = raise.max(group.raise);
            }
        }
    }
    raises
}

/// A likelihood with `raise` added to its log-odds.
pub fn raised(spam: f32, raise: f32) -> f32 {
    let odds = f64::from(spam) / (1.0 - f64::from(spam)) * f64::from(raise.clamp(0.0, RAISE_MAX)).exp();
    if odds.is_finite() { (odds / (1.0 + odds)) as f32 } else { 1.0 }
}

/// Profiles that agree in what `of` tells of them, where no more than one in `share` of those do.
fn equal<K: Eq + Hash>(
    profiles: &[Profile],
    shared: Shared,
    share: usize,
    of: impl Fn(&Profile) -> Option<K>,
) -> Vec<Group> {
    let mut holders: HashMap<K, Vec<usize>> = HashMap::new();
    let mut known = 0;
    for (at, profile) in profiles.iter().enumerate() {
        if let Some(key) = of(profile) {
            holders.entry(key).or_default().push(at);
            known += 1;
        }
    }
    let common = COMMON_MIN.max(known / share);
    let rare = holders.into_values().filter(|members| (MEMBERS_MIN..=common).contains(&members.len()));
    rare.map(|members| Group { raise: bounded((members.len() as f64).ln()), members, shares: vec![shared.clone()] })
        .collect()
}

/// Handles of one pattern, made close to each other, and more so than others of that time or that pattern.
fn made(profiles: &[Profile]) -> Vec<Group> {
    let mut all: Vec<i64> = Vec::new();
    let mut patterns: HashMap<String, Vec<(i64, usize)>> = HashMap::new();
    for (at, profile) in profiles.iter().enumerate() {
        if let (Some(created), Some(handle)) = (profile.created_at, profile.handle.as_deref()) {
            all.push(created.as_second());
            patterns.entry(pattern(handle)).or_default().push((created.as_second(), at));
        }
    }
    all.sort_unstable();
    let mut found = Vec::new();
    for (pattern, mut holders) in patterns {
        holders.sort_unstable();
        let (mut first, mut end) = (0, 0);
        while first < holders.len() {
            let (from, _) = holders[first];
            while end < holders.len() && holders[end].0 - from <= MADE_WITHIN {
                end += 1;
            }
            let (until, _) = holders[end - 1];
            let around = all.partition_point(|at| *at <= until) - all.partition_point(|at| *at < from);
            match lift(end - first, around, holders.len(), all.len()) {
                Some(lift) => {
                    let mut members: Vec<usize> = holders[first..end].iter().map(|(_, at)| *at).collect();
                    members.sort_unstable();
                    let hours = ((until - from) / 3_600) as u32 + 1;
                    let shares = vec![Shared::Made { pattern: pattern.clone(), hours }];
                    found.push(Group { members, shares, raise: bounded(lift.ln()) });
                    first = end;
                }
                None => first += 1,
            }
        }
    }
    found
}

/// How many times commoner a pattern is among those made at a time (`here` of `around`) than among the others of its
/// `holders` of `all`; nothing where that may be chance.
fn lift(here: usize, around: usize, holders: usize, all: usize) -> Option<f64> {
    if here < MADE_MIN {
        return None;
    }
    let share = here as f64 / around as f64;
    // One holder more among two profiles more: where nothing else was seen, nothing is surprising.
    let elsewhere = (holders - here + 1) as f64 / (all - around + 2) as f64;
    let lift = share / elsewhere;
    // Chernoff's bound on the chance that so many of those around share the pattern.
    let rest = if here == around { 0.0 } else { (1.0 - share) * ((1.0 - share) / (1.0 - elsewhere)).ln() };
    let surprise = around as f64 * (share * lift.ln() + rest);
    (lift >= LIFT_MIN && surprise >= SURPRISE_MIN + (all as f64).ln()).then_some(lift)
}

/// Groups of the same members become one that shares more.
fn united(found: Vec<Group>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<Vec<usize>, usize> = HashMap::new();
    for group in found {
        if let Some(place) = places.get(&group.members) {
            let same = &mut groups[*place];
            same.raise = (same.raise + group.raise).min(RAISE_MAX);
            same.shares.extend(group.shares);
        } else {
            places.insert(group.members.clone(), groups.len());
            groups.push(group);
        }
    }
    groups.sort_by(|one, other| {
        other.members.len().cmp(&one.members.len()).then_with(|| one.members.cmp(&other.members))
    });
    groups
}

fn bounded(raise: f64) -> f32 {
    (raise as f32).clamp(0.0, RAISE_MAX)
}

/// The words of a text about oneself without case, signs and numbers, which templates vary; nothing where they are few.
fn plain(bio: &str) -> Option<String> {
    let words = bio.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty());
    let (mut plain, mut count) = (String::new(), 0);
    for word in words {
        if plain.len() > BIO_LETTERS_MAX {
            break;
        }
        plain.extend(word.chars().flat_map(char::to_lowercase));
        plain.push(' ');
        count += 1;
    }
    (count >= BIO_WORDS_MIN && plain.len() - count >= BIO_LETTERS_MIN).then_some(plain)
}

/// `Anna_Maria1987` as `a_a9999`.
fn pattern(handle: &str) -> String {
    let mut pattern = String::new();
    let mut runs = 0;
    for letter in local(handle).chars() {
        let sign = match letter {
            letter if letter.is_numeric() => '9',
            letter if letter.is_alphabetic() => 'a',
            other => other,
        };
        if sign == 'a' && pattern.ends_with('a') {
            continue;
        }
        runs += usize::from(!pattern.ends_with(sign));
        // A handle of very many digits is as good as one of some.
        if runs > PATTERN_RUNS_MAX || pattern.len() > 4 * PATTERN_RUNS_MAX {
            break;
        }
        pattern.push(sign);
    }
    pattern
}
