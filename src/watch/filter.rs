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
    /// What [`Key::look`] gives: turns nearly all words away.
    looks: BitMap,
    /// The hashes of all keys: turns nearly all others away that begin like a key.
    hashes: BitMap,
    /// Hash of a key to its part of `asked`.
    keys: HashMap<u64, Range<u32>, RandomState>,
    /// Of one hash in the order of their beginnings.
    asked: Vec<Asked>,
    watches: Vec<u32>,
    /// Without keys: asked of every post.
    always: Vec<u32>,
    places: [Sought; Place::COUNT],
}

/// What is looked for in one place.
#[derive(Default)]
pub(super) struct Sought {
    /// Anything at all.
    pub any: bool,
    /// Beginnings of words, by their lengths; those below eight bytes need looks of their own.
    pub beginnings: Vec<usize>,
    pub short: Vec<usize>,
    /// Of scripts without spaces: characters that follow each other, and single ones.
    pub pairs: bool,
    pub singles: bool,
}

/// Watches that ask for the same.
struct Asked {
    /// What the word has to begin with; empty where the hash says it all.
    beginning: Box<[u8]>,
    /// Of [`Filter::watches`].
    watches: Range<u32>,
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
        all.sort_unstable_by_key(|(hash, watch, key)| (*hash, key.begins(), *watch));
        all.dedup();
        let mut filter = Self {
            looks: BitMap::new(all.iter().map(|(.., key)| key.look())),
            hashes: BitMap::new(all.iter().map(|(hash, ..)| *hash)),
            keys: HashMap::default(),
            asked: Vec::new(),
            watches: all.iter().map(|(_, watch, _)| *watch).collect(),
            always,
            places: Default::default(),
        };
        // As many as there are terms, which memory bounds far below 2^32.
        let mut start = 0;
        for group in all.chunk_by(|a, b| a.0 == b.0) {
            let first = filter.asked.len() as u32;
            for same in group.chunk_by(|a, b| a.2.begins() == b.2.begins()) {
                let end = start + same.len() as u32;
                filter.asked.push(Asked { beginning: same[0].2.begins().as_bytes().into(), watches: start..end });
                start = end;
            }
            filter.keys.insert(group[0].0, first..filter.asked.len() as u32);
        }
        for (.., key) in &all {
            filter.places[key.place as usize].note(key);
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

    pub(super) fn sought(&self, place: Place) -> &Sought {
        &self.places[place as usize]
    }

    /// Whether [`Filter::find`] may find something, by the key's look.
    #[inline]
    pub(super) fn may_hold(&self, look: u64) -> bool {
        self.looks.may_hold(look)
    }

    /// The watches behind a key. `text`: what may have to begin with something. Takes time by the length of the text and
    /// by what begins it, however many watches ask for other beginnings.
    pub(super) fn find(&self, hash: u64, text: &[u8], found: &mut Found) {
        if !self.hashes.may_hold(hash) {
            return;
        }
        let Some(range) = self.keys.get(&hash) else { return };
        let all = &self.asked[range.start as usize..range.end as usize];
        // Behind the text itself nothing begins it.
        let mut asked = &all[..all.partition_point(|asked| *asked.beginning <= *text)];
        while let Some((last, before)) = asked.split_last() {
            let common = last.beginning.iter().zip(text).take_while(|(a, b)| a == b).count();
            if common == last.beginning.len() {
                found.add(&self.watches, &last.watches);
                asked = before;
            } else {
                // Nor does anything between `last` and what it has in common with the text.
                asked = &before[..before.partition_point(|asked| *asked.beginning <= text[..common])];
            }
        }
    }
}

/// What a search has found.
#[derive(Default)]
pub(super) struct Found {
    /// In no order and perhaps more than once, until the search is over.
    pub watches: Vec<u32>,
    /// Where those begin that are in there and are many: a word may stand in a text a hundred thousand times.
    told: HashSet<u32, RandomState>,
}

impl Found {
    fn add(&mut self, watches: &[u32], range: &Range<u32>) {
        if range.len() < MANY || self.told.insert(range.start) {
            self.watches.extend_from_slice(&watches[range.start as usize..range.end as usize]);
        }
    }
}

/// Kept from post to post.
#[derive(Default)]
pub(super) struct Buffers {
    pub found: Found,
    folded: String,
}

impl Sought {
    fn note(&mut self, key: &Key<'_>) {
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
            }
        }
    }
}
