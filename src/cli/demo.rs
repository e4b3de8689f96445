//! `reputed demo`: the daemon on an invented week, replayed fast into a folder of its own.

use super::{Failure, terminal};
use crate::app::{App, Parts};
use crate::config::{self, Overrides};
use crate::flow::Clock;
use crate::ledger::Phase;
use anyhow::Context;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

const CONFIG: &str = include_str!("../../deploy/demo/demo.toml");
const WEEK: &str = include_str!("../../deploy/demo/week.jsonl");

/// Shows the whole thing at once: an invented week of a small brand, replayed in a minute
///
/// Needs no account, no key and no network. Everything goes into a temporary folder that is removed at the end.
#[derive(Args)]
pub struct Demo {
    /// How many seconds the week takes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Where the page listens
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Keep everything in this folder in place of a temporary one
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// End when the week is over
    #[arg(long)]
    once: bool,
}

/// How often we look whether the week is over.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Demo {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (dir, temporary) = match &self.dir {
            Some(dir) => (dir.clone(), false),
            None => (std::env::temp_dir().join(format!("reputed-demo-{}", std::process::id())), true),
        };
        let done = self.play(&dir);
        if temporary {
            drop(std::fs::remove_dir_all(&dir));
        }
        done
    }

    fn play(&self, dir: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let now = Timestamp::now();
        let week = Week::ending(now)?;
        let factor = week.length().as_secs_f64() / f64::from(self.seconds);
        week.write(dir)?;
        let config_file = dir.join("reputed.toml");
        // Pacing belongs to this run, not to the example.
        let text = CONFIG.replace("kind = \"recorded\"\n", &format!("kind = \"recorded\"\nspeed = {factor:.3}\n"));
        std::fs::write(&config_file, text)?;
        let overrides = Overrides { listen: Some(self.listen), ..Overrides::default() };
        let (config, _) = config::read(Some(&config_file), &overrides).map_err(Failure::BadFile)?;
        let clock = Clock::Replay { from: week.first, began: Instant::now(), factor };
        super::runtime()?.block_on(async {
            let app = App::start(config, Parts::All, clock).await?;
            self.greet(&app, dir);
            self.wait(&app).await?;
            let summary = summary(&app).await;
            app.stop();
            app.wait().await?;
            terminal::note(&summary?);
            Ok(())
        })
    }

    fn greet(&self, app: &App, dir: &Path) {
        let url = app.login_url.as_deref().unwrap_or_default();
        terminal::note(&format!(
            "A week of Fernwick Kettles (invented) plays in {} seconds. Watch it here:\n\n    {url}\n",
            self.seconds
        ));
        terminal::note(&format!("The folder with its configuration and posts: {}", dir.display()));
        if !self.once {
            terminal::note("Ctrl-C ends it.");
        }
    }

    async fn wait(&self, app: &App) -> Result<(), Failure> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stopped = app.stopped();
        let mut told = false;
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                () = stopped.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if !told && is_over(app) {
                told = true;
                if self.once {
                    return Ok(());
                }
                terminal::note(&summary(app).await?);
                terminal::note("The week is over; the page stays until Ctrl-C.");
            }
        }
    }
}

/// Every recording came to its end.
fn is_over(app: &App) -> bool {
    let now = Timestamp::now();
    app.ledgers
        .iter()
        .map(|ledger| ledger.snapshot(now))
        .all(|seen| seen.kind != "recorded" || seen.phase == Phase::Ended)
}

async fn summary(app: &App) -> Result<String, Failure> {
    let now = Timestamp::now();
    let posts: u64 = app.ledgers.iter().map(|ledger| ledger.snapshot(now).posts).sum();
    let counts = app.reader.counts().await?;
    let alerts = app.reader.alerts(None, None, 1_000, None).await?;
    Ok(format!(
        "{posts} posts heard, {} of them about the brand, {} alerts raised, {} still open",
        counts.mentions,
        alerts.len(),
        counts.alerts_open
    ))
}

/// The embedded week, moved so that it ends in the present; one recording a source.
struct Week {
    first: Timestamp,
    last: Timestamp,
    by_source: BTreeMap<String, Vec<Value>>,
}

/// The times of a post that move with the week; an author's account was made when it was made.
const TIMES: [&str; 2] = ["created_at", "edited_at"];

impl Week {
    fn ending(now: Timestamp) -> anyhow::Result<Self> {
        let mut posts: Vec<(Timestamp, Value)> = Vec::new();
        for line in WEEK.lines().filter(|line| !line.trim().is_empty()) {
            let post: Value = serde_json::from_str(line).context("the embedded week")?;
            let at = post["created_at"].as_str().unwrap_or_default().parse().context("the embedded week")?;
            posts.push((at, post));
        }
        posts.sort_by_key(|(at, _)| *at);
        let (Some((first, _)), Some((last, _))) = (posts.first(), posts.last()) else {
            anyhow::bail!("the embedded week is empty");
        };
        let shift = now.duration_since(*last);
        let (first, last) = (first.checked_add(shift)?, last.checked_add(shift)?);
        let mut by_source: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (_, mut post) in posts {
            for key in TIMES {
                if let Some(at) = post[key].as_str().and_then(|text| text.parse::<Timestamp>().ok()) {
                    post[key] = Value::String(at.checked_add(shift)?.to_string());
                }
            }
            let source = post["source"].as_str().unwrap_or_default().to_owned();
            by_source.entry(source).or_default().push(post);
        }
        Ok(Self { first, last, by_source })
    }

    fn length(&self) -> SignedDuration {
        self.last.duration_since(self.first)
    }

    fn write(&self, dir: &Path) -> anyhow::Result<()> {
        for (source, posts) in &self.by_source {
            let lines: Vec<String> = posts.iter().map(Value::to_string).collect();
            let path = dir.join(format!("{source}.jsonl"));
            std::fs::write(&path, lines.join("\n") + "\n")
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}
