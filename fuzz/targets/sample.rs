//! What the targets share: an input is lines, first queries, then posts.

use jiff::Timestamp;
use reputed::post::Post;
use reputed::query::list::List;
use reputed::query::names::Names;
use std::sync::Arc;

/// Longer inputs find nothing that shorter ones do not.
pub const BYTES_MAX: usize = 4 * 1024;

/// A list and named queries to refer to.
pub fn names() -> Names {
    let mut names = Names::default();
    let text = "refund\nmoney back\nacm*\nbig ref*\n#acme\n@ann.example\n$ACME\n返金\nにじさんじ\n";
    if let Ok(list) = List::read("l", text) {
        names.lists.insert("l".into(), Arc::new(list));
    }
    for (name, text) in [("a", "acme OR refund"), ("b", "let:a -in:$l rating:>2"), ("c", "x let:c")] {
        names.queries.insert(name.into(), text.into());
    }
    names
}

/// A post that says `line` in all that can hold words; `|` separates title and text.
#[allow(dead_code)] // Not every target needs a post.
pub fn post(line: &str) -> Post<'_> {
    let (title, text) = line.split_once('|').unwrap_or(("", line));
    let mut post = Post::new("1", text, Timestamp::UNIX_EPOCH);
    post.source = "fedi".into();
    if !title.is_empty() {
        post.title = Some(title.into());
        post.author.name = Some(title.into());
        post.author.handle = Some(title.into());
        post.tags = vec![title.into()];
        post.mentions = vec![title.into()];
        post.url = Some(title.into());
        post.lang = Some("de".into());
        post.rating = Some(3.0);
    }
    post
}
