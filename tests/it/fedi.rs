//! A small Mastodon: REST and streaming on two ports, as large servers have it. Keeps the statuses that were written, plays
//! them live to whoever subscribed, and gives pages after `min_id`.

use crate::listen::{Peer, answer};
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request as Upgrade, Response as Upgraded};

/// The token that it takes.
pub const TOKEN: &str = "a-user-token";

/// Live messages that a slow connection may be behind.
const BEHIND_MAX: usize = 1_024;

/// Status and headers.
type Refusal = (u16, Vec<(&'static str, String)>);

struct Inner {
    written: Mutex<Vec<Value>>,
    live: broadcast::Sender<Option<String>>,
    subscribed: Mutex<Vec<Value>>,
    /// Answers given instead of pages, first things first.
    instead: Mutex<VecDeque<Refusal>>,
}

#[derive(Clone)]
pub struct Fedi {
    inner: Arc<Inner>,
    pub rest: Arc<Peer>,
}

impl Fedi {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let streaming = format!("ws://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            written: Mutex::default(),
            live: broadcast::Sender::new(BEHIND_MAX),
            subscribed: Mutex::default(),
            instead: Mutex::default(),
        });
        let serving = inner.clone();
        let rest = Peer::serve(move |_, request| serving.rest(request, &streaming)).await;
        let serving = inner.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().stream(stream));
            }
        });
        Self { inner, rest: Arc::new(rest) }
    }

    /// Writes a status while nobody hears it live.
    pub fn write(&self, status: Value) {
        self.inner.written.lock().unwrap().push(status);
    }

    /// Writes a status and tells it on the stream.
    pub fn say(&self, stream: &[&str], status: Value) {
        self.write(status.clone());
        self.tell(stream, "update", status.to_string().into());
    }

    /// Any message, with the payload as given.
    pub fn tell(&self, stream: &[&str], event: &str, payload: Value) {
        let message = json!({"stream": stream, "event": event, "payload": payload}).to_string();
        self.inner.live.send(Some(message)).unwrap();
    }

    /// Ends every connection.
    pub fn cut(&self) {
        self.inner.live.send(None).unwrap();
    }

    /// The next page is answered so.
    pub fn instead_of_page(&self, status: u16, headers: &[(&'static str, String)]) {
        self.inner.instead.lock().unwrap().push_back((status, headers.to_vec()));
    }

    /// What connections subscribed to, in order.
    pub fn subscribed(&self) -> Vec<Value> {
        self.inner.subscribed.lock().unwrap().clone()
    }
}

impl Inner {
    fn rest(&self, request: &Request, streaming: &str) -> Response<Body> {
        if request.headers().get("authorization").is_none_or(|value| value != &format!("Bearer {TOKEN}")) {
            return answer(401, &[], r#"{"error":"The access token is invalid"}"#);
        }
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
        let body = match request.uri().path() {
            "/api/v2/instance" => {
                json!({"domain": "m.example", "version": "4.5.0", "configuration": {"urls": {"streaming": streaming}}})
            }
            "/api/v1/accounts/verify_credentials" => json!({"id": "77", "acct": "velora"}),
            "/api/v1/accounts/lookup" if query["acct"] == "velora" => json!({"id": "77", "acct": "velora"}),
            "/api/v1/timelines/public" => {
                if let Some((status, headers)) = self.instead.lock().unwrap().pop_front() {
                    let headers: Vec<(&str, &str)> =
                        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    return answer(status, &headers, "{}");
                }
                self.page(&query)
            }
            "/api/v1/notifications" => json!([]),
            _ => return answer(404, &[], r#"{"error":"Record not found"}"#),
        };
        answer(200, &[("content-type", "application/json")], body.to_string())
    }

    /// The statuses right after `min_id`, newest first, as Mastodon gives them.
    fn page(&self, query: &BTreeMap<String, String>) -> Value {
        let number = |status: &Value| status["id"].as_str().unwrap().parse::<u64>().unwrap();
        let (min_id, limit): (u64, usize) = (query["min_id"].parse().unwrap(), query["limit"].parse().unwrap());
        let mut page: Vec<Value> =
            self.written.lock().unwrap().iter().filter(|status| number(status) > min_id).cloned().collect();
        page.sort_by_key(number);
        page.truncate(limit);
        page.reverse();
        page.into()
    }

    async fn stream(self: Arc<Self>, stream: TcpStream) {
        #[allow(clippy::result_large_err, reason = "the signature of the handshake's callback")]
        let greet = |request: &Upgrade, response: Upgraded| -> Result<Upgraded, ErrorResponse> {
            let token = request.headers().get("authorization");
            if request.uri().path() == "/api/v1/streaming"
                && token.is_some_and(|token| token == &format!("Bearer {TOKEN}"))
            {
                return Ok(response);
            }
            let refusal = Upgraded::builder().status(401).header("x-error-message", "Invalid access token");
            Err(refusal.body(None).unwrap())
        };
        let mut live = self.live.subscribe();
        let Ok(socket) = accept_hdr_async(stream, greet).await else { return };
        let (mut out, mut back) = socket.split();
        loop {
            tokio::select! {
                message = live.recv() => match message {
                    Ok(Some(message)) => out.send(Message::text(message)).await.unwrap_or_default(),
                    _ => return,
                },
                message = back.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let wish: Value = serde_json::from_str(&text).unwrap();
                        if wish["stream"] == "list" {
                            let error = json!({"error": "Not authorized to stream this list", "status": 403});
                            out.send(Message::text(error.to_string())).await.unwrap_or_default();
                        }
                        self.subscribed.lock().unwrap().push(wish);
                    }
                    Some(Ok(_)) => {}
                    _ => return,
                },
            }
        }
    }
}

pub fn status(id: u64, words: &str) -> Value {
    json!({"id": id.to_string(), "uri": format!("https://m.example/users/ann/statuses/{id}"), "url": format!("https://m.example/@ann/{id}"),
        "created_at": "2026-11-18T11:06:40.123Z", "edited_at": null, "account": {"id": "501", "acct": "ann", "display_name": "Ann"},
        "content": format!("<p>{words}</p>"), "visibility": "public", "spoiler_text": "", "reblog": null, "mentions": [], "tags": [], "language": "en"})
}
