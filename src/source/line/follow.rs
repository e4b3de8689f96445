//! A follow of the contract's JSON: a line whose `kind` is `follow` says that somebody follows an own account or, with
//! `deleted`, no longer does. What it shares with a post has the same name and meaning.
//! ```json
//! {"kind":"follow","account":"velora.example","created_at":"2026-11-21T09:00:00Z","author":{"handle":"ann.example"}}
//! ```

use super::Bad;
use crate::brand::{FollowKind, FollowerEvent};
use crate::post::{Author, ID_BYTES_MAX, Refusal, Str};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far a peer's clock may run ahead of ours: as with profiles.
const CLOCK_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(24);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Follow<'a> {
    /// Native id of the record of the follow, where a network has one.
    #[serde(default)]
    pub id: Option<Str<'a>>,
    /// The id of the configured source. Empty: the one that brings it, or the only one with such an own account.
    #[serde(default)]
    pub source: Str<'a>,
    /// The own account, by its native id or handle as the configuration has it.
    pub account: Str<'a>,
    /// When it happened. The epoch stands for "not given": [`Follow::check`] refuses it.
    #[serde(default)]
    pub created_at: Timestamp,
    /// Who follows: its id, or its handle where the network has no ids.
    #[serde(default)]
    pub author: Author<'a>,
    /// No longer follows.
    #[serde(default)]
    pub deleted: bool,
}

impl Follow<'_> {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Why it is no follow; the caller counts it and goes on with the next.
    pub fn check(&self) -> Result<(), Bad> {
        if self.account.is_empty() {
            return Err(Bad::NoAccount);
        }
        let follower = self.follower();
        if follower.is_empty() {
            return Err(Bad::NoFollower);
        }
        let id = self.id.as_deref().unwrap_or_default();
        if follower.len().max(id.len()).max(self.account.len()) > ID_BYTES_MAX {
            return Err(Refusal::IdTooLong.into());
        }
        if self.created_at == Timestamp::UNIX_EPOCH {
            return Err(Refusal::NoTime.into());
        }
        Ok(())
    }

    /// What the follower is called: a handle in lower case, without `@`, where there is no id.
    pub fn follower(&self) -> String {
        let handle =
            || self.author.handle.as_deref().map(|handle| handle.trim().trim_start_matches('@').to_lowercase());
        let id = self.author.id.as_deref().filter(|id| !id.is_empty()).map(str::to_owned);
        id.or_else(handle).unwrap_or_default()
    }

    /// As an event, with the follower's profile where it says more than who it is. `account`: the own account's native id.
    ///
    /// # Errors
    /// It lies in the future.
    pub fn into_event(self, account: String, now: Timestamp) -> Result<(FollowerEvent, Option<Author<'static>>), Bad> {
        if self.created_at.duration_since(now) > CLOCK_AHEAD_MAX {
            return Err(Bad::InFuture(self.created_at));
        }
        let kind = if self.deleted { FollowKind::Unfollow } else { FollowKind::Follow };
        let follower = self.follower();
        let event = FollowerEvent {
            source: self.source.to_string(),
            account,
            follower: follower.clone(),
            record: self.id.map(|id| id.to_string()).unwrap_or_default(),
            at: self.created_at.min(now),
            kind,
        };
        // Of somebody who leaves nothing more need be known.
        let profile = (kind == FollowKind::Follow && self.author.is_profile()).then(|| self.author.into_owned());
        Ok((event, profile.map(|profile| Author { id: Some(follower.into()), ..profile })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(author: &str, rest: &str) -> Follow<'static> {
        let line =
            format!(r#"{{"account":"velora.example","created_at":"2026-11-21T09:00:00Z","author":{author}{rest}}}"#);
        serde_json::from_str(Box::leak(line.into_boxed_str())).unwrap()
    }

    fn told(follow: Follow<'_>) -> (FollowerEvent, Option<Author<'static>>) {
        let now = "2026-11-22T00:00:00Z".parse().unwrap();
        follow.check().unwrap();
        follow.into_event("own".to_owned(), now).unwrap()
    }

    #[test]
    fn becomes_an_event_with_the_profile_that_came_along() {
        let (event, profile) = told(follow(r#"{"id":"7","handle":"@Ann.example","followers":3}"#, r#","id":"r1""#));
        assert_eq!((event.follower.as_str(), event.record.as_str(), event.kind), ("7", "r1", FollowKind::Follow));
        assert_eq!(profile.unwrap().followers, Some(3));
        let (event, profile) = told(follow(r#"{"handle":"@Ann.example"}"#, r#","deleted":true"#));
        assert_eq!((event.follower.as_str(), event.kind), ("ann.example", FollowKind::Unfollow));
        assert_eq!(profile, None, "a handle alone is no profile");
        let (event, profile) = told(follow(r#"{"handle":"ann.example","created_at":"2026-11-01T00:00:00Z"}"#, ""));
        assert_eq!(profile.unwrap().id.as_deref(), Some(event.follower.as_str()));
    }

    #[test]
    fn refuses_what_cannot_be_one() {
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        let ann = || follow(r#"{"id":"7"}"#, "");
        assert!(matches!(ann().into_event("own".into(), now), Err(Bad::InFuture(_))));
        let later = "2026-11-20T12:00:00Z".parse().unwrap();
        assert_eq!(ann().into_event("own".into(), later).unwrap().0.at, later, "clocks differ by some hours");
        assert_eq!(follow("{}", "").check(), Err(Bad::NoFollower));
        assert_eq!(follow(r#"{"id":"","handle":"@"}"#, "").check(), Err(Bad::NoFollower));
        assert_eq!(Follow { account: "".into(), ..ann() }.check(), Err(Bad::NoAccount));
        assert_eq!(
            Follow { created_at: Timestamp::UNIX_EPOCH, ..ann() }.check().unwrap_err().reason(),
            "no_created_at"
        );
        assert_eq!(
            Follow { id: Some("x".repeat(ID_BYTES_MAX + 1).into()), ..ann() }.check().unwrap_err().reason(),
            "id_too_long"
        );
    }
}
