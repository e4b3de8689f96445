//! Items of Hacker News as posts: the Firebase item and the Algolia hit. Pure.
//! Source: github.com/HackerNews/API (every field but `id` may be missing) and hn.algolia.com/api, read in November 2026.

use crate::post::{Kind, Post, Str};
use crate::text::html;
use jiff::Timestamp;
use serde::Deserialize;

/// The page of an item.
const PAGE: &str = "https://news.ycombinator.com/item?id=";

/// What stands behind an item number.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Allocated but not shown yet, or never.
    Missing,
    /// Deleted by its author, or killed by moderators or flags.
    Gone {
        id: u64,
    },
    /// Nothing that anybody says: an option of a poll.
    Other,
    Post(Box<Post<'static>>),
}

/// An answer that is not what the interface describes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Bad(String);

#[derive(Deserialize)]
struct Raw {
    id: u64,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    dead: bool,
    r#type: Option<String>,
    by: Option<String>,
    time: Option<i64>,
    text: Option<String>,
    parent: Option<u64>,
    url: Option<String>,
    score: Option<i64>,
    title: Option<String>,
}

/// The body of `item/N.json`, which may be `null`.
///
/// # Errors
/// [`Bad`] for what is no item; counted.
pub fn parse_item(body: &[u8]) -> Result<Item, Bad> {
    let raw: Option<Raw> = serde_json::from_slice(body).map_err(|error| Bad(error.to_string()))?;
    let Some(raw) = raw else { return Ok(Item::Missing) };
    if raw.deleted || raw.dead {
        return Ok(Item::Gone { id: raw.id });
    }
    let kind = match raw.r#type.as_deref() {
        Some("comment") => Kind::Comment,
        Some("story" | "job" | "poll") => Kind::Post,
        _ => return Ok(Item::Other),
    };
    let item = Parts {
        id: raw.id,
        kind,
        by: raw.by,
        second: raw.time,
        html: raw.text,
        title: raw.title,
        link: raw.url,
        parent: raw.parent,
        root: None,
        score: raw.score,
    };
    item.into_post().map(|post| Item::Post(Box::new(post)))
}

/// One page of a search.
#[derive(Debug, PartialEq)]
pub struct Page {
    pub posts: Vec<Post<'static>>,
    /// Hits that are no items; counted.
    pub bad: Vec<Bad>,
    /// How many hits there are in all, also beyond what is ever returned.
    pub hits: u64,
    /// The highest item number of the page.
    pub id_max: u64,
}

#[derive(Deserialize)]
struct RawPage {
    hits: Vec<serde_json::Value>,
    #[serde(rename = "nbHits")]
    hit_count: u64,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "objectID")]
    id: String,
    author: Option<String>,
    created_at_i: Option<i64>,
    title: Option<String>,
    url: Option<String>,
    points: Option<i64>,
    story_text: Option<String>,
    comment_text: Option<String>,
    parent_id: Option<u64>,
    story_id: Option<u64>,
    #[serde(default, rename = "_tags")]
    tags: Vec<String>,
}

/// The body of `search_by_date`.
///
/// # Errors
/// [`Bad`] when it is no page of hits.
pub fn parse_page(body: &[u8]) -> Result<Page, Bad> {
    let raw: RawPage = serde_json::from_slice(body).map_err(|error| Bad(error.to_string()))?;
    let mut page = Page { posts: Vec::with_capacity(raw.hits.len()), bad: Vec::new(), hits: raw.hit_count, id_max: 0 };
    for hit in raw.hits {
        match serde_json::from_value::<Hit>(hit).map_err(|error| Bad(error.to_string())).and_then(post_of_hit) {
            Ok((id, post)) => {
                page.id_max = page.id_max.max(id);
                page.posts.push(post);
            }
            Err(bad) => page.bad.push(bad),
        }
    }
    Ok(page)
}

fn post_of_hit(hit: Hit) -> Result<(u64, Post<'static>), Bad> {
    let id: u64 = hit.id.parse().map_err(|_| Bad(format!("`{}` is no item number", hit.id)))?;
    let comment = hit.tags.iter().any(|tag| tag == "comment") || hit.comment_text.is_some();
    let item = Parts {
        id,
        kind: if comment { Kind::Comment } else { Kind::Post },
        by: hit.author,
        second: hit.created_at_i,
        html: if comment { hit.comment_text } else { hit.story_text },
        title: hit.title,
        link: hit.url,
        parent: hit.parent_id.filter(|_| comment),
        root: hit.story_id.filter(|_| comment),
        score: hit.points,
    };
    Ok((id, item.into_post()?))
}

