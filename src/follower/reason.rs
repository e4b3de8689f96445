//! Why a profile is likely or unlikely spam, in words. Holds numbers only, never a stranger's text, and makes the words
//! when somebody reads them.

use std::fmt;

/// So many reasons are told at most: more are not read.
pub const REASONS_MAX: usize = 4;

/// What moves the odds by less than a third is no reason.
pub const LOG_ODDS_MIN: f64 = 0.3;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reason {
    /// What it adds to the log-odds of spam; below zero, it speaks for a person.
    pub log_odds: f32,
    pub fact: Fact,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// At least one of both is known.
    Network {
        following: Option<u64>,
        followers: Option<u64>,
    },
    Posts(u64),
    Picture(bool),
    Handle {
        digits: u32,
        trailing: u32,
        length: u32,
    },
}

impl Reason {
    pub fn speaks_for_a_person(&self) -> bool {
        self.log_odds < 0.0
    }
}

/// The reasons among `found`, strongest first.
pub fn strongest(found: impl IntoIterator<Item = (f64, Fact)>) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = found
        .into_iter()
        .filter(|(log_odds, _)| log_odds.abs() >= LOG_ODDS_MIN)
        .map(|(log_odds, fact)| Reason { log_odds: log_odds as f32, fact })
        .collect();
    reasons.sort_by(|one, other| other.log_odds.abs().total_cmp(&one.log_odds.abs()));
    reasons.truncate(REASONS_MAX);
    reasons
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.speaks_for_a_person() {
            f.write_str("for a person: ")?;
        }
        match self.fact {
            Fact::Network { following: Some(following), followers: Some(followers) } => {
                write!(f, "follows {}, followed by {}", Grouped(following), Grouped(followers))
            }
            Fact::Network { following: Some(following), .. } => write!(f, "follows {}", Grouped(following)),
            Fact::Network { followers: Some(followers), .. } => write!(f, "followed by {}", Grouped(followers)),
            Fact::Network { .. } => f.write_str("followers not known"),
            Fact::Posts(0) => f.write_str("no post"),
            Fact::Posts(1) => f.write_str("1 post"),
            Fact::Posts(posts) => write!(f, "{} posts", Grouped(posts)),
            Fact::Picture(false) => f.write_str("no picture"),
            Fact::Picture(true) => f.write_str("has a picture"),
            Fact::Handle { digits: 0, .. } => f.write_str("no digit in the handle"),
            Fact::Handle { digits, length, .. } if digits == length => f.write_str("the handle is all digits"),
            Fact::Handle { trailing, .. } if trailing > 1 => write!(f, "handle ends in {trailing} digits"),
            Fact::Handle { digits, length, .. } => {
                write!(f, "{digits} of {length} characters of the handle are digits")
            }
        }
    }
}

/// `4812` as `4,812`.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            small @ 0..1_000 => write!(f, "{small}"),
            large => write!(f, "{},{:03}", Grouped(large / 1_000), large % 1_000),
        }
    }
}
