//! The door over a real store and index, through a real socket.

mod access;
mod answer;
mod follower;
mod search;

use super::auth::{Role, Token, Tokens};
use super::{Door, OpenIntake, limit, serve};
use crate::alert::{Alert, Change, Delivery, DeliveryState, News, Priority, State, delivery_id};
use crate::brand::{Brand, OwnAccount, Watch};
use crate::flow::{Command, Event};
use crate::follower::model::Model;
use crate::ledger::{Ledger, Phase};
use crate::mention::Mention;
use crate::metric::Metrics;
use crate::post::Post;
use crate::secret::Secret;
use crate::source::intake::{self, Intake, Item};
use crate::store::{Commit, Range, Reader, Writer};
use crate::watch::{Gate, WatchSet};
use crate::{index, store};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

const ADMIN: &str = "admin-token-0123456789";
const PUSH: &str = "push-token-0123456789";
/// Events that a slow stream may be behind.
const EVENTS: usize = 4;

/// A running door; stops when dropped.
struct House {
    base: String,
    client: reqwest::Client,
    events: broadcast::Sender<Event>,
    _stop: tokio_util::sync::DropGuard,
    _dir: tempfile::TempDir,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn mention(seq: i64, id: &str, brand: &str, text: &str) -> Mention {
    let mut post = Post::new(id.to_owned(), text.to_owned(), at(seq));
    post.source = "blogs".into();
    Mention::new(post, seq, brand, vec!["name".into()], at(seq))
}

fn alert(id: &str, brand: &str, mentions: Vec<i64>) -> Alert {
    Alert {
        id: id.into(),
        revision: 1,
        rule: "storm".into(),
        title: "Something happens".into(),
        priority: Priority::P2,
        priority_why: vec!["14 in 30 min".into()],
        brand: brand.into(),
        group: Default::default(),
        state: State::Open,
        opened_at: at(10),
        updated_at: at(10),
        resolved_at: None,
        resolved_why: None,
        count: 14,
        spam_left_out: 0,
        ruleset: "r".into(),
        mentions,
        reasons: Vec::new(),
        growth: None,
    }
}

fn dead(alert: &Alert) -> Delivery {
    Delivery {
        id: delivery_id(&alert.id, "ops", 1),
        hook: "ops".into(),
        alert: alert.id.clone(),
        revision: 1,
        news: News::Opened,
        body: alert.clone(),
        state: DeliveryState::Dead,
        attempts: 9,
        created_at: at(11),
        due_at: at(11),
        finished_at: Some(at(12)),
        last_error: Some("refused".into()),
    }
}

/// Every role twice: `viewer` of all brands, `viewer-acme` of one.
fn tokens() -> Tokens {
    let mut configured = Vec::new();
    for (name, role) in Role::ALL {
        for (suffix, brands) in [("", None), ("-acme", Some(vec!["acme".to_owned()]))] {
            let id = format!("{name}{suffix}");
            configured.push(Token { secret: Secret::new(token(&id)), id, role, brands });
        }
    }
    Tokens::new(&Secret::new(ADMIN), &configured, &[("crm".to_owned(), Secret::new(PUSH))])
}

fn token(id: &str) -> String {
    format!("{id}-token-0123456789")
}

/// Stands in for the one writer of the flow.
async fn answer_commands(mut writer: Writer, reader: Reader, mut commands: mpsc::Receiver<Command>) {
    while let Some(command) = commands.recv().await {
        let mut commit = Commit::default();
        let (found, done) = match command {
            Command::Patch { seq, patch, done } => {
                commit.patches.push((seq, patch));
                (reader.mention(seq).await.unwrap().is_some(), done)
            }
            Command::CorrectAuthor { correction, done } => {
                let found = reader.knows_author(&correction.source, &correction.author).await.unwrap();
                commit.corrections.extend(found.then_some(correction));
                (found, done)
            }
            Command::Acknowledge { alert, who, done } => (settle(&reader, &mut commit, alert, who, false).await, done),
            Command::Resolve { alert, who, done } => (settle(&reader, &mut commit, alert, who, true).await, done),
            Command::Replay { delivery, done } => {
                let dead = reader.deliveries(Some(DeliveryState::Dead), None, 10).await.unwrap();
                (dead.iter().any(|row| row.id == delivery), done)
            }
            Command::Rescore { done } => {
                commit.rescore.push(Range { first: 1, last: writer.next_seq() - 1 });
                (true, done)
            }
            Command::Rules { done } => (true, done),
        };
        writer.commit(&commit).await.unwrap();
        done.send(found).unwrap();
    }
}

async fn settle(reader: &Reader, commit: &mut Commit, alert: String, who: String, resolve: bool) -> bool {
    let Some(mut alert) = reader.alert(&alert).await.unwrap() else { return false };
    if alert.state == State::Resolved || (alert.state == State::Acknowledged && !resolve) {
        return false;
    }
    alert.state = if resolve { State::Resolved } else { State::Acknowledged };
    alert.resolved_why = resolve.then_some(who);
    commit.alerts.push(Change { alert, news: None, hooks: Vec::new() });
    true
}

fn brand_watching(query: &str) -> Brand {
    let watch = Watch { id: "name".into(), query: query.into() };
    Brand { id: "acme".into(), name: "Acme".into(), watches: vec![watch], accounts: vec![] }
}

/// Stands in for ingest: every batch counts as committed. Only the source `crm` and what is imported take posts.
fn open_intake(brand: Brand) -> Arc<OpenIntake> {
    let (to, mut batches) = intake::channel();
    tokio::spawn(async move {
        while let Some(batch) = batches.recv().await {
            let sources = batch.items.iter().filter_map(|item| match item {
                Item::Post(post, _) => Some(post.source.to_string()),
                _ => None,
            });
            let own = sources.into_iter().all(|source| *source == *batch.source);
            assert!(own || *batch.source == *"import", "{batch:?}");
            batch.done.unwrap().send(()).unwrap();
        }
    });
    let gate =
        Arc::new(Gate::new(WatchSet::compile(&[brand], &[("crm".into(), "push")], &Default::default()).unwrap()));
    let ledger = Arc::new(Ledger::new("crm", "push"));
    Arc::new(move |source| {
        let open = matches!(source, "crm" | "import");
        open.then(|| Intake::new(source, gate.clone(), ledger.clone(), to.clone()))
    })
}

impl House {
    async fn open(mentions: Vec<Mention>) -> Self {
        let account = OwnAccount { source: "fedi".into(), handle: "acme.example".into(), id: Some("42/7".into()) };
        let brand = Brand { id: "acme".into(), name: "Acme".into(), watches: vec![], accounts: vec![account] };
        Self::furnished(mentions, vec![brand], vec![]).await
    }

