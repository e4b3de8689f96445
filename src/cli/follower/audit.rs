//! `reputed follower audit`: what an own account's followers are made of, from what is stored.

use super::super::terminal::plain;
use super::super::{Configured, Failure, runtime};
use super::likelihood;
use crate::brand::OwnAccount;
use crate::config::account::own_accounts;
use crate::flow::audit::{Report, report};
use crate::follower::audit::{Suspect, Told};
use crate::follower::excess::Reading;
use crate::follower::growth::Step;
use crate::follower::model::Model;
use crate::follower::picture;
use crate::follower::share::Share;
use crate::store::{self, Reader};
use anyhow::{Context, anyhow};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::io::{Write, stdout};
use std::path::PathBuf;

/// Audits an own account's followers: the share of spam with its interval, waves, whom to look at
#[derive(Args)]
#[command(after_help = "\
ACCOUNT is an own account of the configuration, by its handle or native id. The daemon lists its
followers once a day and hears of new ones where the network tells; this reads what it stored, also
while it runs.

A likelihood is a reason to look, never a verdict. The share of spam is an estimate over all
followers whose profile is known; the interval holds the truth nine times in ten if they are like
those that the model was measured on. The model's card says how wrong it is, and with whom.

Examples:
  reputed follower audit velora.example -c reputed.toml
  reputed follower audit velora.example --days 90 --svg growth.svg
  reputed follower audit velora.example --json | jq '.suspicious[].handle'")]
pub struct Audit {
    account: String,
    /// Which source, when accounts of several have this name
    #[arg(long)]
    source: Option<String>,
    /// How far growth and waves go back
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// How many followers are named, the likeliest to be spam
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=200_000))]
    limit: u32,
    /// All of it as one JSON object
    #[arg(long)]
    json: bool,
    /// Draws growth into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    configured: Configured,
}

impl Audit {
    pub(in super::super) fn run(self) -> Result<(), Failure> {
        let data_dir = self.configured.find_data()?;
        let configured = own_accounts(self.configured.config.as_deref()).map_err(Failure::BadFile)?;
        let model = Model::load()?;
        let (now, back) = (Timestamp::now(), SignedDuration::from_hours(24 * i64::from(self.days)));
        let (step, since) = (Step::over(back), now.saturating_sub(back).unwrap_or(now));
        let found = runtime()?.block_on(async {
            let reader = store::open_read_only(&data_dir).await?;
            let (source, account) = one(&self.account, self.named(&reader, configured).await?)?;
            report(&reader, &model, (&source, &account), (since, now), step, self.limit as usize)
                .await
                .map_err(anyhow::Error::from)
        })?;
        if let Some(path) = &self.svg {
            let waves: Vec<_> = found.waves.iter().map(|told| told.wave.clone()).collect();
            let title = format!("New followers of {}", self.account);
            std::fs::write(path, picture::svg(&title, &found.growth, step, &waves))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let mut out = stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, &found)?;
            writeln!(out)?;
            return Ok(());
        }
        tell(&mut out, &self.account, &found)?;
        Ok(())
    }
}

impl Audit {
    /// Source and native id of the accounts that are called so and of which something is stored: as configured, and as
    /// found out by the daemon.
    async fn named(&self, reader: &Reader, configured: Vec<OwnAccount>) -> Result<Vec<(String, String)>, store::Error> {
        let mut found = reader.listed_accounts(&self.account).await?;
        let name = self.account.trim_start_matches('@');
        for OwnAccount { source, handle, id } in configured {
            if handle.eq_ignore_ascii_case(name) || id.as_deref() == Some(name) {
                let known = (source, id.unwrap_or_else(|| handle.to_lowercase()));
                if !found.contains(&known) && reader.followed_since(&known.0, &known.1).await?.is_some() {
                    found.push(known);
                }
            }
        }
        found.retain(|(source, _)| self.source.as_ref().is_none_or(|wanted| wanted == source));
        Ok(found)
    }
}

