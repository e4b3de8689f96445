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

/// Buffers of whoever judges places; kept from text to text.
#[derive(Debug, Default)]
pub struct Spare {
    pub chain: Chain,
    /// Where each word of a phrase stands.
    pub places: Vec<Vec<u32>>,
    pub numbers: Vec<u32>,
}

/// A row of operands, judged one after the other; only buffers.
#[derive(Debug, Default)]
pub struct Chain {
    reached: Vec<Span>,
    next: Vec<Span>,
    ends: Vec<u32>,
}

impl Chain {
    /// Whether each operand stands within its link of the one before. `spans` adds where a phrase stands, and is asked of
    /// the phrases in order, until an operand is out of reach.
    pub fn holds(
        &mut self,
        operands: &[Vec<Phrase>],
        links: &[Link],
        mut spans: impl FnMut(&Phrase, &mut Vec<Span>),
    ) -> bool {
        let Self { reached, next, ends } = self;
        for (n, operand) in operands.iter().enumerate() {
            next.clear();
            operand.iter().for_each(|phrase| spans(phrase, next));
            sort(next);
            if let Some(link) = n.checked_sub(1).and_then(|n| links.get(n)) {
                step(reached, next, *link, ends);
            }
            if next.is_empty() {
                return false;
            }
            std::mem::swap(reached, next);
        }
        !operands.is_empty()
    }
}

/// Puts spans in order, each once.
pub fn sort(spans: &mut Vec<Span>) {
    spans.sort_unstable();
    spans.dedup();
}

/// Keeps of `next` what stands within reach of any of `reached`, neither overlapping the other. Both in order of their
/// starts; `ends` is a buffer. Time: of both together, for what stands behind; times a logarithm for the rest.
fn step(reached: &[Span], next: &mut Vec<Span>, link: Link, ends: &mut Vec<u32>) {
    ends.clear();
    ends.extend(reached.iter().map(|span| span.end));
    ends.sort_unstable();
    let mut before = 0;
    next.retain(|span| {
        // The last word of the one before stands 1..=distance before our first.
        let lowest = (span.start + 1).saturating_sub(link.distance);
        while ends.get(before).is_some_and(|&end| end < lowest) {
            before += 1;
        }
        if ends.get(before).is_some_and(|&end| end <= span.start) {
            return true;
        }
        // Or its first 1..=distance behind our last.
        let behind = || reached.partition_point(|other| other.start < span.end);
        !link.ordered && reached.get(behind()).is_some_and(|other| other.start < span.end + link.distance)
    });
}

/// Whether the words of a loose phrase stand so that their distances from their places in the phrase differ by at most its
/// slop. A word that stands twice in the phrase has to stand twice in the text. `places`: where each word stands, in order;
/// `chosen` is a buffer. Time: the length of the text times the number of words, at most, and far less as a rule.
pub fn phrase(phrase: &Phrase, places: &[Vec<u32>], chosen: &mut Vec<u32>) -> bool {
    let ends = || {
        places.iter().zip(phrase.placed()).flat_map(|(places, (offset, ..))| {
            places.first().into_iter().chain(places.last()).map(move |&place| i64::from(place) - offset as i64)
        })
    };
    let (Some(first), Some(last)) = (ends().min(), ends().max()) else { return false };
    let words: Vec<Loose> = phrase
        .placed()
        .zip(places)
        .enumerate()
        .map(|(n, ((offset, word, prefix), places))| {
            let same = phrase.words[..n].iter().rposition(|before| before == word && !prefix);
            Loose { offset: offset as i64, same, places }
        })
        .collect();
    chosen.clear();
    chosen.resize(words.len(), 0);
    // Wherever the phrase begins, its windows only move on.
    let mut begin = first;
    while begin <= last {
        match next_begin(&words, i64::from(phrase.slop), begin, chosen) {
            None => return true,
            Some(next) => begin = next.max(begin + 1),
        }
    }
    false
}

/// A word of a loose phrase.
struct Loose<'p> {
    offset: i64,
    /// The same word earlier in the phrase.
    same: Option<usize>,
    places: &'p [u32],
}

/// `None` when every word stands within the slop behind its place in a phrase that begins at `begin`; else the first
/// begin that is worth asking about next. `chosen`: which of its places each word took; as windows move on, so do these.
fn next_begin(words: &[Loose<'_>], slop: i64, begin: i64, chosen: &mut [u32]) -> Option<i64> {
    for (n, word) in words.iter().enumerate() {
        let wanted = begin + word.offset;
        // The same word earlier in the phrase took the first place that it could; this one needs a later one.
        let from =
            word.same.map_or(wanted, |same| wanted.max(i64::from(words[same].places[chosen[same] as usize]) + 1));
        let skipped = word.places[chosen[n] as usize..].iter().position(|&place| i64::from(place) >= from);
        let Some(skipped) = skipped else { return Some(i64::MAX - 1) };
        // A text has far fewer than 2^32 words.
        chosen[n] += skipped as u32;
        let place = i64::from(word.places[chosen[n] as usize]);
        if place > wanted + slop {
            // Nothing is in reach before the window has come to it.
            return Some(if word.same.is_none() { place - slop - word.offset } else { begin + 1 });
        }
    }
    None
}
