//! Where the next page begins, as it travels through a caller's hands and back.

use super::relevance::{WEIGHT_MAX, WORDS_MAX};
use super::sort::{Key, Sort};
use super::{Error, Page};
use crate::query::Query;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The last hit of a page. New mentions come before it or after it but never move it, so that pages neither repeat nor
/// skip what was there at the first one and stayed as it was. Its text form is plain ASCII, under 200 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) key: Key,
    pub(super) sort: Sort,
    /// Of what was asked: a place in one list says nothing of another.
    pub(super) asked: u64,
    /// What the words of the query weighed at the first page, for [`Sort::Relevance`].
    pub(super) weights: Vec<u8>,
}

/// Tells what was asked from what else may be asked: the query as written, the sort and the brands.
pub(super) fn asked(query: &Query, page: &Page) -> u64 {
    let mut hasher = blake3::Hasher::new();
    // Nothing that a person may write holds the separator.
    for part in [query.text.as_str(), page.sort.name()] {
        hasher.update(part.as_bytes()).update(b"\0");
    }
    for brand in page.brands.iter().flatten() {
        hasher.update(brand.as_bytes()).update(b"\0");
    }
    hasher.update(&[u8::from(page.brands.is_some())]);
    let hash = hasher.finalize();
    u64::from_le_bytes(std::array::from_fn(|n| hash.as_bytes()[n]))
}

impl Place {
    /// # Errors
    /// [`Error::Unfit`] when it was made by another search.
    pub(super) fn check(&self, asked: u64, sort: Sort, words: usize) -> Result<(), Error> {
        let other = if self.sort != sort {
            format!("it belongs to a search sorted by {}", self.sort.name())
        } else if self.asked != asked {
            "it belongs to another query or other brands".to_owned()
        } else if self.weights.len() != words {
            "it was made by another version".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Unfit("cursor", format!("this cursor fits no page here: {other}")))
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Key { rank, created, seq } = self.key;
        write!(f, "{} {rank} {created} {seq} {:x} ", self.sort.name(), self.asked)?;
        self.weights.iter().try_for_each(|weight| write!(f, "{weight:x}"))
    }
}

/// The text is no place.
#[derive(Debug, PartialEq, Eq)]
pub struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let parts: Vec<&str> = text.split(' ').collect();
        let [sort, rank, created, seq, asked, weights] = parts[..] else { return Err(NoPlace) };
        let whole = |text: &str| text.parse().map_err(|_| NoPlace);
        let key = Key { rank: whole(rank)?, created: created.parse().map_err(|_| NoPlace)?, seq: whole(seq)? };
        let weight = |digit: char| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let weights: Vec<u8> = weights.chars().map(weight).collect::<Option<_>>().ok_or(NoPlace)?;
        let sound = weights.len() <= WORDS_MAX && weights.iter().all(|weight| (1..=WEIGHT_MAX).contains(weight));
        let sort = Sort::ALL.iter().find(|(name, _)| *name == sort).ok_or(NoPlace)?.1;
        let asked = u64::from_str_radix(asked, 16).map_err(|_| NoPlace)?;
        if sound { Ok(Self { key, sort, asked, weights }) } else { Err(NoPlace) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn comes_back_as_it_was(
            rank: u64, created: i64, seq: u64, asked: u64, n in 0..Sort::ALL.len(),
            weights in proptest::collection::vec(1..=WEIGHT_MAX, 0..=WORDS_MAX),
        ) {
            let place = Place { key: Key { rank, created, seq }, sort: Sort::ALL[n].1, asked, weights };
            let text = place.to_string();
            prop_assert!(text.len() < 200 && text.is_ascii());
            prop_assert_eq!(text.parse(), Ok(place));
        }

        #[test]
        fn other_text_is_no_place(text in ".*") {
            prop_assert_eq!(text.parse::<Place>(), Err(NoPlace));
        }
    }

    #[test]
    fn what_cannot_be_is_no_place() {
        let long = format!("newest 0 1 2 a {}", "1".repeat(WORDS_MAX + 1));
        for text in
            ["newest 0 1 2 a 0", "newest 0 1 2 a g", "oldest 0 1 2 a ", "newest 0 1 -2 a ", "newest 0 1 2 a", &long]
        {
            assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
        }
    }
}
