//! What people corrected, as labelled texts.

use crate::flow::judge::readable;
use crate::mention::{Label, Mention};
use crate::store::{Error, Reader};

/// Mentions of one read.
const PAGE: usize = 500;

pub(super) struct Correction {
    /// As the model reads it.
    pub text: String,
    /// As the author or platform declares it.
    pub lang: Option<String>,
    pub source: String,
    pub label: Label,
}

/// All of them, in the order in which the mentions came in.
pub(super) async fn read(reader: &Reader) -> Result<Vec<Correction>, Error> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = reader.corrected(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.seq;
        found.extend(page.iter().filter_map(correction));
    }
}

fn correction(mention: &Mention) -> Option<Correction> {
    let post = &mention.post;
    let lang = post.lang.as_deref().map(str::to_owned);
    Some(Correction { text: readable(post).into(), lang, source: post.source.to_string(), label: mention.correction? })
}
