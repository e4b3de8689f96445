//! How our types stand in rows: a post without its empty fields, a judgement, times, names of states. Pure.
//! Whatever is read here was written here: what does not parse is damage.

use crate::alert::{Alert, Delivery, DeliveryState, News};
use crate::mention::{AuthorSpam, Label, Mention, Scores, Status};
use crate::post::{Author, Kind, Post, Str};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// Nanoseconds since 1970. Years before 1677 and after 2262 are cut to the end of the range: only foreign nonsense
/// lies there, and the JSON of a post keeps even that.
pub fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX })
}

/// The inverse of [`nanoseconds`].
pub fn timestamp(nanoseconds: i64) -> sqlx::Result<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).map_err(|e| sqlx::Error::Decode(Box::new(e)))
}

pub fn json<T: Serialize>(value: &T) -> sqlx::Result<String> {
    serde_json::to_string(value).map_err(|e| sqlx::Error::Encode(Box::new(e)))
}

pub fn from_json<'t, T: Deserialize<'t>>(text: &'t str) -> sqlx::Result<T> {
    serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(Box::new(e)))
}

/// The value with this name in a table such as [`Status::ALL`].
pub fn by_name<T: Copy>(all: &[(&'static str, T)], name: &str) -> sqlx::Result<T> {
    let found = all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.ok_or_else(|| sqlx::Error::Decode(format!("unknown name {name:?}").into()))
}

/// What stands for a post's native id in the index: with so much of a hash that nobody can make two ids meet.
///
/// It begins with the beginning of the id's last part, since that is what platforms count up (Bluesky by the time,
/// Mastodon and Hacker News by a number): what comes in together stands together in the index on it, and a commit
/// writes a few of its pages rather than one for each mention.
pub fn key(id: &str) -> Key {
    let counted = id.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().as_bytes();
    let mut key = Key::default();
    for (place, byte) in key[..KEY_COUNTED].iter_mut().zip(counted) {
        *place = *byte;
    }
    key[KEY_COUNTED..].copy_from_slice(&short(blake3::hash(id.as_bytes())));
    key
}

/// Bytes of a [`key`]: what is counted up, then a hash of the whole id.
pub type Key = [u8; KEY_COUNTED + 16];
const KEY_COUNTED: usize = 8;

fn short(hash: blake3::Hash) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    bytes
}

/// Hash of what the author wrote, to tell an edit from a repetition. Counters, the author and times are left out.
pub fn content(post: &Post<'_>) -> [u8; 16] {
    // Laid out first: hashing a dozen short pieces one by one costs several times as much.
    let mut all = Vec::with_capacity(post.text.len() + 1_024);
    let mut part = |bytes: &[u8]| {
        // With its length, so that text cannot wander from one field to the next unseen.
        all.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        all.extend_from_slice(bytes);
    };
    part(post.kind.name().as_bytes());
    part(post.text.as_bytes());
    for field in [&post.title, &post.url, &post.lang, &post.reply_to, &post.quote_of] {
        part(field.as_deref().unwrap_or("").as_bytes());
    }
    for list in [&post.links, &post.tags, &post.mentions] {
        part(&(list.len() as u64).to_le_bytes());
        list.iter().for_each(|item| part(item.as_bytes()));
    }
    part(&post.rating.unwrap_or(f64::NAN).to_le_bytes());
    short(blake3::hash(&all))
}

/// A post without what is empty and without its source, which is a column. Read back as a [`Post`].
#[derive(Serialize)]
struct Sparse<'p> {
    id: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<&'p str>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<SparseAuthor<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quote_of: Option<&'p str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    links: &'p [Str<'p>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'p [Str<'p>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    mentions: &'p [Str<'p>],
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reach: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    likes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reposts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<bool>,
}

#[derive(Serialize)]
struct SparseAuthor<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bio: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    followers: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    following: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    posts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_avatar: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
}

impl<'p> SparseAuthor<'p> {
    fn new(author: &'p Author<'_>) -> Self {
        // Taken apart in full, here and below, so that a new field cannot be forgotten.
        let Author { id, handle, name, bio, followers, following, posts, has_avatar, avatar_hash: _, created_at } =
            author;
        Self {
            id: id.as_deref(),
            handle: handle.as_deref(),
            name: name.as_deref(),
            bio: bio.as_deref(),
            followers: *followers,
            following: *following,
            posts: *posts,
            has_avatar: *has_avatar,
            created_at: *created_at,
        }
    }
}