/// What both interfaces know of an item.
struct Parts {
    id: u64,
    kind: Kind,
    by: Option<String>,
    second: Option<i64>,
    html: Option<String>,
    title: Option<String>,
    link: Option<String>,
    parent: Option<u64>,
    root: Option<u64>,
    score: Option<i64>,
}

impl Parts {
    fn into_post(self) -> Result<Post<'static>, Bad> {
        let at = self.second.and_then(|second| Timestamp::from_second(second).ok());
        let at = at.ok_or_else(|| Bad(format!("item {} has no time", self.id)))?;
        let text = self.html.as_deref().map(html::to_text).unwrap_or_default();
        let mut post = Post::new(self.id.to_string(), text, at);
        post.kind = self.kind;
        post.url = Some(format!("{PAGE}{}", self.id).into());
        post.title = self.title.filter(|title| !title.is_empty()).map(Str::from);
        post.author.id = self.by.clone().map(Str::from);
        post.author.handle = self.by.map(Str::from);
        post.reply_to = self.parent.map(|id| id.to_string().into());
        post.root = self.root.map(|id| id.to_string().into());
        post.links = self.link.filter(|link| !link.is_empty()).map(Str::from).into_iter().collect();
        post.likes = self.score.and_then(|score| u64::try_from(score).ok());
        Ok(post)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    macro_rules! fixture {
        ($name:literal) => {
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/source/hackernews/", $name))
        };
    }

    fn post(body: &[u8]) -> Post<'static> {
        match parse_item(body) {
            Ok(Item::Post(post)) => *post,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_story() {
        let story = post(fixture!("story.json"));
        assert_eq!((story.id.as_str(), story.kind), ("90000001", Kind::Post));
        assert_eq!(story.url.as_deref(), Some("https://news.ycombinator.com/item?id=90000001"));
        assert_eq!(story.title.as_deref(), Some("Show HN: Brightleaf, a kettle that listens"));
        assert_eq!(story.links, ["https://brightleaf.example/launch".into()]);
        assert_eq!((story.author.handle.as_deref(), story.likes), (Some("ann_example"), Some(57)));
        assert_eq!(story.created_at, "2026-11-21T09:00:00Z".parse().unwrap());
        assert_eq!(story.text.as_str(), "We built it in a shed. Ask us anything.");
    }

    #[test]
    fn a_comment_as_both_interfaces_tell_it() {
        let comment = post(fixture!("comment.json"));
        assert_eq!((comment.kind, comment.reply_to.as_deref()), (Kind::Comment, Some("90000001")));
        assert!(comment.text.starts_with("It's <loud>.") && comment.text.contains("\n"), "{:?}", comment.text);
        let page = parse_page(fixture!("page.json")).unwrap();
        assert_eq!((page.hits, page.id_max, page.posts.len(), page.bad.len()), (3, 90000002, 2, 1));
        let hit = &page.posts[1];
        assert_eq!((hit.root.as_deref(), hit.text.as_str()), (Some("90000001"), comment.text.as_str()));
        assert_eq!(Post { root: None, ..hit.clone() }, Post { likes: None, ..comment });
    }

    #[test]
    fn what_is_no_post() {
        for (body, item) in [
            ("null", Item::Missing),
            (r#"{"id":7,"deleted":true,"type":"comment","time":1}"#, Item::Gone { id: 7 }),
            (r#"{"id":7,"dead":true,"by":"x","type":"story","time":1,"title":"[flagged]"}"#, Item::Gone { id: 7 }),
            (r#"{"id":7,"type":"pollopt","time":1,"text":"yes"}"#, Item::Other),
            (r#"{"id":7}"#, Item::Other),
        ] {
            assert_eq!(parse_item(body.as_bytes()), Ok(item), "{body}");
        }
        for bad in ["", "{}", "[]", r#"{"id":"7"}"#, r#"{"id":7,"type":"story","title":"x"}"#, "<html>"] {
            assert!(parse_item(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse_page(b"{}").is_err());
    }

    proptest! {
        #[test]
        fn any_damage_is_survived(cut in 0_usize..600, at in 0_usize..600, byte in any::<u8>()) {
            for whole in [&fixture!("story.json")[..], &fixture!("page.json")[..]] {
                let mut bytes = whole[..whole.len() - cut.min(whole.len())].to_vec();
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
                parse_item(&bytes).ok();
                parse_page(&bytes).ok();
            }
        }
    }
}
