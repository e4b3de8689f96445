//! A post as queries see it: folded, split into words, its entities gathered. The one definition of what a post's words,
//! tags, accounts and addresses are, for both evaluators. Buffers are kept from post to post.

use super::field::TextField;
use super::near::Spare;
use super::piece::Piece;
use super::value;
use crate::post::{LIST_MAX, Post};
use crate::text::{self, Kind, Part, folded};
use std::cell::RefCell;

#[derive(Debug, Default)]
pub struct Reading {
    pub title: Piece,
    pub text: Piece,
    pub handle: Piece,
    pub name: Piece,
    pub bio: Piece,
    /// Declared tags and the `#tags` of text and title, folded.
    pub tags: Vec<String>,
    /// Native ids of mentioned accounts and the `@handles` of text and title, folded; of `user@host` also `user`.
    pub handles: Vec<String>,
    /// The `$TICKERS` of text and title, folded.
    pub tickers: Vec<String>,
    /// Host and path of the post's own address, its links and those in text and title.
    pub addresses: Vec<(String, String)>,
    /// A link is declared or stands in text or title.
    pub has_link: bool,
    /// A question mark stands in text or title, links left out.
    pub has_question: bool,
    /// Taken by whoever evaluates, and given back.
    spare: RefCell<Spare>,
}

impl Reading {
    pub fn of(post: &Post<'_>) -> Self {
        let mut reading = Self::default();
        reading.read(post);
        reading
    }

    /// Forgets the last post and reads this one.
    pub fn read(&mut self, post: &Post<'_>) {
        let words_only = |_: &str, _: Part| {};
        self.handle.read(post.author.handle.as_deref().unwrap_or("").trim_start_matches('@'), words_only);
        self.name.read(post.author.name.as_deref().unwrap_or(""), words_only);
        self.bio.read(post.author.bio.as_deref().unwrap_or(""), words_only);
        self.tags.clear();
        self.handles.clear();
        self.tickers.clear();
        self.addresses.clear();
        self.has_question = false;
        self.tags.extend(post.tags.iter().take(LIST_MAX).map(|tag| value::tag(tag)));
        self.handles.extend(post.mentions.iter().take(LIST_MAX).map(|account| folded(account)));
        self.addresses.extend(post.links.iter().take(LIST_MAX).filter_map(|link| text::host_and_path(link)));
        self.has_link = !post.links.is_empty();
        let title = post.title.as_deref().unwrap_or("");
        for (piece, plain) in [(&mut self.title, title), (&mut self.text, post.text.as_str())] {
            let mut plain_from = 0;
            piece.read(plain, |folded, part| {
                let written = &folded[part.range.clone()];
                match part.kind {
                    Kind::Word => {}
                    Kind::Tag => self.tags.push(written.to_owned()),
                    Kind::Ticker => self.tickers.push(written.to_owned()),
                    Kind::Handle => self.handles.extend(handle_forms(written).map(str::to_owned)),
                    Kind::Link => {
                        self.has_link = true;
                        self.has_question |= asks(&folded[plain_from..part.range.start]);
                        plain_from = part.range.end;
                        self.addresses.extend(text::host_and_path(written));
                    }
                }
            });
            self.has_question |= asks(&piece.folded()[plain_from..]);
        }
        self.addresses.extend(post.url.as_deref().and_then(text::host_and_path));
    }

    /// The pieces of text that a field stands for, with what a person calls them.
    pub fn pieces(&self, field: TextField) -> &'static [Named] {
        const TEXT: Named = ("text", |reading| &reading.text);
        const TITLE: Named = ("title", |reading| &reading.title);
        match field {
            TextField::Any => &[TEXT, TITLE],
            TextField::Title => &[TITLE],
            TextField::Text => &[TEXT],
            TextField::Author => &[("handle", |reading| &reading.handle), ("name", |reading| &reading.name)],
            TextField::Bio => &[("bio", |reading| &reading.bio)],
        }
    }

    /// Whether `holds` for any piece of a field.
    pub(super) fn any(&self, field: TextField, holds: impl Fn(&Piece, &mut Spare) -> bool) -> bool {
        let mut spare = self.spare.take();
        let held = self.pieces(field).iter().any(|(_, piece)| holds(piece(self), &mut spare));
        self.spare.replace(spare);
        held
    }
}

/// A piece of a reading, and what a person calls it.
type Named = (&'static str, fn(&Reading) -> &Piece);

/// One sign after the other: that is quicker than a set of them, which is looked for a character at a time.
fn asks(text: &str) -> bool {
    text.contains('?') || text.contains('\u{61f}')
}

/// `user@host` is also called `user`.
pub(crate) fn handle_forms(handle: &str) -> impl Iterator<Item = &str> {
    let short = handle.split_once('@').map(|(user, _)| user);
    std::iter::once(handle).chain(short)
}

/// Whether `host` is `wanted` or one of its subdomains.
pub fn is_within(host: &str, wanted: &str) -> bool {
    host.strip_suffix(wanted).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}
