//! The prefilter: from a post to the few watches that may match it. Every word, tag, account and host of a post is hashed
//! and looked up once, however many watches there are. An automaton over the same literals scans bytes faster, but has to
//! be told afterwards where words begin and end; hashing whole words takes no more time and little more memory as watches
//! grow, since a small bit map turns nearly all words away.
//! It may name a watch too many (two texts with one hash), never one too few.

use super::key::{Key, Keys, PREFIX_LENGTHS, Place, keys};
use crate::post::{LIST_MAX, Post};
use crate::query::{Expr, reading};
use crate::text::{self, Kind};
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Bits for each key: one of thirty foreign words gets as far as the hash table.
const BITS_PER_KEY: usize = 32;
/// Bounds of the bit map, in bits: a page of memory at least, 8 MiB at most.
const BITS_MIN: usize = 1 << 15;
const BITS_MAX: usize = 1 << 26;

/// So many watches behind one word are told once a post.
const MANY: usize = 16;

pub(super) struct Filter {
    bits: Vec<u64>,
    /// Hash of a key to its part of `watches`.
    keys: HashMap<u64, Range<u32>, RandomState>,
    watches: Vec<Wanted>,
    /// Where in `watches` those of a whole word begin that very many ask for.
    many: HashSet<u32, RandomState>,
    /// Without keys: asked of every post.
    always: Vec<u32>,
    /// Whether any key is looked for there, as whole words and as beginnings of each length.
    asks: [bool; Place::COUNT],
    asks_prefix: [[bool; PREFIX_LENGTHS.len()]; Place::COUNT],
}

/// A watch behind a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    watch: u32,
    /// What the word has to begin with; empty where the hash says it all.
    beginning: Box<[u8]>,
}

impl Filter {
    pub fn new<'q>(queries: impl Iterator<Item = &'q Expr>) -> Self {
        let mut filter = Self {
            bits: Vec::new(),
            keys: HashMap::default(),
            watches: Vec::new(),
            many: HashSet::default(),
            always: Vec::new(),
            asks: [false; Place::COUNT],
            asks_prefix: [[false; PREFIX_LENGTHS.len()]; Place::COUNT],
        };
        let mut pairs = Vec::new();
        for (watch, query) in (0_u32..).zip(queries) {
            match keys(query, false) {
                Some(Keys { keys, .. }) => pairs.extend(keys.iter().map(|key| filter.add(key, watch))),
                None => filter.always.push(watch),
            }
        }
        filter.fill(pairs);
        filter
    }

    fn add(&mut self, key: &Key<'_>, watch: u32) -> (u64, Wanted) {
        let ends = Ends::of(key.text, 0, key.text.len());
        if !key.prefix {
            self.asks[key.place as usize] = true;
            return (ends.hash(key.place), Wanted { watch, beginning: Box::default() });
        }
        let longest = PREFIX_LENGTHS.into_iter().enumerate().rfind(|&(_, length)| length <= ends.length);
        let (slot, length) = longest.unwrap_or((0, PREFIX_LENGTHS[0]));
        self.asks_prefix[key.place as usize][slot] = true;
        (ends.beginning(key.place, length), Wanted { watch, beginning: key.text.into() })
    }

    fn fill(&mut self, mut pairs: Vec<(u64, Wanted)>) {
        pairs.sort_unstable();
        pairs.dedup();
        let bits = (pairs.len() * BITS_PER_KEY).next_power_of_two().clamp(BITS_MIN, BITS_MAX);
        self.bits = vec![0; bits / 64];
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let hash = group[0].0;
            let start = self.watches.len();
            self.watches.extend(group.iter().map(|(_, wanted)| wanted.clone()));
            if group.len() >= MANY && group.iter().all(|(_, wanted)| wanted.beginning.is_empty()) {
                self.many.insert(start as u32);
            }
            // As many as there are terms, which memory bounds far below 2^32.
            self.keys.insert(hash, start as u32..self.watches.len() as u32);
            self.mark(hash);
        }
    }

    fn mark(&mut self, hash: u64) {
        let (slot, bit) = self.bit(hash);
        self.bits[slot] |= bit;
    }

    fn may_hold(&self, hash: u64) -> bool {
        let (slot, bit) = self.bit(hash);
        self.bits[slot] & bit != 0
    }

    fn bit(&self, hash: u64) -> (usize, u64) {
        ((hash >> 6) as usize & (self.bits.len() - 1), 1 << (hash & 63))
    }

    /// The watches that may match, each once, in order, into `found` (cleared first). `folded` is a buffer.
    pub fn candidates(&self, post: &Post<'_>, source_kind: &str, folded: &mut String, found: &mut Vec<u32>) {
        found.clear();
        found.extend_from_slice(&self.always);
        let mut look = Look { filter: self, found, told: HashSet::default() };
        look.body(&post.text, folded);
        look.body(post.title.as_deref().unwrap_or(""), folded);
        look.entities(post, folded);
        look.author(post, folded);
        look.keywords(post, source_kind);
        found.sort_unstable();
        found.dedup();
    }
}

