//! The whole daemon, embeddable: builds upward, supervises, stops downward. Tests start it on port 0 in a temporary folder.

mod channel;
mod lookup;
mod run;
mod token;

use crate::brand::Brand;
use crate::classify::Classifier;
use crate::config::Config;
use crate::flow::deliver::Delivering;
use crate::flow::entrance::Entrance;
use crate::flow::index::{self as indexing, Indexing};
use crate::flow::pipeline::Pipeline;
use crate::flow::rescore;
use crate::flow::{Clock, Command, Event};
use crate::follower::model::Model;
use crate::http::{self, Door, auth::Tokens};
use crate::index::{self, Searcher};
use crate::ledger::Ledger;
use crate::metric::Metrics;
use crate::query::names::Names;
use crate::rule::RuleSet;
use crate::secret::Secret;
use crate::source::{self, intake::Intake};
use crate::store::{self, Reader, Writer};
use crate::watch::{BadWatch, Gate, WatchSet};
use anyhow::Context;
use arc_swap::ArcSwap;
use channel::Channels;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The whole stop takes at most this long: what is not done by then is found in the store at the next start.
pub const STOP_WITHIN: Duration = Duration::from_secs(10);

const STOPPING: &str = "the daemon is stopping";

/// File names in the data folder.
pub const ADDRESS_FILE: &str = "http.addr";
pub const TOKEN_FILE: &str = "admin.token";
pub const INDEX_FOLDER: &str = "index";

/// The source under which `import` stores posts that name none.
pub const IMPORT: &str = "import";

/// Which parts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// The daemon.
    All,
    /// Only the way in, for `import`: no sources, no hooks, no HTTP.
    Ingest,
}

/// A running daemon.
pub struct App {
    /// Where HTTP listens; `None` without it.
    pub address: Option<SocketAddr>,
    /// Under which a person opens the page, already logged in.
    pub login_url: Option<String>,
    pub reader: Reader,
    pub searcher: Searcher,
    pub ledgers: Vec<Arc<Ledger>>,
    pub metrics: Arc<Metrics>,
    pub events: broadcast::Sender<Event>,
    /// When the followers of all own accounts were last looked at, by the daemon's clock.
    pub looked: watch::Receiver<Option<Timestamp>>,
    entrance: Arc<Entrance>,
    control: Control,
    stop: CancellationToken,
    main: JoinHandle<anyhow::Result<()>>,
}

/// What may change while the daemon runs.
struct Control {
    gate: Arc<Gate>,
    rules: Arc<ArcSwap<RuleSet>>,
    brands: Arc<ArcSwap<Vec<Brand>>>,
    names: Arc<ArcSwap<Names>>,
    kinds: Vec<(String, &'static str)>,
    commands: mpsc::Sender<Command>,
}

impl App {
    /// Opens everything, checks it, starts every loop. Returns once the store is open and HTTP listens; the search index
    /// may still be catching up (`/readyz` tells).
    ///
    /// # Errors
    /// Whatever keeps the daemon from working, with what to do about it.
    pub async fn start(config: Config, parts: Parts, clock: Clock) -> anyhow::Result<Self> {
        let (writer, reader) = store::open(&config.data_dir).await?;
        let classifier = Arc::new(config.model.open(Some(&config.data_dir))?);
        let model = Arc::new(Model::load()?);
        let (index_writer, searcher) = index::open(&config.data_dir.join(INDEX_FOLDER))?;
        let kinds: Vec<_> = config.sources.iter().map(|source| (source.id.clone(), source.kind)).collect();
        let watches = WatchSet::compile(&config.brands, &kinds, &config.names).map_err(bad_watches)?;
        let gate = Arc::new(Gate::new(watches));
        let ledgers = ledgers(&config.sources);
        let metrics = Arc::new(Metrics::new());
        let channels = Channels::new(metrics.clone(), writer.last_change());
        let control = Control {
            gate: gate.clone(),
            rules: Arc::new(ArcSwap::from_pointee(config.rules)),
            brands: Arc::new(ArcSwap::from_pointee(config.brands)),
            names: Arc::new(ArcSwap::new(config.names)),
            kinds: kinds.clone(),
            commands: channels.commands.clone(),
        };
        let entrance = Arc::new(Entrance::new(gate, &ledgers));
        let build = Build {
            data_dir: config.data_dir,
            classifier,
            model,
            base_url: config.base_url,
            tokens: config.tokens,
            sources: if parts == Parts::All { config.sources } else { Vec::new() },
            hooks: config.hooks,
            clock,
            listen: (parts == Parts::All).then_some(config.listen),
            deliver: parts == Parts::All,
            stop: CancellationToken::new(),
            metrics: metrics.clone(),
            reader: reader.clone(),
            searcher: searcher.clone(),
            ledgers: ledgers.clone(),
            entrance: entrance.clone(),
        };
        let (stop, events, looked) = (build.stop.clone(), channels.news.events.clone(), channels.looked.subscribe());
        let opened = build.listen().await?;
        let (address, login_url) = (opened.address, opened.login_url.clone());
        let main = tokio::spawn(build.run(opened, &control, channels, writer, index_writer)?);
        tokio::select! { () = entrance.opened() => {}, () = stop.cancelled() => {} }
        Ok(Self {
            address,
            login_url,
            reader,
            searcher,
            ledgers,
            metrics,
            events,
            looked,
            entrance,
            control,
            stop,
            main,
        })
    }

