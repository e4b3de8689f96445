//! What may be written next, for a search box: fields, their values, lists and named queries.

use super::field::{FIELDS, Holds, KeywordField};
use super::lex::is_quote;
use super::names::Names;
use serde::Serialize;
use std::ops::Range;

/// More would not be read.
const OFFERS_MAX: usize = 20;

/// What the configuration knows that the language does not.
#[derive(Clone, Debug, Default)]
pub struct Configured<'a> {
    /// Ids and kinds.
    pub sources: Vec<&'a str>,
    pub brands: Vec<&'a str>,
    pub watches: Vec<&'a str>,
    pub names: Option<&'a Names>,
}

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// Stands in the place of what is being written.
    pub text: String,
    pub means: String,
}

/// The part of `text` (bytes) that is being written, up to its end, and what could stand there instead. No offers
/// inside quotes or when nothing fits.
pub fn complete(text: &str, configured: &Configured<'_>) -> (Range<usize>, Vec<Offer>) {
    let before = text.trim_end_matches(|c: char| !(c.is_whitespace() || c == '(' || c == ')'));
    let word = text[before.len()..].trim_start_matches('-');
    let start = text.len() - word.len();
    if word.is_empty() || text.chars().filter(|c| is_quote(*c)).count() % 2 == 1 {
        return (text.len()..text.len(), Vec::new());
    }
    let mut offers = match word.split_once(':') {
        Some((name, value)) => values(name, value, configured),
        None => fields(word),
    };
    offers.truncate(OFFERS_MAX);
    (start..text.len(), offers)
}

fn fields(word: &str) -> Vec<Offer> {
    let word = word.to_ascii_lowercase();
    let named = |(name, means): (&str, &str)| Offer { text: format!("{name}:"), means: means.to_owned() };
    let modifiers = [
        ("case", "exactly as written, case and accents included"),
        ("in", "any entry of a list"),
        ("let", "a named query of a rules file"),
    ];
    let mut all: Vec<(&str, &str)> = FIELDS.iter().map(|row| (row.name, row.means)).chain(modifiers).collect();
    // `sentiment` stands twice.
    all.dedup_by_key(|(name, _)| *name);
    all.into_iter().filter(|(name, _)| name.starts_with(&word)).map(named).collect()
}

fn values(name: &str, value: &str, configured: &Configured<'_>) -> Vec<Offer> {
    let lower = value.to_lowercase();
    let offer = |value: &str, means: &str| Offer { text: format!("{name}:{value}"), means: means.to_owned() };
    let among = |known: &[&str], means: &str| -> Vec<Offer> {
        known.iter().filter(|known| known.to_lowercase().starts_with(&lower)).map(|known| offer(known, means)).collect()
    };
    match (name, configured.names) {
        ("in", Some(names)) => {
            let lists = names.lists.values().map(|list| (format!("${}", list.name), list.entries().len()));
            let wanted = lists.filter(|(name, _)| name.to_lowercase().starts_with(&lower));
            return wanted.map(|(name, entries)| offer(&name, &format!("a list of {entries} entries"))).collect();
        }
        ("let", Some(names)) => {
            let wanted = names.queries.iter().filter(|(name, _)| name.to_lowercase().starts_with(&lower));
            return wanted.map(|(name, text)| offer(name, text)).collect();
        }
        _ => {}
    }
    let each = super::field::find(name).flat_map(|row| match row.holds {
        Holds::Keyword(KeywordField::Source) => among(&configured.sources, "a source"),
        Holds::Keyword(KeywordField::Brand) => among(&configured.brands, "a brand"),
        Holds::Keyword(KeywordField::Watch) => among(&configured.watches, "a watch"),
        Holds::Keyword(field) => among(&field.values(), row.means),
        Holds::Number(..) if value.is_empty() => vec![offer(&row.example(), row.means)],
        Holds::Number(..) | Holds::Text(_) | Holds::Tag | Holds::Url => Vec::new(),
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;
    use crate::query::list::List;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn offered(text: &str) -> (Range<usize>, Vec<String>) {
        let mut names = Names::default();
        names.lists.insert("back".into(), Arc::new(List::read("back", "refund\n").unwrap()));
        names.queries.insert("angry".into(), "sentiment:<-0.5".into());
        let configured = Configured { sources: vec!["fedi", "blogs"], names: Some(&names), ..Configured::default() };
        let (span, offers) = complete(text, &configured);
        (span, offers.into_iter().map(|offer| offer.text).collect())
    }

    #[test]
    fn offers_what_fits() {
        for (text, start, expected) in [
            ("refund sent", 7, vec!["sentiment:"]),
            ("-(st", 2, vec!["status:"]),
            ("kind:re", 0, vec!["kind:reply", "kind:repost", "kind:review"]),
            ("source:F", 0, vec!["source:fedi"]),
            ("a in:$b", 2, vec!["in:$back"]),
            ("let:", 0, vec!["let:angry"]),
            ("sentiment:", 0, vec!["sentiment:negative", "sentiment:neutral", "sentiment:positive", "sentiment:-1..1"]),
            ("\"money se", 9, vec![]),
            ("refund ", 7, vec![]),
            ("", 0, vec![]),
            ("zzz:", 0, vec![]),
            // Spaces of more than one byte, and quotes as people paste them.
            ("返金　sent", "返金　".len(), vec!["sentiment:"]),
            ("a\u{a0}-st", "a\u{a0}-".len(), vec!["status:"]),
            ("“money se", "“money se".len(), vec![]),
        ] {
            let (span, found) = offered(text);
            assert_eq!((span.start, found), (start, expected.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }

    proptest! {
        /// What is offered whole can be asked.
        #[test]
        fn offers_are_of_the_language(text in "[a-z(]{0,3}(kind|is|has|status|sentiment|reach|created|age|lang)?:?[a-z]{0,2}") {
            let (span, offers) = offered(&text);
            prop_assert!(text.get(span).is_some());
            for offer in offers.into_iter().filter(|offer| !offer.ends_with(':') && !offer.contains(['$'])) {
                prop_assert!(offer.starts_with("let:") || Query::parse(&offer).is_ok(), "{}", offer);
            }
        }
    }
}
