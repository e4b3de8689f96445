//! Frames as a firehose sends them (Jetstream, first wire), of invented posts. A few thousand are printed once; identity
//! and times stand at fixed places in each and are written over at every sending, so that feeding costs next to nothing
//! and every post is a new one.

use crate::source::bluesky::frame::POST;
use crate::watch::sample::Sample;
use jiff::Timestamp;
use memchr::memmem;
use serde_json::json;

/// Stand-ins, each as long as what takes its place, and found nowhere else in a frame.
const DID: &str = "did:plc:000000000000000000000000";
const KEY: &str = "3000000000000";
/// The digits of a record's key.
const DIGITS: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";
/// A record's key is its time in microseconds and ten bits beyond it. The time of the first post, and from one to the
/// next: that of a stream of 15,000 a second. Stores and indexes care how near to each other keys are.
const KEY_FIRST: u64 = 1_767_225_600_000_000;
const KEY_STEP: u64 = 66;
const KEY_BEYOND: u64 = 10;
const TIME: u64 = 1_000_000_000_000_000;
const CREATED: &str = "2000-01-01T00:00:00.000Z";

/// Stands before the invented words of each post, since a real post tells its language by such little words: without
/// them every post would take the slow way of finding it out.
const LITTLE_WORDS: [&str; 4] = [
    "This is what I have heard about it: ",
    "Why is nobody at the desk for us? ",
    "We were just there and it is not good. ",
    "Thanks to all of you for the help with ",
];

/// Posts of one author.
const POSTS_PER_AUTHOR: u64 = 3;
const SEED: u64 = 7;
/// As tags of posts, so that rules can share them out.
pub const LANES: usize = 32;

/// One post of a firehose.
pub struct Frame {
    bytes: Vec<u8>,
    did: usize,
    key: usize,
    time: usize,
    created: usize,
}

/// Frames to be sent round and round.
pub struct Frames {
    all: Vec<Frame>,
    next: u64,
}

impl Frame {
    fn new(text: &str, lang: Option<&str>, link: Option<&str>, tags: &[&str]) -> Option<Self> {
        let features = link.map(|uri| json!({"$type": "app.bsky.richtext.facet#link", "uri": uri}));
        let facets: Vec<_> = features
            .map(|feature| json!({"index": {"byteStart": 0, "byteEnd": 0}, "features": [feature]}))
            .into_iter()
            .collect();
        let record =
            json!({"$type": POST, "createdAt": CREATED, "langs": [lang], "text": text, "facets": facets, "tags": tags});
        let commit = json!({
            "rev": KEY.replace('3', "4"),
            "operation": "create",
            "collection": POST,
            "rkey": KEY,
            "record": record,
            "cid": "bafyreib2rxk3rybk3aobmv5cjuql3bm2twh4jo5uxgf5kpqcsgz7soitae",
        });
        let bytes = json!({"did": DID, "time_us": TIME, "kind": "commit", "commit": commit}).to_string().into_bytes();
        let find = |wanted: &str| memmem::find(&bytes, wanted.as_bytes());
        let (did, key, time, created) = (find(DID)?, find(KEY)?, find(&TIME.to_string())?, find(CREATED)?);
        Some(Self { bytes, did, key, time, created })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Makes it post `number`, published `now`.
    fn stamp(&mut self, number: u64, now: &Now) {
        let mut author = number / POSTS_PER_AUTHOR;
        for place in &mut self.bytes[self.did + "did:plc:".len()..][..24] {
            // A multiplication spreads the number over all digits, as real identities are spread.
            author = author.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1);
            *place = b"abcdefghijklmnopqrstuvwxyz234567"[(author >> 59) as usize];
        }
        let mut key = (KEY_FIRST + number * KEY_STEP) << KEY_BEYOND;
        for place in self.bytes[self.key..][..KEY.len()].iter_mut().rev() {
            *place = DIGITS[(key % 32) as usize];
            key /= 32;
        }
        digits(&mut self.bytes[self.time..][..16], now.microsecond);
        self.bytes[self.created..][..CREATED.len()].copy_from_slice(&now.text);
    }
}

