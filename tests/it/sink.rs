//! A peer that takes webhooks: remembers each, and answers as told.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::net::TcpListener;

/// In place of a status: takes the message and never answers.
pub const SILENT: u16 = 0;

#[derive(Clone, Debug)]
pub struct Received {
    pub id: String,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    pub body: Value,
}

#[derive(Clone)]
pub struct Sink {
    pub addr: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    status: Arc<AtomicU16>,
}

impl Sink {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let sink = Self { addr, received: Arc::default(), status: Arc::new(AtomicU16::new(204)) };
        let router = Router::new().route("/hook", post(take)).with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        sink
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    /// What the next messages are answered with.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Until `enough` of what came.
    pub async fn until(&self, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let began = Instant::now();
        loop {
            let received = self.received();
            if enough(&received) {
                return received;
            }
            assert!(began.elapsed() < crate::house::PATIENCE, "{} messages came", received.len());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// A hook of the configuration that leads here.
    pub fn hook(&self, id: &str) -> String {
        format!("[[hook]]\nid = \"{id}\"\nkind = \"webhook\"\nurl = \"{}\"\nallow = [\"127.0.0.0/8\"]\n", self.url())
    }
}

async fn take(State(sink): State<Sink>, headers: HeaderMap, bytes: Bytes) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let body = serde_json::from_slice(&bytes).unwrap();
    sink.received.lock().unwrap().push(Received { id, headers, bytes, body });
    match sink.status.load(Ordering::Relaxed) {
        SILENT => std::future::pending().await,
        status => StatusCode::from_u16(status).unwrap(),
    }
}