    /// A way in for posts of `source`; `None` when there is no such source or the daemon stops.
    pub fn intake(&self, source: &str) -> Option<Intake> {
        self.entrance.intake(source)
    }

    /// Has all mentions scored by the best model, in the background.
    ///
    /// # Errors
    /// There is no better model than the fast tier, or the daemon is stopping.
    pub async fn rescore(&self) -> anyhow::Result<()> {
        let (done, taken) = oneshot::channel();
        self.control.commands.send(Command::Rescore { done }).await.context(STOPPING)?;
        let refines = taken.await.context(STOPPING)?;
        anyhow::ensure!(refines, rescore::NOTHING_BETTER);
        Ok(())
    }

    /// Takes over brands, watches and rules of a newly read config. Sources, hooks and HTTP stay as they are.
    ///
    /// # Errors
    /// A watch that cannot be compiled; everything stays as it was.
    pub async fn reload(&self, config: Config) -> anyhow::Result<()> {
        let watches = WatchSet::compile(&config.brands, &self.control.kinds, &config.names).map_err(bad_watches)?;
        self.control.gate.swap(watches);
        self.control.brands.store(Arc::new(config.brands));
        self.control.names.store(config.names);
        self.control.rules.store(Arc::new(config.rules));
        let (done, taken) = oneshot::channel();
        self.control.commands.send(Command::Rules { done }).await.context(STOPPING)?;
        taken.await.context(STOPPING)?;
        Ok(())
    }

    /// Cancelled when the daemon stops, for whatever reason.
    pub fn stopped(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Begins to stop; [`App::wait`] tells when it is done.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Until the daemon has stopped, by [`App::stop`] or by itself.
    ///
    /// # Errors
    /// It stopped because it could not go on.
    pub async fn wait(self) -> anyhow::Result<()> {
        drop(self.control);
        self.main.await.context("the daemon's main task panicked")?
    }
}

/// What the loops are built from.
struct Build {
    data_dir: PathBuf,
    classifier: Arc<Classifier>,
    model: Arc<Model>,
    base_url: Option<String>,
    tokens: Vec<http::auth::Token>,
    sources: Vec<source::Configured>,
    hooks: Vec<crate::hook::Configured>,
    clock: Clock,
    listen: Option<SocketAddr>,
    deliver: bool,
    stop: CancellationToken,
    metrics: Arc<Metrics>,
    reader: Reader,
    searcher: Searcher,
    ledgers: Vec<Arc<Ledger>>,
    entrance: Arc<Entrance>,
}

/// The listener, bound before anything is promised to anybody.
struct Opened {
    listener: Option<TcpListener>,
    address: Option<SocketAddr>,
    admin: Secret,
    base_url: String,
    login_url: Option<String>,
}

impl Build {
    async fn listen(&self) -> anyhow::Result<Opened> {
        let admin = token::admin(&self.data_dir.join(TOKEN_FILE))?;
        let address_file = self.data_dir.join(ADDRESS_FILE);
        let Some(listen) = self.listen else {
            let base_url = self.base_url.clone().unwrap_or_default();
            return Ok(Opened { listener: None, address: None, admin, base_url, login_url: None });
        };
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen on {listen}; `[http] listen` names the address, port 0 takes any")
        })?;
        let address = listener.local_addr()?;
        std::fs::write(&address_file, address.to_string())
            .with_context(|| format!("cannot write {}", address_file.display()))?;
        let base_url = self.base_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let login_url = Some(format!("{base_url}/login?token={}", admin.expose()));
        Ok(Opened { listener: Some(listener), address: Some(address), admin, base_url, login_url })
    }

