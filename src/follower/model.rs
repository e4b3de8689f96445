//! The follower model: log-odds as what the three counts say together, read off a table, and what each trait adds. For each
//! set of counts that may be known there is a table of its own; an unknown trait adds what keeps the mean right.

use super::file::{BadModel, COUNTS, MANIFEST, NAMES, SETS, Trait, WEIGHTS, Weights};
use super::profile::{Profile, local};
use super::reason::{Fact, Reason, strongest};
use super::share::Rates;

/// By how many counts are known, and by how many of them came before a given one: the share of all orders of becoming
/// known in which exactly those came before.
const ORDERS: [[f64; COUNTS]; COUNTS + 1] =
    [[0.0; COUNTS], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1.0 / 3.0, 1.0 / 6.0, 1.0 / 3.0]];

/// The scorer with its weights loaded; cheap to share between threads.
pub struct Model {
    weights: Weights,
}

/// What the model says of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Likelihood of spam, `0..=1`, for a mix with one spam profile in ten, as the training data has. With nothing known
    /// it is that tenth and says nothing.
    pub spam: f32,
    /// Strongest first, four at most.
    pub reasons: Vec<Reason>,
    /// Fields of the profile that the likelihood rests on.
    pub known: Vec<&'static str>,
}

/// The log-odds in parts: `base` and the known ones add up to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// With nothing known.
    pub base: f64,
    /// Followers, following, posts: each one's mean part over all orders in which they may become known (Shapley).
    pub counts: [Option<f64>; COUNTS],
    /// The traits: what each adds to being unknown.
    pub has_avatar: Option<f64>,
    pub handle_digit_share: Option<f64>,
    pub handle_trailing_digits: Option<f64>,
}

/// Between which knots a value lies: behind the first of them, by this share of the way to the next.
#[derive(Clone, Copy, Default)]
struct Place {
    knot: usize,
    share: f64,
}

/// What of a handle counts.
#[derive(Clone, Copy)]
struct Handle {
    length: u32,
    digits: u32,
    trailing: u32,
}

/// A profile as the model reads it.
struct Read {
    counts: [Option<u64>; COUNTS],
    places: [Place; COUNTS],
    has_avatar: Option<bool>,
    handle: Option<Handle>,
}

impl Model {
    /// Loads the embedded weights after checking their checksum and shape.
    ///
    /// # Errors
    /// The program was built from altered weights: stop.
    pub fn load() -> Result<Self, BadModel> {
        Ok(Self { weights: Weights::parse(MANIFEST, WEIGHTS)? })
    }

    /// Measured on the training rows.
    pub fn rates(&self) -> &Rates {
        &self.weights.rates
    }

    /// Likelihood of spam, `0..=1`, without reasons and without allocating.
    pub fn spam(&self, profile: &Profile) -> f32 {
        sigmoid(self.log_odds(profile))
    }

    /// Natural logarithm of the odds of spam.
    pub fn log_odds(&self, profile: &Profile) -> f64 {
        self.log_odds_of(&self.read(profile))
    }

    /// Likelihood, reasons and what they rest on.
    pub fn likelihood(&self, profile: &Profile) -> Score {
        let read = self.read(profile);
        let [followers, following, posts] = read.counts;
        let terms = self.terms_of(&read);
        let [of_followers, of_following, of_posts] = terms.counts;
        let network = sum(of_followers, of_following).map(|term| (term, Fact::Network { following, followers }));
        let picture = terms.has_avatar.zip(read.has_avatar).map(|(term, has)| (term, Fact::Picture(has)));
        let handle =
            sum(terms.handle_digit_share, terms.handle_trailing_digits).zip(read.handle).map(|(term, handle)| {
                let Handle { length, digits, trailing } = handle;
                (term, Fact::Handle { digits, trailing, length })
            });
        let posts = of_posts.zip(posts).map(|(term, posts)| (term, Fact::Posts(posts)));
        let counts = NAMES.into_iter().zip(read.counts).filter_map(|(name, count)| count.map(|_| name));
        Score {
            spam: sigmoid(self.log_odds_of(&read)),
            reasons: strongest([network, posts, picture, handle].into_iter().flatten()),
            known: counts.chain(read.has_avatar.map(|_| "has_avatar")).chain(read.handle.map(|_| "handle")).collect(),
        }
    }

    /// The log-odds in parts.
    pub fn terms(&self, profile: &Profile) -> Terms {
        self.terms_of(&self.read(profile))
    }

