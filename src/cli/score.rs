//! `reputed score`: what the local models say of each line of standard input.

use super::Failure;
use super::line::{self, Work};
use crate::classify::Classifier;
use crate::config::model::Model;
use crate::mention::Scores;
use crate::post::Str;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{Write, stdin, stdout};
use std::iter;
use std::path::Path;

/// Scores each line of standard input: a post (JSON) or plain text
#[derive(Args)]
#[command(after_help = "Example:\n  echo 'where is my refund?' | reputed score")]
pub struct Score {
    /// One JSON object a line, in place of a line to read
    #[arg(long)]
    json: bool,
    /// Which model: the encoder is the best that there is (`auto`), the fast tier some hundred times as fast
    #[arg(long, value_enum, default_value = "auto")]
    tier: TierChoice,
}

/// Which model is asked.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum TierChoice {
    Auto,
    Encoder,
    Fast,
}

impl TierChoice {
    /// With the layer that was fitted in `data_dir`, if any.
    pub(super) fn load(self, data_dir: Option<&Path>) -> anyhow::Result<Classifier> {
        Model { encoder: self != TierChoice::Fast, ..Model::default() }.open(data_dir)
    }
}

impl Score {
    pub(super) fn run(self) -> Result<(), Failure> {
        let scoring = Scoring { classifier: self.tier.load(None)?, json: self.json };
        line::each(stdin().lock(), &mut stdout(), &scoring)?;
        Ok(())
    }
}

struct Scoring {
    classifier: Classifier,
    json: bool,
}

/// The part of a post that a score needs; a line that is none of it is plain text.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Line<'a> {
    #[serde(default)]
    id: Option<Str<'a>>,
    #[serde(default)]
    title: Option<Str<'a>>,
    #[serde(default)]
    text: Option<Str<'a>>,
    #[serde(default)]
    lang: Option<Str<'a>>,
}

impl<'a> Line<'a> {
    /// A post, or else plain text.
    fn read(line: &'a [u8]) -> Self {
        let post: Option<Self> = if line.first() == Some(&b'{') { serde_json::from_slice(line).ok() } else { None };
        post.filter(|post| post.title.is_some() || post.text.is_some()).unwrap_or_else(|| {
            let text = Some(Str(String::from_utf8_lossy(line)));
            Self { id: None, title: None, text, lang: None }
        })
    }

    /// Title and text as one.
    fn readable(&self) -> Cow<'_, str> {
        match (self.title.as_deref(), self.text.as_deref()) {
            (Some(title), Some(text)) => Cow::Owned(format!("{title}\n{text}")),
            (title, text) => Cow::Borrowed(text.or(title).unwrap_or_default()),
        }
    }
}

/// Without scores where the model answered what is no number.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    text: &'a str,
    #[serde(flatten)]
    scores: Option<&'a Scores>,
}

/// Lines that the encoder takes together: half a second of work for each core, so that answers come soon.
const ENCODER_BLOCK_BYTES: usize = 24 * 1024;

impl Work for Scoring {
    type State = ();

    fn state(&self) {}

    fn block_bytes(&self) -> usize {
        if self.classifier.encoder().is_some() { ENCODER_BLOCK_BYTES } else { line::BLOCK_BYTES }
    }

    fn line(&self, state: &mut (), number: u64, line: &[u8], out: &mut Vec<u8>) {
        self.lines(state, number, iter::once(line), out);
    }

    fn lines<'l>(&self, (): &mut (), _number: u64, lines: impl Iterator<Item = &'l [u8]>, out: &mut Vec<u8>) {
        let posts: Vec<Line<'_>> = lines.map(Line::read).collect();
        let texts: Vec<Cow<'_, str>> = posts.iter().map(Line::readable).collect();
        let asked: Vec<_> = texts.iter().zip(&posts).map(|(text, post)| (&**text, post.lang.as_deref())).collect();
        let scores = self.classifier.score_all(&asked);
        for ((text, post), scores) in texts.iter().zip(&posts).zip(scores) {
            let (id, scores) = (post.id.as_deref(), scores.as_ref());
            // Writing into memory cannot fail.
            if self.json {
                drop(serde_json::to_writer(&mut *out, &Answer { id, text, scores }));
                out.push(b'\n');
            } else {
                drop(writeln!(out, "{}  {text}", scores.map_or_else(|| UNKNOWN.to_owned(), told)));
            }
        }
    }
}

/// In place of [`told`], as wide.
const UNKNOWN: &str = "  ?   unknown    ?    ?";

fn told(scores: &Scores) -> String {
    let p = scores.p;
    let sure = p.negative.max(p.neutral).max(p.positive) * 100.0;
    format!("{:+.2}  {:8} {sure:3.0} %  {}", scores.sentiment, scores.label.name(), scores.lang)
}