    /// Starts every loop; the future ends when all have.
    fn run(
        self,
        opened: Opened,
        control: &Control,
        channels: Channels,
        writer: Writer,
        index_writer: index::Writer,
    ) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + use<>> {
        lookup::spawn(&self, control, &channels);
        let caught_up = Arc::new(AtomicBool::new(false));
        let indexing = Indexing {
            writer: index_writer,
            reader: self.reader.clone(),
            kinds: Arc::new(control.kinds.iter().cloned().collect()),
            stored: channels.news.stored.subscribe(),
            fresh: indexing::Fresh::new(channels.indexing),
            metrics: self.metrics.clone(),
            caught_up: caught_up.clone(),
        };
        let pipeline = Pipeline {
            data_dir: self.data_dir.clone(),
            sources: self.sources.iter().cloned().zip(self.ledgers.iter().cloned()).collect(),
            kinds: control.kinds.clone(),
            rules: control.rules.clone(),
            hooks: self.hooks.iter().map(|hook| hook.id.clone()).collect(),
            classifier: self.classifier.clone(),
            model: self.model.clone(),
            gate: control.gate.clone(),
            reader: self.reader.clone(),
            entrance: self.entrance.clone(),
            metrics: self.metrics.clone(),
            news: channels.news.clone(),
            inlets: Arc::new(Mutex::new(channels.inlets)),
            clock: self.clock.clone(),
            stop: self.stop.clone(),
            delivered: CancellationToken::new(),
        };
        let delivering = self.deliver.then(|| Delivering {
            reader: self.reader.clone(),
            hooks: self.hooks.clone(),
            fresh: channels.fresh,
            outcomes: channels.outcomes,
            events: channels.news.events.clone(),
            metrics: self.metrics.clone(),
            base_url: opened.base_url.clone(),
        });
        let door = match opened.listener {
            Some(listener) => {
                let (admin, base_url) = (opened.admin, opened.base_url);
                Some((listener, self.door(admin, base_url, control, channels.news.events, &caught_up)?))
            }
            None => None,
        };
        Ok(run::supervise_all(self, pipeline, writer, indexing, delivering, door))
    }

    fn door(
        &self,
        admin: Secret,
        base_url: String,
        control: &Control,
        events: broadcast::Sender<Event>,
        caught_up: &Arc<AtomicBool>,
    ) -> anyhow::Result<Door> {
        let pushes: Vec<(String, Secret)> = self
            .sources
            .iter()
            .filter_map(|source| Some((source.id.clone(), source.source.push_token()?.clone())))
            .collect();
        let (entrance, caught_up) = (self.entrance.clone(), caught_up.clone());
        Ok(Door {
            reader: self.reader.clone(),
            searcher: self.searcher.clone(),
            ledgers: self.ledgers.clone(),
            brands: control.brands.clone(),
            follower_model: self.model.clone(),
            names: control.names.clone(),
            metrics: self.metrics.clone(),
            commands: control.commands.clone(),
            intake: Arc::new(move |source| entrance.intake(source)),
            events,
            tokens: Tokens::new(&admin, &self.tokens, &pushes),
            unready: Arc::new(move || {
                if caught_up.load(Relaxed) { Vec::new() } else { vec!["the search index is catching up".into()] }
            }),
            base_url,
        })
    }
}

fn ledgers(sources: &[source::Configured]) -> Vec<Arc<Ledger>> {
    let mut ledgers: Vec<Arc<Ledger>> =
        sources.iter().map(|source| Arc::new(Ledger::new(&source.id, source.kind))).collect();
    if !sources.iter().any(|source| source.id == IMPORT) {
        ledgers.push(Arc::new(Ledger::new(IMPORT, IMPORT)));
    }
    ledgers
}

fn bad_watches(bad: Vec<BadWatch>) -> anyhow::Error {
    let lines: Vec<String> =
        bad.iter().map(|bad| format!("brand `{}`, watch `{}`: {}", bad.brand, bad.watch, bad.error)).collect();
    anyhow::anyhow!(lines.join("\n"))
}
