//! A small Jetstream: keeps what was said, plays it from a cursor on, and breaks in the ways that real ones do.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

/// What goes wrong with one connection.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The TCP connection is closed after as many bytes, wherever in a frame that is.
    CutAfter(usize),
    /// From the start, not a byte in either direction, and no close: half-open.
    Silence,
    /// The upgrade is answered with a status and a body.
    Refuse(u16, &'static str),
    /// This frame first, to this connection only.
    Greet(Value),
}

struct Inner {
    said: Mutex<Vec<Value>>,
    grown: watch::Sender<usize>,
    faults: Mutex<VecDeque<Fault>>,
    requests: Mutex<Vec<String>>,
    floor_us: Mutex<i64>,
}

/// Ends with its last handle's runtime; every test starts its own.
#[derive(Clone)]
pub struct Jetstream {
    pub addr: SocketAddr,
    inner: Arc<Inner>,
}

impl Jetstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = Arc::new(Inner {
            said: Mutex::default(),
            grown: watch::Sender::new(0),
            faults: Mutex::default(),
            requests: Mutex::default(),
            floor_us: Mutex::new(0),
        });
        let server = Self { addr: listener.local_addr().unwrap(), inner };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        server
    }

    /// The old wire.
    pub fn v1(&self) -> String {
        format!("ws://{}/subscribe", self.addr)
    }

    /// The new wire.
    pub fn v2(&self) -> String {
        format!("ws://{}/xrpc/network.bsky.jetstream.subscribeEvents", self.addr)
    }

    /// A source of the configuration that listens here. Nobody answers its look-ups of profiles.
    pub fn source(&self, id: &str) -> String {
        let (endpoint, api) = (self.v1(), "http://127.0.0.1:9");
        format!("[[source]]\nid = \"{id}\"\nkind = \"bluesky\"\nendpoint = \"{endpoint}\"\napi = \"{api}\"\n")
    }

    /// Adds frames in the order in which they are sent.
    pub fn say(&self, frames: impl IntoIterator<Item = Value>) {
        let mut said = self.inner.said.lock().unwrap();
        said.extend(frames);
        self.inner.grown.send_replace(said.len());
    }

    /// For the next connection that has none yet.
    pub fn fault(&self, fault: Fault) {
        self.inner.faults.lock().unwrap().push_back(fault);
    }

    /// Forgets what is older: cursors before are moved forward in silence.
    pub fn forget_before(&self, time_us: i64) {
        *self.inner.floor_us.lock().unwrap() = time_us;
    }

    /// Path and query of every connection so far.
    pub fn requests(&self) -> Vec<String> {
        self.inner.requests.lock().unwrap().clone()
    }

    async fn serve(self, stream: TcpStream) {
        let fault = self.inner.faults.lock().unwrap().pop_front();
        // Before the handshake: whoever is told that it listens misses nothing from then on.
        let now = self.inner.said.lock().unwrap().len();
        let mut uri = String::new();
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let stream = Cuttable { inner: stream, left: left.clone() };
        #[allow(clippy::result_large_err, reason = "the signature of the handshake's callback")]
        let greet = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            uri = request.uri().to_string();
            self.inner.requests.lock().unwrap().push(uri.clone());
            match &fault {
                Some(Fault::Refuse(status, body)) => {
                    Err(Response::builder().status(*status).body(Some((*body).to_owned())).unwrap())
                }
                _ => Ok(response),
            }
        };
        let Ok(socket) = accept_hdr_async(stream, greet).await else { return };
        match &fault {
            Some(Fault::Silence) => {
                std::future::pending::<()>().await;
                drop(socket);
                return;
            }
            Some(Fault::CutAfter(bytes)) => left.store(*bytes, Ordering::Relaxed),
            _ => {}
        }
        let (mut out, mut back) = socket.split();
        // Reads too, so that pings are answered.
        let reading = async { while let Some(Ok(_)) = back.next().await {} };
        let writing = async {
            // Without a cursor only what is said from now on.
            let mut next = if cursor(&uri).is_some() { 0 } else { now };
            let mut grown = self.inner.grown.subscribe();
            if let Some(Fault::Greet(frame)) = &fault
                && out.send(Message::text(frame.to_string())).await.is_err()
            {
                return;
            }
            loop {
                let frames = self.inner.said.lock().unwrap()[next..].to_vec();
                next += frames.len();
                for frame in frames.iter().filter(|frame| self.wanted(frame, &uri)) {
                    if out.send(Message::text(frame.to_string())).await.is_err() {
                        return;
                    }
                }
                if grown.wait_for(|len| *len > next).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! { () = reading => {}, () = writing => {} }
    }

    fn wanted(&self, frame: &Value, uri: &str) -> bool {
        let floor = *self.inner.floor_us.lock().unwrap();
        match (time_us(frame), cursor(uri)) {
            (Some(at), _) if at < floor => false,
            (Some(at), Some(from)) if from >= 1_000_000_000_000_000 => at >= from,
            (Some(_), Some(from)) => frame["payload"]["seq"].as_i64().is_none_or(|seq| seq >= from),
            _ => true,
        }
    }
}

fn cursor(uri: &str) -> Option<i64> {
    let query = uri.split_once('?')?.1;
    let text = query.split('&').find_map(|pair| pair.strip_prefix("cursor="))?;
    text.parse().ok()
}

fn time_us(frame: &Value) -> Option<i64> {
    let time = || frame["payload"]["time"].as_str()?.parse::<jiff::Timestamp>().ok();
    frame["time_us"].as_i64().or_else(|| time().map(jiff::Timestamp::as_microsecond))
}

/// A post of the old wire.
pub fn post(time_us: i64, did: &str, rkey: &str, text: &str) -> Value {
    commit(
        time_us,
        did,
        json!({"operation": "create", "collection": "app.bsky.feed.post", "rkey": rkey, "rev": "3lrev", "cid": "bafyrei",
            "record": {"$type": "app.bsky.feed.post", "text": text, "langs": ["en"],
                "createdAt": jiff::Timestamp::from_microsecond(time_us).unwrap().to_string()}}),
    )
}

pub fn commit(time_us: i64, did: &str, commit: Value) -> Value {
    json!({"did": did, "time_us": time_us, "kind": "commit", "commit": commit})
}

pub fn account(time_us: i64, did: &str, active: bool, status: Option<&str>) -> Value {
    json!({"did": did, "time_us": time_us, "kind": "account", "account": {"active": active, "did": did, "seq": 1, "status": status}})
}

/// An event of the old wire as the new one sends it.
pub fn new_wire(seq: i64, frame: &Value) -> Value {
    let time = jiff::Timestamp::from_microsecond(frame["time_us"].as_i64().unwrap()).unwrap();
    let mut payload = frame["commit"].clone();
    payload["$type"] = json!("network.bsky.jetstream.subscribeEvents#commit");
    payload["seq"] = json!(seq);
    payload["did"] = frame["did"].clone();
    payload["time"] = json!(format!("{time:.6}"));
    json!({"$type": "message", "payload": payload})
}

/// A stream that closes after a number of written bytes.
struct Cuttable {
    inner: TcpStream,
    left: Arc<AtomicUsize>,
}

impl AsyncRead for Cuttable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = std::task::ready!(Pin::new(&mut self.inner).poll_write(cx, &buf[..buf.len().min(left)]))?;
        if left != usize::MAX {
            self.left.store(left - written, Ordering::Relaxed);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
