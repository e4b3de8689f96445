//! Where words stand to each other: the one meaning of NEAR, ONEAR and `~`, for both evaluators. Knows places only.

use super::word::Phrase;

/// The words `start..end` of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

/// How far the next operand may stand from the one before: words that touch are 1 apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// `1..=`[`super::DISTANCE_MAX`].
    pub distance: u32,
    /// The next one comes after.
    pub ordered: bool,
}

/// Puts spans in order, each once.
pub fn sort(spans: &mut Vec<Span>) {
    spans.sort_unstable();
    spans.dedup();
}

/// Keeps of `next` what stands within reach of any of `reached`, neither overlapping the other. Both in order of their
/// starts; `ends` is a buffer. Time: of both together, times a logarithm.
pub fn step(reached: &[Span], next: &mut Vec<Span>, link: Link, ends: &mut Vec<u32>) {
    ends.clear();
    ends.extend(reached.iter().map(|span| span.end));
    ends.sort_unstable();
    next.retain(|span| {
        // The last word of the one before stands 1..=distance before our first.
        let lowest = (span.start + 1).saturating_sub(link.distance);
        let before = ends.partition_point(|&end| end < lowest);
        if ends.get(before).is_some_and(|&end| end <= span.start) {
            return true;
        }
        // Or its first 1..=distance behind our last.
        let behind = reached.partition_point(|other| other.start < span.end);
        !link.ordered && reached.get(behind).is_some_and(|other| other.start < span.end + link.distance)
    });
}

/// Whether the words of a loose phrase stand so that their distances from their places in the phrase differ by at most its
/// slop. A word that stands twice in the phrase has to stand twice in the text. `places`: where each word stands, in order;
/// `taken` is a buffer. Time: the length of the text times the number of words, at most, and far less as a rule.
pub fn phrase(phrase: &Phrase, places: &[Vec<u32>], taken: &mut Vec<u32>) -> bool {
    let ends = || {
        places.iter().zip(phrase.placed()).flat_map(|(places, (offset, ..))| {
            places.first().into_iter().chain(places.last()).map(move |&place| i64::from(place) - offset as i64)
        })
    };
    let (Some(first), Some(last)) = (ends().min(), ends().max()) else { return false };
    // Wherever the phrase begins, its windows only move on.
    let mut begin = first;
    while begin <= last {
        match next_begin(phrase, places, begin, taken) {
            None => return true,
            Some(next) => begin = next.max(begin + 1),
        }
    }
    false
}

/// `None` when every word stands within the slop behind its place in a phrase that begins at `begin`; else the first
/// begin that is worth asking about next.
fn next_begin(phrase: &Phrase, places: &[Vec<u32>], begin: i64, taken: &mut Vec<u32>) -> Option<i64> {
    taken.clear();
    for ((offset, word, prefix), places) in phrase.placed().zip(places) {
        let wanted = begin + offset as i64;
        // The same word earlier in the phrase took the first place that it could; this one needs a later one.
        let same = phrase.words[..taken.len()].iter().rposition(|before| before == word && !prefix);
        let from = same.map_or(wanted, |same| wanted.max(i64::from(taken[same]) + 1));
        let at = places.partition_point(|&place| i64::from(place) < from);
        match places.get(at) {
            Some(&place) if i64::from(place) <= wanted + i64::from(phrase.slop) => taken.push(place),
            // Nothing is in reach before the window has come to it.
            Some(&place) if same.is_none() => return Some(i64::from(place) - i64::from(phrase.slop) - offset as i64),
            Some(_) => return Some(begin + 1),
            None => return Some(i64::MAX - 1),
        }
    }
    None
}
