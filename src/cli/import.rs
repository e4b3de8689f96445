//! `reputed import`: posts from files. While the daemon runs they go through its door, else through a way in of our own.

use super::daemon::Daemon;
use super::{Configured, Failure, terminal};
use crate::app::{App, IMPORT, Parts};
use crate::config::Overrides;
use crate::flow::Clock;
use crate::ledger::worth_logging;
use crate::source::intake::Intake;
use crate::source::recorded;
use crate::source::recorded::block::{Blocks, Position};
use anyhow::Context;
use clap::Args;
use indicatif::ProgressBar;
use jiff::Timestamp;
use reqwest::Method;
use std::path::PathBuf;

/// Takes posts from files (JSON Lines; .gz and .zst too); repeating it doubles nothing
#[derive(Args)]
#[command(after_help = "Posts that name no `source` are stored under `import`. Posts older than a day raise no alert.")]
pub struct Import {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
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
    matched: u64,
    bad: u64,
}

impl Import {
    pub(super) fn run(self) -> Result<(), Failure> {
        for file in &self.files {
            if !file.is_file() {
                return Err(Failure::Usage(format!("{}: no such file", file.display())));
            }
        }
        let total = self.files.iter().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum();
        let bar = terminal::bytes_bar(total);
        let runtime = super::runtime()?;
        let tally = match Daemon::find(&self.configured.find_data()?)? {
            Some(daemon) => runtime.block_on(there(&daemon, &self.files, &bar))?,
            None => {
                let config = self.configured.read(Overrides::default())?;
                let imported =
                    async { here(App::start(config, Parts::Ingest, Clock::Real).await?, &self.files, &bar).await };
                runtime.block_on(imported)?
            }
        };
        bar.finish_and_clear();
        let Tally { posts, matched, bad } = tally;
        terminal::note(&format!("{posts} posts read, {matched} wanted by a watch, {bad} lines passed over"));
        Ok(())
    }
}

/// Every sound post of the files, in order; what is bad is told once and counted.
async fn each(
    files: &[PathBuf],
    bar: &ProgressBar,
    tally: &mut Tally,
    mut take: impl AsyncFnMut(&[u8], &mut Tally) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for file in files {
        let name = file.display();
        let start = bar.position();
        let size = file.metadata().map_or(0, |meta| meta.len());
        let mut blocks = Blocks::open(file, Position::default()).with_context(|| name.to_string())?;
        let mut last = 0;
        while let Some(block) = blocks.next_block().with_context(|| format!("{name}, after line {last}"))? {
            tally.bad += u64::from(block.skipped);
            for (end, line) in block.lines() {
                last = end.line;
                // Of a packed file the unpacked size is not known: its bar may stand at the end for a while.
                bar.set_position(start + end.byte.min(size));
                if line.is_empty() {
                    continue;
                }
                if let Err(error) = recorded::parse_line(line) {
                    tally.bad += 1;
                    if worth_logging(tally.bad) {
                        bar.suspend(|| terminal::note(&format!("{name}:{last}: {error} ({} so far)", tally.bad)));
                    }
                    continue;
                }
                tally.posts += 1;
                take(line, tally).await?;
            }
        }
        bar.set_position(start + size);
    }
    Ok(())
}

/// Through a way in of our own: the daemon does not run.
async fn here(app: App, files: &[PathBuf], bar: &ProgressBar) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut intake: Intake = app.intake(IMPORT).context("the way in is closed")?;
    each(files, bar, &mut tally, async |line, tally| {
        let post = recorded::parse_line(line)?;
        let at = post.created_at;
        match intake.offer(post, at.min(Timestamp::now())) {
            Ok(wanted) => tally.matched += u64::from(wanted),
            Err(_) => tally.bad += 1,
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
async fn there(daemon: &Daemon, files: &[PathBuf], bar: &ProgressBar) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let (mut body, mut count) = (Vec::new(), 0);
    each(files, bar, &mut tally, async |line, tally| {
        body.extend_from_slice(line);
        body.push(b'\n');
        count += 1;
        if count == REQUEST_POSTS || body.len() >= REQUEST_BYTES {
            count = 0;
            send(daemon, std::mem::take(&mut body), tally).await?;
        }
        Ok(())
    })
    .await?;
    if count > 0 {
        send(daemon, body, &mut tally).await?;
    }
    Ok(tally)
}

async fn send(daemon: &Daemon, body: Vec<u8>, tally: &mut Tally) -> anyhow::Result<()> {
    let path = format!("posts?source={IMPORT}");
    let answer = daemon.ask(Method::POST, &path, Some(("application/x-ndjson", body))).await?;
    tally.matched += answer["matched"].as_u64().unwrap_or(0);
    tally.bad += answer["refused"].as_array().map_or(0, |refused| refused.len() as u64);
    Ok(())
}
