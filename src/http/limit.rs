//! Bounds of the door: connections, requests at once, time, bytes; and the headers that every answer carries.

use super::problem::Problem;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Requests being answered at once. Each holds little; beyond this, SQLite readers only queue.
pub const REQUESTS_MAX: usize = 256;
/// From the head of a request to the head of its answer, the body's arrival included.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// JSON bodies that people send: a patch, a log-in.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// A push as it comes over the wire.
pub const PUSH_BYTES_MAX: usize = 8 << 20;
/// A push after decompression: gzip makes 1000 out of 1.
pub const PUSH_INFLATED_BYTES_MAX: usize = 32 << 20;
/// Pushes at once: each may hold [`PUSH_INFLATED_BYTES_MAX`].
pub const PUSHES_MAX: usize = 4;
/// Open event streams: each holds a connection for as long as its page is open.
pub const STREAMS_MAX: usize = 128;
/// Entries of one page of a list.
pub const PAGE_MAX: usize = 200;
pub const PAGE_DEFAULT: usize = 50;

/// Everything from ourselves, nothing inline, framed by nobody.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/// A picture brings its own colours, for light and dark; it loads and runs nothing.
pub const PICTURE_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// One request: a place, a time limit, and a panic that ends nothing but itself.
pub async fn bounded(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = match places.try_acquire() {
        Err(_) => Problem::busy("too many requests at once").into_response(),
        Ok(_place) => {
            let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
            match tokio::time::timeout(REQUEST_TIME_MAX, answer).await {
                Ok(Ok(response)) => response,
                Ok(Err(_)) => {
                    tracing::error!(path, "a request panicked");
                    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a defect of the daemon; see its log")
                        .into_response()
                }
                Err(_) => Problem::busy("took too long").into_response(),
            }
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The whole body, at most `bytes_max`.
pub async fn body(mut request: Request, bytes_max: usize) -> Result<Bytes, Problem> {
    DefaultBodyLimit::max(bytes_max).apply(&mut request);
    Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is over {bytes_max} bytes"))
        }
        status => Problem::new(status, "the body broke off"),
    })
}

/// A JSON body of at most [`BODY_BYTES_MAX`].
pub async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let kind = media_type(&request);
    if kind != "application/json" {
        let detail = format!("send application/json, not `{kind}`");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let bytes = body(request, BODY_BYTES_MAX).await?;
    serde_json::from_slice(&bytes).map_err(|error| Problem::bad(format!("the body cannot be read: {error}")))
}

/// The media type without its parameters, lower case; empty when the request names none.
pub fn media_type(request: &Request) -> String {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}
