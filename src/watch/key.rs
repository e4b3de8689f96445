//! What a post must hold to match a query: a few keys, at least one of which occurs in every post that matches. Chosen to
//! be rare. A query without any (`is:reply`, `rating:<=2`) has to be asked of every post.

use super::hash::{Ends, look};
use crate::query::field::{KeywordField, TextField};
use crate::query::word::Phrase;
use crate::query::{Expr, Term};
use crate::text::is_unspaced;
use crate::text::little::is_little;
use foldhash::fast::RandomState;
use std::collections::HashMap;

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
    pub form: Form<'q>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'q> {
    Whole(&'q str),
    /// The beginning of a word, at least as long as the first of [`PREFIX_LENGTHS`].
    Beginning(&'q str),
    /// Two characters of scripts without spaces that follow each other, with nothing between that is a word. One alone is
    /// in every other post.
    Pair([char; 2]),
}

/// Beginnings are looked up for each word of a post at those of these lengths (bytes) that any watch needs, so that they
/// must be few. A longer one is looked up by its first bytes, then compared.
pub(super) const PREFIX_LENGTHS: [usize; 4] = [2, 4, 6, 8];

impl<'q> Key<'q> {
    /// How many bytes of the word are looked for; 0: all of it.
    fn beginning(&self) -> usize {
        if let Form::Beginning(text) = self.form { prefix_length(text) } else { 0 }
    }

    /// What the word has to begin with; empty where [`Key::hash`] says it all.
    pub fn begins(&self) -> &'q str {
        if let Form::Beginning(text) = self.form { text } else { "" }
    }

    fn ends(&self) -> Ends {
        match self.form {
            Form::Whole(text) => Ends::of(text.as_bytes()),
            Form::Beginning(text) => Ends::of(text.as_bytes()).beginning(prefix_length(text)),
            Form::Pair(pair) => pair_ends(pair),
        }
    }

    /// The same for the same key, and hardly ever for another.
    pub fn hash(&self) -> u64 {
        self.ends().hash(respect(self.place, self.beginning()))
    }

    /// For the bit map. Whole words and beginnings of eight bytes share it, so that nearly always one look is all.
    pub fn look(&self) -> u64 {
        let ends = self.ends();
        match self.form {
            Form::Pair(_) => self.hash(),
            _ if ends.length >= 8 => look(ends.first, respect(self.place, 0)),
            _ => look(ends.first, respect(self.place, self.beginning())),
        }
    }
}

/// In which respect a text is looked for, so that the same letters differ as word, as tag and as the beginning of a word
/// (its length; else 0).
pub(super) const fn respect(place: Place, beginning: usize) -> u64 {
    (place as u64) << 4 | beginning as u64
}

/// The longest of [`PREFIX_LENGTHS`] that `text` has.
pub(super) fn prefix_length(text: &str) -> usize {
    PREFIX_LENGTHS.into_iter().rfind(|&length| length <= text.len()).unwrap_or(PREFIX_LENGTHS[0])
}

pub(super) fn pair_ends([a, b]: [char; 2]) -> Ends {
    // No text has a length of 0 and letters.
    Ends { first: u64::from(a) << 32 | u64::from(b), last: 0, length: 0 }
}

/// Keys, and how often a post is expected to hold one of them; only the order of the figures matters.
pub(super) struct Keys<'q> {
    pub keys: Vec<Key<'q>>,
    cost: f64,
}

impl Keys<'_> {
    fn cheaper(one: Self, other: Self) -> Self {
        if other.cost < one.cost { other } else { one }
    }
}

/// How rare keys are taken to be: by what they look like, and by how many queries ask for them. What thousands of
/// watches ask for is what their posts are about, and each such post would raise all of them.
#[derive(Default)]
pub(super) struct Rarity {
    asked: HashMap<u64, u32, RandomState>,
}

/// A little word is a key only where nothing else is.
const LITTLE: f64 = 1e9;

