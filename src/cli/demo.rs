//! `reputed demo`: the daemon on an invented week, replayed fast into a folder of its own.

mod follower;

use super::{Failure, terminal};
use crate::alert::{Alert, Priority};
use crate::app::{App, Parts};
use crate::config::{self, Overrides};
use crate::flow::{Clock, Event};
use crate::ledger::Phase;
use anyhow::Context;
use clap::Args;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

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
/// How long the last look at the followers may take: it comes within a second, but for a machine that is very busy.
const LOOK_MAX: Duration = Duration::from_secs(30);

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
        let week = Week::ending(Timestamp::now())?;
        let factor = WEEK_LENGTH.as_secs_f64() / f64::from(self.seconds);
        week.write(dir)?;
        let config_file = dir.join("reputed.toml");
        // Pacing belongs to this run, not to the example.
        let pace = format!("kind = \"recorded\"\nspeed = {factor:.3}\nfrom = \"{}\"\n", week.start);
        std::fs::write(&config_file, CONFIG.replace("kind = \"recorded\"\n", &pace))?;
        let overrides = Overrides { listen: Some(self.listen), ..Overrides::default() };
        let (config, _) = config::read(Some(&config_file), &overrides).map_err(Failure::BadFile)?;
        let clock = Clock::replay(week.start, factor);
        super::runtime()?.block_on(async {
            // Before anything else, so that even an early Ctrl-C leaves no folder behind.
            let signals = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
            let app = App::start(config, Parts::All, clock.clone()).await?;
            self.greet(&app, dir);
            let waited = self.wait(&app, &clock, week.start, signals).await;
            app.stop();
            app.wait().await?;
            waited
        })
    }

    fn greet(&self, app: &App, dir: &Path) {
        let url = app.login_url.as_deref().unwrap_or_default();
        terminal::note(&format!(
            "A week of Fernwick Kettles plays in {} seconds; the firm, its customers and all they say are invented.\n\n  \
             Open this page:  {url}\n\n\
             Day four brings a broken update, the night to day six some hundred bought followers. Look at the open \
             alerts and why they are there, press Resolve, and search:\n\n  \
             refund OR \"money back\"\n  \
             needs_answer:>=0.7 lang:de\n  \
             kind:review rating:<=2\n\n\
             When the week is over, ask who follows:\n\n  \
             reputed follower audit fernwick.example -c {}/reputed.toml\n\n\
             Configuration and posts: {}\n",
            self.seconds,
            dir.display(),
            dir.display()
        ));
        if !self.once {
            terminal::note("Ctrl-C ends it.\n");
        }
    }

    /// Tells what happens until the end: of the week with `--once`, else of the person's patience.
    async fn wait(&self, app: &App, clock: &Clock, start: Timestamp, signals: [Signal; 2]) -> Result<(), Failure> {
        let [mut terminate, mut interrupt] = signals;
        let stopped = app.stopped();
        let mut events = app.events.subscribe();
        let mut urgent = Urgent::default();
        let (mut day, mut over) = (1, false);
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                () = stopped.cancelled() => return Ok(()),
                Ok(event) = events.recv() => {
                    if let Event::Alert(alert) = event { urgent.tell(&alert); }
                    continue;
                }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let today = clock.now().duration_since(start).as_hours() / 24 + 1;
            if !over && today > day && today <= DAYS {
                terminal::note(&format!("Day {day} is over: {}", summary(app).await?));
                day = today;
            }
            if !over && is_over(app) {
                over = true;
                if self.once {
                    look_once_more(app, clock.now()).await;
                }
                terminal::note(&format!("The week is over: {}", summary(app).await?));
                if self.once {
                    return Ok(());
                }
                terminal::note("The page stays until Ctrl-C.");
            }
        }
    }
}

/// Says once that something urgent was raised, and again when it became more urgent.
#[derive(Default)]
struct Urgent {
    told: BTreeMap<String, Priority>,
}

impl Urgent {
    fn tell(&mut self, alert: &Alert) {
        let before = self.told.get(&alert.id).copied().unwrap_or(Priority::P3);
        if alert.priority < before {
            self.told.insert(alert.id.clone(), alert.priority);
            terminal::note(&format!(
                "  {}  {}  {}",
                alert.updated_at.strftime("%a %H:%M"),
                alert.priority.name(),
                terminal::plain(&alert.title)
            ));
        }
    }
}

/// Waits until the followers were looked at after `now`: some of the last may not have been.
async fn look_once_more(app: &App, now: Timestamp) {
    let mut looked = app.looked.clone();
    let later = looked.wait_for(|at| at.is_some_and(|at| at > now));
    if !matches!(tokio::time::timeout(LOOK_MAX, later).await, Ok(Ok(_))) {
        terminal::note("The followers could not be looked at once more.");
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

const DAYS: i64 = 7;
const WEEK_LENGTH: SignedDuration = SignedDuration::from_hours(24 * DAYS);

/// The embedded week, moved by whole days so that it ended with the last midnight (UTC) and keeps its mornings and
/// evenings; one recording a source.
struct Week {
    /// Midnight before its first day.
    start: Timestamp,
    by_source: BTreeMap<String, Vec<Value>>,
}

/// The times of a post that move with the week; an author's account was made when it was made.
const TIMES: [&str; 2] = ["created_at", "edited_at"];

impl Week {
    fn ending(now: Timestamp) -> anyhow::Result<Self> {
        let mut posts: Vec<Value> = Vec::new();
        for line in WEEK.lines().filter(|line| !line.trim().is_empty()) {
            posts.push(serde_json::from_str(line).context("the embedded week")?);
        }
        let first =
            posts.iter().filter_map(|post| moment(post, TIMES[0])).min().context("the embedded week is empty")?;
        let midnight =
            |at: Timestamp| at.round(TimestampRound::new().smallest(Unit::Hour).increment(24).mode(RoundMode::Floor));
        let (first, start) = (midnight(first)?, midnight(now)? - WEEK_LENGTH);
        let shift = start.duration_since(first);
        let mut by_source: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        // The file is in the order in which things were heard: an edit and a deletion come when they came.
        for mut post in posts {
            for key in TIMES {
                if let Some(at) = moment(&post, key) {
                    post[key] = Value::String(at.checked_add(shift)?.to_string());
                }
            }
            let source = post["source"].as_str().unwrap_or_default().to_owned();
            by_source.entry(source).or_default().push(post);
        }
        by_source.insert(follower::RECORDING.to_owned(), follower::lines(start));
        Ok(Self { start, by_source })
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

fn moment(post: &Value, key: &str) -> Option<Timestamp> {
    post[key].as_str()?.parse().ok()
}
