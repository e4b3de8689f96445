//! Everything together: the real daemon in a folder of its own, listening to a local firehose.

use super::frame::{Frames, LANES};
use super::machine::{self, Folder, Memory, Spread};
use super::part::{Parts, decode, gate};
use super::peer::Peers;
use super::report::{Goal, Report, Row};
use crate::app::{App, Parts as Running};
use crate::cli::terminal;
use crate::config::{self, Config, Overrides};
use crate::flow::Clock;
use crate::watch::Scratch;
use crate::watch::sample::Sample;
use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Posts that are sent round and round as new ones: enough that texts repeat seldom within a commit of the index.
const POSTS: usize = 16_384;

/// A daemon at rest is one that has been left alone for as long.
const REST: Duration = Duration::from_secs(2);

/// The load under which latency is measured, in posts a second, and for how long. With [`LANES`] rules, each post still
/// has an alert of its own: a rule keeps at most some hundreds open.
const LATENCY_RATE: u32 = 1_000;
const LATENCY_FOR: Duration = Duration::from_secs(10);
/// The first posts meet cold connections; they are sent and not counted.
const WARM_UP: Duration = Duration::from_secs(2);

/// How often the counts are looked at: as finely as "searchable after" is told.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const TELL_EVERY: Duration = Duration::from_secs(10);
/// What is not delivered by then after the last post counts as not told.
const DELIVER_WITHIN: Duration = Duration::from_secs(10);
/// Longer than anything here takes that still works.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the daemon carried.
pub struct Carried {
    /// At a tenth of the time, in the middle, at the end.
    memory: [Memory; 3],
    stored: u64,
    took: Duration,
    spent: Duration,
    behind: u64,
    caught_up: Duration,
    searchable: Spread,
    /// Bytes of the store's write-ahead log when it was longest.
    log: u64,
}

/// What it delivered.
pub struct Delivered {
    idle: Memory,
    latency: Spread,
    /// Posts of which a webhook told, and posts that were stored.
    told: usize,
    stored: u64,
    searchable: Spread,
    sync: Spread,
}

/// As many posts as it takes (or `rate` a second), all wanted: matched, scored, judged by the default rules, stored, indexed.
pub async fn carry(folder: &Folder, watches: usize, seconds: u32, rate: Option<u32>) -> anyhow::Result<Carried> {
    let dir = folder.part("carry")?;
    let peers = Peers::start().await?;
    let app = App::start(config(&dir, &peers, watches, None)?, Running::All, Clock::Real).await?;
    peers.feed(wanted(watches)?, rate, false)?;
    let mut look = Look::new(&app);
    until("the first post was stored", || look.stored() > 0).await?;

    let (began, spent, before) = (Instant::now(), machine::processor(), look.stored());
    let length = Duration::from_secs(seconds.into());
    let (wal, mut log) = (dir.join("data/reputed.db-wal"), 0);
    let mut memory = Vec::new();
    let mut told = began;
    while began.elapsed() < length {
        tokio::time::sleep(LOOK_EVERY).await;
        look.note();
        log = log.max(std::fs::metadata(&wal).map_or(0, |data| data.len()));
        if began.elapsed() >= length.mul_f64([0.1, 0.5, 1.0][memory.len().min(2)]) {
            memory.push(Memory::now());
        }
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            look.tell(began.elapsed());
        }
    }
    memory.resize_with(2, Memory::now);
    memory.push(Memory::now());
    let (stored, took, spent) = (look.stored() - before, began.elapsed(), machine::processor() - spent);
    let behind = look.stored().saturating_sub(app.searcher.count());
    peers.end_feed();
    let ended = Instant::now();
    until("everything was indexed", || {
        look.note();
        look.stored() == app.searcher.count()
    })
    .await?;
    let (caught_up, searchable) = (ended.elapsed(), look.searchable());
    app.stop();
    app.wait().await?;
    let memory = [memory[0], memory[1], memory[2]];
    Ok(Carried { memory, stored, took, spent, behind, caught_up, searchable, log })
}

