//! `reputed follower score`: how likely each profile on standard input is spam, and why.

use super::super::Failure;
use super::super::line::{self, Work};
use super::super::terminal;
use super::likelihood;
use crate::follower::model::Model;
use crate::follower::profile::{Disbelieved, Profile};
use crate::follower::reason::Reason;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use std::io::{Write, stdin, stdout};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Lines that are no profile, told one by one; more are only counted.
const TOLD_MAX: u64 = 10;

/// Says of each profile on standard input how likely it is spam, and why
#[derive(Args)]
#[command(after_help = "\
A profile is a JSON object a line. Every field may be missing:

  {\"id\":\"7\",\"handle\":\"maria83746251\",\"followers\":3,\"following\":4812,\"posts\":0,\"has_avatar\":false}

Fields: id handle name bio followers following posts has_avatar is_private created_at has_link.
A value that cannot be true (-3 followers, a date to come) counts as unknown and is named.

The likelihood is one profile's, for a mix with one spam profile in ten, and a reason to look, never
a verdict: newcomers, readers who never post and private accounts look like spam (the model's card
says how often). How many of many are spam is not the number of those over a threshold.

Example:
  reputed follower score --json < profiles.jsonl | jq 'select(.spam > 0.9)'")]
pub struct Score {
    /// One JSON object a line, in place of a line to read
    #[arg(long)]
    json: bool,
}

impl Score {
    pub(in super::super) fn run(self) -> Result<(), Failure> {
        let scoring = Scoring { model: Model::load()?, json: self.json, now: Timestamp::now(), bad: AtomicU64::new(0) };
        line::each(stdin().lock(), &mut stdout(), &scoring)?;
        match scoring.bad.into_inner() {
            0 => Ok(()),
            bad => Err(anyhow::anyhow!("{bad} line{} no profile", if bad == 1 { " is" } else { "s are" }).into()),
        }
    }
}

struct Scoring {
    model: Model,
    json: bool,
    /// No account was made after it.
    now: Timestamp,
    bad: AtomicU64,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    spam: f32,
    reasons: Vec<String>,
    known: Vec<&'static str>,
    /// What was given and taken as unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disbelieved: Vec<String>,
}

impl Work for Scoring {
    type State = ();

    fn state(&self) {}

    fn line(&self, (): &mut (), number: u64, line: &[u8], out: &mut Vec<u8>) {
        if line.trim_ascii().is_empty() {
            return;
        }
        match Profile::parse(&String::from_utf8_lossy(line), self.now) {
            Ok((profile, disbelieved)) => self.answer(&profile, &disbelieved, out),
            Err(error) => {
                if self.bad.fetch_add(1, Relaxed) < TOLD_MAX {
                    terminal::note(&format!("line {number}: {error}"));
                }
            }
        }
    }
}

impl Scoring {
    fn answer(&self, profile: &Profile, disbelieved: &[Disbelieved], out: &mut Vec<u8>) {
        let score = self.model.likelihood(profile);
        let reasons: Vec<String> = score.reasons.iter().map(Reason::to_string).collect();
        let disbelieved: Vec<String> = disbelieved.iter().map(ToString::to_string).collect();
        // Writing into memory cannot fail.
        if self.json {
            let id = profile.id.as_deref();
            drop(serde_json::to_writer(
                &mut *out,
                &Answer { id, spam: score.spam, reasons, known: score.known, disbelieved },
            ));
            out.push(b'\n');
            return;
        }
        let who = profile.handle.as_deref().or(profile.id.as_deref()).unwrap_or("-");
        // With nothing known, the number would only be how common spam is.
        let spam = if score.known.is_empty() { "   ?".to_owned() } else { likelihood(score.spam) };
        let why = [reasons, disbelieved].concat().join("; ");
        drop(writeln!(out, "{spam}  {who:<24}  {}", if why.is_empty() { "nothing known that tells" } else { &why }));
    }
}