/// What of a text goes into its hash: the first and the last eight bytes and the length. Long words alike in all three are
/// rare, and cost only a needless evaluation.
#[derive(Clone, Copy)]
struct Ends {
    first: u64,
    last: u64,
    length: usize,
}

impl Ends {
    #[inline]
    fn of(text: &[u8], start: usize, end: usize) -> Self {
        let length = end - start;
        let mask = mask(length);
        // Short words are their own end: no branch, since a processor cannot guess which words are short.
        Self { first: eight(text, start) & mask, last: eight(text, start.max(end.saturating_sub(8))) & mask, length }
    }

    #[inline]
    fn hash(self, place: Place) -> u64 {
        let salted = self.first ^ ((place as u64) << 8 | self.length as u64).wrapping_mul(SPREAD[0]);
        scatter(salted.wrapping_mul(SPREAD[1]) ^ self.last.wrapping_mul(SPREAD[2]).rotate_left(32))
    }

    /// As if the word were only its first `length` bytes, and such a beginning another kind of key.
    #[inline]
    fn beginning(self, place: Place, length: usize) -> u64 {
        !Self { first: self.first & mask(length), last: 0, length }.hash(place)
    }
}

/// Odd numbers without pattern.
const SPREAD: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

#[inline]
fn scatter(n: u64) -> u64 {
    let n = (n ^ n >> 32).wrapping_mul(SPREAD[2]);
    n ^ n >> 29
}

/// Keeps the first `length` bytes.
#[inline]
fn mask(length: usize) -> u64 {
    u64::MAX.checked_shr(64 - 8 * length.min(8) as u32).unwrap_or(0)
}

