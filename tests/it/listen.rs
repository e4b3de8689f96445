//! Runs one source as the daemon would, against local peers, and hands over what it sends to ingest.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use reputed::brand::{Brand, Watch};
use reputed::ledger::Ledger;
use reputed::post::Post;
use reputed::query::names::Names;
use reputed::settings::Document;
use reputed::source::intake::{self, Batch, Intake, Item};
use reputed::source::{Context, KINDS, Stop};
use reputed::watch::{Gate, WatchSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Far longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A source that listens; everything that says `brightleaf` is wanted.
pub struct Listening {
    pub ledger: Arc<Ledger>,
    pub cursor: Option<String>,
    batches: mpsc::Receiver<Batch>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Stop>>,
}

impl Listening {
    pub fn start(kind: &'static str, toml: &str, cursor: Option<String>) -> Self {
        let document = Document::parse("test.toml", toml);
        let row = KINDS.iter().find(|row| row.kind == kind).unwrap();
        let source = (row.read)(&document.root()).unwrap_or_else(|| panic!("cannot read: {toml}"));
        let watch = Watch { id: "name".into(), query: "brightleaf".into() };
        let brand = Brand { id: "b".into(), name: "B".into(), watches: vec![watch], accounts: Vec::new() };
        let set = WatchSet::compile(&[brand], &[("s".into(), kind)], &Names::default()).unwrap();
        let gate = Arc::new(Gate::new(set));
        let ledger = Arc::new(Ledger::new("s", kind));
        let (to, batches) = intake::channel();
        let stop = CancellationToken::new();
        let intake = Intake::new("s", gate.clone(), ledger.clone(), to);
        let cx = Context { intake, cursor: cursor.clone(), ledger: ledger.clone(), gate, stop: stop.clone() };
        let task = tokio::spawn(source.run(cx));
        Self { ledger, cursor, batches, stop, task }
    }

    /// The next batch; its cursor becomes ours. `None` when the source has ended.
    pub async fn batch(&mut self) -> Option<Batch> {
        let mut batch = tokio::time::timeout(PATIENCE, self.batches.recv()).await.expect("no batch in time")?;
        if batch.cursor.is_some() {
            self.cursor.clone_from(&batch.cursor);
        }
        if let Some(done) = batch.done.take() {
            done.send(()).unwrap();
        }
        Some(batch)
    }

    /// The next `count` posts and deletions, each as `id` or `-id`.
    pub async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let batch = self.batch().await.unwrap_or_else(|| panic!("ended after {ids:?}"));
            ids.extend(batch.items.iter().map(name));
        }
        ids
    }

    pub async fn post(&mut self) -> Post<'static> {
        loop {
            for item in self.batch().await.expect("ended before a post").items {
                if let Item::Post(post, _) = item {
                    return *post;
                }
            }
        }
    }

    /// Takes batches until `told` is content with the ledger.
    pub async fn until(&mut self, told: impl Fn(&Ledger) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !told(&self.ledger) {
            assert!(tokio::time::Instant::now() < deadline, "{:?}", self.ledger.snapshot(jiff::Timestamp::now()));
            if let Ok(Some(batch)) = tokio::time::timeout(Duration::from_millis(20), self.batches.recv()).await {
                self.cursor = batch.cursor.or(self.cursor.take());
            }
        }
    }

    /// Everything until the source came to its end.
    pub async fn rest(mut self) -> (Vec<String>, Option<String>, Result<(), Stop>) {
        let mut ids = Vec::new();
        while let Some(batch) = self.batch().await {
            ids.extend(batch.items.iter().map(name));
        }
        (ids, self.cursor, self.task.await.unwrap())
    }

    pub async fn stop(self) -> Option<String> {
        self.stop.cancel();
        let (_, cursor, ended) = self.rest().await;
        ended.unwrap();
        cursor
    }
}

fn name(item: &Item) -> String {
    match item {
        Item::Post(post, _) => post.id.to_string(),
        Item::Delete { id, .. } => format!("-{id}"),
        other => panic!("{other:?}"),
    }
}

/// What was asked, in order.
pub type Asked = Arc<Mutex<Vec<Request>>>;

pub struct Peer {
    pub address: SocketAddr,
    pub asked: Asked,
}

impl Peer {
    /// Answers by `answer(n, request)`, where `n` counts the requests to that path from 0.
    pub async fn serve(answer: impl Fn(usize, &Request) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Asked::default();
        let (seen, answer) = (asked.clone(), Arc::new(answer));
        let router = Router::new().fallback(move |request: Request| {
            let mut seen = seen.lock().unwrap();
            let before = seen.iter().filter(|other| other.uri().path() == request.uri().path()).count();
            let response = answer(before, &request);
            seen.push(request);
            async move { response }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, asked }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A header of every request to `path`, in order.
    pub fn header(&self, path: &str, name: &str) -> Vec<Option<String>> {
        let asked = self.asked.lock().unwrap();
        let to = asked.iter().filter(|request| request.uri().path() == path);
        to.map(|request| Some(request.headers().get(name)?.to_str().unwrap().to_owned())).collect()
    }

    pub fn count(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|request| request.uri().path() == path).count()
    }
}

pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let builder = Response::builder().status(status);
    headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(body.into()).unwrap()
}
