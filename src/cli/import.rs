//! `reputed import`: posts and follows from files. While the daemon runs they go through its door, else through a way in
//! of our own.

mod table;
mod value;

use self::table::{Mapping, Table, Wish, is_table};
use super::daemon::Daemon;
use super::{Configured, Failure, terminal};
use crate::app::{App, IMPORT, Parts};
use crate::config::Overrides;
use crate::flow::Clock;
use crate::ledger::worth_logging;
use crate::source::intake::Intake;
use crate::source::line::Line;
use crate::source::recorded;
use crate::source::recorded::block::{Blocks, Position};
use anyhow::Context;
use clap::Args;
use indicatif::ProgressBar;
use jiff::Timestamp;
use reqwest::Method;
use std::path::PathBuf;

/// Takes posts and follows from files (JSON Lines or CSV; .gz and .zst too); repeating it doubles nothing
#[derive(Args)]
#[command(after_help = "\
Posts that name no `source` are stored under `import`. Posts older than a day raise no alert.

A line whose `kind` is `follow` says that somebody follows an own account of the configuration, by
its handle or id, or with \"deleted\":true no longer does:

  {\"kind\":\"follow\",\"account\":\"velora.example\",\"created_at\":\"2026-11-21T09:00:00Z\",
   \"author\":{\"id\":\"7\",\"handle\":\"ann.example\",\"followers\":3,\"following\":4812}}

Without a `source` it belongs to the only one with such an account. A profile that comes along is kept.

The columns of CSV (.csv, .tsv; commas, semicolons or tabs) are fields by their headers, such as `id`,
`text`, `created_at`, `author.handle`, or by --map. Times are ISO 8601, in UTC where they name no zone,
or seconds since 1970. A value that cannot be true, such as -3 followers, is unknown and counted.

Examples:
  reputed import posts.jsonl.zst
  reputed import followers.csv --follow velora.example \\
      --map author.handle=Username --map created_at=\"Followed at\"
  reputed import reviews.csv --map id=Nr --map text=Review --map created_at=Date --map rating=Stars")]
pub struct Import {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Which column of CSV files is which field; can be repeated
    #[arg(long, value_name = "FIELD=HEADER", value_parser = Mapping::parse)]
    map: Vec<Mapping>,
    /// Each row of CSV files is a follow of this own account
    #[arg(long, value_name = "ACCOUNT")]
    follow: Option<String>,
    #[command(flatten)]
    configured: Configured,
}

/// Posts of one request to a running daemon.
const REQUEST_POSTS: usize = 500;
/// Long posts fill a request sooner: with the longest line on top it stays within what the daemon takes.
const REQUEST_BYTES: usize = 4 << 20;

/// What became of the lines.
#[derive(Default)]
struct Tally {
    posts: u64,
    follows: u64,
    matched: u64,
    bad: u64,
    /// Values of tables that cannot be true.
    unknown: u64,
}

impl Tally {
    /// Whether the line is a post or a follow.
    fn counts(&mut self, bar: &ProgressBar, place: &str, line: &[u8]) -> bool {
        match recorded::parse(line) {
            Ok(Line::Post(_)) => self.posts += 1,
            Ok(Line::Follow(_)) => self.follows += 1,
            Err(bad) => {
                self.pass_over(bar, &format!("{place}: {bad}"));
                return false;
            }
        }
        true
    }

    fn doubt(&mut self, bar: &ProgressBar, what: &str) {
        self.unknown += 1;
        if worth_logging(self.unknown) {
            bar.suspend(|| terminal::note(&format!("{what} ({} so far)", self.unknown)));
        }
    }

    fn pass_over(&mut self, bar: &ProgressBar, why: &str) {
        self.bad += 1;
        if worth_logging(self.bad) {
            bar.suspend(|| terminal::note(&format!("{why} ({} so far)", self.bad)));
        }
    }
}

impl Import {
    pub(super) fn run(self) -> Result<(), Failure> {
        let wish = Wish { maps: &self.map, follow: self.follow.as_deref(), now: Timestamp::now() };
        for file in &self.files {
            if !file.is_file() {
                return Err(Failure::Usage(format!("{}: no such file", file.display())));
            }
            // A header that lacks something is told before anything is stored.
            if is_table(file) {
                let opened = Table::open(file, &wish).map_err(|error| format!("{}: {error:#}", file.display()));
                drop(opened.map_err(Failure::Usage)?);
            } else if self.follow.is_some() || !self.map.is_empty() {
                let name = file.display();
                return Err(Failure::Usage(format!("{name}: --follow and --map are for files named .csv or .tsv")));
            }
        }
        let total = self.files.iter().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum();
        let bar = terminal::bytes_bar(total);
        let files = Files { paths: &self.files, wish: &wish, bar: &bar };
        let runtime = super::runtime()?;
        let tally = match Daemon::find(&self.configured.find_data()?)? {
            Some(daemon) => runtime.block_on(there(&daemon, &files))?,
            None => {
                let config = self.configured.read(Overrides::default())?;
                let imported = async { here(App::start(config, Parts::Ingest, Clock::Real).await?, &files).await };
                runtime.block_on(imported)?
            }
        };
        bar.finish_and_clear();
        let Tally { posts, follows, matched, bad, unknown } = tally;
        let told = match follows {
            0 => format!("{posts} posts read, {matched} wanted by a watch"),
            _ => format!("{posts} posts and {follows} follows read, {matched} of them wanted"),
        };
        terminal::note(&format!("{told}, {bad} lines passed over"));
        if unknown > 0 {
            terminal::note(&format!("{unknown} values taken as unknown"));
        }
        Ok(())
    }
}

/// What is read, and how.
struct Files<'a> {
    paths: &'a [PathBuf],
    wish: &'a Wish<'a>,
    bar: &'a ProgressBar,
}