/// The time in both forms, asked for once for many frames.
pub struct Now {
    microsecond: u64,
    text: [u8; CREATED.len()],
}

impl Now {
    pub fn read() -> Self {
        let now = Timestamp::now();
        let mut text = [b'0'; CREATED.len()];
        for (place, byte) in text.iter_mut().zip(format!("{now:.3}").bytes()) {
            *place = byte;
        }
        Self { microsecond: now.as_microsecond().unsigned_abs(), text }
    }
}

fn digits(places: &mut [u8], mut number: u64) {
    for place in places.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl Frames {
    /// `count` posts, of which `share` hold the name of one of `watches` watches.
    pub fn new(watches: usize, share: f64, count: usize) -> Self {
        let mut sample = Sample::new(SEED, watches);
        let mut all = Vec::with_capacity(count);
        for number in 0..count {
            let post = sample.post(share);
            let lane = format!("lane{}", number % LANES);
            let mut tags: Vec<&str> = post.tags.iter().map(|tag| tag.as_str()).collect();
            tags.push(&lane);
            let text = format!("{}{}", LITTLE_WORDS[number % LITTLE_WORDS.len()], post.text);
            let link = post.links.first().map(|link| link.as_str());
            all.extend(Frame::new(&text, post.lang.as_deref(), link, &tags));
        }
        let mut frames = Self { all, next: 0 };
        let now = Now::read();
        for _ in 0..count {
            frames.next(&now);
        }
        frames.next = 0;
        frames
    }

    /// Leaves those out that `wanted` refuses.
    pub fn retain(&mut self, wanted: impl Fn(&Frame) -> bool) {
        self.all.retain(wanted);
    }

    /// The next frame as a new post, and its number.
    pub fn next(&mut self, now: &Now) -> (u64, &[u8]) {
        let number = self.next;
        self.next += 1;
        let place = (number % self.all.len() as u64) as usize;
        self.all[place].stamp(number, now);
        (number, &self.all[place].bytes)
    }

    pub fn all(&self) -> &[Frame] {
        &self.all
    }

    /// Mean, in bytes.
    pub fn length(&self) -> f64 {
        self.all.iter().map(|frame| frame.bytes.len()).sum::<usize>() as f64 / self.all.len().max(1) as f64
    }
}

/// The number of a post by its id, as a hook tells it.
pub fn number(body: &[u8]) -> Option<u64> {
    const BEFORE: &[u8] = b"app.bsky.feed.post/";
    let key = body.get(memmem::find(body, BEFORE)? + BEFORE.len()..)?.get(..KEY.len())?;
    let key = key.iter().try_fold(0_u64, |key, digit| {
        let value = DIGITS.iter().position(|known| known == digit)?;
        Some(key << 5 | value as u64)
    })?;
    Some((key >> KEY_BEYOND).checked_sub(KEY_FIRST)? / KEY_STEP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::bluesky::frame::{What, parse};

    #[test]
    fn every_frame_is_a_new_post() {
        let mut frames = Frames::new(100, 1.0, 64);
        let now = Now::read();
        let mut ids = std::collections::HashSet::new();
        for expected in 0..200 {
            let (number, bytes) = frames.next(&now);
            assert_eq!(number, expected);
            let event = parse(bytes).unwrap();
            assert_eq!(event.time_us.unsigned_abs(), now.microsecond);
            let What::Post { post, .. } = event.what else { panic!("no post") };
            assert_eq!(super::number(post.id.as_bytes()), Some(number));
            assert!(post.text.contains('x') && post.check().is_ok(), "{post:?}");
            assert!(post.created_at.as_microsecond().abs_diff(event.time_us) < 1_000);
            assert!(ids.insert(post.id.to_string()));
        }
    }
}
