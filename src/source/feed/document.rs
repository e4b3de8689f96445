//! One fetched document of a feed, read: RSS, Atom and JSON Feed become the same entries. Pure.
//! What was seen before, and so what is new, is not known here.

use super::charset;
use crate::post::{ID_BYTES_MAX, LIST_MAX, TEXT_BYTES_MAX};
use crate::text::hash::first_u64;
use crate::text::html;
use feed_rs::model::{self, FeedType};
use jiff::Timestamp;
use std::time::Duration;
use url::Url;

/// Entries of one document that are read. Feeds hold 10 to 50; podcasts and archives some hundred.
pub const ENTRIES_MAX: usize = 1_000;

/// HTML that goes into making one text; what lies behind is cut.
const HTML_BYTES_MAX: usize = 1 << 20;

/// Tags such as `xml:base` or a podcast's chapters can repeat; a title longer than this is no title.
const TITLE_BYTES_MAX: usize = 4 * 1024;

/// Addresses longer than this are left out: they are data, not places.
const URL_BYTES_MAX: usize = 8 * 1024;

#[derive(Debug, Default, PartialEq)]
pub struct Document {
    pub entries: Vec<Entry>,
    /// How often the feed wants to be asked at most (`ttl`).
    pub interval_min: Option<Duration>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// As the feed says, else the link, else a hash of what there is.
    pub id: String,
    pub url: Option<String>,
    pub title: Option<String>,
    pub text: String,
    pub author: Option<String>,
    pub lang: Option<String>,
    pub published: Option<Timestamp>,
    pub updated: Option<Timestamp>,
    pub links: Vec<String>,
    pub tags: Vec<String>,
}

impl Entry {
    /// Changes when what a person reads changes, and not with dates or white space.
    pub fn content_hash(&self) -> u64 {
        let mut hasher = blake3::Hasher::new();
        for text in [self.title.as_deref().unwrap_or_default(), &self.text] {
            for word in text.split_whitespace() {
                hasher.update(word.as_bytes()).update(b" ");
            }
            hasher.update(b"\0");
        }
        first_u64(&hasher.finalize())
    }

    /// Tells entries apart whose feed gives all of them one id.
    pub fn link_or_title(&self) -> &str {
        self.url.as_deref().or(self.title.as_deref()).unwrap_or(&self.text)
    }
}

pub fn hash(text: &str) -> u64 {
    first_u64(&blake3::hash(text.as_bytes()))
}

/// The document is no feed, or a broken one. Counted; the feed is asked again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    #[error("no feed but an HTML page")]
    Page,
    #[error("no feed: {0}")]
    Broken(String),
}

impl Bad {
    pub fn reason(&self) -> &'static str {
        match self {
            Bad::Page => "html_page",
            Bad::Broken(_) => "broken_feed",
        }
    }
}

/// `url`: where the document came from, for relative links.
///
/// # Errors
/// [`Bad`] when nothing can be read.
pub fn parse(bytes: &[u8], content_type: Option<&str>, url: &Url) -> Result<Document, Bad> {
    let text = charset::decode(bytes, content_type);
    let text = with_text_ids(text);
    let parser =
        feed_rs::parser::Builder::new().base_uri(Some(url.as_str())).id_generator(|_, _, _| String::new()).build();
    let feed = match parser.parse(text.as_bytes()) {
        Ok(feed) => feed,
        Err(_) if is_page(&text) => return Err(Bad::Page),
        Err(error) => return Err(Bad::Broken(cut(error.to_string(), 200))),
    };
    let shared = Shared {
        url,
        author: feed.authors.first().and_then(person),
        lang: feed.language.clone().filter(|lang| !lang.is_empty()),
        plain: feed.feed_type == FeedType::JSON,
    };
    Ok(Document {
        entries: feed.entries.into_iter().take(ENTRIES_MAX).map(|entry| read(entry, &shared)).collect(),
        interval_min: feed.ttl.map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
    })
}

/// What entries take from their feed.
struct Shared<'u> {
    url: &'u Url,
    author: Option<String>,
    lang: Option<String>,
    /// Titles are plain text by specification; elsewhere they may hold markup.
    plain: bool,
}