    async fn furnished(mentions: Vec<Mention>, brands: Vec<Brand>, more: Vec<Commit>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, reader) = store::open(dir.path()).await.unwrap();
        let (mut indexer, searcher) = index::open(&dir.path().join("index")).unwrap();
        for mention in &mentions {
            indexer.put(mention, "feed", false).unwrap();
        }
        indexer.commit(1).unwrap();
        let (ours, theirs) = (alert("ours", "acme", vec![1]), alert("theirs", "bolt", vec![]));
        let change = |alert: &Alert| Change { alert: alert.clone(), news: None, hooks: Vec::new() };
        let commit = Commit {
            new: mentions.into_iter().map(Arc::new).collect(),
            deliveries: vec![Arc::new(dead(&ours)), Arc::new(dead(&theirs))],
            alerts: vec![change(&ours), change(&theirs)],
            ..Commit::default()
        };
        for commit in [commit].iter().chain(&more) {
            writer.commit(commit).await.unwrap();
        }

        let (commands, asked) = mpsc::channel(8);
        tokio::spawn(answer_commands(writer, reader.clone(), asked));
        let ledger = Ledger::new("blogs", "feed");
        ledger.phase(Phase::Live, Timestamp::now());
        let events = broadcast::Sender::new(EVENTS);
        let door = Door {
            follower_model: Arc::new(Model::load().unwrap()),
            names: Default::default(),
            reader,
            searcher,
            ledgers: vec![Arc::new(ledger)],
            brands: Arc::new(ArcSwap::from_pointee(brands)),
            metrics: Arc::new(Metrics::new()),
            commands,
            intake: open_intake(brand_watching("kettle")),
            events: events.clone(),
            tokens: tokens(),
            unready: Arc::new(|| vec!["the index is 3 changes behind".to_owned()]),
            base_url: "http://reputed.example".into(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, door, stop.clone()));
        Self { base, client: client(), events, _stop: stop.drop_guard(), _dir: dir }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("{}{path}", self.base))
    }

    async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        read(self.request("GET", path).bearer_auth(token)).await
    }

    async fn post(&self, token: &str, path: &str) -> (u16, Value) {
        read(self.request("POST", path).bearer_auth(token)).await
    }

    /// The cookie of a fresh session.
    async fn log_in(&self, token: &str) -> String {
        let form = format!("token={token}");
        let response = self.request("POST", "/login").body(form).send().await.unwrap();
        assert_eq!(response.status(), 303);
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }
}

async fn read(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

fn client() -> reqwest::Client {
    let tls = (*crate::wire::tls::client_config()).clone();
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
