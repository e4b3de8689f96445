//! What comes in of authors: profiles, people's words, and that an account is gone.

use super::{Draft, Ingest, Stop};
use crate::brand::FollowerEvent;
use crate::flow::Found;
use crate::flow::patience::retrying;
use crate::mention::Mention;
use crate::post::Author;
use crate::rule::author_key;
use crate::store::{self, AuthorCorrection, AuthorGone, Fetched};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

/// Follows and unfollows are kept so long: a year and a month, to compare with the last year. Waves are told from the
/// usual by eight weeks of it.
pub(super) const FOLLOWS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 396);
/// How often older ones are forgotten.
pub(super) const PRUNE_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Ingest {
    /// Takes in what a loop of ours found out; the rules tell what follows from it when their changes are taken.
    pub(super) fn take(&mut self, found: Found, draft: &mut Draft) {
        match found {
            Found::Scores(rescored) => draft.commit.rescored.push(rescored),
            Found::Followers(step, authors) => {
                self.learn(&step.source, authors, draft);
                draft.commit.snapshots.push(step);
            }
            Found::Influx(influx) => self.engine.observe(&influx),
        }
    }

    /// Takes in profiles. In the windows of rules their authors count as if it had been known who they are.
    pub(super) fn learn(&mut self, source: &str, authors: Vec<Author<'static>>, draft: &mut Draft) {
        let now = self.clock.now();
        let judged =
            |author| Fetched { source: source.to_owned(), spam: self.authors.spam(source, &author, now), author };
        let fetched: Vec<Fetched> = authors.into_iter().map(judged).collect();
        let known = fetched.iter().filter(|fetched| fetched.spam.spam.is_some());
        self.engine.reckon(&known.map(|known| (author_key(source, &known.author), known.spam.spam)).collect());
        draft.commit.authors.extend(fetched);
    }

    /// Takes in who came or went, with the profile that came along. One without counts is left to the look-up of sources
    /// that have one: what is known is not asked for.
    pub(super) fn follow(&mut self, event: FollowerEvent, profile: Option<Box<Author<'static>>>, draft: &mut Draft) {
        let is_looked_up = self.looked_up.contains(&event.source);
        if let Some(profile) = profile.filter(|profile| is_enough(profile, is_looked_up)) {
            self.learn(&event.source, vec![*profile], draft);
        }
        draft.commit.followers.push(event);
    }

    /// A person's word on an author holds for all that is stored of them, too. `false`: nobody knows the author, or too
    /// many are corrected.
    pub(super) async fn correct(
        &mut self,
        correction: AuthorCorrection,
        draft: &mut Draft,
    ) -> Result<bool, store::Error> {
        let AuthorCorrection { source, author, spam: said, .. } = &correction;
        self.under_way.look();
        let new = self.under_way.new_mentions().iter().chain(&draft.commit.new);
        let fresh = || {
            new.clone().filter(|mention| {
                *mention.post.source == **source && mention.post.author.id.as_deref() == Some(author.as_str())
            })
        };
        let is_known = fresh().next().is_some() || retrying!(self.reader.knows_author(source, author))?;
        if !is_known || (said.is_some() && self.authors.is_full()) {
            return Ok(false);
        }
        self.authors.take(&correction);
        let mut marked = retrying!(self.authors.marks(&self.reader, source, author))?;
        marked.extend(fresh().map(|new| (new.seq, self.authors.spam(source, &new.post.author, new.seen_at))));
        // By the latest profile, where the model judges again.
        let spam = marked.last().and_then(|(_, spam)| spam.spam);
        let who = Author { id: Some(author.clone().into()), ..Author::default() };
        self.engine.reckon(&HashMap::from([(author_key(source, &who), spam)]));
        draft.commit.marked.extend(marked);
        draft.commit.corrections.push(correction);
        Ok(true)
    }

    /// An account was deleted: its mentions go, and whatever else is known of it.
    pub(super) async fn gone(
        &mut self,
        source: &str,
        author: String,
        at: Timestamp,
        draft: &mut Draft,
    ) -> Result<(), Stop> {
        // Networks tell of every account that goes. What is under way may have brought a first trace of this one; once
        // it is stored, the store knows.
        self.under_way.settled().await?;
        self.under_way.look();
        let mut seqs = retrying!(self.reader.mentions_of_author(source, &author))?;
        let id = Some(author.as_str());
        let commit = &draft.commit;
        let by_author = |new: &&Arc<Mention>| *new.post.source == *source && new.post.author.id.as_deref() == id;
        seqs.extend(commit.new.iter().filter(by_author).map(|mention| mention.seq));
        // A page of followers is not looked through: it may name the account.
        let is_in_draft = !commit.snapshots.is_empty()
            || commit.followers.iter().any(|event| event.source == source && event.follower == author)
            || commit.corrections.iter().any(|said| said.source == source && said.author == author)
            || commit.authors.iter().any(|known| known.source == source && known.author.id.as_deref() == id);
        let is_known = is_in_draft || !seqs.is_empty() || retrying!(self.reader.knows_author(source, &author))?;
        self.delete(seqs, self.clock.now(), draft).await?;
        if is_known {
            self.authors.forget(source, &author);
            draft.commit.gone.push(AuthorGone { source: source.to_owned(), author, at });
        }
        Ok(())
    }
}

/// Whether a profile that came with a follow spares us the look-up, where the source has one.
fn is_enough(profile: &Author<'_>, is_looked_up: bool) -> bool {
    profile.followers.is_some() || !is_looked_up
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_without_counts_is_left_to_the_look_up() {
        let profile = |followers| Author { id: Some("7".into()), followers, ..Author::default() };
        assert!(is_enough(&profile(Some(3)), true));
        assert!(!is_enough(&profile(None), true));
        assert!(is_enough(&profile(None), false));
    }
}
