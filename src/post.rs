//! A post: any item that a source delivers, not yet relevant to anybody. One type serves borrowed (straight from
//! a frame, so that a post nobody wants costs next to nothing) and owned (`Post<'static>`).
//! Names and meaning of the JSON are the contract of import, export and push.

use jiff::Timestamp;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// The longest text of a post that is kept, in bytes. Longer is refused by name: no platform's post is longer, and
/// everything after (folding, scoring, indexing) may then count on it.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// The longest native id, in bytes. Feed ids are free text; longer ones are hashed by their source.
pub const ID_BYTES_MAX: usize = 2_048;

/// The most links, tags or mentions of one post that are kept; the rest is cut, since nobody reads them.
pub const LIST_MAX: usize = 256;

/// A string that borrows from the frame it was read from when it can. Unlike `Cow`, it does so inside `Option` and `Vec` too.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str<'a>(pub Cow<'a, str>);

impl Str<'_> {
    pub fn into_owned(self) -> Str<'static> {
        Str(Cow::Owned(self.0.into_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Str<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Str<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Str<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Str<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Borrowing)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Post,
    Reply,
    Quote,
    Repost,
    Comment,
    Review,
    Article,
    Question,
    Answer,
    Issue,
}

impl Kind {
    pub const ALL: [(&'static str, Kind); 10] = [
        ("post", Kind::Post),
        ("reply", Kind::Reply),
        ("quote", Kind::Quote),
        ("repost", Kind::Repost),
        ("comment", Kind::Comment),
        ("review", Kind::Review),
        ("article", Kind::Article),
        ("question", Kind::Question),
        ("answer", Kind::Answer),
        ("issue", Kind::Issue),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("post", |(name, _)| name)
    }
}

/// Who wrote a post. Counts are what the platform said last, `None` when it did not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Author<'a> {
    pub id: Option<Str<'a>>,
    pub handle: Option<Str<'a>>,
    pub name: Option<Str<'a>>,
    pub bio: Option<Str<'a>>,
    pub followers: Option<u64>,
    pub following: Option<u64>,
    pub posts: Option<u64>,
    pub has_avatar: Option<bool>,
    /// Stands for the picture, where the platform names it by what is in it: equal for equal pictures. Kept with profiles
    /// only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_hash: Option<u64>,
    pub created_at: Option<Timestamp>,
}

impl<'a> Author<'a> {
    /// Where this says nothing, what `other` says.
    pub fn completed_by(self, other: &Author<'a>) -> Self {
        Self {
            id: self.id.or_else(|| other.id.clone()),
            handle: self.handle.or_else(|| other.handle.clone()),
            name: self.name.or_else(|| other.name.clone()),
            bio: self.bio.or_else(|| other.bio.clone()),
            followers: self.followers.or(other.followers),
            following: self.following.or(other.following),
            posts: self.posts.or(other.posts),
            has_avatar: self.has_avatar.or(other.has_avatar),
            avatar_hash: self.avatar_hash.or(other.avatar_hash),
            created_at: self.created_at.or(other.created_at),
        }
    }
}

impl Author<'_> {
    /// Whether it says more than who it is.
    pub fn is_profile(&self) -> bool {
        let counts = [self.followers, self.following, self.posts];
        counts.iter().any(Option::is_some)
            || self.bio.is_some()
            || self.has_avatar.is_some()
            || self.created_at.is_some()
    }

    pub fn into_owned(self) -> Author<'static> {
        Author {
            id: self.id.map(Str::into_owned),
            handle: self.handle.map(Str::into_owned),
            name: self.name.map(Str::into_owned),
            bio: self.bio.map(Str::into_owned),
            followers: self.followers,
            following: self.following,
            posts: self.posts,
            has_avatar: self.has_avatar,
            avatar_hash: self.avatar_hash,
            created_at: self.created_at,
        }
    }
}

/// The identity is (`source`, `id`). A newer `edited_at` replaces; `deleted` removes text and author everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Post<'a> {
    /// As the source gave it, at most [`ID_BYTES_MAX`] bytes.
    pub id: Str<'a>,
    /// The id of the configured source; empty until the source or the import fills it in.
    #[serde(default)]
    pub source: Str<'a>,
    #[serde(default)]
    pub kind: Kind,
    #[serde(default)]
    pub url: Option<Str<'a>>,
    #[serde(default)]
    pub title: Option<Str<'a>>,
    /// Plain text (sources have taken HTML out), at most [`TEXT_BYTES_MAX`] bytes.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub text: Str<'a>,
    /// As the author or platform declared it (BCP 47); what we detect stands in the scores.
    #[serde(default)]
    pub lang: Option<Str<'a>>,
    /// By the platform's word. The epoch itself stands for "not given": [`Post::check`] refuses it.
    #[serde(default)]
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub author: Author<'a>,
    /// Native id of the post that this answers.
    #[serde(default)]
    pub reply_to: Option<Str<'a>>,
    /// Native id of the first post of the thread.
    #[serde(default)]
    pub root: Option<Str<'a>>,
    /// Native id of the post that this quotes or reposts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_of: Option<Str<'a>>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub links: Vec<Str<'a>>,
    /// Hashtags without `#`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub tags: Vec<Str<'a>>,
    /// Native ids of the accounts that are mentioned.
    #[serde(default, deserialize_with = "null_is_default")]
    pub mentions: Vec<Str<'a>>,
    /// Stars of a review, `1..=5`.
    #[serde(default)]
    pub rating: Option<f64>,
    /// People who may have seen it, by the platform or by the author's followers.
    #[serde(default)]
    pub reach: Option<u64>,
    #[serde(default)]
    pub likes: Option<u64>,
    #[serde(default)]
    pub reposts: Option<u64>,
    #[serde(default)]
    pub deleted: bool,
}

