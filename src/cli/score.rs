//! `reputed score`: what the local models say of each line of standard input.

use super::Failure;
use super::line::{self, Work};
use crate::classify::Classifier;
use crate::mention::Scores;
use crate::post::Str;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{Write, stdin, stdout};

/// Scores each line of standard input: a post (JSON) or plain text
#[derive(Args)]
#[command(after_help = "Example:\n  echo 'where is my refund?' | reputed score")]
pub struct Score {
    /// One JSON object a line, in place of a line to read
    #[arg(long)]
    json: bool,
    /// Which model; `auto` takes the best that there is
    #[arg(long, value_enum, default_value = "auto")]
    tier: TierChoice,
}

/// Which model is asked.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum TierChoice {
    Auto,
    Encoder,
    Fast,
}

impl TierChoice {
    pub(super) fn load(self) -> Result<Classifier, Failure> {
        match self {
            TierChoice::Encoder => Err(Failure::Usage("this version has no encoder yet; use --tier fast".into())),
            TierChoice::Auto | TierChoice::Fast => Ok(Classifier::load()?),
        }
    }
}

impl Score {
    pub(super) fn run(self) -> Result<(), Failure> {
        let scoring = Scoring { classifier: self.tier.load()?, json: self.json };
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

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    text: &'a str,
    #[serde(flatten)]
    scores: &'a Scores,
}

impl Work for Scoring {
    type State = ();

    fn state(&self) {}

    fn line(&self, (): &mut (), _number: u64, line: &[u8], out: &mut Vec<u8>) {
        let plain = String::from_utf8_lossy(line);
        let post: Option<Line<'_>> = if line.first() == Some(&b'{') { serde_json::from_slice(line).ok() } else { None };
        let (id, lang, text) = match &post {
            Some(Line { id, title, text, lang }) if title.is_some() || text.is_some() => {
                let text = match (title.as_deref(), text.as_deref()) {
                    (Some(title), Some(text)) => Cow::Owned(format!("{title}\n{text}")),
                    (title, text) => Cow::Borrowed(text.or(title).unwrap_or_default()),
                };
                (id.as_deref(), lang.as_deref(), text)
            }
            _ => (None, None, Cow::Borrowed(&*plain)),
        };
        let scores = self.classifier.score(&text, lang);
        // Writing into memory cannot fail.
        if self.json {
            drop(serde_json::to_writer(&mut *out, &Answer { id, text: &text, scores: &scores }));
            out.push(b'\n');
        } else {
            let p = scores.p;
            let sure = p.negative.max(p.neutral).max(p.positive) * 100.0;
            let name = scores.label.name();
            drop(writeln!(out, "{:+.2}  {name:8} {sure:3.0} %  {}  {text}", scores.sentiment, scores.lang));
        }
    }
}
