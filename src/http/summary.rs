//! What a search tells of all its hits, as callers see it: facets and counts over time. The index knows authors only by
//! a mention of theirs; here they get their names.

use crate::index::{Facet, Hits, Page, Step, Value};
use crate::mention::Mention;
use crate::store::{self, Reader};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Each part only when it was asked for.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facets: BTreeMap<&'static str, Values>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Vec<Step>>,
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
            facets.insert(facet.by.name(), Values::of(facet, &authors));
        }
        Ok(Self { facets, counts: page.over.map(|_| hits.counts.clone()) })
    }
}

impl Values {
    fn of(facet: &Facet, authors: &HashMap<i64, &Mention>) -> Self {
        let counted = |(value, count): &(Value, u64)| match value {
            Value::Name(name) => Counted { value: name.clone(), count: *count, name: None, source: None },
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
    Counted { value: value.unwrap_or_default(), count, name, source }
}
