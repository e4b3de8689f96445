//! `reputed bench`: what this machine can carry. Every figure stands beside a limit measured in the same run, in the same
//! folder, by bare means; the whole is the real daemon, fed by a local firehose.

mod follower;
mod frame;
mod machine;
mod matcher;
mod part;
mod peer;
mod report;
mod search;
mod whole;

use super::{Failure, terminal};
use anyhow::Context;
use clap::Args;
use frame::Frames;
use machine::Folder;
use report::Report;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Measures what this machine can carry: each stage, everything together, latency, memory
#[derive(Args)]
#[command(after_help = "\
Takes about a minute; every figure stands beside a limit that was measured in the same run. The matcher is
measured at 100 to 100,000 watches, whatever --watches says. The long trial:
  reputed bench --seconds 600 --rate 15500
Searching in a million mentions while a thousand arrive each second:
  reputed bench --search 1000000
An own account with a million followers, listed twice and audited:
  reputed bench --followers 1000000")]
pub struct Bench {
    /// Watches that every post is held against
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    watches: u32,
    /// Posts that each single stage works on
    #[arg(long, default_value_t = 50_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    posts: u32,
    /// How long everything together is kept up
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Posts a second that everything together is fed; without it, as many as it takes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// Mentions that are searched while others arrive; 0 leaves that out (a million takes some minutes and 1 GB of disk)
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(..=100_000_000))]
    search: u32,
    /// Followers of an own account that are listed and audited; 0 leaves that out (a million takes some minutes and 1 GB of disk)
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    followers: u32,
    /// One JSON object a stage, in place of a table
    #[arg(long)]
    json: bool,
    /// Where to write (a folder of its own in there, removed at the end): the disk that is measured
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Bench {
    pub(super) fn run(self) -> Result<(), Failure> {
        let folder = Folder::new(&self.dir.clone().unwrap_or_else(std::env::temp_dir))?;
        let report = super::runtime()?.block_on(async {
            let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            tokio::select! {
                report = self.measure(&folder) => report,
                _ = terminate.recv() => Err(anyhow::anyhow!("stopped").into()),
                _ = interrupt.recv() => Err(anyhow::anyhow!("stopped").into()),
            }
        })?;
        report.print(self.json).context("cannot write the report")?;
        Ok(())
    }

    /// Latency comes first, while the disk has nothing else to write; the whole next, since what the single stages leave
    /// behind in memory would be held against it.
    async fn measure(&self, folder: &Folder) -> Result<Report, Failure> {
        let mut report = Report::default();
        let watches = self.watches as usize;
        terminal::note("from frame to delivery ...");
        let delivered = whole::deliver(folder, watches).await?;
        terminal::note("everything together ...");
        let carried = whole::carry(folder, watches, self.seconds, self.rate).await?;
        let frames = Frames::new(watches, part::SHARE, self.posts as usize);
        terminal::note(&format!("each stage by itself, frames of {:.0} bytes ...", frames.length()));
        let parts = tokio::task::block_in_place(|| part::pure(&frames, watches, &mut report))?;
        terminal::note("the matcher, at 100 to 100,000 watches ...");
        tokio::task::block_in_place(|| matcher::measure(&mut report))?;
        let matching = Frames::new(watches, 1.0, self.posts as usize);
        let parts = part::written(folder, &matching, parts, &mut report).await?;
        carried.report(parts, &mut report);
        delivered.report(&mut report);
        if self.followers > 0 {
            terminal::note(&format!("{} followers ...", self.followers));
            follower::measure(folder, self.followers, &mut report).await?;
        }
        if self.search > 0 {
            tokio::task::block_in_place(|| search::measure(folder, self.search, &mut report))?;
        }
        Ok(report)
    }
}
