//! The prefilter: from a post to the few watches that may match it. Every word, tag, account and host of a post is looked
//! up once, however many watches there are: first in a small bit map, which turns nearly all away. An automaton over the
//! same literals scans bytes faster, but has to be told afterwards where words begin and end; looking whole words up takes
//! no more time and little more memory as watches grow. It may name a watch too many (two texts with one hash), never one
//! too few.

use super::hash::BitMap;
use super::key::{Form, Key, Keys, Place, Rarity, prefix_length};
use super::look::Look;
use crate::post::Post;
use crate::query::Expr;
use crate::text::is_unspaced;
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// So many watches behind one word are told once a post.
const MANY: usize = 16;

pub(super) struct Filter {
    bits: BitMap,
    /// Hash of a key to its part of `watches`.
    keys: HashMap<u64, Range<u32>, RandomState>,
    watches: Vec<Wanted>,
    /// Where in `watches` those of a whole word begin that very many ask for.
    many: HashSet<u32, RandomState>,
    /// Without keys: asked of every post.
    always: Vec<u32>,
    places: [Asked; Place::COUNT],
}

/// What is looked for in one place.
#[derive(Default)]
pub(super) struct Asked {
    /// Anything at all.
    pub any: bool,
    /// Beginnings of words, by their lengths; those below eight bytes need looks of their own.
    pub beginnings: Vec<usize>,
    pub short: Vec<usize>,
    /// Of scripts without spaces: characters that follow each other, and single ones.
    pub pairs: bool,
    pub singles: bool,
}

/// A watch behind a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    watch: u32,
    /// What the word has to begin with; empty where the hash says it all.
    beginning: Box<[u8]>,
}

impl Filter {
    pub fn new<'q>(queries: impl Iterator<Item = &'q Expr> + Clone) -> Self {
        let rarity = Rarity::of(queries.clone());
        let mut always = Vec::new();
        let mut all = Vec::new();
        for (watch, query) in (0_u32..).zip(queries) {
            match rarity.keys(query, false) {
                Some(Keys { keys, .. }) => all.extend(keys.into_iter().map(|key| (key.hash(), watch, key))),
                None => always.push(watch),
            }
        }
        all.sort_unstable_by_key(|(hash, watch, _)| (*hash, *watch));
        all.dedup();
        let mut filter = Self {
            bits: BitMap::new(all.iter().map(|(_, _, key)| key.look())),
            keys: HashMap::default(),
            watches: Vec::with_capacity(all.len()),
            many: HashSet::default(),
            always,
            places: Default::default(),
        };
        for group in all.chunk_by(|a, b| a.0 == b.0) {
            let start = filter.watches.len();
            for (_, watch, key) in group {
                let beginning = filter.places[key.place as usize].note(key);
                filter.watches.push(Wanted { watch: *watch, beginning: beginning.as_bytes().into() });
            }
            if group.len() >= MANY && filter.watches[start..].iter().all(|wanted| wanted.beginning.is_empty()) {
                filter.many.insert(start as u32);
            }
            // As many as there are terms, which memory bounds far below 2^32.
            filter.keys.insert(group[0].0, start as u32..filter.watches.len() as u32);
        }
        filter
    }

    /// The watches that may match, each once, in order, as `buffers.found`.
    pub fn candidates(&self, post: &Post<'_>, source_kind: &str, buffers: &mut Buffers) {
        let found = &mut buffers.found;
        found.watches.clear();
        found.told.clear();
        found.watches.extend_from_slice(&self.always);
        Look { filter: self, found, folded: &mut buffers.folded }.post(post, source_kind);
        found.watches.sort_unstable();
        found.watches.dedup();
    }

    pub(super) fn asked(&self, place: Place) -> &Asked {
        &self.places[place as usize]
    }

    /// Whether [`Filter::find`] may find something, by the key's look.
    #[inline]
    pub(super) fn may_hold(&self, look: u64) -> bool {
        self.bits.may_hold(look)
    }

    /// The watches behind a key. `text`: what may have to begin with something.
    pub(super) fn find(&self, hash: u64, text: &[u8], found: &mut Found) {
        if let Some(range) = self.keys.get(&hash) {
            if range.len() >= MANY && self.many.contains(&range.start) && !found.told.insert(range.start) {
                return;
            }
            let wanted = &self.watches[range.start as usize..range.end as usize];
            let held = wanted.iter().filter(|wanted| text.starts_with(&wanted.beginning));
            found.watches.extend(held.map(|wanted| wanted.watch));
        }
    }
}

/// What a search has found.
#[derive(Default)]
pub(super) struct Found {
    /// In no order and perhaps more than once, until the search is over.
    pub watches: Vec<u32>,
    /// Of [`Filter::many`], those in there: a word may stand in a text a hundred thousand times.
    told: HashSet<u32, RandomState>,
}

/// Kept from post to post.
#[derive(Default)]
pub(super) struct Buffers {
    pub found: Found,
    folded: String,
}

impl Asked {
    /// Notes a key, and gives what a word has to begin with.
    fn note<'q>(&mut self, key: &Key<'q>) -> &'q str {
        self.any = true;
        match key.form {
            Form::Pair(_) => self.pairs = true,
            Form::Whole(text) => self.singles |= text.starts_with(is_unspaced),
            Form::Beginning(text) => {
                self.singles |= text.starts_with(is_unspaced);
                let length = prefix_length(text);
                if !self.beginnings.contains(&length) {
                    self.beginnings.push(length);
                    self.short = self.beginnings.iter().copied().filter(|length| *length < 8).collect();
                }
                return text;
            }
        }
        ""
    }
}
