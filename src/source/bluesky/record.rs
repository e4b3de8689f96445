//! A post record to a post. What the author's client says is taken with care: its clock may be years off, its facets (byte
//! ranges of the UTF-8 text) are checked by nobody, its optional parts may be of any shape. A part that is malformed is
//! left out; the post stays. Links come from facets and embeds only, since the visible text of a link is often cut.
//! Source: lexicons `app.bsky.feed.post`, `app.bsky.richtext.facet`, `app.bsky.embed.*`, August 2026.

use super::frame::{Bad, POST, What, at_uri};
use crate::post::{Author, Kind, Post, Str};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Record<'a> {
    text: Option<Str<'a>>,
    created_at: Option<Str<'a>>,
    #[serde(default)]
    langs: Lenient<Vec<Str<'a>>>,
    #[serde(default)]
    tags: Lenient<Vec<Str<'a>>>,
    #[serde(default)]
    facets: Lenient<Vec<Lenient<Facet<'a>>>>,
    #[serde(default)]
    reply: Lenient<Reply<'a>>,
    #[serde(default)]
    embed: Lenient<Embed<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Facet<'a> {
    index: Index,
    features: Vec<Feature<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    byte_start: usize,
    byte_end: usize,
}

/// One of the three known features; which one shows by the field that is there.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Feature<'a> {
    uri: Option<Str<'a>>,
    tag: Option<Str<'a>>,
    did: Option<Str<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Reply<'a> {
    root: Reference<'a>,
    parent: Reference<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Reference<'a> {
    uri: Str<'a>,
}

/// All embeds in one: `external` has a link, `record` a quoted record, `recordWithMedia` a record in a record and media.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Embed<'a> {
    #[serde(default)]
    external: Lenient<Reference<'a>>,
    #[serde(default)]
    record: Lenient<Quoted<'a>>,
    #[serde(default)]
    media: Lenient<Media<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Quoted<'a> {
    uri: Option<Str<'a>>,
    #[serde(default)]
    record: Lenient<Reference<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Media<'a> {
    #[serde(default)]
    external: Lenient<Reference<'a>>,
}

/// `None` when the value has another shape than expected, instead of an error for the whole record.
struct Lenient<T>(Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

/// `at` is the server's time of the event. A post without words and links (pictures alone, a quote without a comment)
/// says nothing that could be judged: [`What::Other`].
pub fn post<'a>(did: Str<'a>, rkey: &str, record: &'a str, at: Timestamp, edited: bool) -> Result<What<'a>, Bad> {
    let record: Record<'a> = serde_json::from_str(record).map_err(|error| Bad::Record(error.to_string()))?;
    let mut post = Post::new(at_uri(&did, POST, rkey), record.text.unwrap_or_default(), at);
    // A clock that runs ahead would sort a post before all others for years.
    let declared = record.created_at.and_then(|time| time.parse::<Timestamp>().ok());
    post.created_at = declared.filter(|time| *time > Timestamp::UNIX_EPOCH).map_or(at, |time| time.min(at));
    post.edited_at = edited.then_some(at);
    post.url = Some(["https://bsky.app/profile/", &did, "/post/", rkey].concat().into());
    post.lang = record.langs.0.and_then(|langs| langs.into_iter().find(|lang| !lang.is_empty()));
    post.tags = record.tags.0.unwrap_or_default();
    if let Some(embed) = record.embed.0 {
        take_embed(embed, &mut post);
    }
    let mut facets_ignored = 0;
    for facet in record.facets.0.unwrap_or_default() {
        match facet.0.filter(|facet| post.text.get(facet.index.byte_start..facet.index.byte_end).is_some()) {
            Some(facet) => facet.features.into_iter().for_each(|feature| take_feature(feature, &mut post)),
            None => facets_ignored += 1,
        }
    }
    if post.quote_of.is_some() {
        post.kind = Kind::Quote;
    }
    if let Some(reply) = record.reply.0 {
        post.kind = Kind::Reply;
        post.reply_to = Some(reply.parent.uri);
        post.root = Some(reply.root.uri);
    }
    if post.text.trim().is_empty() && post.links.is_empty() {
        return Ok(What::Other);
    }
    post.author = Author { id: Some(did), ..Author::default() };
    Ok(What::Post { post: Box::new(post), facets_ignored })
}

fn take_embed<'a>(embed: Embed<'a>, post: &mut Post<'a>) {
    let media = embed.media.0.and_then(|media| media.external.0);
    for external in [embed.external.0, media].into_iter().flatten() {
        push_new(&mut post.links, external.uri);
    }
    // Feeds, lists and starter packs are embedded in the same way: only a post is quoted.
    post.quote_of = embed
        .record
        .0
        .and_then(|record| record.uri.or(record.record.0.map(|inner| inner.uri)))
        .filter(|uri| uri.contains("/app.bsky.feed.post/"));
}

fn take_feature<'a>(feature: Feature<'a>, post: &mut Post<'a>) {
    if let Some(uri) = feature.uri {
        push_new(&mut post.links, uri);
    }
    if let Some(tag) = feature.tag {
        push_new(&mut post.tags, tag);
    }
    if let Some(did) = feature.did {
        push_new(&mut post.mentions, did);
    }
}

/// Records stay below some kilobytes (300 graphemes, 8 tags): a linear search is the fast one.
fn push_new<'a>(list: &mut Vec<Str<'a>>, item: Str<'a>) {
    if list.len() < crate::post::LIST_MAX && !item.is_empty() && !list.contains(&item) {
        list.push(item);
    }
}
