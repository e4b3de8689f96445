//! What a query may refer to by name: lists of terms (`in:$refund_terms`) and named queries (`let:angry`).

use super::list::List;
use crate::settings::nearest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lists and named queries of one configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    pub lists: BTreeMap<String, Arc<List>>,
    /// Query texts; checked where they are written.
    pub queries: BTreeMap<String, String>,
}

/// What cannot be told from a name, and what to write in its place.
pub(super) type Missing = (String, Option<String>);

impl Names {
    pub(super) fn list(&self, name: &str) -> Result<Arc<List>, Missing> {
        self.lists.get(name).cloned().ok_or_else(|| {
            let hint =
                hint("in:$", name, self.lists.keys(), "lists are the files of the folder that `[rules] lists` names");
            (format!("no list is called `{name}`"), Some(hint))
        })
    }

    /// Its name, as long-lived as we, and its text.
    pub(super) fn query(&self, name: &str) -> Result<(&str, &str), Missing> {
        self.queries.get_key_value(name).map(|(name, text)| (name.as_str(), text.as_str())).ok_or_else(|| {
            let hint = hint("let:", name, self.queries.keys(), "named queries stand under [let] in a rules file");
            (format!("no query is called `{name}`"), Some(hint))
        })
    }
}

fn hint<'n>(mark: &str, name: &str, known: impl Iterator<Item = &'n String>, otherwise: &str) -> String {
    nearest(name, known.map(String::as_str))
        .map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{mark}{near}`?"))
}
