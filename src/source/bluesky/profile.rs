//! Look-ups over XRPC: who an account is, and which DID an own handle stands for. Unauthenticated and cached by the peer;
//! its limits are not published, so we keep our own. Source: lexicons `app.bsky.actor.getProfiles` and
//! `com.atproto.identity.resolveHandle`, August 2026.

use crate::ledger::Ledger;
use crate::post::{Author, Str};
use crate::source::account::Resolution;
use crate::source::{FollowerPage, Stop};
use crate::text::hash::first_u64;
use crate::watch::Gate;
use crate::wire::http::{Client, Reach, Request};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use serde::Deserialize;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use url::Url;

/// The most actors of one `getProfiles`.
pub const PROFILES_MAX: usize = 25;

/// The most followers of one page.
const FOLLOWERS_PAGE: &str = "100";

/// Requests a second: 250 profiles, far above the rate of new authors among mentions, far below 3000 in 5 minutes.
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(10).unwrap();

const TIMEOUT: Duration = Duration::from_secs(15);

/// Times that we wait for one answer as long as the peer asks, before the caller is told; when it does not say how long;
/// and the longest that we obey.
const WAITS_MAX: usize = 3;
const WAIT_DEFAULT: Duration = Duration::from_secs(30);
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// A version 1 CID over a hash of 32 bytes, in base 32.
const CID_LETTERS_MIN: usize = 59;

/// 100 profiles with their descriptions stay below 400 KiB.
const ANSWER_BYTES_MAX: usize = 1 << 20;

pub struct Api {
    base: Url,
    limiter: DefaultDirectRateLimiter,
    client: OnceLock<Client>,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failure(String);

impl Api {
    pub fn new(base: Url) -> Self {
        let limiter = RateLimiter::direct(Quota::per_second(REQUESTS_PER_SECOND));
        Self { base, limiter, client: OnceLock::new() }
    }

    /// Profiles of at most [`PROFILES_MAX`] DIDs, in any order; accounts that are gone are left out.
    pub async fn profiles(&self, dids: &[String]) -> Result<Vec<Author<'static>>, Stop> {
        let mut authors = Vec::with_capacity(dids.len());
        for some in dids.chunks(PROFILES_MAX) {
            let query: Vec<(&str, &str)> = some.iter().map(|did| ("actors", did.as_str())).collect();
            let body = self.get("app.bsky.actor.getProfiles", &query).await.map_err(|f| Stop::Failed(f.0))?;
            authors.extend(parse_profiles(&body).map_err(|f| Stop::Failed(f.0))?);
        }
        Ok(authors)
    }

    /// A page of an account's followers, without their counts: these are asked for by [`Self::profiles`].
    pub async fn followers(&self, did: &str, from: Option<&str>) -> Result<FollowerPage, Stop> {
        let own = match from {
            None => self.profiles(&[did.to_owned()]).await?.pop(),
            Some(_) => None,
        };
        let mut query = vec![("actor", did), ("limit", FOLLOWERS_PAGE)];
        query.extend(from.map(|cursor| ("cursor", cursor)));
        let body = self.get("app.bsky.graph.getFollowers", &query).await.map_err(|f| Stop::Failed(f.0))?;
        let page = parse_followers(&body).map_err(|f| Stop::Failed(f.0))?;
        Ok(FollowerPage { own, ..page })
    }

    async fn resolve(&self, handle: &str) -> Result<String, Failure> {
        let handle = handle.trim_start_matches('@');
        let body = self.get("com.atproto.identity.resolveHandle", &[("handle", handle)]).await?;
        parse_did(&body)
    }

    async fn get(&self, method: &str, query: &[(&str, &str)]) -> Result<Vec<u8>, Failure> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/xrpc/{method}", self.base.path().trim_end_matches('/')));
        url.query_pairs_mut().extend_pairs(query);
        let client = self.client.get_or_init(|| Client::new(Reach::Configured));
        let mut waits = 0;
        loop {
            self.limiter.until_ready().await;
            let mut request = Request::get(url.clone());
            request.timeout = TIMEOUT;
            request.body_bytes_max = ANSWER_BYTES_MAX;
            let response = client.send(request).await.map_err(|error| Failure(format!("{method}: {error}")))?;
            match response.status {
                200 => return Ok(response.body),
                429 if waits < WAITS_MAX => {
                    waits += 1;
                    let asked = response.retry_after(Timestamp::now()).unwrap_or(WAIT_DEFAULT);
                    tokio::time::sleep(asked.clamp(Duration::from_secs(1), WAIT_MAX)).await;
                }
                status => return Err(Failure(format!("{method}: status {status}"))),
            }
        }
    }
}

#[derive(Deserialize)]
struct Resolved {
    did: String,
}

fn parse_did(body: &[u8]) -> Result<String, Failure> {
    let resolved: Resolved = serde_json::from_slice(body).map_err(|error| Failure(format!("no answer: {error}")))?;
    if resolved.did.starts_with("did:") {
        return Ok(resolved.did);
    }
    Err(Failure(format!("`{}` is no DID", resolved.did)))
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Profiles<'a> {
    profiles: Vec<Profile<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Profile<'a> {
    did: Str<'a>,
    handle: Option<Str<'a>>,
    display_name: Option<Str<'a>>,
    description: Option<Str<'a>>,
    avatar: Option<Str<'a>>,
    followers_count: Option<u64>,
    follows_count: Option<u64>,
    posts_count: Option<u64>,
    created_at: Option<Timestamp>,
}

