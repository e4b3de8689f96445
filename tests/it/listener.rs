//! Drives one source without the rest of the daemon: a gate that wants one word, a channel instead of ingest.

use reputed::brand::{Brand, OwnAccount, Watch};
use reputed::ledger::{Gap, Ledger, Snapshot};
use reputed::query::names::Names;
use reputed::source::intake::{self, Batch, Intake, Item};
use reputed::source::{Context, Source, Stop};
use reputed::watch::{Gate, WatchSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The word that the gate of [`gate`] wants.
pub const WORD: &str = "velora";

pub struct Listener {
    pub ledger: Arc<Ledger>,
    pub stop: CancellationToken,
    /// All that came, in order.
    pub items: Vec<Item>,
    pub gaps: Vec<Gap>,
    /// Behind all of `items`.
    pub cursor: Option<String>,
    from: mpsc::Receiver<Batch>,
    task: JoinHandle<Result<(), Stop>>,
}

/// One brand that watches [`WORD`] and owns `accounts` of source `source`: handle and, if known, native id.
pub fn gate(source: &str, kind: &'static str, accounts: &[(&str, Option<&str>)]) -> Arc<Gate> {
    let accounts = accounts.iter().map(|(handle, id)| OwnAccount {
        source: source.to_owned(),
        handle: (*handle).to_owned(),
        id: id.map(str::to_owned),
    });
    let brand = Brand {
        id: "velora".to_owned(),
        name: "Velora".to_owned(),
        watches: vec![Watch { id: "velora-name".to_owned(), query: WORD.to_owned() }],
        accounts: accounts.collect(),
    };
    let set = WatchSet::compile(&[brand], &[(source.to_owned(), kind)], &Names::default())
        .unwrap_or_else(|bad| panic!("{bad:?}"));
    Arc::new(Gate::new(set))
}

impl Listener {
    pub fn start(source: Arc<dyn Source>, kind: &'static str, gate: Arc<Gate>, cursor: Option<String>) -> Self {
        let (to, from) = intake::channel();
        let ledger = Arc::new(Ledger::new(kind, kind));
        let stop = CancellationToken::new();
        let intake = Intake::new(kind, gate.clone(), ledger.clone(), to);
        let cx = Context { intake, cursor, ledger: ledger.clone(), gate, stop: stop.clone() };
        let task = tokio::spawn(source.run(cx));
        Self { ledger, stop, items: Vec::new(), gaps: Vec::new(), cursor: None, from, task }
    }

    /// Takes batches until `enough`.
    pub async fn until(&mut self, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            match timeout(PATIENCE, self.from.recv()).await {
                Ok(Some(batch)) => self.take(batch),
                Ok(None) => panic!("the source ended; {}", self.told()),
                Err(_) => panic!("nothing more came; {}", self.told()),
            }
        }
    }

    fn take(&mut self, batch: Batch) {
        self.items.extend(batch.items);
        self.gaps.extend(batch.gaps);
        self.cursor = batch.cursor.or(self.cursor.take());
        if let Some(done) = batch.done {
            done.send(()).expect("the source waits");
        }
    }

    /// Stops the source and takes what it still had.
    pub async fn end(mut self) -> (Self, Result<(), Stop>) {
        self.stop.cancel();
        while let Some(batch) = timeout(PATIENCE, self.from.recv()).await.expect("stops when told") {
            self.take(batch);
        }
        let ended = timeout(PATIENCE, &mut self.task).await.expect("ends").expect("does not panic");
        (self, ended)
    }

    /// Stops listening to the source: the daemon is gone.
    pub async fn hang_up(self) -> Result<(), Stop> {
        drop(self.from);
        timeout(PATIENCE, self.task).await.expect("ends").expect("does not panic")
    }

    pub fn snapshot(&self) -> Snapshot {
        self.ledger.snapshot(jiff::Timestamp::now())
    }

    /// Ids of the posts that came, in order.
    pub fn posts(&self) -> Vec<&str> {
        let posts = self.items.iter().filter_map(|item| match item {
            Item::Post(post, _) => Some(post.id.as_str()),
            _ => None,
        });
        posts.collect()
    }

    fn told(&self) -> String {
        format!("{} items, {:#?}", self.items.len(), self.snapshot())
    }
}
