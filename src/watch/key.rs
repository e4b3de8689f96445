//! What a post must hold to match a query: a few keys, at least one of which occurs in every post that matches. Chosen to
//! be rare. A query without any (`is:reply`, `rating:<=2`) has to be asked of every post.

use crate::query::field::{KeywordField, TextField};
use crate::query::word::Phrase;
use crate::query::{Expr, Term};

/// Where a key is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Words of text and title.
    Text,
    /// Words of the author's handle and name.
    Author,
    Bio,
    Tag,
    Handle,
    Ticker,
    /// A host or a parent of it.
    Host,
    Kind,
    Lang,
    /// Id or kind of the source.
    Source,
}

impl Place {
    pub const COUNT: usize = Place::Source as usize + 1;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key<'q> {
    pub place: Place,
    /// The beginning of a word, at least as long as the first of [`PREFIX_LENGTHS`].
    pub prefix: bool,
    pub text: &'q [u8],
}

/// Beginnings are looked up for each word of a post at those of these lengths (bytes) that any watch needs, so that they
/// must be few. A longer one is looked up by its first bytes, then compared.
pub(super) const PREFIX_LENGTHS: [usize; 4] = [2, 4, 6, 8];

/// Keys, and how often a post is expected to hold one of them; only the order of the figures matters.
pub(super) struct Keys<'q> {
    pub keys: Vec<Key<'q>>,
    cost: f64,
}

/// The keys of which one occurs whenever `expr` holds (or, `negated`, does not hold); `None` when there are none.
/// Recursion is bounded by the parser.
pub(super) fn keys(expr: &Expr, negated: bool) -> Option<Keys<'_>> {
    let part = |part| keys(part, negated);
    match (expr, negated) {
        (Expr::Not(inner), _) => keys(inner, !negated),
        (Expr::Term(term), false) => term_keys(term),
        // One part is enough to rule a post out: the rarest.
        (Expr::And(parts), false) | (Expr::Or(parts), true) => {
            parts.iter().filter_map(part).min_by(|a, b| a.cost.total_cmp(&b.cost))
        }
        (Expr::Or(parts), false) | (Expr::And(parts), true) => any(parts.iter().map(part)),
        (Expr::All, _) | (Expr::Term(_), true) => None,
    }
}

/// Those of all parts; `None` when one has none.
fn any<'q>(mut parts: impl Iterator<Item = Option<Keys<'q>>>) -> Option<Keys<'q>> {
    parts.try_fold(Keys { keys: Vec::new(), cost: 0.0 }, |mut all, keys| {
        let keys = keys?;
        all.keys.extend(keys.keys);
        all.cost += keys.cost;
        Some(all)
    })
}

/// The rarest word of a phrase.
fn phrase_keys(field: TextField, phrase: &Phrase) -> Option<Keys<'_>> {
    let place = match field {
        TextField::Any | TextField::Title | TextField::Text => Place::Text,
        TextField::Author => Place::Author,
        TextField::Bio => Place::Bio,
    };
    let parts = phrase.placed().flat_map(|(_, word, prefix)| {
        let last = word.width() - 1;
        word.parts().iter().enumerate().map(move |(n, part)| (part, prefix && n == last))
    });
    parts.filter_map(|(part, prefix)| word_key(place, part.as_bytes(), prefix)).min_by(|a, b| a.cost.total_cmp(&b.cost))
}

fn term_keys(term: &Term) -> Option<Keys<'_>> {
    match term {
        Term::Words { field, phrase } => phrase_keys(*field, phrase),
        Term::Near { field, operands, .. } => {
            let each = operands.iter().map(|phrases| any(phrases.iter().map(|phrase| phrase_keys(*field, phrase))));
            each.flatten().min_by(|a, b| a.cost.total_cmp(&b.cost))
        }
        Term::List(list) => any(list.entries().iter().map(term_keys)),
        Term::Ticker(ticker) => one(Place::Ticker, ticker, rarity(ticker.len()) / 4.0),
        Term::Tag(tag) => one(Place::Tag, tag, rarity(tag.len()) / 4.0),
        Term::Handle(handle) => one(Place::Handle, handle, rarity(handle.len()) / 4.0),
        Term::Url { host, .. } => one(Place::Host, host, rarity(host.len()) / 4.0),
        Term::Keyword { field: KeywordField::Kind, value } => one(Place::Kind, value, 1.0),
        Term::Keyword { field: KeywordField::Lang, value } => one(Place::Lang, value, 1.0),
        Term::Keyword { field: KeywordField::Source, value } => one(Place::Source, value, 2.0),
        Term::Keyword { .. } | Term::Number { .. } => None,
    }
}

fn one(place: Place, text: &str, cost: f64) -> Option<Keys<'_>> {
    Some(Keys { keys: vec![Key { place, prefix: false, text: text.as_bytes() }], cost })
}

/// `None`: a beginning too short to look for.
fn word_key(place: Place, word: &[u8], prefix: bool) -> Option<Keys<'_>> {
    if prefix && word.len() < PREFIX_LENGTHS[0] {
        return None;
    }
    let cost = rarity(word.len()) * if prefix { 4.0 } else { 1.0 };
    Some(Keys { keys: vec![Key { place, prefix, text: word }], cost })
}

/// Long words are rare words.
// An order, not a measure.
fn rarity(bytes: usize) -> f64 {
    1.0 / (bytes * bytes).max(1) as f64
}