impl Rarity {
    pub fn of<'q>(queries: impl Iterator<Item = &'q Expr>) -> Self {
        let mut rarity = Self::default();
        queries.for_each(|query| rarity.count(query, false));
        rarity
    }

    fn count(&mut self, expr: &Expr, negated: bool) {
        match expr {
            Expr::Not(inner) => self.count(inner, !negated),
            Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| self.count(part, negated)),
            Expr::Term(term) if !negated => each_key(term, &mut |key| *self.asked.entry(key.hash()).or_default() += 1),
            Expr::Term(_) | Expr::All => {}
        }
    }

    fn cost(&self, key: &Key<'_>) -> f64 {
        let alone = match (key.place, key.form) {
            (Place::Kind | Place::Lang, _) => 1.0,
            (Place::Source, _) => 2.0,
            (Place::Tag | Place::Handle | Place::Ticker | Place::Host, Form::Whole(text)) => long(text) / 4.0,
            (_, Form::Whole(text)) if is_little(text) => LITTLE,
            (_, Form::Whole(text)) if text.starts_with(is_unspaced) => text.chars().map(unspaced).product(),
            (_, Form::Whole(text)) => long(text),
            (_, Form::Beginning(text)) => long(text) * 4.0,
            (_, Form::Pair([a, b])) => unspaced(a) * unspaced(b),
        };
        alone * f64::from(self.asked.get(&key.hash()).copied().unwrap_or(1))
    }

    /// The keys of which one occurs whenever `expr` holds (or, `negated`, does not hold); `None` when there are none.
    /// Recursion is bounded by the parser.
    pub fn keys<'q>(&self, expr: &'q Expr, negated: bool) -> Option<Keys<'q>> {
        let part = |part| self.keys(part, negated);
        match (expr, negated) {
            (Expr::Not(inner), _) => self.keys(inner, !negated),
            (Expr::Term(term), false) => self.of_term(term),
            // One part is enough to rule a post out: the rarest.
            (Expr::And(parts), false) | (Expr::Or(parts), true) => parts.iter().filter_map(part).reduce(Keys::cheaper),
            (Expr::Or(parts), false) | (Expr::And(parts), true) => any(parts.iter().map(part)),
            (Expr::All, _) | (Expr::Term(_), true) => None,
        }
    }

    fn of_term<'q>(&self, term: &'q Term) -> Option<Keys<'q>> {
        match term {
            Term::Near { field, operands, .. } => {
                let of = |phrase| self.rarest(|each| each_of_phrase(place(*field), phrase, each));
                operands.iter().filter_map(|phrases| any(phrases.iter().map(of))).reduce(Keys::cheaper)
            }
            Term::List(list) => any(list.entries().iter().map(|entry| self.of_term(entry))),
            term => self.rarest(|each| each_key(term, each)),
        }
    }

    fn rarest<'q>(&self, keys: impl FnOnce(&mut dyn FnMut(Key<'q>))) -> Option<Keys<'q>> {
        let mut best: Option<(Key<'q>, f64)> = None;
        keys(&mut |key| {
            let cost = self.cost(&key);
            if best.is_none_or(|(_, least)| cost < least) {
                best = Some((key, cost));
            }
        });
        best.map(|(key, cost)| Keys { keys: vec![key], cost })
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

/// Long words are rare words.
// An order, not a measure.
fn long(text: &str) -> f64 {
    1.0 / (text.len() * text.len()).max(1) as f64
}

/// There are thousands of ideographs, and some dozens of everything else.
fn unspaced(c: char) -> f64 {
    if c < '\u{3400}' { 0.5 } else { 1.0 / 6.0 }
}

/// What a term asks for: each of it occurs in every post of which the term holds. Of NEAR and of lists only [`Rarity`]
/// knows, since there one of several is enough.
fn each_key<'q>(term: &'q Term, each: &mut dyn FnMut(Key<'q>)) {
    let mut whole = |place, text| each(Key { place, form: Form::Whole(text) });
    match term {
        Term::Words { field, phrase } => each_of_phrase(place(*field), phrase, each),
        Term::Tag(tag) => whole(Place::Tag, tag),
        Term::Handle(handle) => whole(Place::Handle, handle),
        Term::Ticker(ticker) => whole(Place::Ticker, ticker),
        Term::Url { host, .. } => whole(Place::Host, host),
        Term::Keyword { field: KeywordField::Kind, value } => whole(Place::Kind, value),
        Term::Keyword { field: KeywordField::Lang, value } => whole(Place::Lang, value),
        Term::Keyword { field: KeywordField::Source, value } => whole(Place::Source, value),
        Term::Near { .. } | Term::List(_) | Term::Keyword { .. } | Term::Number { .. } => {}
    }
}

fn place(field: TextField) -> Place {
    match field {
        TextField::Any | TextField::Title | TextField::Text => Place::Text,
        TextField::Author => Place::Author,
        TextField::Bio => Place::Bio,
    }
}

/// The words of a phrase, and the pairs of characters that follow each other in it.
fn each_of_phrase<'q>(place: Place, phrase: &'q Phrase, each: &mut dyn FnMut(Key<'q>)) {
    let mut before = None;
    for (_, word, prefix) in phrase.placed() {
        if phrase.slop > 0 {
            before = None;
        }
        let last = word.width() - 1;
        for (n, part) in word.parts().iter().enumerate() {
            let form = if !(prefix && n == last) {
                Form::Whole(part)
            } else if part.len() >= PREFIX_LENGTHS[0] {
                Form::Beginning(part)
            } else {
                continue;
            };
            each(Key { place, form });
            if !part.starts_with(is_unspaced) {
                before = None;
                continue;
            }
            for c in part.chars().filter(|c| is_unspaced(*c)) {
                if let Some(before) = before.replace(c) {
                    each(Key { place, form: Form::Pair([before, c]) });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    /// The keys of the first query, where all of them are watched.
    fn keys(queries: &[&str]) -> String {
        let parsed: Vec<Query> = queries.iter().map(|query| Query::parse(query).unwrap()).collect();
        let rarity = Rarity::of(parsed.iter().map(|query| &query.expr));
        let Some(Keys { keys, .. }) = rarity.keys(&parsed[0].expr, false) else { return "none".to_owned() };
        let shown = keys.iter().map(|key| match key.form {
            Form::Whole(text) => text.to_owned(),
            Form::Beginning(text) => format!("{text}*"),
            Form::Pair(pair) => format!("{}+{}", pair[0], pair[1]),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_rarest_required_word_is_the_key() {
        for (query, expected) in [
            ("acme refund", "refund"),
            ("acme OR refund", "acme refund"),
            ("acme -refund", "acme"),
            ("NOT (acme OR refund)", "none"),
            ("acme always", "acme"),
            ("\"never without it\"", "without"),
            ("the", "the"),
            ("acme (always OR x)", "acme"),
            ("is:reply", "none"),
            ("refund* acme", "acme"),
            ("返", "返"),
            ("返金", "返+金"),
            ("です返金の", "返+金"),
            ("返金*", "返+金"),
            ("サポート", "サポート"),
            ("\"refund acme\"~3", "refund"),
            ("acme NEAR/5 (refund OR chargeback)", "refund chargeback"),
            ("acme NEAR/5 to", "acme"),
            ("case:ACME $acme", "acme"),
        ] {
            assert_eq!(keys(&[query]), expected, "{query}");
        }
    }

    #[test]
    fn what_every_watch_asks_for_is_no_key() {
        let others: Vec<String> = (0..100).map(|n| format!("customer name{n}")).collect();
        let mut queries = vec!["customer bolt"];
        assert_eq!(keys(&queries), "customer");
        queries.extend(others.iter().map(String::as_str));
        assert_eq!(keys(&queries), "bolt");
    }
}
