//! How likely the author of a mention is spam. The model tells accounts that were made to follow: they follow many and
//! post nothing. An author has posted, so it is asked only where all three counts are known, and anything less stays
//! unknown. Accounts that post automatically are another thing, and score low here.

use super::audit::{SUSPICIOUS_FROM, profile};
use super::model::Model;
use crate::mention::AuthorSpam;
use crate::post::Author;
use jiff::Timestamp;

/// Reasons only where it is worth a look: nobody asks why an author is none.
pub fn author_spam(model: &Model, author: &Author<'_>, now: Timestamp) -> AuthorSpam {
    let (Some(_), Some(_), Some(posts)) = (author.followers, author.following, author.posts) else {
        return AuthorSpam::default();
    };
    let read = Author {
        handle: author.handle.clone(),
        followers: author.followers,
        following: author.following,
        // Counts lag behind, and here is one.
        posts: Some(posts.max(1)),
        has_avatar: author.has_avatar,
        ..Author::default()
    };
    let profile = profile(read, now);
    if profile.followers.is_none() || profile.following.is_none() || profile.posts.is_none() {
        return AuthorSpam::default();
    }
    let spam = model.spam(&profile);
    if spam < SUSPICIOUS_FROM {
        return AuthorSpam { spam: Some(spam), reasons: Vec::new() };
    }
    let reasons = model.likelihood(&profile).reasons.into_iter().filter(|reason| !reason.speaks_for_a_person());
    AuthorSpam { spam: Some(spam), reasons: reasons.map(|reason| reason.to_string()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(followers: u64, following: u64, posts: Option<u64>) -> Author<'static> {
        Author { followers: Some(followers), following: Some(following), posts, ..Author::default() }
    }

    #[test]
    fn only_whose_counts_are_all_known_is_judged() {
        let model = Model::load().unwrap();
        let of = |author: &Author<'_>| author_spam(&model, author, Timestamp::UNIX_EPOCH);
        let bought = of(&author(3, 4_812, Some(2)));
        assert!(bought.is_likely(), "{bought:?}");
        assert_eq!(bought.reasons[0], "follows 4,812, followed by 3");
        let person = of(&author(120, 80, Some(900)));
        assert!(person.spam.is_some_and(|spam| spam < SUSPICIOUS_FROM) && person.reasons.is_empty(), "{person:?}");
        // Posts automatically, and is no follower that somebody bought.
        assert!(of(&author(40, 900, Some(60_000))).spam < Some(SUSPICIOUS_FROM));
        for unknown in [
            author(3, 4_812, None),
            Author { followers: None, ..author(3, 4_812, Some(2)) },
            Author { following: None, ..author(3, 4_812, Some(2)) },
            // More than there can be.
            author(3, u64::MAX, Some(2)),
        ] {
            assert_eq!(of(&unknown), AuthorSpam::default());
        }
        // Who wrote this has posted, whatever the profile says.
        assert_eq!(of(&author(3, 4_812, Some(0))), of(&author(3, 4_812, Some(1))));
    }
}
