//! The other ends of the daemon under trial, on a thread of their own: a firehose that it listens to, and a peer that
//! takes its webhooks and answers for profiles. Both on loopback; both note when what went out and came in.

use super::frame::{self, Frames, Now};
use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::routing::{get, post};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::WebSocketStream;

/// What is written at once when as much is fed as is taken.
const BURST_BYTES: usize = 64 * 1_024;

/// A paced feed sends what is due this often.
const BEAT: Duration = Duration::from_millis(1);

/// Post number and when it went out or came in.
pub type Seen = Vec<(u64, Instant)>;

/// What to feed.
struct Feed {
    frames: Frames,
    /// Posts a second; as many as are taken when `None`.
    rate: Option<u32>,
    /// Note when each went out.
    timed: bool,
}

#[derive(Default)]
struct Notes {
    sent: Mutex<Seen>,
    delivered: Mutex<Seen>,
}

/// Ends with this.
pub struct Peers {
    pub firehose: SocketAddr,
    pub sink: SocketAddr,
    feeds: mpsc::UnboundedSender<Feed>,
    /// Whether what is fed now goes on.
    on: watch::Sender<bool>,
    notes: Arc<Notes>,
    _end: oneshot::Sender<()>,
}

impl Peers {
    pub async fn start() -> anyhow::Result<Self> {
        let (feeds, feed) = mpsc::unbounded_channel();
        let on = watch::Sender::new(false);
        let notes = Arc::new(Notes::default());
        let (end, ended) = oneshot::channel::<()>();
        let (ready, addresses) = oneshot::channel();
        let (flag, noted) = (on.subscribe(), notes.clone());
        std::thread::Builder::new().name("peers".into()).spawn(move || {
            let serve = async {
                let (firehose, sink) =
                    (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
                let told = ready.send((firehose.local_addr()?, sink.local_addr()?));
                if told.is_err() {
                    return Ok(());
                }
                tokio::select! {
                    () = feed_all(firehose, feed, flag, noted.clone()) => Ok(()),
                    served = axum::serve(sink, router(noted)).into_future() => served,
                    _ = ended => Ok(()),
                }
            };
            let served = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .and_then(|runtime| runtime.block_on(serve));
            if let Err(error) = served {
                tracing::error!(%error, "the peers of the trial failed");
            }
        })?;
        let (firehose, sink) = addresses.await.context("the peers of the trial did not start")?;
        Ok(Self { firehose, sink, feeds, on, notes, _end: end })
    }

    /// Begins to feed; what was fed before must have been ended.
    pub fn feed(&self, frames: Frames, rate: Option<u32>, timed: bool) -> anyhow::Result<()> {
        self.on.send_replace(true);
        self.feeds.send(Feed { frames, rate, timed }).map_err(|_| anyhow::anyhow!("the peers of the trial are gone"))
    }

    pub fn end_feed(&self) {
        self.on.send_replace(false);
    }

    /// Posts of which a webhook told.
    pub fn delivered(&self) -> u64 {
        self.notes.delivered.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// What went out and what came in.
    pub fn take(&self) -> (Seen, Seen) {
        let take = |seen: &Mutex<Seen>| std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
        (take(&self.notes.sent), take(&self.notes.delivered))
    }
}

fn router(notes: Arc<Notes>) -> Router {
    async fn take(State(notes): State<Arc<Notes>>, body: Bytes) -> StatusCode {
        let at = Instant::now();
        if let Some(number) = frame::number(&body) {
            notes.delivered.lock().unwrap_or_else(PoisonError::into_inner).push((number, at));
        }
        StatusCode::NO_CONTENT
    }
    let nobody = || async { ([(header::CONTENT_TYPE, "application/json")], r#"{"profiles":[]}"#) };
    Router::new().route("/hook", post(take)).route("/xrpc/app.bsky.actor.getProfiles", get(nobody)).with_state(notes)
}

/// Serves one listener after the other, as each feed needs one.
async fn feed_all(
    listener: TcpListener,
    mut feeds: mpsc::UnboundedReceiver<Feed>,
    mut on: watch::Receiver<bool>,
    notes: Arc<Notes>,
) {
    let mut socket = None;
    loop {
        let feed = tokio::select! {
            feed = feeds.recv() => feed,
            accepted = accept(&listener) => {
                socket = accepted.or(socket);
                continue;
            }
        };
        let Some(feed) = feed else { return };
        let listening = match socket.take() {
            Some(socket) => Some(socket),
            None => accept(&listener).await,
        };
        let Some(mut listening) = listening else { continue };
        if let Err(error) = send_all(feed, &mut listening, &mut on, &notes).await {
            // The daemon stopped while we were writing.
            tracing::debug!(%error, "the firehose broke off");
        }
        socket = Some(listening);
    }
}

async fn accept(listener: &TcpListener) -> Option<WebSocketStream<TcpStream>> {
    let (stream, _) = listener.accept().await.ok()?;
    stream.set_nodelay(true).ok()?;
    tokio_tungstenite::accept_async(stream).await.ok()
}

async fn send_all(
    mut feed: Feed,
    socket: &mut WebSocketStream<TcpStream>,
    on: &mut watch::Receiver<bool>,
    notes: &Notes,
) -> std::io::Result<()> {
    let began = Instant::now();
    let mut beat = tokio::time::interval(BEAT);
    let mut wire = Vec::with_capacity(2 * BURST_BYTES);
    let mut fed: u64 = 0;
    while *on.borrow_and_update() {
        let due = |rate| (began.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        // Behind, it goes on at once: a burst holds less than some rates ask for in a beat.
        if feed.rate.is_some_and(|rate| fed >= due(rate)) {
            beat.tick().await;
        }
        let due = feed.rate.map_or(u64::MAX, due);
        wire.clear();
        let (now, at) = (Now::read(), Instant::now());
        let mut sent = Vec::new();
        while fed < due && wire.len() < BURST_BYTES {
            let (number, frame) = feed.frames.next(&now);
            push(&mut wire, frame);
            fed += 1;
            if feed.timed {
                sent.push((number, at));
            }
        }
        if feed.timed {
            notes.sent.lock().unwrap_or_else(PoisonError::into_inner).append(&mut sent);
        }
        // Whole frames only, so that the next feed begins between two.
        socket.get_mut().write_all(&wire).await?;
    }
    Ok(())
}

/// A text frame of a server: unmasked, the length in two bytes (RFC 6455, 5.2).
fn push(wire: &mut Vec<u8>, frame: &[u8]) {
    const WHOLE_TEXT: u8 = 0x81;
    const LENGTH_16: u8 = 126;
    wire.extend_from_slice(&[WHOLE_TEXT, LENGTH_16]);
    // Frames are printed with fewer bytes than that, and more than 125.
    wire.extend_from_slice(&u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes());
    wire.extend_from_slice(frame);
}