/// The eight bytes from `start` on, zeros behind the end.
#[inline]
fn eight(text: &[u8], start: usize) -> u64 {
    let rest = text.get(start..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk() {
        return u64::from_le_bytes(*bytes);
    }
    let mut bytes = [0; 8];
    bytes[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(bytes)
}

/// One search: looks up keys as it meets them.
struct Look<'f, 'o> {
    filter: &'f Filter,
    found: &'o mut Vec<u32>,
    /// Of `many`, those in `found`: a word may stand in a text a hundred thousand times.
    told: HashSet<u32, RandomState>,
}

impl Look<'_, '_> {
    fn asks(&self, place: Place) -> bool {
        self.filter.asks[place as usize] || self.filter.asks_prefix[place as usize].contains(&true)
    }

    fn hash(&mut self, hash: u64, text: &[u8]) {
        if self.filter.may_hold(hash)
            && let Some(range) = self.filter.keys.get(&hash)
        {
            if range.len() >= MANY && self.filter.many.contains(&range.start) && !self.told.insert(range.start) {
                return;
            }
            let wanted = &self.filter.watches[range.start as usize..range.end as usize];
            let held = wanted.iter().filter(|wanted| text.starts_with(&wanted.beginning));
            self.found.extend(held.map(|wanted| wanted.watch));
        }
    }

    fn key(&mut self, place: Place, text: &str) {
        self.hash(Ends::of(text.as_bytes(), 0, text.len()).hash(place), text.as_bytes());
    }

    /// All looks into the bit map first and one decision at the end: a processor guesses wrong about single looks too often.
    #[inline]
    fn word(&mut self, place: Place, text: &str, word: Range<usize>) {
        let filter = self.filter;
        let ends = Ends::of(text.as_bytes(), word.start, word.end);
        let mut held = filter.asks[place as usize] && filter.may_hold(ends.hash(place));
        for (asks, length) in filter.asks_prefix[place as usize].into_iter().zip(PREFIX_LENGTHS) {
            // A shorter word looks as if it went on with zeros, which is in no key.
            held |= asks && filter.may_hold(ends.beginning(place, length));
        }
        if held {
            self.held(place, ends, &text.as_bytes()[word]);
        }
    }

    #[cold]
    fn held(&mut self, place: Place, ends: Ends, word: &[u8]) {
        self.hash(ends.hash(place), word);
        for length in PREFIX_LENGTHS.into_iter().filter(|&length| length <= ends.length) {
            self.hash(ends.beginning(place, length), word);
        }
    }

    /// Text or title: words and what stands among them.
    fn body(&mut self, text: &str, folded: &mut String) {
        if text.is_empty() {
            return;
        }
        self.words(Place::Text, Some(text), folded);
        let [tag, handle, link] = text::SIGNS;
        let tickers = self.asks(Place::Ticker).then(|| memchr::memchr_iter(text::TICKER_SIGN, folded.as_bytes()));
        let signs = memchr::memchr3_iter(tag, handle, link, folded.as_bytes()).chain(tickers.into_iter().flatten());
        for sign in signs {
            let Some(part) = text::entity_at(folded, sign) else { continue };
            let written = &folded[part.range];
            match part.kind {
                Kind::Tag => self.key(Place::Tag, written),
                Kind::Handle => reading::handle_forms(written).for_each(|form| self.key(Place::Handle, form)),
                Kind::Link => self.address(written),
                Kind::Ticker => self.key(Place::Ticker, written),
                Kind::Word => {}
            }
        }
    }

    fn words(&mut self, place: Place, text: Option<&str>, folded: &mut String) {
        text::fold(text.unwrap_or(""), folded);
        text::each_span(folded, |word| self.word(place, folded, word));
    }

    fn address(&mut self, address: &str) {
        if !self.asks(Place::Host) {
            return;
        }
        let Some((host, _)) = text::host_and_rest(address) else { return };
        let mut parent = Some(&*host);
        while let Some(host) = parent {
            self.key(Place::Host, host);
            parent = host.split_once('.').map(|(_, parent)| parent);
        }
    }

    fn entities(&mut self, post: &Post<'_>, folded: &mut String) {
        if self.asks(Place::Tag) {
            for tag in post.tags.iter().take(LIST_MAX) {
                self.key(Place::Tag, &reading::tag(tag));
            }
        }
        if self.asks(Place::Handle) {
            for account in post.mentions.iter().take(LIST_MAX) {
                text::fold(account, folded);
                self.key(Place::Handle, folded);
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
            self.key(Place::Kind, post.kind.name());
        }
        if self.asks(Place::Lang)
            && let Some(lang) = post.lang.as_deref()
        {
            self.key(Place::Lang, &crate::query::primary_subtag(lang));
        }
        if self.asks(Place::Source) {
            self.key(Place::Source, &post.source.to_lowercase());
            self.key(Place::Source, source_kind);
        }
    }
}
