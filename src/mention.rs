//! A mention: a post that matched at least one watch of a brand, with what we judged of it. Stored, scored, indexed.

use crate::post::Post;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// What the local models say of a text. `None` where no model speaks: unknown is not zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Detected language (ISO 639-1 where one exists), `und` when undetermined.
    pub lang: String,
    /// Confidence in `lang`, `0..=1`.
    pub lang_p: f32,
    /// P(positive) - P(negative), `-1..=1`.
    pub sentiment: f32,
    pub label: Label,
    pub p: Probability,
    /// `0..=1`, as the four below.
    pub needs_answer: Option<f32>,
    pub complaint: Option<f32>,
    pub offensive: Option<f32>,
    pub irony: Option<f32>,
    pub emotion: Option<Emotion>,
    pub tier: Tier,
    /// The model and version that made these, such as `fast-2`.
    pub model: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    Negative,
    Neutral,
    Positive,
}

impl Label {
    pub const ALL: [(&'static str, Label); 3] =
        [("negative", Label::Negative), ("neutral", Label::Neutral), ("positive", Label::Positive)];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// Calibrated, adding up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probability {
    pub negative: f32,
    pub neutral: f32,
    pub positive: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Emotion {
    pub anger: f32,
    pub joy: f32,
    pub optimism: f32,
    pub sadness: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    Encoder,
    Fast,
}

impl Tier {
    pub fn name(self) -> &'static str {
        match self {
            Self::Encoder => "encoder",
            Self::Fast => "fast",
        }
    }
}

/// How likely an author is spam, with the reason; unknown until something is known of the author.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuthorSpam {
    /// `0..=1`; `None` is "unknown".
    pub spam: Option<f32>,
    /// Why that likely, strongest first; none where it is unlikely.
    pub reasons: Vec<String>,
}

/// The reason where a person has decided.
const SAID: &str = "a person said so";

impl AuthorSpam {
    /// From this likelihood on an author is left out of thresholds and of the figures without spam. Much stricter than what
    /// is worth a look (`follower::audit`), since it silences people where it is wrong: of the model's training data more
    /// than four in five are spam here, and one genuine author in two hundred is taken for it.
    pub const LIKELY_FROM: f32 = 0.8;

    pub fn is_likely(&self) -> bool {
        self.spam.is_some_and(|spam| spam >= Self::LIKELY_FROM)
    }

    /// What a person said of the author: certain.
    pub fn said(spam: bool) -> Self {
        Self { spam: Some(f32::from(u8::from(spam))), reasons: vec![SAID.to_owned()] }
    }
}

/// Where a person's work on a mention stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    #[default]
    New,
    Open,
    Answered,
    Done,
    Ignored,
}

