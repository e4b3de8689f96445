//! A post record to a post. What the author's client says is taken with care: its clock may be years off, its facets (byte
//! ranges of the UTF-8 text) are checked by nobody, its optional parts may be of any shape. A part that is malformed is
//! left out; the post stays. Links come from facets and embeds only, since the visible text of a link is often cut.
//! Source: lexicons `app.bsky.feed.post`, `app.bsky.richtext.facet`, `app.bsky.embed.*`, August 2026.

use super::frame::{Bad, POST, What, at_uri};
use crate::post::{Author, Kind, Post, Str};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// A record of a post as the lexicon has it. Nearly all are, and are read in one pass with the frame around them; for the
/// others there is [`damaged`]. Of any other record every part is absent, of a follow all but `subject`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub struct Record<'a> {
    text: Option<Str<'a>>,
    created_at: Option<Str<'a>>,
    langs: Option<Vec<Str<'a>>>,
    tags: Option<Vec<Str<'a>>>,
    facets: Option<Vec<Facet<'a>>>,
    reply: Option<Reply<'a>>,
    embed: Option<Embed<'a>>,
    /// Of a follow.
    pub subject: Option<Str<'a>>,
    #[serde(skip)]
    facets_ignored: u32,
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
    external: Option<Reference<'a>>,
    record: Option<Quoted<'a>>,
    media: Option<Media<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Quoted<'a> {
    uri: Option<Str<'a>>,
    record: Option<Reference<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Media<'a> {
    external: Option<Reference<'a>>,
}

/// The parts of an object, each to be read by itself.
type Parts<'a> = HashMap<Str<'a>, &'a RawValue>;

/// A record in which some part has another shape than expected: whatever can be read.
///
/// # Errors
/// It is no object, or text or time are not even strings.
pub fn damaged(record: &RawValue) -> Result<Record<'_>, Bad> {
    let bad = |error: serde_json::Error| Bad::Record(error.to_string());
    let parts: Parts<'_> = serde_json::from_str(record.get()).map_err(bad)?;
    let words = |name: &'static str| {
        parts.get(&name.into()).map(|part| serde_json::from_str(part.get()).map_err(bad)).transpose()
    };
    let facets: Vec<Option<Facet<'_>>> =
        part::<Vec<&RawValue>>(&parts, "facets").unwrap_or_default().into_iter().map(read).collect();
    Ok(Record {
        text: words("text")?.flatten(),
        created_at: words("createdAt")?.flatten(),
        langs: part(&parts, "langs"),
        tags: part(&parts, "tags"),
        facets_ignored: count(facets.iter().filter(|facet| facet.is_none())),
        facets: Some(facets.into_iter().flatten().collect()),
        reply: part(&parts, "reply"),
        embed: part(&parts, "embed").map(|embed| damaged_embed(&embed)),
        subject: part(&parts, "subject"),
    })
}

fn damaged_embed<'a>(embed: &Parts<'a>) -> Embed<'a> {
    let quoted = |record| Quoted { uri: part(&record, "uri"), record: part(&record, "record") };
    let media = |media| Media { external: part(&media, "external") };
    Embed {
        external: part(embed, "external"),
        record: part(embed, "record").map(quoted),
        media: part(embed, "media").map(media),
    }
}

fn part<'a, T: Deserialize<'a>>(parts: &Parts<'a>, name: &'static str) -> Option<T> {
    parts.get(&name.into()).copied().and_then(read)
}

fn read<'a, T: Deserialize<'a>>(part: &'a RawValue) -> Option<T> {
    serde_json::from_str(part.get()).ok()
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    items.fold(0, |count, _| count + 1)
}

/// `at` is the server's time of the event. A post without words and links (pictures alone, a quote without a comment)
/// says nothing that could be judged: [`What::Other`].
// The record stays in its box and the post is made in its own: both are large.
#[allow(clippy::boxed_local)]
pub fn post<'a>(did: Str<'a>, rkey: &str, record: Box<Record<'a>>, at: Timestamp, edited: bool) -> What<'a> {
    let mut post = Box::new(Post::new(at_uri(&did, POST, rkey), record.text.unwrap_or_default(), at));
    // A clock that runs ahead would sort a post before all others for years.
    let declared = record.created_at.and_then(|time| time.parse::<Timestamp>().ok());
    post.created_at = declared.filter(|time| *time > Timestamp::UNIX_EPOCH).map_or(at, |time| time.min(at));
    post.edited_at = edited.then_some(at);
    post.url = Some(["https://bsky.app/profile/", &did, "/post/", rkey].concat().into());
    post.lang = record.langs.and_then(|langs| langs.into_iter().find(|lang| !lang.is_empty()));
    post.tags = record.tags.unwrap_or_default();
    if let Some(embed) = record.embed {
        take_embed(embed, &mut post);
    }
    let mut facets_ignored = record.facets_ignored;
    for facet in record.facets.unwrap_or_default() {
        match post.text.get(facet.index.byte_start..facet.index.byte_end) {
            Some(_) => facet.features.into_iter().for_each(|feature| take_feature(feature, &mut post)),
            None => facets_ignored += 1,
        }
    }
    if post.quote_of.is_some() {
        post.kind = Kind::Quote;
    }
    if let Some(reply) = record.reply {
        post.kind = Kind::Reply;
        post.reply_to = Some(reply.parent.uri);
        post.root = Some(reply.root.uri);
    }
    if post.text.trim().is_empty() && post.links.is_empty() {
        return What::Other;
    }
    post.author = Author { id: Some(did), ..Author::default() };
    What::Post { post, facets_ignored }
}

fn take_embed<'a>(embed: Embed<'a>, post: &mut Post<'a>) {
    let media = embed.media.and_then(|media| media.external);
    for external in [embed.external, media].into_iter().flatten() {
        push_new(&mut post.links, external.uri);
    }
    // Feeds, lists and starter packs are embedded in the same way: only a post is quoted.
    post.quote_of = embed
        .record
        .and_then(|record| record.uri.or(record.record.map(|inner| inner.uri)))
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
