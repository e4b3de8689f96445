//! Local peers only; names are resolved by a table.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct Peer {
    port: u16,
    seen: Arc<AtomicUsize>,
}

/// Answers every connection with the same bytes and closes it.
async fn peer(answer: impl Into<Vec<u8>>) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(AtomicUsize::new(0));
    let (answer, count) = (answer.into(), seen.clone());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, SeqCst);
            let mut request = [0; 4096];
            assert_ne!(socket.read(&mut request).await.unwrap(), 0);
            socket.write_all(&answer).await.ok();
        }
    });
    Peer { port, seen }
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn names(table: &'static [(&'static str, &'static [&'static str])]) -> Lookup {
    Arc::new(move |name| {
        let found = table.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, ips)| ips);
        Box::pin(async move { Ok(found.iter().map(|ip| ip.parse().unwrap()).collect()) })
    })
}

fn get(url: &str) -> Request {
    Request { timeout: Duration::from_secs(5), ..Request::get(Url::parse(url).unwrap()) }
}

fn public() -> Reach {
    Reach::Public { allow: Vec::new() }
}

#[tokio::test]
async fn no_name_leads_inside() {
    let inside = peer(answer("200 OK", b"secret")).await;
    let table: &[(&str, &[&str])] = &[
        ("inside.example", &["127.0.0.1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("metadata.example", &["169.254.169.254"]),
        ("both.example", &["10.0.0.1", "127.0.0.1"]),
        ("localhost", &["127.0.0.1", "::1"]),
    ];
    let client = Client::with_lookup(public(), names(table));
    for host in table.iter().map(|(name, _)| *name).chain(["127.0.0.1", "2130706433", "[::1]", "0x7f.1"]) {
        let result = client.send(get(&format!("http://{host}:{}/", inside.port))).await;
        assert!(matches!(result, Err(Error::Forbidden(_))), "{host}: {result:?}");
    }
    assert_eq!(inside.seen.load(SeqCst), 0);
}

#[tokio::test]
async fn a_rebinding_name_is_asked_once_and_held_to_its_answer() {
    let inside = peer(answer("200 OK", b"secret")).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    // Refused at the first look-up; a second one would get past.
    let lookup: Lookup = Arc::new(move |_| {
        let first = count.fetch_add(1, SeqCst) == 0;
        let ip = if first { "10.0.0.1" } else { "93.184.215.14" };
        Box::pin(async move { Ok(vec![ip.parse().unwrap()]) })
    });
    let client = Client::with_lookup(public(), lookup);
    let result = client.send(get(&format!("http://rebind.example:{}/", inside.port))).await;
    assert!(matches!(result, Err(Error::Forbidden(_))), "{result:?}");
    assert_eq!((asked.load(SeqCst), inside.seen.load(SeqCst)), (1, 0));
}

#[tokio::test]
async fn an_allowed_range_is_reached_and_redirects_stay_unfollowed() {
    let target = peer(answer("200 OK", b"")).await;
    let hook = peer(answer(&format!("302 Found\r\nlocation: http://127.0.0.1:{}/", target.port), b"")).await;
    let client = Client::new(Reach::Public { allow: vec!["127.0.0.0/8".parse().unwrap()] });
    let response = client.send(get(&format!("http://127.0.0.1:{}/", hook.port))).await.unwrap();
    assert_eq!((response.status, target.seen.load(SeqCst)), (302, 0));
}

#[tokio::test]
async fn a_configured_source_may_be_inside_and_move() {
    let target = peer(answer("200 OK", b"feed")).await;
    let moved = peer(answer(&format!("301 Moved\r\nlocation: http://127.0.0.1:{}/new", target.port), b"")).await;
    let client = Client::new(Reach::Configured);
    let response = client.send(get(&format!("http://127.0.0.1:{}/", moved.port))).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (200, &b"feed"[..]));
    assert!(response.moved_permanently && response.url.path() == "/new");

    let post = Request { method: reqwest::Method::POST, ..get(&format!("http://127.0.0.1:{}/", moved.port)) };
    assert_eq!(client.send(post).await.unwrap().status, 301);
}

#[tokio::test]
async fn redirects_end() {
    let circle = peer(answer("302 Found\r\nlocation: /again", b"")).await;
    let result = Client::new(Reach::Configured).send(get(&format!("http://127.0.0.1:{}/", circle.port))).await;
    assert!(matches!(&result, Err(Error::Failed(why)) if why.contains("redirects")), "{result:?}");
    assert_eq!(circle.seen.load(SeqCst), REDIRECTS_MAX + 1);
}

#[tokio::test]
async fn a_bomb_stops_at_the_cap() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 4 << 20]).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(packed.len() < 64 << 10);
    let bomb = peer(answer("200 OK\r\ncontent-encoding: gzip", &packed)).await;
    let request = Request { body_bytes_max: 64 << 10, ..get(&format!("http://127.0.0.1:{}/", bomb.port)) };
    let result = Client::new(Reach::Configured).send(request).await;
    assert!(matches!(result, Err(Error::TooLarge(65_536))), "{result:?}");
}

#[tokio::test]
async fn a_peer_that_hangs_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let request = Request { timeout: Duration::from_millis(50), ..get(&url) };
    let result = Client::new(Reach::Configured).send(request).await;
    assert!(matches!(result, Err(Error::Timeout(_))), "{result:?}");
}

#[test]
fn retry_after_in_its_forms() {
    let now: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
    for (value, seconds) in [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("Sat, 21 Nov 2026 09:01:00 GMT", Some(60)),
        ("Saturday, 21-Nov-26 09:01:00 GMT", Some(60)),
        ("Sat, 21 Nov 2026 08:00:00 GMT", Some(0)),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("99999999999999999999", None),
    ] {
        assert_eq!(parse_retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
    }
}
