//! `reputed import`: posts from files. While the daemon runs they go through its door, else through a way in of our own.

use super::{Configured, Failure, terminal};
use crate::app::{ADDRESS_FILE, App, IMPORT, Parts, TOKEN_FILE};
use crate::config::Overrides;
use crate::flow::Clock;
use crate::ledger::worth_logging;
use crate::source::intake::Intake;
use crate::source::recorded;
use crate::source::recorded::block::{Blocks, Position};
use crate::wire::http::{Client, Reach, Request};
use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

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
/// A commit of a busy daemon may take its time; a hung one must not hold us for ever.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

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
        let tally = match Remote::find(&self.configured.find_data()?) {
            Some(remote) => runtime.block_on(remote.import(&self.files, &bar))?,
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

/// A daemon that runs on the same data folder.
struct Remote {
    posts: Url,
    token: String,
}

impl Remote {
    fn find(data_dir: &Path) -> Option<Self> {
        let address = std::fs::read_to_string(data_dir.join(ADDRESS_FILE)).ok()?;
        let token = std::fs::read_to_string(data_dir.join(TOKEN_FILE)).ok()?.trim().to_owned();
        // The file outlives a kill -9; the lock does not.
        if !crate::store::is_locked(data_dir) {
            return None;
        }
        let posts = Url::parse(&format!("http://{address}/api/v1/posts?source={IMPORT}")).ok()?;
        Some(Self { posts, token })
    }

    async fn import(&self, files: &[PathBuf], bar: &ProgressBar) -> anyhow::Result<Tally> {
        let client = Client::new(Reach::Configured);
        let mut tally = Tally::default();
        let (mut body, mut count) = (Vec::new(), 0);
        each(files, bar, &mut tally, async |line, tally| {
            body.extend_from_slice(line);
            body.push(b'\n');
            count += 1;
            if count == REQUEST_POSTS || body.len() >= REQUEST_BYTES {
                count = 0;
                self.send(&client, std::mem::take(&mut body), tally).await?;
            }
            Ok(())
        })
        .await?;
        if count > 0 {
            self.send(&client, body, &mut tally).await?;
        }
        Ok(tally)
    }

    async fn send(&self, client: &Client, body: Vec<u8>, tally: &mut Tally) -> anyhow::Result<()> {
        let request = Request {
            method: reqwest::Method::POST,
            headers: vec![
                ("authorization".into(), format!("Bearer {}", self.token)),
                ("content-type".into(), "application/x-ndjson".into()),
            ],
            body: Some(body),
            timeout: REQUEST_TIMEOUT,
            ..Request::get(self.posts.clone())
        };
        let response = client.send(request).await?;
        let answer: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if response.status != 200 {
            let detail = answer["detail"].as_str().or(answer["title"].as_str()).unwrap_or("no reason given");
            bail!("the running daemon answered {}: {detail}", response.status);
        }
        tally.matched += answer["matched"].as_u64().unwrap_or(0);
        tally.bad += answer["refused"].as_array().map_or(0, |refused| refused.len() as u64);
        Ok(())
    }
}