fn parse_profiles(body: &[u8]) -> Result<Vec<Author<'static>>, Failure> {
    let answer: Profiles<'_> =
        serde_json::from_slice(body).map_err(|error| Failure(format!("no profiles: {error}")))?;
    Ok(answer.profiles.into_iter().map(author).collect())
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Followers<'a> {
    followers: Vec<Profile<'a>>,
    cursor: Option<String>,
}

fn parse_followers(body: &[u8]) -> Result<FollowerPage, Failure> {
    let answer: Followers<'_> =
        serde_json::from_slice(body).map_err(|error| Failure(format!("no followers: {error}")))?;
    let followers = answer.followers.into_iter().map(author).collect();
    Ok(FollowerPage { followers, next: answer.cursor.filter(|cursor| !cursor.is_empty()), own: None })
}

fn author(profile: Profile<'_>) -> Author<'static> {
    Author {
        id: Some(profile.did),
        handle: profile.handle,
        name: profile.display_name.filter(|name| !name.is_empty()),
        bio: profile.description.filter(|text| !text.is_empty()),
        followers: profile.followers_count,
        following: profile.follows_count,
        posts: profile.posts_count,
        has_avatar: Some(profile.avatar.as_ref().is_some_and(|url| !url.is_empty())),
        avatar_hash: profile.avatar.as_deref().and_then(picture),
        created_at: profile.created_at,
    }
    .into_owned()
}

/// Stands for the picture at an address, which ends in the picture's own hash: `.../did:plc:x/bafkrei...@jpeg`.
fn picture(url: &str) -> Option<u64> {
    let name = url.rsplit('/').next()?;
    let cid = name.split_once('@').map_or(name, |(cid, _)| cid);
    (cid.len() >= CID_LETTERS_MIN && cid.starts_with('b')).then(|| first_u64(&blake3::hash(cid.as_bytes())))
}

/// Looks up the DIDs of own accounts that are configured by handle, for ever; a failure is tried again and shown in the
/// ledger. Never ends.
pub async fn resolve_own_accounts(api: &Api, gate: Arc<Gate>, ledger: Arc<Ledger>) {
    let mut resolution = Resolution::default();
    loop {
        for handle in gate.unresolved_handles(&ledger.source) {
            let found = api.resolve(&handle).await;
            resolution.take(&gate, &ledger, &handle, found, str::to_owned);
        }
        tokio::time::sleep(resolution.pause()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_become_authors() {
        let body = include_bytes!("../../../tests/data/source/bluesky/profiles.json");
        let authors = parse_profiles(body).unwrap();
        assert_eq!(authors.len(), 2);
        assert_eq!(authors[0].handle.as_deref(), Some("ann.example"));
        assert_eq!(authors[0].name.as_deref(), Some("Ann \u{1f33b}"));
        assert_eq!((authors[0].followers, authors[0].following, authors[0].posts), (Some(120), Some(80), Some(900)));
        assert_eq!(authors[0].has_avatar, Some(true));
        assert_eq!(authors[0].created_at, Some("2023-05-01T00:00:00Z".parse().unwrap()));
        assert_eq!((authors[1].name.as_deref(), authors[1].has_avatar), (None, Some(false)));
    }

    #[test]
    fn followers_come_without_counts() {
        let page = parse_followers(include_bytes!("../../../tests/data/source/bluesky/followers.json")).unwrap();
        assert_eq!((page.followers.len(), page.next.as_deref(), page.own.as_ref()), (2, Some("page 2"), None));
        assert_eq!(page.followers[0].handle.as_deref(), Some("ann.example"));
        assert_eq!((page.followers[0].followers, page.followers[0].has_avatar), (None, Some(true)));
        assert_eq!(parse_followers(br#"{"followers":[]}"#).unwrap(), FollowerPage::default());
    }

    #[test]
    fn the_same_picture_is_known_again() {
        let cid = format!("bafkrei{}", "a".repeat(52));
        let of = |did: &str, cid: &str| picture(&format!("https://cdn.example/img/avatar/plain/{did}/{cid}@jpeg"));
        assert!(of("did:plc:ann", &cid).is_some());
        assert_eq!(of("did:plc:ann", &cid), of("did:plc:bob", &cid));
        assert_ne!(of("did:plc:ann", &cid), of("did:plc:ann", &format!("{cid}b")));
        assert_eq!(of("did:plc:ann", "banner"), None, "no hash of what is in it");
        assert_eq!(picture(""), None);
    }

    #[test]
    fn foreign_answers_are_refused() {
        assert_eq!(parse_did(br#"{"did":"did:plc:ann"}"#).unwrap(), "did:plc:ann");
        for bad in [&br#"{"did":"ann"}"#[..], b"{}", b"<html>", br#"{"profiles":[{}]}"#] {
            assert!(parse_did(bad).is_err());
            assert!(parse_profiles(bad).is_err());
            assert!(parse_followers(bad).is_err());
        }
    }
}
