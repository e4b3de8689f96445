//! The prefilter: from a post to the few watches that may match it. Every word, tag, account and host of a post is hashed
//! and looked up once, however many watches there are. Faster here than an automaton over the same literals: words have to be
//! whole anyway, and a small bit map that stays in the cache turns nearly all of them away.
//! It may name a watch too many (two texts with one hash), never one too few.

use super::key::{Key, Keys, PREFIX_LENGTHS, Place, keys};
use crate::post::{LIST_MAX, Post};
use crate::query::{Expr, reading};
use crate::text::{self, Kind};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

/// Bits for each key: one of sixteen foreign words gets as far as the hash table.
const BITS_PER_KEY: usize = 16;
/// Bounds of the bit map, in bits: a page of memory at least, 8 MiB at most.
const BITS_MIN: usize = 1 << 15;
const BITS_MAX: usize = 1 << 26;

pub(super) struct Filter {
    hasher: RandomState,
    bits: Vec<u64>,
    /// Hash of a key to its part of `watches`.
    keys: HashMap<u64, Range<u32>, RandomState>,
    watches: Vec<u32>,
    /// Without keys: asked of every post.
    always: Vec<u32>,
    /// Whether any key is looked for there, as whole words and as beginnings.
    asks: [bool; Place::COUNT],
    asks_prefix: [bool; Place::COUNT],
}

