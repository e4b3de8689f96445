//! How likely authors are spam: by the model, or by what a person said, which wins. Owned by ingest, which is told of
//! every correction before it is stored.

use crate::follower::author::author_spam;
use crate::follower::model::Model;
use crate::mention::AuthorSpam;
use crate::post::Author;
use crate::store::{self, AuthorCorrection, Reader};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// Corrections that hold at once, all in memory: people make them by hand, and some megabytes hold so many.
pub const CORRECTIONS_MAX: usize = 100_000;
/// Mentions of an author that a correction judges anew, the latest: some tenths of a second of the one transaction.
const MARKED_MAX: usize = 10_000;

/// What an author is judged by.
pub struct Authors {
    model: Arc<Model>,
    /// By source and native id.
    said: HashMap<String, HashMap<String, bool>>,
}

impl Authors {
    /// # Errors
    /// The corrections cannot be read.
    pub async fn load(model: Arc<Model>, reader: &Reader) -> Result<Self, store::Error> {
        let mut authors = Self { model, said: HashMap::new() };
        for correction in reader.author_corrections(CORRECTIONS_MAX).await? {
            authors.take(&correction);
        }
        Ok(authors)
    }

    pub fn spam(&self, source: &str, author: &Author<'_>, now: Timestamp) -> AuthorSpam {
        let said = author.id.as_deref().and_then(|id| self.said.get(source)?.get(id));
        said.map_or_else(|| author_spam(&self.model, author, now), |spam| AuthorSpam::said(*spam))
    }

    /// From now on, this holds.
    pub fn take(&mut self, correction: &AuthorCorrection) {
        let AuthorCorrection { source, author, spam, .. } = correction;
        match spam {
            Some(spam) => drop(self.said.entry(source.clone()).or_default().insert(author.clone(), *spam)),
            None => self.forget(source, author),
        }
    }

    pub fn forget(&mut self, source: &str, author: &str) {
        if let Some(said) = self.said.get_mut(source) {
            said.remove(author);
        }
    }

    pub fn is_full(&self) -> bool {
        self.said.values().map(HashMap::len).sum::<usize>() >= CORRECTIONS_MAX
    }

    /// The stored mentions of an author, the latest ones, as they are to be judged now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn marks(
        &self,
        reader: &Reader,
        source: &str,
        author: &str,
    ) -> Result<Vec<(i64, AuthorSpam)>, store::Error> {
        let seqs = reader.mentions_of_author(source, author).await?;
        let mentions = reader.mentions(&seqs[seqs.len().saturating_sub(MARKED_MAX)..]).await?;
        let mark =
            |mention: &crate::mention::Mention| (mention.seq, self.spam(source, &mention.post.author, mention.seen_at));
        Ok(mentions.iter().filter(|mention| !mention.post.deleted).map(mark).collect())
    }
}
