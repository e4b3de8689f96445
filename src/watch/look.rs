//! One search of the filter: goes over a post once and looks up every word, tag, account and host as it meets them.
//! Allocates nothing to speak of.

use super::filter::{Filter, Found, Sought};
use super::hash::{Ends, PADDING, first, look, mask};
use super::key::{Place, pair_ends, respect};
use crate::post::{LIST_MAX, Post};
use crate::query::{bare_tag, primary_subtag, reading};
use crate::text::{self, Kind, is_unspaced};
use std::ops::Range;

pub(super) struct Look<'f, 'b> {
    pub filter: &'f Filter,
    pub found: &'b mut Found,
    pub folded: &'b mut String,
}

impl Look<'_, '_> {
    pub fn post(&mut self, post: &Post<'_>, source_kind: &str) {
        self.body(&post.text);
        self.body(post.title.as_deref().unwrap_or(""));
        self.entities(post);
        self.author(post);
        self.keywords(post, source_kind);
    }

    fn asks(&self, place: Place) -> bool {
        self.filter.sought(place).any
    }

    /// Text or title: words and what stands among them.
    fn body(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.words(Place::Text, text);
        let (filter, folded) = (self.filter, &*self.folded);
        let [tag, handle, link] = text::SIGNS;
        let tickers =
            filter.sought(Place::Ticker).any.then(|| memchr::memchr_iter(text::TICKER_SIGN, folded.as_bytes()));
        let signs = memchr::memchr3_iter(tag, handle, link, folded.as_bytes());
        for sign in signs.chain(tickers.into_iter().flatten()) {
            let Some(part) = text::entity_at(folded, sign) else { continue };
            let written = &folded[part.range];
            let mut key = |place, text| whole(filter, place, text, self.found);
            match part.kind {
                Kind::Tag => key(Place::Tag, written),
                Kind::Handle => reading::handle_forms(written).for_each(|form| key(Place::Handle, form)),
                Kind::Link => address(filter, written, self.found),
                Kind::Ticker => key(Place::Ticker, written),
                Kind::Word => {}
            }
        }
    }

    /// Leaves the folded text in `folded`.
    fn words(&mut self, place: Place, text: &str) {
        text::fold(text, self.folded);
        let length = self.folded.len();
        self.folded.push_str(PADDING);
        let (filter, text) = (self.filter, self.folded.as_bytes());
        let mut words = Words { filter, sought: filter.sought(place), place, text, found: self.found };
        if !text::each_span(&self.folded[..length], |word| words.look(&word)) {
            words.unspaced(&self.folded[..length]);
        }
        self.folded.truncate(length);
    }

    fn entities(&mut self, post: &Post<'_>) {
        let filter = self.filter;
        if self.asks(Place::Tag) {
            for tag in post.tags.iter().take(LIST_MAX) {
                text::fold(tag, self.folded);
                whole(filter, Place::Tag, bare_tag(self.folded), self.found);
            }
        }
        if self.asks(Place::Handle) {
            for account in post.mentions.iter().take(LIST_MAX) {
                text::fold(account, self.folded);
                whole(filter, Place::Handle, self.folded, self.found);
            }
        }
        if self.asks(Place::Host) {
            let links = post.links.iter().take(LIST_MAX).chain(&post.url);
            links.for_each(|link| address(filter, link, self.found));
        }
    }

    fn author(&mut self, post: &Post<'_>) {
        let author = &post.author;
        if self.asks(Place::Author) {
            let handle = author.handle.as_deref().map(|handle| handle.trim_start_matches('@'));
            handle.into_iter().chain(author.name.as_deref()).for_each(|text| self.words(Place::Author, text));
        }
        if self.asks(Place::Bio) {
            author.bio.iter().for_each(|text| self.words(Place::Bio, text));
        }
    }

    fn keywords(&mut self, post: &Post<'_>, source_kind: &str) {
        let filter = self.filter;
        let mut key = |place, text: &str| whole(filter, place, text, self.found);
        if filter.sought(Place::Kind).any {
            key(Place::Kind, post.kind.name());
        }
        if filter.sought(Place::Lang).any
            && let Some(lang) = post.lang.as_deref()
        {
            match lang.split(['-', '_']).next() {
                Some(primary) if is_lower(primary) => key(Place::Lang, primary),
                _ => key(Place::Lang, &primary_subtag(lang)),
            }
        }
        if filter.sought(Place::Source).any {
            if is_lower(&post.source) {
                key(Place::Source, &post.source);
            } else {
                key(Place::Source, &post.source.to_lowercase());
            }
            key(Place::Source, source_kind);
        }
    }
}

/// Nearly always: then nothing is allocated.
fn is_lower(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase())
}

fn whole(filter: &Filter, place: Place, text: &str, found: &mut Found) {
    let text = text.as_bytes();
    if filter.may_hold(look(first(text, 0, text.len()), respect(place, 0))) {
        filter.find(Ends::of(text).hash(respect(place, 0)), text, found);
    }
}

/// A host and all that it lies in.
fn address(filter: &Filter, address: &str, found: &mut Found) {
    if !filter.sought(Place::Host).any {
        return;
    }
    let Some((host, _)) = text::host_and_rest(address) else { return };
    let mut parent = Some(&*host);
    while let Some(host) = parent {
        whole(filter, Place::Host, host, found);
        parent = host.split_once('.').map(|(_, parent)| parent);
    }
}

/// The words of one text.
struct Words<'f, 'b> {
    filter: &'f Filter,
    /// In this place.
    sought: &'f Sought,
    place: Place,
    /// Folded, then [`PADDING`].
    text: &'b [u8],
    found: &'b mut Found,
}

impl Words<'_, '_> {
    /// All looks into the bit map first and one decision at the end: a processor guesses wrong about single looks too
    /// often.
    #[inline(always)]
    fn look(&mut self, word: &Range<usize>) {
        let filter = self.filter;
        let first = first(self.text, word.start, word.end);
        let mut held = filter.may_hold(look(first, respect(self.place, 0)));
        for &length in &self.sought.short {
            // A shorter word looks as if it went on with zeros, which is in no key.
            held |= filter.may_hold(look(first & mask(length), respect(self.place, length)));
        }
        if held {
            self.held(first, word.clone());
        }
    }

    #[cold]
    fn held(&mut self, first: u64, word: Range<usize>) {
        let ends = Ends::within(first, self.text, word.start, word.end);
        let word = &self.text[word];
        self.filter.find(ends.hash(respect(self.place, 0)), word, self.found);
        for &length in &self.sought.beginnings {
            if length <= ends.length {
                self.filter.find(ends.beginning(length).hash(respect(self.place, length)), word, self.found);
            }
        }
    }

    /// Only the whole scanner tells which characters follow each other, with entities between them left out.
    fn unspaced(&mut self, text: &str) {
        let (filter, sought) = (self.filter, self.sought);
        let mut before = None;
        for part in text::parts(text).filter(|part| part.kind == Kind::Word) {
            let written = &text[part.range.clone()];
            let unspaced = written.starts_with(is_unspaced);
            if sought.singles || !unspaced {
                self.look(&part.range);
            }
            if !unspaced {
                before = None;
                continue;
            }
            if !sought.pairs {
                continue;
            }
            for c in written.chars().filter(|c| is_unspaced(*c)) {
                if let Some(before) = before.replace(c) {
                    let hash = pair_ends([before, c]).hash(respect(self.place, 0));
                    if filter.may_hold(hash) {
                        filter.find(hash, b"", self.found);
                    }
                }
            }
        }
    }
}
