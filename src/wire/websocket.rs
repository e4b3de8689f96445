//! One websocket outward: bounded in message size, in connecting and in silence. A socket whose peer is gone without a
//! word (half-open) is noticed: after half of the allowed silence we ping, after all of it the socket is dead.
//! Knows nothing of what the messages say. RFC 6455; no compression is offered.

use crate::wire::tls;
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error as Tungstenite, Message as Wire, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};
use url::Url;

/// The largest message that is read, in bytes. Jetstream's stay under 1 MiB and Mastodon's under 100 KiB.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// From the DNS look-up to the end of the upgrade.
const CONNECT_MAX: Duration = Duration::from_secs(20);

/// How long writing one small message may take: longer, and the peer no longer reads.
const SEND_MAX: Duration = Duration::from_secs(10);

/// How much of the body of a refusal is kept: enough for the name of the error.
const REFUSAL_BYTES_MAX: usize = 512;

/// A message of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Text(Utf8Bytes),
    Binary(Bytes),
    /// A ping or pong: the peer lives.
    Alive,
}

impl Message {
    /// The payload; `None` for a mere sign of life.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Message::Text(text) => Some(text.as_bytes()),
            Message::Binary(bytes) => Some(bytes),
            Message::Alive => None,
        }
    }
}

/// After any of these the socket is of no further use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The peer answered the upgrade with something else: `status`, and the beginning of the body.
    #[error("upgrade refused with status {status}: {body}")]
    Refused { status: u16, body: String, retry_after: Option<Duration> },
    /// Reading the same again ends the same way: the caller has to get past it.
    #[error("message over {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("no connection within {CONNECT_MAX:?}")]
    Timeout,
    #[error("nothing heard for {0:?}")]
    Silent(Duration),
    #[error("closed by the peer: {0}")]
    Closed(String),
    #[error("{0}")]
    Failed(String),
}

/// A connected websocket.
pub struct Socket {
    inner: WebSocketStream<MaybeTlsStream<TcpStream>>,
    silence_max: Duration,
    heard_at: Instant,
    pinged: bool,
}

impl Socket {
    /// Connects to `url` (`ws` or `wss`) with extra request `headers`. A socket that is silent for `silence_max`, although
    /// it was pinged, is dead.
    ///
    /// # Errors
    /// As named; trying again later may help.
    pub async fn open(url: &Url, headers: &[(&str, &str)], silence_max: Duration) -> Result<Self, Error> {
        let mut request = url.as_str().into_client_request()?;
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).map_err(|_| Error::Failed(format!("bad header name `{name}`")))?;
            // The value may be a token: it is never shown.
            let value = HeaderValue::try_from(*value).map_err(|_| Error::Failed(format!("bad value of `{name}`")))?;
            request.headers_mut().insert(name, value);
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let connector = Connector::Rustls(tls::client_config());
        let connecting = connect_async_tls_with_config(request, Some(config), true, Some(connector));
        let (inner, _) = timeout(CONNECT_MAX, connecting).await.map_err(|_| Error::Timeout)??;
        Ok(Self { inner, silence_max, heard_at: Instant::now(), pinged: false })
    }

    /// The next message, when one comes. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The socket is of no further use.
    pub async fn next(&mut self) -> Result<Message, Error> {
        loop {
            let wait = if self.pinged { self.silence_max } else { self.silence_max / 2 };
            match timeout_at(self.heard_at + wait, self.inner.next()).await {
                Ok(message) => return self.heard(message),
                Err(_) if self.pinged => return Err(Error::Silent(self.silence_max)),
                Err(_) => {
                    self.pinged = true;
                    self.write(Wire::Ping(Bytes::new())).await?;
                }
            }
        }
    }

    /// The next message if it is already here.
    pub fn next_now(&mut self) -> Option<Result<Message, Error>> {
        let message = self.inner.next().now_or_never()?;
        Some(self.heard(message))
    }

    /// # Errors
    /// The socket is of no further use.
    pub async fn send(&mut self, text: String) -> Result<(), Error> {
        self.write(Wire::text(text)).await
    }

    /// Says goodbye, without waiting for an answer.
    pub async fn close(mut self) {
        if let Ok(Err(error)) = timeout(SEND_MAX, self.inner.close(None)).await {
            tracing::debug!(%error, "closing a websocket");
        }
    }

    async fn write(&mut self, message: Wire) -> Result<(), Error> {
        match timeout(SEND_MAX, self.inner.send(message)).await {
            Ok(sent) => sent.map_err(Error::from),
            Err(_) => Err(Error::Silent(SEND_MAX)),
        }
    }

    fn heard(&mut self, message: Option<Result<Wire, Tungstenite>>) -> Result<Message, Error> {
        let message = message.ok_or_else(|| Error::Closed("without a word".to_owned()))??;
        self.heard_at = Instant::now();
        self.pinged = false;
        match message {
            Wire::Text(text) => Ok(Message::Text(text)),
            Wire::Binary(bytes) => Ok(Message::Binary(bytes)),
            Wire::Ping(_) | Wire::Pong(_) | Wire::Frame(_) => Ok(Message::Alive),
            Wire::Close(None) => Err(Error::Closed("no reason given".to_owned())),
            Wire::Close(Some(frame)) => Err(Error::Closed(format!("{} {}", u16::from(frame.code), frame.reason))),
        }
    }
}

impl From<Tungstenite> for Error {
    fn from(error: Tungstenite) -> Self {
        match error {
            Tungstenite::Http(response) => refused(&response),
            Tungstenite::Capacity(CapacityError::MessageTooLong { .. }) => Self::TooLarge,
            Tungstenite::ConnectionClosed | Tungstenite::AlreadyClosed => Self::Closed("as agreed".to_owned()),
            other => Self::Failed(other.to_string()),
        }
    }
}

fn refused(response: &Response<Option<Vec<u8>>>) -> Error {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let body = response.body().as_deref().unwrap_or_default();
    let body = String::from_utf8_lossy(&body[..body.len().min(REFUSAL_BYTES_MAX)]);
    // Mastodon says why in a header.
    let body = header("x-error-message").map_or_else(|| body.trim().to_owned(), str::to_owned);
    let retry_after = header("retry-after").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
    Error::Refused { status: response.status().as_u16(), body, retry_after }
}
