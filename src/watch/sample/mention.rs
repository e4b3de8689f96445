//! Mentions of invented brands, as a store holds them after some weeks: varied enough to be sorted and counted.

use super::{Sample, mixed, word};
use crate::mention::{Label, Mention, Probability, Scores, Status, Tier};
use jiff::SignedDuration;

/// Names that mentions hold: the first stands in one mention of six, the second in one of 23, the last in one of 600.
pub const NAMES: u64 = 200;
/// Who writes; the busiest much more often than most.
const AUTHORS: f64 = 200_000.0;
/// Between two mentions: a million in three months.
const APART_SECONDS: i64 = 8;
const SOURCES: [&str; 5] = ["bluesky", "fedi", "blogs", "hn", "crm"];
const LANGS: [&str; 8] = ["en", "en", "en", "de", "fr", "es", "ja", "pt"];

impl Sample {
    /// `0..end`, small ones more often, the more so the greater `power` is.
    fn skewed(&mut self, end: f64, power: i32) -> u64 {
        let even = self.below(1 << 32) as f64 / (1_u64 << 32) as f64;
        (end * even.powi(power)) as u64
    }

    /// The phrase of name `n`: two words of which the first is [`Sample::name`].
    pub fn phrase(n: u64, other: u64) -> String {
        format!("{} {}", Self::name(n), word(mixed(other % 4), 2))
    }

    /// Mention `seq` (from 1 on, later ones posted later), of one of [`NAMES`].
    pub fn mention(&mut self, seq: i64) -> Mention {
        let mut post = self.post(0.0);
        let name = self.skewed(NAMES as f64, 3);
        post.text = format!("{} {}", post.text, Self::phrase(name, self.below(4))).into();
        post.created_at += SignedDuration::from_secs(seq * APART_SECONDS + self.below(600).cast_signed());
        post.source = SOURCES[self.skewed(SOURCES.len() as f64, 2) as usize].into();
        let author = self.skewed(AUTHORS, 2);
        post.author.id = Some(format!("did:plc:{author:024x}").into());
        post.author.handle = Some(format!("user{author}.example").into());
        post.reach = (self.below(5) < 2).then(|| self.skewed(1e6, 4));
        let watches = (0..=self.below(2)).map(|n| format!("w{}", (name + n) % NAMES)).collect();
        let scores = (self.below(20) > 0).then(|| self.scores());
        let status = Status::ALL[self.skewed(Status::ALL.len() as f64, 3) as usize].1;
        let seen_at = post.created_at;
        Mention { scores, status, ..Mention::new(post, seq, format!("b{}", name % 20), watches, seen_at) }
    }

    /// `0..1`, in thousandths.
    fn share(&mut self) -> f32 {
        self.below(1_000) as f32 / 1_000.0
    }

    fn scores(&mut self) -> Scores {
        let sentiment = 2.0 * self.share() - 1.0;
        let label = match sentiment {
            below if below < -0.3 => Label::Negative,
            above if above > 0.3 => Label::Positive,
            _ => Label::Neutral,
        };
        Scores {
            lang: LANGS[self.below(LANGS.len() as u64) as usize].into(),
            lang_p: 1.0,
            sentiment,
            label,
            p: Probability { negative: 0.4, neutral: 0.3, positive: 0.3 },
            needs_answer: Some(self.share()),
            complaint: Some(self.share()),
            offensive: Some(self.share()),
            irony: None,
            emotion: None,
            tier: Tier::Fast,
            model: "sample".into(),
        }
    }
}