impl Filter {
    pub fn new<'q>(queries: impl Iterator<Item = &'q Expr>) -> Self {
        let hasher = RandomState::default();
        let mut filter = Self {
            bits: Vec::new(),
            keys: HashMap::with_hasher(hasher.clone()),
            hasher,
            watches: Vec::new(),
            always: Vec::new(),
            asks: [false; Place::COUNT],
            asks_prefix: [false; Place::COUNT],
        };
        let mut pairs = Vec::new();
        for (watch, query) in (0_u32..).zip(queries) {
            match keys(query, false) {
                Some(Keys { keys, .. }) => pairs.extend(keys.iter().map(|key| (filter.add(key), watch))),
                None => filter.always.push(watch),
            }
        }
        filter.fill(pairs);
        filter
    }

    fn add(&mut self, key: &Key<'_>) -> u64 {
        let asks = if key.prefix { &mut self.asks_prefix } else { &mut self.asks };
        asks[key.place as usize] = true;
        self.hash(key.place, key.prefix, key.text)
    }

    fn fill(&mut self, mut pairs: Vec<(u64, u32)>) {
        pairs.sort_unstable();
        pairs.dedup();
        let bits = (pairs.len() * BITS_PER_KEY).next_power_of_two().clamp(BITS_MIN, BITS_MAX);
        self.bits = vec![0; bits / 64];
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let hash = group[0].0;
            let start = self.watches.len();
            self.watches.extend(group.iter().map(|(_, watch)| *watch));
            // As many as there are terms, which memory bounds far below 2^32.
            self.keys.insert(hash, start as u32..self.watches.len() as u32);
            let (slot, bit) = self.bit(hash);
            self.bits[slot] |= bit;
        }
    }

    fn hash(&self, place: Place, prefix: bool, text: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(text);
        // Spreads the few places over all bits, so that the same word elsewhere is another key.
        hasher.finish() ^ ((place as u64) << 1 | u64::from(prefix)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn bit(&self, hash: u64) -> (usize, u64) {
        ((hash >> 6) as usize & (self.bits.len() - 1), 1 << (hash & 63))
    }

    /// The watches that may match, each once, in order, into `found` (cleared first). `folded` is a buffer.
    pub fn candidates(&self, post: &Post<'_>, source_kind: &str, folded: &mut String, found: &mut Vec<u32>) {
        found.clear();
        found.extend_from_slice(&self.always);
        let mut look = Look { filter: self, found };
        look.body(&post.text, folded);
        look.body(post.title.as_deref().unwrap_or(""), folded);
        look.entities(post, folded);
        look.author(post, folded);
        look.keywords(post, source_kind);
        found.sort_unstable();
        found.dedup();
    }
}

/// One search: looks up keys as it meets them.
struct Look<'f, 'o> {
    filter: &'f Filter,
    found: &'o mut Vec<u32>,
}

impl Look<'_, '_> {
    fn asks(&self, place: Place) -> bool {
        self.filter.asks[place as usize] || self.filter.asks_prefix[place as usize]
    }

    #[inline]
    fn key(&mut self, place: Place, prefix: bool, text: &[u8]) {
        let hash = self.filter.hash(place, prefix, text);
        let (slot, bit) = self.filter.bit(hash);
        if self.filter.bits[slot] & bit != 0
            && let Some(range) = self.filter.keys.get(&hash)
        {
            self.found.extend_from_slice(&self.filter.watches[range.start as usize..range.end as usize]);
        }
    }

    #[inline]
    fn word(&mut self, place: Place, word: &[u8]) {
        if self.filter.asks[place as usize] {
            self.key(place, false, word);
        }
        if self.filter.asks_prefix[place as usize] {
            for length in PREFIX_LENGTHS.into_iter().take_while(|&length| length <= word.len()) {
                self.key(place, true, &word[..length]);
            }
        }
    }

    /// Text or title: words and what stands among them.
    fn body(&mut self, text: &str, folded: &mut String) {
        if text.is_empty() {
            return;
        }
        text::fold(text, folded);
        for part in text::parts(folded) {
            let written = &folded[part.range];
            match part.kind {
                Kind::Word => self.word(Place::Text, written.as_bytes()),
                Kind::Tag => self.key(Place::Tag, false, written.as_bytes()),
                Kind::Handle => {
                    reading::handle_forms(written).for_each(|form| self.key(Place::Handle, false, form.as_bytes()))
                }
                Kind::Link => self.address(written),
            }
        }
    }

    fn words(&mut self, place: Place, text: Option<&str>, folded: &mut String) {
        text::fold(text.unwrap_or(""), folded);
        for (_, word) in text::words(folded) {
            self.word(place, word.as_bytes());
        }
    }

    fn address(&mut self, address: &str) {
        if !self.asks(Place::Host) {
            return;
        }
        let Some((host, _)) = text::host_and_path(address) else { return };
        let mut parent = Some(host.as_str());
        while let Some(host) = parent {
            self.key(Place::Host, false, host.as_bytes());
            parent = host.split_once('.').map(|(_, parent)| parent);
        }
    }

    fn entities(&mut self, post: &Post<'_>, folded: &mut String) {
        if self.asks(Place::Tag) {
            for tag in post.tags.iter().take(LIST_MAX) {
                self.key(Place::Tag, false, reading::tag(tag).as_bytes());
            }
        }
        if self.asks(Place::Handle) {
            for account in post.mentions.iter().take(LIST_MAX) {
                text::fold(account, folded);
                self.key(Place::Handle, false, folded.as_bytes());
            }
        }
        if self.asks(Place::Host) {
            post.links.iter().take(LIST_MAX).for_each(|link| self.address(link));
            post.url.iter().for_each(|url| self.address(url));
        }
    }

    fn author(&mut self, post: &Post<'_>, folded: &mut String) {
        if self.asks(Place::Author) {
            let handle = post.author.handle.as_deref().map(|handle| handle.trim_start_matches('@'));
            self.words(Place::Author, handle, folded);
            self.words(Place::Author, post.author.name.as_deref(), folded);
        }
        if self.asks(Place::Bio) {
            self.words(Place::Bio, post.author.bio.as_deref(), folded);
        }
    }

    fn keywords(&mut self, post: &Post<'_>, source_kind: &str) {
        if self.asks(Place::Kind) {
            self.key(Place::Kind, false, post.kind.name().as_bytes());
        }
        if self.asks(Place::Lang)
            && let Some(lang) = post.lang.as_deref()
        {
            self.key(Place::Lang, false, crate::query::primary_subtag(lang).as_bytes());
        }
        if self.asks(Place::Source) {
            self.key(Place::Source, false, post.source.to_lowercase().as_bytes());
            self.key(Place::Source, false, source_kind.as_bytes());
        }
    }
}