impl<'a> Post<'a> {
    /// A post with the required fields; the rest empty.
    pub fn new(id: impl Into<Str<'a>>, text: impl Into<Str<'a>>, created_at: Timestamp) -> Self {
        Self {
            id: id.into(),
            source: Str::default(),
            kind: Kind::Post,
            url: None,
            title: None,
            text: text.into(),
            lang: None,
            created_at,
            edited_at: None,
            author: Author::default(),
            reply_to: None,
            root: None,
            quote_of: None,
            links: Vec::new(),
            tags: Vec::new(),
            mentions: Vec::new(),
            rating: None,
            reach: None,
            likes: None,
            reposts: None,
            deleted: false,
        }
    }

    /// Checks what the types cannot: required fields and bounds. Sources call it once after parsing.
    ///
    /// # Errors
    /// The reason, for the ledger's count of refused posts; the caller drops the post and goes on.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.id.is_empty() {
            return Err(Refusal::NoId);
        }
        if self.id.len() > ID_BYTES_MAX {
            return Err(Refusal::IdTooLong);
        }
        if !self.deleted
            && self.text.is_empty()
            && self.title.as_deref().unwrap_or("").is_empty()
            && self.links.is_empty()
        {
            return Err(Refusal::NoText);
        }
        if self.text.len() > TEXT_BYTES_MAX {
            return Err(Refusal::TextTooLong);
        }
        if !self.deleted && self.created_at == Timestamp::UNIX_EPOCH {
            return Err(Refusal::NoTime);
        }
        Ok(())
    }

    pub fn into_owned(self) -> Post<'static> {
        let list = |items: Vec<Str<'a>>| items.into_iter().take(LIST_MAX).map(Str::into_owned).collect();
        Post {
            id: self.id.into_owned(),
            source: self.source.into_owned(),
            kind: self.kind,
            url: self.url.map(Str::into_owned),
            title: self.title.map(Str::into_owned),
            text: self.text.into_owned(),
            lang: self.lang.map(Str::into_owned),
            created_at: self.created_at,
            edited_at: self.edited_at,
            author: self.author.into_owned(),
            reply_to: self.reply_to.map(Str::into_owned),
            root: self.root.map(Str::into_owned),
            quote_of: self.quote_of.map(Str::into_owned),
            links: list(self.links),
            tags: list(self.tags),
            mentions: list(self.mentions),
            rating: self.rating,
            reach: self.reach,
            likes: self.likes,
            reposts: self.reposts,
            deleted: self.deleted,
        }
    }

    /// What is left of a deleted post: its identity and time, nothing of the person.
    pub fn tombstone(&self) -> Post<'static> {
        let mut stone = Post::new(self.id.clone().into_owned(), Str::default(), self.created_at);
        stone.source = self.source.clone().into_owned();
        stone.kind = self.kind;
        stone.deleted = true;
        stone
    }
}

/// Why a post was not taken. Shown in the ledger by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no id")]
    NoId,
    #[error("id over {ID_BYTES_MAX} bytes")]
    IdTooLong,
    #[error("neither text nor title")]
    NoText,
    #[error("text over {TEXT_BYTES_MAX} bytes")]
    TextTooLong,
    #[error("no created_at")]
    NoTime,
}

impl Refusal {
    /// The label of the ledger and the metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Refusal::NoId => "no_id",
            Refusal::IdTooLong => "id_too_long",
            Refusal::NoText => "no_text",
            Refusal::TextTooLong => "text_too_long",
            Refusal::NoTime => "no_created_at",
        }
    }
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

fn null_is_empty<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Str<'a>, D::Error> {
    null_is_default(deserializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_completes_and_never_overrules() {
        let said = Author { id: Some("u".into()), name: Some("Ann".into()), followers: Some(0), ..Author::default() };
        let profile = Author { name: Some("Anna".into()), followers: Some(9), posts: Some(3), ..Author::default() };
        let author = said.completed_by(&profile);
        assert_eq!((author.id.as_deref(), author.name.as_deref()), (Some("u"), Some("Ann")));
        assert_eq!((author.followers, author.posts), (Some(0), Some(3)));
    }

    #[test]
    fn reads_the_least_and_borrows() {
        let line =
            r#"{"id":"a","text":"hello","created_at":"2026-11-21T09:00:00Z","author":null,"title":null,"tags":["x"]}"#;
        let post: Post = serde_json::from_str(line).unwrap();
        assert!(matches!(post.text.0, Cow::Borrowed("hello")));
        assert!(matches!(post.tags[0].0, Cow::Borrowed("x")));
        assert_eq!(post.kind, Kind::Post);
        assert_eq!(post.check(), Ok(()));
    }

    #[test]
    fn a_tombstone_keeps_nothing_of_the_person() {
        let line = r#"{"id":"a","source":"s","text":"secret","created_at":"2026-11-21T09:00:00Z","author":{"handle":"ann.example"},"links":["https://x.example"]}"#;
        let post: Post = serde_json::from_str(line).unwrap();
        let stone = serde_json::to_string(&post.tombstone()).unwrap();
        assert!(!stone.contains("secret") && !stone.contains("ann") && !stone.contains("x.example"), "{stone}");
    }

    #[test]
    fn refuses_what_cannot_be_a_post() {
        assert_eq!(Post::new("a", "x", Timestamp::UNIX_EPOCH).check(), Err(Refusal::NoTime));
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        assert_eq!(Post::new("", "x", now).check(), Err(Refusal::NoId));
        assert_eq!(Post::new("a", "", now).check(), Err(Refusal::NoText));
        assert_eq!(Post::new("a", "x".repeat(TEXT_BYTES_MAX + 1), now).check(), Err(Refusal::TextTooLong));
    }
}
