//! The webhook against a peer on this machine: headers, statuses, addresses, silence.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use reputed::alert::{Alert, Delivery, News, Priority};
use reputed::hook::signature::{Key, sign};
use reputed::hook::{Hook, Message, Outcome, webhook::Webhook};
use reputed::secret::Secret;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECRET_OLD: &str = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7";

type Heard = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A peer that remembers what it heard and answers with the status in the path.
async fn peer() -> (SocketAddr, Heard) {
    async fn answer(
        Path(status): Path<String>,
        State(heard): State<Heard>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        heard.lock().unwrap().push((headers, body));
        if status == "never" {
            std::future::pending::<()>().await;
        }
        if status == "endless" {
            return vec![b'x'; 4 << 20].into_response();
        }
        let code = StatusCode::from_u16(status.parse().unwrap()).unwrap();
        let headers = [("retry-after", "7"), ("location", "/204")];
        (code, headers).into_response()
    }
    let heard = Heard::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/{status}", post(answer)).with_state(heard.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, heard)
}

fn webhook(address: SocketAddr, path: &str, allow: &[&str], timeout: Duration) -> Arc<Webhook> {
    let keys = [SECRET, SECRET_OLD].map(|text| Key::parse(&Secret::new(text)).unwrap());
    let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    let url = format!("http://{address}/{path}").parse().unwrap();
    Arc::new(Webhook::new(url, keys.to_vec(), allow, timeout))
}

fn message() -> Message {
    let now = jiff::Timestamp::now();
    let alert = Alert {
        id: "a1".into(),
        revision: 1,
        rule: "r".into(),
        title: "t".into(),
        priority: Priority::P3,
        priority_why: vec!["base P3".into()],
        brand: "acme".into(),
        group: [].into(),
        state: reputed::alert::State::Open,
        opened_at: now,
        updated_at: now,
        resolved_at: None,
        resolved_why: None,
        count: 1,
        spam_left_out: 0,
        ruleset: "0".into(),
        mentions: vec![],
        reasons: vec![],
        growth: None,
    };
    let delivery = Delivery { id: "msg_1".into(), ..Delivery::pending(&alert, "ops", News::Opened, now) };
    Message { delivery, mentions: vec![], base_url: "http://127.0.0.1:7700".into(), test: false }
}

const ALLOW: &[&str] = &["127.0.0.0/8"];
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn signs_what_it_sends() {
    let (address, heard) = peer().await;
    assert_eq!(webhook(address, "204", ALLOW, LONG).deliver(message()).await, Outcome::Delivered);
    let heard = heard.lock().unwrap();
    let (headers, body) = &heard[0];
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(header("webhook-id"), "msg_1");
    assert_eq!(header("content-type"), "application/json");
    let second: i64 = header("webhook-timestamp").parse().unwrap();
    assert!((jiff::Timestamp::now().as_second() - second).abs() <= 60);
    let keys = [SECRET, SECRET_OLD].map(|text| Key::parse(&Secret::new(text)).unwrap());
    assert_eq!(header("webhook-signature"), sign(&keys, "msg_1", second, body).unwrap());
    assert_eq!(serde_json::from_slice::<serde_json::Value>(body).unwrap()["type"], "alert.opened");
}

#[tokio::test]
async fn acts_on_the_answer() {
    let (address, heard) = peer().await;
    let retry =
        |status: u16| Outcome::Retry { after: Some(Duration::from_secs(7)), reason: format!("answered {status}") };
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let outcome = webhook(address, &status.to_string(), ALLOW, LONG).deliver(message()).await;
        assert_eq!(outcome, retry(status), "{status}");
    }
    for status in [401, 403, 410] {
        let outcome = webhook(address, &status.to_string(), ALLOW, LONG).deliver(message()).await;
        assert!(matches!(outcome, Outcome::Halted { .. }), "{status}: {outcome:?}");
    }
    for status in [301, 302, 307, 308, 400, 404, 409, 413, 422] {
        let before = heard.lock().unwrap().len();
        let outcome = webhook(address, &status.to_string(), ALLOW, LONG).deliver(message()).await;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{status}: {outcome:?}");
        assert_eq!(heard.lock().unwrap().len(), before + 1, "{status}: a redirect was followed");
    }
}

#[tokio::test]
async fn never_goes_inside_unless_allowed() {
    let (address, heard) = peer().await;
    for allow in [&[][..], &["10.0.0.0/8"]] {
        let outcome = webhook(address, "204", allow, LONG).deliver(message()).await;
        assert!(matches!(&outcome, Outcome::Refused { reason } if reason.contains("`allow`")), "{outcome:?}");
    }
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn silence_and_refused_connections_are_tried_again() {
    let (address, _heard) = peer().await;
    let silent = webhook(address, "never", ALLOW, Duration::from_millis(50)).deliver(message()).await;
    assert!(matches!(&silent, Outcome::Retry { after: None, .. }), "{silent:?}");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let closed = webhook(nobody, "204", ALLOW, LONG).deliver(message()).await;
    assert!(matches!(&closed, Outcome::Retry { after: None, .. }), "{closed:?}");
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let (address, _heard) = peer().await;
    let outcome = webhook(address, "endless", ALLOW, LONG).deliver(message()).await;
    assert!(matches!(&outcome, Outcome::Refused { reason } if reason.contains("bytes")), "{outcome:?}");
}
