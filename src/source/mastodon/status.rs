//! A Mastodon status to a post. The id is the one of this server, not the ActivityPub `uri` that servers share: deletes,
//! replies and pages name posts by the local id alone, and with (source, id) as the identity it stays known after a
//! restart without a table of our own. The price: one post heard over two configured servers is two mentions; they share
//! their `url` and their text, and fall into one cluster.
//! Sources: Mastodon's documentation, July 2026; other servers send the same shape with other ids.

use crate::post::{Author, Kind, Post, Str};
use crate::text::html;
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Status {
    pub id: String,
    url: Option<String>,
    uri: Option<String>,
    pub created_at: Timestamp,
    edited_at: Option<Timestamp>,
    account: Account,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    visibility: Option<String>,
    #[serde(default)]
    spoiler_text: Option<String>,
    in_reply_to_id: Option<String>,
    in_reply_to_account_id: Option<String>,
    reblog: Option<serde::de::IgnoredAny>,
    quote: Option<Quote>,
    #[serde(default)]
    mentions: Vec<Mention>,
    #[serde(default)]
    tags: Vec<Tag>,
    language: Option<String>,
    favourites_count: Option<u64>,
    reblogs_count: Option<u64>,
}

#[derive(Deserialize)]
pub struct Account {
    pub id: String,
    acct: String,
    display_name: Option<String>,
    note: Option<String>,
    avatar: Option<String>,
    followers_count: Option<i64>,
    following_count: Option<i64>,
    statuses_count: Option<i64>,
    created_at: Option<Timestamp>,
}

/// Whole, shallow (only the id) or withheld.
#[derive(Deserialize)]
struct Quote {
    quoted_status: Option<Quoted>,
    quoted_status_id: Option<String>,
}

#[derive(Deserialize)]
struct Quoted {
    id: String,
}

#[derive(Deserialize)]
struct Mention {
    id: String,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
}

impl Status {
    /// `None` for what is no post of its own (a boost), is not public, or has neither words nor links.
    /// `domain` completes the handles of local accounts; no post is later than `now`.
    pub fn into_post(self, domain: &str, now: Timestamp) -> Option<Post<'static>> {
        let public = matches!(self.visibility.as_deref(), None | Some("public" | "unlisted"));
        if self.reblog.is_some() || !public {
            return None;
        }
        let content = self.content.unwrap_or_default();
        let mut post = Post::new(self.id, html::to_text(&content), self.created_at.min(now));
        post.links = html::links(&content).into_iter().map(Str::from).collect();
        post.title = self.spoiler_text.filter(|warning| !warning.trim().is_empty()).map(Str::from);
        if post.text.trim().is_empty() && post.title.is_none() && post.links.is_empty() {
            return None;
        }
        post.url = self.url.or(self.uri).map(Str::from);
        post.edited_at = self.edited_at.map(|at| at.min(now));
        post.lang = self.language.filter(|language| !language.is_empty()).map(Str::from);
        post.tags = self.tags.into_iter().map(|tag| tag.name.into()).collect();
        post.mentions = self.mentions.into_iter().map(|mention| mention.id.into()).collect();
        // Answering somebody addresses them, whether or not their name was left in the text.
        if let Some(answered) = self.in_reply_to_account_id.filter(|id| *id != self.account.id).map(Str::from)
            && !post.mentions.contains(&answered)
        {
            post.mentions.push(answered);
        }
        if let Some(quote) = self.quote {
            post.quote_of = quote.quoted_status.map(|quoted| quoted.id).or(quote.quoted_status_id).map(Str::from);
            post.kind = if post.quote_of.is_some() { Kind::Quote } else { Kind::Post };
        }
        if let Some(answered) = self.in_reply_to_id {
            post.kind = Kind::Reply;
            post.reply_to = Some(answered.into());
        }
        post.likes = self.favourites_count;
        post.reposts = self.reblogs_count;
        post.author = self.account.into_author(domain);
        Some(post)
    }
}

impl Account {
    pub fn into_author(self, domain: &str) -> Author<'static> {
        // Some servers hide a count as -1.
        let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
        let handle = if self.acct.contains('@') { self.acct } else { format!("{}@{domain}", self.acct) };
        Author {
            id: Some(self.id.into()),
            handle: Some(handle.into()),
            name: self.display_name.filter(|name| !name.is_empty()).map(Str::from),
            bio: self.note.map(|note| html::to_text(&note)).filter(|bio| !bio.is_empty()).map(Str::from),
            followers: count(self.followers_count),
            following: count(self.following_count),
            posts: count(self.statuses_count),
            // Servers show a placeholder of this name instead of nothing.
            has_avatar: self.avatar.map(|url| !url.is_empty() && !url.ends_with("/missing.png")),
            // Each upload has a name of its own.
            avatar_hash: None,
            created_at: self.created_at,
        }
    }
}