fn one(name: &str, mut named: Vec<(String, String)>) -> anyhow::Result<(String, String)> {
    match named.len() {
        0 => Err(anyhow!(
            "no followers of `{name}` are stored: is it an `account` of a brand, and has the daemon listed it yet \
             (`/api/v1/sources` tells)?"
        )),
        1 => Ok(named.remove(0)),
        _ => {
            let sources: Vec<String> = named.into_iter().map(|(source, _)| source).collect();
            Err(anyhow!("`{name}` is an account of several sources: --source {}", sources.join(" or ")))
        }
    }
}

fn tell(out: &mut impl Write, account: &str, found: &Report) -> std::io::Result<()> {
    let audit = &found.audit;
    writeln!(out, "{account}: {}", shares(&audit.share))?;
    if audit.share.strange {
        writeln!(
            out,
            "  These followers are unlike those that the model was measured on: look at some before you say more."
        )?;
    }
    if let Some(snapshot) = &found.snapshot {
        let total = snapshot.total.map(|total| format!(" of {total}")).unwrap_or_default();
        writeln!(out, "  listed {}{total} on {:.0}, {}", snapshot.named, snapshot.began_at, state(snapshot.state))?;
    }
    writeln!(out, "\nWaves of new followers:{}", if found.waves.is_empty() { " none" } else { "" })?;
    for told in &found.waves {
        writeln!(out, "  {}", wave(told))?;
    }
    if !audit.groups.is_empty() {
        writeln!(out, "\nLook made together:")?;
        for group in &audit.groups {
            writeln!(out, "  {:>6}  {}", group.members, group.shares.join(", "))?;
        }
    }
    let (named, all) = (audit.suspicious.len(), audit.suspicious_in_all);
    writeln!(out, "\nWorth a look ({named} of {all}):")?;
    for suspect in &audit.suspicious {
        writeln!(out, "  {}", line(suspect))?;
    }
    Ok(())
}

fn shares(share: &Share) -> String {
    let Share { spam, low, high, known, unknown, .. } = share;
    if *known == 0 {
        return format!("no follower's profile is known yet ({unknown} unknown)");
    }
    let percent = |part: &f64| format!("{:.0}", part * 100.0);
    let unknown = if *unknown > 0 { format!(", {unknown} unknown") } else { String::new() };
    format!("{} % spam ({} to {} %) of {known} followers{unknown}", percent(spam), percent(low), percent(high))
}

fn wave(told: &Told) -> String {
    let Told { wave, excess } = told;
    let until = wave.until.map_or_else(|| "now".to_owned(), |until| format!("{until:.0}"));
    let reading = match excess.reading {
        Reading::Spam => "most of them look like spam",
        Reading::People => "they look like people",
        Reading::Unclear => "profiles do not tell who came",
    };
    let percent = |part: f64| part * 100.0;
    let (spam, low, high) = (percent(excess.spam), percent(excess.low), percent(excess.high));
    format!(
        "{:.0} to {until}: {} where {:.0} would be usual; {spam:.0} % spam ({low:.0} to {high:.0} %) of the {:.0} beyond: {reading}",
        wave.from, wave.counted, wave.expected, excess.count
    )
}

fn line(suspect: &Suspect) -> String {
    let who = suspect.handle.as_deref().or(suspect.id.as_deref()).unwrap_or("-");
    let likelihood = suspect.said.map_or_else(|| likelihood(suspect.spam), |_| "said".to_owned());
    format!("{likelihood}  {:<28}  {}", plain(who), suspect.reasons.join("; "))
}

fn state(state: crate::brand::SnapshotState) -> &'static str {
    use crate::brand::SnapshotState::{Hidden, Open, Short, Whole};
    match state {
        Open => "still being read",
        Whole => "the list is whole",
        Short => "the server names no more",
        Hidden => "the server keeps the list to itself",
    }
}