    fn log_odds_of(&self, read: &Read) -> f64 {
        let traits = self.traits().zip(read.traits());
        self.said(read.known(), read) + traits.map(|(of, value)| of.at(value)).sum::<f64>()
    }

    fn terms_of(&self, read: &Read) -> Terms {
        let known = read.known();
        let said: [f64; SETS] = std::array::from_fn(|set| if set & !known == 0 { self.said(set, read) } else { 0.0 });
        let share = &ORDERS[known.count_ones() as usize];
        let part = |bit: usize| {
            let before = (0..SETS).filter(|set| set & !known == 0 && set & bit == 0);
            before.map(|set| share[set.count_ones() as usize] * (said[set | bit] - said[set])).sum::<f64>()
        };
        let adds = |of: &Trait, value: Option<f64>| value.map(|value| of.at(Some(value)) - of.missing);
        let [has_avatar, digit_share, trailing] = read.traits();
        Terms {
            base: said[0] + self.traits().map(|of| of.missing).sum::<f64>(),
            counts: std::array::from_fn(|count| read.counts[count].map(|_| part(1 << count))),
            has_avatar: adds(&self.weights.avatar, has_avatar),
            handle_digit_share: adds(&self.weights.digit_share, digit_share),
            handle_trailing_digits: adds(&self.weights.trailing, trailing),
        }
    }

    fn traits(&self) -> impl Iterator<Item = &Trait> {
        [&self.weights.avatar, &self.weights.digit_share, &self.weights.trailing].into_iter()
    }

    fn read(&self, profile: &Profile) -> Read {
        let counts = [profile.followers, profile.following, profile.posts];
        Read {
            counts,
            places: std::array::from_fn(|count| {
                counts[count]
                    .map_or(Place::default(), |value| place(&self.weights.knots[count], (value as f64).ln_1p()))
            }),
            has_avatar: profile.has_avatar,
            handle: profile.handle.as_deref().and_then(handle),
        }
    }

    /// What the counts of `set` say: straight between the knots of its table along each of them.
    fn said(&self, set: usize, read: &Read) -> f64 {
        let table = &self.weights.tables[set];
        let corners = (0..SETS).filter(|corner| corner & !set == 0);
        let value = corners.map(|corner| {
            let (mut at, mut share) = (0, 1.0);
            for count in (0..COUNTS).filter(|count| set >> count & 1 == 1) {
                let (place, upper) = (read.places[count], corner >> count & 1);
                at += (place.knot + upper) * table.stride[count];
                share *= if upper == 1 { place.share } else { 1.0 - place.share };
            }
            share * table.log_odds[at]
        });
        value.sum()
    }
}

impl Read {
    fn known(&self) -> usize {
        (0..COUNTS).filter(|count| self.counts[*count].is_some()).map(|count| 1 << count).sum()
    }

    /// In the order of [`Model::traits`].
    fn traits(&self) -> [Option<f64>; 3] {
        [
            self.has_avatar.map(|has| f64::from(u8::from(has))),
            self.handle.map(|handle| f64::from(handle.digits) / f64::from(handle.length)),
            self.handle.map(|handle| f64::from(handle.trailing)),
        ]
    }
}

impl Trait {
    fn at(&self, value: Option<f64>) -> f64 {
        value.map_or(self.missing, |value| {
            let Place { knot, share } = place(&self.at, value);
            self.log_odds[knot] * (1.0 - share) + self.log_odds[knot + 1] * share
        })
    }
}

/// Of a handle, or nothing where it is empty. Digits of every script count, since a digit in disguise is one.
fn handle(handle: &str) -> Option<Handle> {
    let mut found = Handle { length: 0, digits: 0, trailing: 0 };
    for letter in local(handle).chars() {
        found.length += 1;
        if letter.is_numeric() {
            found.digits += 1;
            found.trailing += 1;
        } else {
            found.trailing = 0;
        }
    }
    (found.length > 0).then_some(found)
}

/// Beyond the last knot is at the last knot. There are two knots at least, the first at 0.
fn place(knots: &[f64], value: f64) -> Place {
    let knot = knots.partition_point(|knot| *knot <= value).clamp(1, knots.len() - 1) - 1;
    let share = (value - knots[knot]) / (knots[knot + 1] - knots[knot]);
    Place { knot, share: share.clamp(0.0, 1.0) }
}

fn sum(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.map_or(other, |one| Some(one + other.unwrap_or(0.0)))
}

fn sigmoid(log_odds: f64) -> f32 {
    (1.0 + (-log_odds).exp()).recip() as f32
}