impl<'p> Sparse<'p> {
    fn new(post: &'p Post<'_>) -> Self {
        let Post { id, source: _, kind, url, title, text, lang, created_at, edited_at, author, .. } = post;
        let Post { reply_to, root, quote_of, links, tags, mentions, rating, reach, likes, reposts, deleted, .. } = post;
        Self {
            id,
            kind: (*kind != Kind::default()).then_some(*kind),
            url: url.as_deref(),
            title: title.as_deref(),
            text: (!text.is_empty()).then_some(text),
            lang: lang.as_deref(),
            created_at: *created_at,
            edited_at: *edited_at,
            author: (*author != Author::default()).then(|| SparseAuthor::new(author)),
            reply_to: reply_to.as_deref(),
            root: root.as_deref(),
            quote_of: quote_of.as_deref(),
            links,
            tags,
            mentions,
            rating: *rating,
            reach: *reach,
            likes: *likes,
            reposts: *reposts,
            deleted: deleted.then_some(true),
        }
    }
}

/// The text of the column `post`.
pub fn post_json(post: &Post<'_>) -> sqlx::Result<String> {
    json(&Sparse::new(post))
}

/// The inverse of [`post_json`].
pub fn post(source: &str, text: &str) -> sqlx::Result<Post<'static>> {
    let mut post: Post<'_> = from_json(text)?;
    post.source = source.into();
    Ok(post.into_owned())
}

/// What we think of a mention, the column `judged`.
#[derive(Serialize)]
struct Judged<'m> {
    watches: &'m [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<&'m Scores>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author_spam: Option<&'m AuthorSpam>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_size: Option<u32>,
}

#[derive(Deserialize)]
struct JudgedOwned {
    watches: Vec<String>,
    #[serde(default)]
    scores: Option<Scores>,
    #[serde(default)]
    author_spam: AuthorSpam,
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    cluster_size: Option<u32>,
}

/// The column `judged` of a deleted mention.
pub const JUDGED_NOTHING: &str = r#"{"watches":[]}"#;

pub fn judged_json(mention: &Mention) -> sqlx::Result<String> {
    let spam = &mention.author_spam;
    json(&Judged {
        watches: &mention.watches,
        scores: mention.scores.as_ref(),
        author_spam: (*spam != AuthorSpam::default()).then_some(spam),
        cluster: mention.cluster.as_deref(),
        cluster_size: mention.cluster_size,
    })
}

/// The columns that [`mention`] reads, first in a statement.
pub const MENTION: &str = "SELECT seq, source, brand, seen_at, judged, status, assignee, note, correction, post, change, rewritten, deleted \
     FROM mention ";

/// A row of [`MENTION`].
pub fn mention(row: &SqliteRow) -> sqlx::Result<Mention> {
    let judged: JudgedOwned = from_json(row.try_get(4)?)?;
    let correction: Option<&str> = row.try_get(8)?;
    Ok(Mention {
        post: post(row.try_get(1)?, row.try_get(9)?)?,
        seq: row.try_get(0)?,
        brand: row.try_get(2)?,
        watches: judged.watches,
        seen_at: timestamp(row.try_get(3)?)?,
        scores: judged.scores,
        author_spam: judged.author_spam,
        cluster: judged.cluster,
        cluster_size: judged.cluster_size,
        status: by_name(&Status::ALL, row.try_get(5)?)?,
        assignee: row.try_get(6)?,
        note: row.try_get(7)?,
        correction: correction.map(|name| by_name(&Label::ALL, name)).transpose()?,
    })
}

/// The columns that [`delivery`] reads.
pub const DELIVERY: &str = "SELECT id, hook, alert, revision, news, body, state, attempts, created_at, due_at, \
                            finished_at, last_error FROM outbox ";

/// A row of [`DELIVERY`].
pub fn delivery(row: &SqliteRow) -> sqlx::Result<Delivery> {
    let finished_at: Option<i64> = row.try_get(10)?;
    Ok(Delivery {
        id: row.try_get(0)?,
        hook: row.try_get(1)?,
        alert: row.try_get(2)?,
        revision: row.try_get(3)?,
        news: by_name(&News::ALL, row.try_get(4)?)?,
        body: from_json(row.try_get(5)?)?,
        state: by_name(&DeliveryState::ALL, row.try_get(6)?)?,
        attempts: row.try_get(7)?,
        created_at: timestamp(row.try_get(8)?)?,
        due_at: timestamp(row.try_get(9)?)?,
        finished_at: finished_at.map(timestamp).transpose()?,
        last_error: row.try_get(11)?,
    })
}

/// A row of one column `profile`.
pub fn profile(row: &SqliteRow) -> sqlx::Result<Author<'static>> {
    from_json::<Author<'_>>(row.try_get(0)?).map(Author::into_owned)
}

/// A row of one column `body`.
pub fn alert(row: &SqliteRow) -> sqlx::Result<Alert> {
    from_json(row.try_get(0)?)
}