/// A steady load of which every post raises an alert, told to a webhook.
pub async fn deliver(folder: &Folder, watches: usize) -> anyhow::Result<Delivered> {
    let dir = folder.part("deliver")?;
    let peers = Peers::start().await?;
    let sync = machine::syncs(&dir)?;
    let app = App::start(config(&dir, &peers, watches, Some(&rules()))?, Running::All, Clock::Real).await?;
    tokio::time::sleep(REST).await;
    let idle = Memory::now();
    peers.feed(wanted(watches)?, Some(LATENCY_RATE), true)?;
    let mut look = Look::new(&app);
    let began = Instant::now();
    while began.elapsed() < WARM_UP + LATENCY_FOR {
        tokio::time::sleep(LOOK_EVERY).await;
        look.note();
    }
    peers.end_feed();
    let ended = Instant::now();
    while (peers.delivered() < look.stored() || ended.elapsed() < REST) && ended.elapsed() < DELIVER_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
        look.note();
    }
    let (searchable, stored) = (look.searchable(), look.stored());
    let (sent, delivered) = peers.take();
    app.stop();
    app.wait().await?;
    let mut first: HashMap<u64, Instant> = HashMap::new();
    for (number, at) in delivered {
        first.entry(number).or_insert(at);
    }
    let counted: Vec<(u64, Instant)> = sent.into_iter().filter(|(_, at)| *at > began + WARM_UP).collect();
    let latency = counted.iter().filter_map(|(number, at)| Some(first.get(number)?.duration_since(*at))).collect();
    Ok(Delivered { idle, latency: Spread::of(latency), told: first.len(), stored, searchable, sync })
}

impl Carried {
    /// `parts`: what the stages cost by themselves.
    pub fn report(&self, parts: Parts, report: &mut Report) {
        let seconds = self.took.as_secs_f64();
        let rate = self.stored as f64 / (seconds + self.caught_up.as_secs_f64());
        let limit = machine::cores() as f64 * 1e6 / parts.cost_us;
        let row = Row::new("everything", rate, "posts/s").beside("the stages added up, all cores", limit);
        report.add(row.goal(Goal::Least(15_000.0)));
        let cost = self.spent.as_secs_f64() * 1e6 / self.stored.max(1) as f64;
        report.add(Row::new("everything, processor", cost, "us/post").beside("the stages added up", parts.cost_us));
        report.add(Row::new("everything, not indexed", self.behind as f64, "posts"));
        report.add(Row::new("searchable at full rate, p50", self.searchable.p50, "ms"));
        report.add(Row::new("searchable at full rate, p99", self.searchable.p99, "ms").goal(Goal::Most(1_500.0)));
        let log = Row::new("write-ahead log, longest", self.log as f64 / 1e6, "MB");
        report.add(log.goal(Goal::Most(256.0)));
        let names = ["memory, begin", "memory, middle", "memory, end"];
        for (name, memory) in names.into_iter().zip(self.memory) {
            report.add(
                Row::new(name, memory.own, "MB").beside("with mapped files", memory.all).goal(Goal::Most(1_000.0)),
            );
        }
    }
}

impl Delivered {
    pub fn report(&self, report: &mut Report) {
        let p50 = Row::new("frame to webhook, p50", self.latency.p50, "ms").beside("fdatasync, p50", self.sync.p50);
        let p99 = Row::new("frame to webhook, p99", self.latency.p99, "ms").beside("fdatasync, p99", self.sync.p99);
        report.add(p50.goal(Goal::MostOfLimit(2.5)));
        report.add(p99.goal(Goal::MostOfLimit(4.0)));
        report.add(Row::new("memory, idle", self.idle.all, "MB").goal(Goal::Most(120.0)));
        let told = Row::new("frame to webhook, told", self.told as f64, "alerts");
        report.add(told.beside("posts stored", self.stored as f64).goal(Goal::LeastOfLimit(1.0)));
        report.add(Row::new("searchable at 1,000/s, p50", self.searchable.p50, "ms"));
        report.add(Row::new("searchable at 1,000/s, p99", self.searchable.p99, "ms").goal(Goal::Most(1_500.0)));
    }
}

