//! Which mentions of an alert come first, and who wrote them as a number. Knows nothing of rules.

use crate::mention::{Label, Mention};
use crate::post::Author;
use crate::text::hash::first_u64;

/// A reach at which more people make no post more telling: a million.
const REACH_DIGITS: f32 = 6.0;

/// `0..=3`, the sum of three equal parts: how strong its feeling is (or its stars, or a person's word), how many may
/// have seen it (logarithm of reach or followers, a million is full), how much it waits for an answer.
pub fn telling(mention: &Mention) -> f32 {
    let scores = mention.scores.as_ref();
    let feeling = match mention.correction {
        Some(Label::Neutral) => 0.0,
        Some(_) => 1.0,
        None => scores.map_or(0.0, |scores| scores.sentiment.abs()),
    };
    let stars = mention.post.rating.map_or(0.0, |stars| ((stars - 3.0).abs() / 2.0) as f32);
    let people = mention.post.reach.unwrap_or(0).max(mention.post.author.followers.unwrap_or(0));
    let reach = ((people as f32 + 1.0).log10() / REACH_DIGITS).min(1.0);
    let answer = scores.and_then(|scores| scores.needs_answer).unwrap_or(0.0);
    let sum = feeling.max(stars).min(1.0) + reach + answer;
    if sum.is_finite() { sum } else { 0.0 }
}

/// An author of a source as a number. Posts of a source that names no author share one: many of them are no crowd we can
/// prove.
pub fn author_key(source: &str, author: &Author<'_>) -> u64 {
    let name = author.id.as_deref().or(author.handle.as_deref()).unwrap_or("");
    first_u64(&blake3::hash(format!("{source}\0{name}").as_bytes()))
}
