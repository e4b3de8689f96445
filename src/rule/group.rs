//! Groups: `by` splits the matches of a rule, each group has its own window and its own alert.

use crate::mention::Mention;
use std::collections::BTreeMap;

/// Groups that one mention may fall into (it may match many watches).
const GROUPS_PER_MENTION_MAX: usize = 32;

/// A brand never shares an alert with another, whether or not `by` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    pub brand: String,
    pub by: BTreeMap<String, String>,
}

/// What a rule can be split by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Author,
    Brand,
    Cluster,
    Kind,
    Lang,
    Source,
    Watch,
}

impl By {
    pub const ALL: [(&'static str, By); 7] = [
        ("author", By::Author),
        ("brand", By::Brand),
        ("cluster", By::Cluster),
        ("kind", By::Kind),
        ("lang", By::Lang),
        ("source", By::Source),
        ("watch", By::Watch),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    fn value(self, mention: &Mention) -> String {
        let post = &mention.post;
        match self {
            By::Author => post.author.id.as_ref().or(post.author.handle.as_ref()).map_or("unknown", |id| id).to_owned(),
            By::Brand => mention.brand.clone(),
            // A text too short to be near-identical to another stands for itself.
            By::Cluster => mention.cluster.clone().unwrap_or_else(|| format!("{} {}", post.source, post.id)),
            By::Kind => post.kind.name().to_owned(),
            By::Lang => lang(mention).to_owned(),
            By::Source => post.source.to_string(),
            By::Watch => String::new(),
        }
    }
}

/// The language as detected, else as declared (primary subtag), else `und`.
pub fn lang(mention: &Mention) -> &str {
    let declared = || mention.post.lang.as_deref().and_then(|lang| lang.split(['-', '_']).next());
    mention.scores.as_ref().map(|scores| scores.lang.as_str()).or_else(declared).unwrap_or("und")
}

/// The groups of a mention: one, unless `by` holds `watch` and it matched several.
pub fn groups(by: &[By], mention: &Mention) -> Vec<Group> {
    let single = by.iter().filter(|by| **by != By::Watch);
    let group = Group {
        brand: mention.brand.clone(),
        by: single.map(|by| (by.name().to_owned(), by.value(mention))).collect(),
    };
    if !by.contains(&By::Watch) {
        return vec![group];
    }
    let watches = mention.watches.iter().take(GROUPS_PER_MENTION_MAX);
    watches
        .map(|watch| {
            let mut group = group.clone();
            group.by.insert(By::Watch.name().to_owned(), watch.clone());
            group
        })
        .collect()
}
