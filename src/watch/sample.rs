//! Load generation: watches and posts of invented words, shaped like a public firehose, the same for the same seed.
//! For benchmarks and difference tests only; says nothing about how people write. Knows one wire form, Jetstream's v1 frame,
//! so that decoding can be measured on the same posts.

mod mention;

pub use mention::NAMES;

use crate::brand::{Brand, Watch};
use crate::post::{Kind, Post};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Words that many posts hold and no watch asks for by itself.
const COMMON: usize = 2_000;
/// Bytes of a post's text: as short as a remark, as long as a platform allows.
const TEXT_BYTES: (u64, u64) = (40, 290);
const SYLLABLES: [&str; 24] = [
    "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve", "wi", "xo",
    "yu", "za", "lan", "mer", "tis",
];

/// When every post was sent: 21 November 2026, 09:00 UTC.
const SENT: Timestamp = Timestamp::constant(1_795_251_600, 0);
/// Of the content of a record; the same length everywhere.
const CID: &str = "bafyreiaaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmmm";

/// A small generator of pseudo-random numbers (SplitMix64), so that a seed gives the same load on every machine.
#[derive(Clone)]
pub struct Sample {
    state: u64,
    watches: u64,
}

impl Sample {
    /// `watches`: how many [`Sample::brands`] makes and [`Sample::post`] aims at.
    pub fn new(seed: u64, watches: usize) -> Self {
        Self { state: seed, watches: watches as u64 }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.state)
    }

    /// Below `end`, which is more than 0.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// The brand name that watch `n` asks for: never a common word.
    pub fn name(n: u64) -> String {
        format!("{}x{}", word(mixed(n ^ 0x5eed), 3), n)
    }

    /// The literals of all watches, for measuring a bare scan over them.
    pub fn literals(&self) -> Vec<String> {
        (0..self.watches).map(Self::name).collect()
    }

    /// Brands of ten watches: names, phrases, prefixes, tags, exclusions, fields.
    pub fn brands(&self) -> Vec<Brand> {
        let watch = |n: u64| {
            let (name, other) = (Self::name(n), word(mixed(n), 2));
            let query = match n % 8 {
                0 => format!("{name} OR #{name}"),
                1 => format!("\"{name} {other}\" OR {name}"),
                2 => format!("{name} -{other}"),
                3 => format!("({name} OR @{name}.example) NOT kind:repost"),
                4 => format!("{name} ({other} OR {} OR has:link OR has:question OR lang:en)", word(n, 2)),
                5 => format!("{name}* NOT lang:xx"),
                6 => format!("{name} OR url:{name}.example"),
                _ => name,
            };
            Watch { id: format!("w{n}"), query }
        };
        let brand = |first: u64| Brand {
            id: format!("b{}", first / 10),
            name: format!("Brand {}", first / 10),
            watches: (first..self.watches.min(first + 10)).map(watch).collect(),
            accounts: Vec::new(),
        };
        (0..self.watches).step_by(10).map(brand).collect()
    }

    /// The next post; about `share` (`0..=1`) of them hold the name of a watch.
    pub fn post(&mut self, share: f64) -> Post<'static> {
        let bytes = TEXT_BYTES.0 + self.below(TEXT_BYTES.1 - TEXT_BYTES.0);
        let mut text = String::new();
        while (text.len() as u64) < bytes {
            let common = self.below(COMMON as u64);
            // Half of all words are a few very common ones, as in any language.
            let n = if self.below(2) == 0 { common % 50 } else { common };
            text.push_str(&word(mixed(n), 1 + n % 3));
            text.push_str(match self.below(24) {
                0 => ", ",
                1 => ". ",
                2 => "! ",
                3 => " é",
                _ => " ",
            });
        }
        if self.below(4) == 0 {
            text.push_str("\n\n");
        }
        // A share of a million.
        let wanted = self.below(1_000_000) < (share * 1e6) as u64;
        if wanted && self.watches > 0 {
            text.push_str(&Self::name(self.below(self.watches)));
        }
        let number = self.below(1 << 40);
        let mut post = Post::new(format!("at://did:plc:{number:024x}/app.bsky.feed.post/{number:013x}"), text, SENT);
        post.source = "bluesky".into();
        post.lang = Some("en".into());
        post.author.id = Some(format!("did:plc:{number:024x}").into());
        if self.below(3) == 0 {
            let parent = format!("at://did:plc:{:024x}/app.bsky.feed.post/{:013x}", mixed(number), number);
            post.kind = Kind::Reply;
            post.root = Some(parent.clone().into());
            post.reply_to = Some(parent.into());
        }
        if self.below(4) == 0 {
            post.links = vec![format!("https://{}.example/{number:x}", word(mixed(number), 3)).into()];
        }
        if self.below(8) == 0 {
            post.tags = vec![word(mixed(number), 2).into()];
        }
        post
    }
}

/// A post of [`Sample::post`] as the frame in which a Jetstream server sends it (v1): links and tags as facets, and among
/// them what such frames hold and we pass over.
pub fn jetstream_frame(post: &Post<'_>) -> String {
    let link = |link| facet(post, json!({"$type": "app.bsky.richtext.facet#link", "uri": link}));
    let tag = |tag| facet(post, json!({"$type": "app.bsky.richtext.facet#tag", "tag": tag}));
    let facets: Vec<Value> = post.links.iter().map(link).chain(post.tags.iter().map(tag)).collect();
    let mut record = json!({
        "$type": "app.bsky.feed.post",
        "createdAt": post.created_at,
        "langs": [post.lang],
        "text": post.text,
    });
    if !facets.is_empty() {
        record["facets"] = facets.into();
    }
    if let (Some(parent), Some(root)) = (&post.reply_to, &post.root) {
        record["reply"] = json!({"parent": {"cid": CID, "uri": parent}, "root": {"cid": CID, "uri": root}});
    }
    json!({
        "did": post.author.id,
        "time_us": SENT.as_microsecond() + 250_000,
        "kind": "commit",
        "commit": {
            "rev": "3m5zzzzzzzz22",
            "operation": "create",
            "collection": "app.bsky.feed.post",
            "rkey": post.id.rsplit_once('/').map_or("", |(_, key)| key),
            "record": record,
            "cid": CID,
        },
    })
    .to_string()
}

fn facet(post: &Post<'_>, feature: Value) -> Value {
    json!({"index": {"byteStart": 0, "byteEnd": post.text.len().min(10)}, "features": [feature]})
}

fn mixed(mut n: u64) -> u64 {
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn word(mut n: u64, syllables: u64) -> String {
    let mut word = String::new();
    for _ in 0..syllables {
        word.push_str(SYLLABLES[(n % SYLLABLES.len() as u64) as usize]);
        n /= SYLLABLES.len() as u64;
    }
    word
}