impl Status {
    pub const ALL: [(&'static str, Status); 5] = [
        ("new", Status::New),
        ("open", Status::Open),
        ("answered", Status::Answered),
        ("done", Status::Done),
        ("ignored", Status::Ignored),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// The post's own fields stand beside ours in the JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mention {
    #[serde(flatten, deserialize_with = "owned_post")]
    pub post: Post<'static>,
    /// Our own number of this mention, never reused; orders mentions by arrival.
    pub seq: i64,
    pub brand: String,
    /// The watches of the brand that matched. Built-in ones start with `own/` (see `watch`).
    pub watches: Vec<String>,
    pub seen_at: Timestamp,
    pub scores: Option<Scores>,
    pub author_spam: AuthorSpam,
    /// Near-identical posts share it (16 hex digits); `None` for texts too short to tell.
    pub cluster: Option<String>,
    /// The so manieth of its cluster that came in for the brand within a day or two; `None` without a cluster.
    #[serde(default)]
    pub cluster_size: Option<u32>,
    pub status: Status,
    #[serde(default)]
    pub assignee: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
    /// A person's word on the sentiment; wins over `scores` wherever shown or asked.
    #[serde(default)]
    pub correction: Option<Label>,
}

impl Mention {
    /// A new one, of which nothing more is known: neither scored nor looked at by anybody.
    pub fn new(
        post: Post<'static>,
        seq: i64,
        brand: impl Into<String>,
        watches: Vec<String>,
        seen_at: Timestamp,
    ) -> Self {
        Self {
            post,
            seq,
            brand: brand.into(),
            watches,
            seen_at,
            scores: None,
            author_spam: AuthorSpam::default(),
            cluster: None,
            cluster_size: None,
            status: Status::New,
            assignee: None,
            note: None,
            correction: None,
        }
    }

    /// Written by an own account of the brand: never raises an alert.
    pub fn is_own(&self) -> bool {
        self.watches.iter().any(|watch| watch == OWN_POST)
    }

    /// How much it asks for somebody, `0..=`[`PRIORITY_MAX`]. Own posts ask for nobody (0); what is done or ignored is
    /// finished (1), what is answered waits for others (2). All else lies above, by its scores: whether somebody waits for
    /// an answer (5 parts), a complaint (3), how negative it is (2; a person's correction wins). What is unknown takes no
    /// part; where nothing is known, it lies in the middle.
    pub fn priority(&self) -> u16 {
        match self.status {
            _ if self.is_own() => 0,
            Status::Done | Status::Ignored => 1,
            Status::Answered => 2,
            Status::New | Status::Open => {
                let room = f32::from(PRIORITY_MAX - PRIORITY_OPEN);
                PRIORITY_OPEN + (room * self.need().clamp(0.0, 1.0)).round() as u16
            }
        }
    }

    /// `0..=1`.
    fn need(&self) -> f32 {
        let scores = self.scores.as_ref();
        let negative = match self.correction {
            Some(label) => Some(if label == Label::Negative { 1.0 } else { 0.0 }),
            None => scores.map(|scores| -scores.sentiment.min(0.0)),
        };
        let parts = [
            (5.0, scores.and_then(|scores| scores.needs_answer)),
            (3.0, scores.and_then(|scores| scores.complaint)),
            (2.0, negative),
        ];
        let known = parts.iter().filter_map(|(weight, part)| part.map(|part| (weight, part)));
        let (weights, sum) =
            known.fold((0.0, 0.0), |(weights, sum), (weight, part)| (weights + weight, sum + weight * part));
        if weights > 0.0 { sum / weights } else { 0.5 }
    }
}

/// Of what asks most for somebody.
pub const PRIORITY_MAX: u16 = 1_000;
/// The least of what nobody has dealt with.
const PRIORITY_OPEN: u16 = 3;

fn owned_post<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Post<'static>, D::Error> {
    Post::deserialize(deserializer).map(Post::into_owned)
}

/// Built-in watches, there as soon as a brand names an own account.
pub const OWN_POST: &str = "own/post";
pub const OWN_REPLY: &str = "own/reply";
pub const OWN_QUOTE: &str = "own/quote";
pub const OWN_MENTION: &str = "own/mention";

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(status: &str, watch: &str, scores: &str) -> Mention {
        let text = format!(
            r#"{{"id":"a","text":"b","created_at":"2026-11-21T09:00:00Z","seq":1,"brand":"acme","watches":["{watch}"],
            "seen_at":"2026-11-21T09:00:00Z","scores":{scores},"author_spam":{{"spam":null,"reasons":[]}},"cluster":null,
            "status":"{status}"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn scores(sentiment: f32, needs_answer: &str, complaint: &str) -> String {
        format!(
            r#"{{"lang":"en","lang_p":1,"sentiment":{sentiment},"label":"neutral","needs_answer":{needs_answer},
            "complaint":{complaint},"p":{{"negative":0,"neutral":1,"positive":0}},"tier":"fast","model":"x"}}"#
        )
    }

    #[test]
    fn what_asks_most_comes_first() {
        let (urgent, calm) = (scores(-1.0, "1", "1"), scores(1.0, "0", "0"));
        let asks = mention("new", "name", &scores(0.0, "0.9", "0"));
        let mut corrected = mention("new", "name", "null");
        corrected.correction = Some(Label::Negative);
        let falling = [
            mention("new", "name", &urgent).priority(),
            mention("open", "name", &scores(-0.5, "0.9", "0.5")).priority(),
            // Where no model speaks of complaints, the others decide.
            mention("new", "name", &scores(0.0, "0.9", "null")).priority(),
            mention("new", "name", "null").priority(),
            asks.priority(),
            mention("new", "name", &calm).priority(),
            mention("answered", "name", &urgent).priority(),
            mention("done", "name", &urgent).priority(),
            mention("new", OWN_POST, &urgent).priority(),
        ];
        assert!(falling.windows(2).all(|pair| pair[0] > pair[1]), "{falling:?}");
        assert_eq!((falling[0], falling[5], falling[8]), (PRIORITY_MAX, PRIORITY_OPEN, 0));
        assert_eq!(corrected.priority(), PRIORITY_MAX);
        assert_eq!(mention("ignored", "name", &calm).priority(), mention("done", "name", &urgent).priority());
    }
}