/// What is stored and what of it can be found, as time goes by.
struct Look<'a> {
    app: &'a App,
    /// Counts of stored mentions that no search holds yet, and when they were reached.
    waiting: VecDeque<(u64, Instant)>,
    took: Vec<Duration>,
}

impl<'a> Look<'a> {
    fn new(app: &'a App) -> Self {
        Self { app, waiting: VecDeque::new(), took: Vec::new() }
    }

    fn stored(&self) -> u64 {
        self.app.metrics.mentions_stored.get()
    }

    fn note(&mut self) {
        let (stored, found, now) = (self.stored(), self.app.searcher.count(), Instant::now());
        if self.waiting.back().is_none_or(|(last, _)| *last < stored) && stored > found {
            self.waiting.push_back((stored, now));
        }
        let searchable = self.waiting.iter().take_while(|(count, _)| *count <= found).count();
        self.took.extend(self.waiting.drain(..searchable).map(|(_, at)| now - at));
    }

    fn searchable(&mut self) -> Spread {
        Spread::of(std::mem::take(&mut self.took))
    }

    fn tell(&self, after: Duration) {
        let (stored, found, memory) = (self.stored(), self.app.searcher.count(), Memory::now());
        terminal::note(&format!(
            "  {:>4.0} s: {stored} stored, {:.0}/s, {} not searchable yet, {:.0} MB ({:.0} with mapped files)",
            after.as_secs_f64(),
            stored as f64 / after.as_secs_f64(),
            stored.saturating_sub(found),
            memory.own,
            memory.all
        ));
    }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) -> anyhow::Result<()> {
    let began = Instant::now();
    while !done() {
        anyhow::ensure!(began.elapsed() < PATIENCE, "gave up waiting until {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Posts that hold a watch's name and are what it asks for, too: each is stored.
fn wanted(watches: usize) -> anyhow::Result<Frames> {
    let gate = gate(watches)?;
    let mut frames = Frames::new(watches, 1.0, POSTS);
    frames.retain(|frame| decode(frame).is_some_and(|post| !gate.matches(&post, &mut Scratch::default()).is_empty()));
    Ok(frames)
}

/// With the default rules and no hook, or with these rules and one.
fn config(dir: &Path, peers: &Peers, watches: usize, rules: Option<&str>) -> anyhow::Result<Config> {
    let mut text = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[[source]]\nid = \"bluesky\"\nkind = \"bluesky\"\n\
         endpoint = \"ws://{}/subscribe\"\napi = \"http://{}\"\n",
        peers.firehose, peers.sink
    );
    if let Some(rules) = rules {
        let file = dir.join("rules.toml");
        std::fs::write(&file, rules)?;
        write!(
            text,
            "[[hook]]\nid = \"sink\"\nkind = \"webhook\"\nurl = \"http://{}/hook\"\nallow = [\"127.0.0.0/8\"]\n\
             [rules]\nfiles = [{:?}]\n",
            peers.sink,
            std::path::absolute(&file)?
        )?;
    }
    let overrides = Overrides { data_dir: Some(dir.join("data")), ..Overrides::default() };
    let read = config::parse("bench.toml", &text, &overrides);
    let (mut config, _) = read.map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(lines.join("\n"))
    })?;
    config.brands = Sample::new(0, watches).brands();
    Ok(config)
}

/// Every post is a signal of its own.
fn rules() -> String {
    let mut text = "schema = 1\n".to_owned();
    for lane in 0..LANES {
        text += &format!("[[rule]]\nid = \"lane{lane}\"\nsay = \"{{brand}}: {{text}}\"\nwhen = \"#lane{lane}\"\n");
    }
    text
}