impl Files<'_> {
    /// Every sound line of the files, in order; what is bad is told once and counted.
    async fn each(
        &self,
        tally: &mut Tally,
        mut take: impl AsyncFnMut(&[u8], &mut Tally) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for path in self.paths {
            let start = self.bar.position();
            // Of a packed file the unpacked size is not known: its bar may stand at the end for a while.
            let size = path.metadata().map_or(0, |meta| meta.len());
            let seen = |byte: u64| self.bar.set_position(start + byte.min(size));
            let name = path.display().to_string();
            if is_table(path) {
                let mut table = Table::open(path, self.wish).with_context(|| name.clone())?;
                while let Some(row) = table.next_row().with_context(|| name.clone())? {
                    seen(row.byte);
                    let place = format!("{name}:{}", row.line);
                    for doubt in row.doubts {
                        tally.doubt(self.bar, &format!("{place}: {doubt}"));
                    }
                    match row.json {
                        Ok(line) if tally.counts(self.bar, &place, &line) => take(&line, tally).await?,
                        Ok(_) => {}
                        Err(why) => tally.pass_over(self.bar, &format!("{place}: {why}")),
                    }
                }
            } else {
                let mut blocks = Blocks::open(path, Position::default()).with_context(|| name.clone())?;
                let mut last = 0;
                while let Some(block) = blocks.next_block().with_context(|| format!("{name}, after line {last}"))? {
                    tally.bad += u64::from(block.skipped);
                    for (end, line) in block.lines() {
                        last = end.line;
                        seen(end.byte);
                        if !line.is_empty() && tally.counts(self.bar, &format!("{name}:{last}"), line) {
                            take(line, tally).await?;
                        }
                    }
                }
            }
            seen(size);
        }
        Ok(())
    }
}

/// Through a way in of our own: the daemon does not run.
async fn here(app: App, files: &Files<'_>) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut intake: Intake = app.intake(IMPORT).context("the way in is closed")?;
    files
        .each(&mut tally, async |line, tally| {
            let line = recorded::parse(line)?;
            let at = line.created_at();
            match intake.take(line, at.min(Timestamp::now())) {
                Ok(wanted) => tally.matched += u64::from(wanted),
                Err(bad_line) => tally.pass_over(files.bar, &bad_line.to_string()),
            }
            if intake.is_full() {
                intake.flush(None).await?;
            }
            Ok(())
        })
        .await?;
    intake.commit(None).await?;
    drop(intake);
    app.stop();
    app.wait().await?;
    Ok(tally)
}

/// Through the door of the daemon that runs.
async fn there(daemon: &Daemon, files: &Files<'_>) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let (mut body, mut count) = (Vec::new(), 0);
    files
        .each(&mut tally, async |line, tally| {
            body.extend_from_slice(line);
            body.push(b'\n');
            count += 1;
            if count == REQUEST_POSTS || body.len() >= REQUEST_BYTES {
                count = 0;
                send(daemon, std::mem::take(&mut body), files.bar, tally).await?;
            }
            Ok(())
        })
        .await?;
    if count > 0 {
        send(daemon, body, files.bar, &mut tally).await?;
    }
    Ok(tally)
}

async fn send(daemon: &Daemon, body: Vec<u8>, bar: &ProgressBar, tally: &mut Tally) -> anyhow::Result<()> {
    let path = format!("posts?source={IMPORT}");
    let answer = daemon.ask(Method::POST, &path, Some(("application/x-ndjson", body))).await?;
    tally.matched += answer["matched"].as_u64().unwrap_or(0);
    for refused in answer["refused"].as_array().into_iter().flatten() {
        tally.pass_over(bar, refused["reason"].as_str().unwrap_or("refused without a reason"));
    }
    Ok(())
}
