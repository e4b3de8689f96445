//! What a search tells of all its hits, as callers see it: facets and counts over time, each with and without what authors
//! wrote who are likely spam. The index knows authors only by a mention of theirs; here they get their names.

use crate::index::{self, Facet, Hits, Page, Value};
use crate::mention::Mention;
use crate::store::{self, Reader};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Each part only when it was asked for.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facets: BTreeMap<&'static str, Values>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Vec<Step>>,
    /// Of the total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_spam: Option<u64>,
}

/// The hits of one step of time.
#[derive(Debug, Serialize)]
pub struct Step {
    /// Where the step begins.
    pub at: Timestamp,
    pub count: u64,
    pub without_spam: u64,
}

/// All hits, by one of their properties.
#[derive(Debug, Serialize)]
pub struct Values {
    /// The most frequent.
    pub values: Vec<Counted>,
    /// How many different values there are.
    pub distinct: u64,
    /// Hits without any.
    pub none: u64,
}

#[derive(Debug, Serialize)]
pub struct Counted {
    /// What stands behind the colon in a query; of an author the handle, else the name, else the id.
    pub value: String,
    pub count: u64,
    pub without_spam: u64,
    /// Of an author: how they call themselves, and where they write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Summary {
    /// # Errors
    /// The store cannot be read.
    pub async fn of(hits: &Hits, page: &Page, reader: &Reader) -> Result<Self, store::Error> {
        let mut facets = BTreeMap::new();
        for facet in &hits.facets {
            let seqs: Vec<i64> = facet.values.iter().filter_map(|(value, _)| author_of(value)).collect();
            let mentions = reader.mentions(&seqs).await?;
            let authors = mentions.iter().map(|mention| (mention.seq, mention)).collect();
            let spam = hits.spam.iter().flat_map(|spam| &spam.facets).find(|spam| spam.by == facet.by);
            facets.insert(facet.by.name(), Values::of(facet, spam, &authors));
        }
        let without_spam = hits.spam.as_ref().map(|spam| hits.total.saturating_sub(spam.total));
        Ok(Self { facets, counts: page.over.map(|_| steps(hits)), without_spam })
    }
}

fn steps(hits: &Hits) -> Vec<Step> {
    let spam: HashMap<Timestamp, u64> =
        hits.spam.iter().flat_map(|spam| &spam.counts).map(|step| (step.at, step.count)).collect();
    let step = |step: &index::Step| {
        let of_spam = spam.get(&step.at).copied().unwrap_or_default();
        Step { at: step.at, count: step.count, without_spam: step.count.saturating_sub(of_spam) }
    };
    hits.counts.iter().map(step).collect()
}

impl Values {
    /// `spam`: the same of likely spam.
    fn of(facet: &Facet, spam: Option<&Facet>, authors: &HashMap<i64, &Mention>) -> Self {
        let spam: HashMap<&str, u64> = spam
            .iter()
            .flat_map(|spam| &spam.values)
            .filter_map(|(value, count)| if let Value::Name(name) = value { Some((&**name, *count)) } else { None })
            .collect();
        let counted = |(value, count): &(Value, u64)| match value {
            Value::Name(name) => {
                let without_spam = count.saturating_sub(spam.get(&**name).copied().unwrap_or_default());
                Counted { value: name.clone(), count: *count, without_spam, name: None, source: None }
            }
            Value::AuthorOf(seq) => author(authors.get(seq).copied(), *count),
        };
        Self { values: facet.values.iter().map(counted).collect(), distinct: facet.distinct, none: facet.none }
    }
}

fn author_of(value: &Value) -> Option<i64> {
    if let Value::AuthorOf(seq) = value { Some(*seq) } else { None }
}

/// `None`: the mention was deleted since the index saw it, and who wrote it is forgotten.
fn author(mention: Option<&Mention>, count: u64) -> Counted {
    let author = mention.map(|mention| &mention.post.author);
    let text = |text: &Option<crate::post::Str<'_>>| text.as_deref().map(str::to_owned);
    let name = author.and_then(|author| text(&author.name));
    let handle = author.and_then(|author| text(&author.handle));
    let value = handle.or_else(|| name.clone()).or_else(|| author.and_then(|author| text(&author.id)));
    let source = mention.map(|mention| mention.post.source.to_string());
    let without_spam = if mention.is_some_and(|mention| mention.author_spam.is_likely()) { 0 } else { count };
    Counted { value: value.unwrap_or_default(), count, without_spam, name, source }
}