fn read(entry: model::Entry, shared: &Shared<'_>) -> Entry {
    let title = entry.title.map(|title| match !shared.plain && looks_like_markup(&title.content) {
        true => from_html(&title.content),
        false => title.content,
    });
    let title = title.map(|title| cut(one_line(&title), TITLE_BYTES_MAX)).filter(|title| !title.is_empty());
    let typed = |body: String, kind: &str| if kind == "plain" { body } else { from_html(&body) };
    let content = entry.content.and_then(|content| {
        let kind = content.content_type.subty().as_str().to_owned();
        content.body.map(|body| typed(body, &kind))
    });
    let summary = || entry.summary.map(|summary| typed(summary.content, summary.content_type.subty().as_str()));
    let text = content.filter(|text| !text.is_empty()).or_else(summary).unwrap_or_default();
    let (url, links) = links(&entry.links, shared.url);
    let tags = entry.categories.into_iter().map(|category| category.label.unwrap_or(category.term));
    let mut read = Entry {
        id: String::new(),
        url,
        title,
        text: cut(text, TEXT_BYTES_MAX),
        author: entry.authors.first().and_then(person).or_else(|| shared.author.clone()),
        lang: entry.language.or_else(|| shared.lang.clone()),
        published: entry.published.and_then(|at| Timestamp::from_second(at.timestamp()).ok()),
        updated: entry.updated.and_then(|at| Timestamp::from_second(at.timestamp()).ok()),
        links,
        tags: tags.map(|tag| cut(one_line(&tag), 256)).filter(|tag| !tag.is_empty()).take(LIST_MAX).collect(),
    };
    read.id = identity(entry.id.trim(), &read);
    read
}

fn identity(given: &str, entry: &Entry) -> String {
    let id = match (given, &entry.url) {
        ("", Some(url)) => url.clone(),
        ("", None) => {
            let date = entry.published.map(|at| at.to_string()).unwrap_or_default();
            let title = entry.title.as_deref().unwrap_or_default();
            return format!("hash:{}", blake3::hash(format!("{title}\0{date}\0{}", entry.text).as_bytes()).to_hex());
        }
        (given, _) => given.to_owned(),
    };
    if id.len() <= ID_BYTES_MAX { id } else { format!("hash:{}", blake3::hash(id.as_bytes()).to_hex()) }
}

/// The page of the entry, and what else it links to. Alternates come first, whatever their order.
fn links(links: &[model::Link], base: &Url) -> (Option<String>, Vec<String>) {
    let main = |link: &model::Link| link.target.is_none() && matches!(link.rel.as_deref(), None | Some("alternate"));
    let (first, rest): (Vec<_>, Vec<_>) = links.iter().partition(|link| main(link));
    let rest = rest.into_iter().filter(|link| link.rel.as_deref() != Some("self"));
    let mut all = first.into_iter().chain(rest).filter_map(|link| absolute(&link.href, base));
    let url = all.next();
    (url, all.take(LIST_MAX).collect())
}

fn absolute(href: &str, base: &Url) -> Option<String> {
    let url = unwrap_redirect(base.join(href.trim()).ok()?);
    (matches!(url.scheme(), "http" | "https") && url.as_str().len() <= URL_BYTES_MAX).then(|| url.into())
}

/// Google Alerts links lead over `https://www.google.com/url?...&url=TARGET&...`.
fn unwrap_redirect(url: Url) -> Url {
    let google = url.host_str().is_some_and(|host| host.starts_with("www.google."));
    if !google || url.path() != "/url" {
        return url;
    }
    let target = url.query_pairs().find(|(name, _)| name == "url" || name == "q");
    target.and_then(|(_, target)| Url::parse(&target).ok()).unwrap_or(url)
}

fn person(person: &model::Person) -> Option<String> {
    let name = person.name.as_deref().or(person.email.as_deref())?.trim();
    (!name.is_empty()).then(|| cut(name.to_owned(), 256))
}

fn from_html(text: &str) -> String {
    html::to_text(&text[..floor(text, HTML_BYTES_MAX)])
}

/// RSS does not say whether a title is markup: it is when it looks like it.
fn looks_like_markup(text: &str) -> bool {
    text.contains("</") || text.contains("/>") || text.contains("<b") || has_entity(text)
}

fn has_entity(text: &str) -> bool {
    text.split('&').skip(1).any(|rest| {
        let name = rest.split(';').next().unwrap_or_default();
        name.len() < rest.len()
            && (2..=8).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(floor(&text, bytes_max));
    text
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// JSON Feed ids are texts, but numbers occur: one would cost the whole document.
fn with_text_ids(text: String) -> String {
    if !text.starts_with('{') {
        return text;
    }
    let Ok(mut feed) = serde_json::from_str::<serde_json::Value>(&text) else { return text };
    let items = feed.get_mut("items").and_then(|items| items.as_array_mut());
    let mut changed = false;
    for id in items.into_iter().flatten().filter_map(|item| item.get_mut("id")) {
        if id.is_number() {
            *id = id.to_string().into();
            changed = true;
        }
    }
    if changed { feed.to_string() } else { text }
}

fn is_page(text: &str) -> bool {
    let head = text[..floor(text, 256)].to_ascii_lowercase();
    head.contains("<!doctype html") || head.contains("<html")
}

#[cfg(test)]
mod tests;
