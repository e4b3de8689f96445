//! From a frame on the wire to a signed webhook, through the real program; and everything a person looks at meanwhile.

use crate::fedi::{self, Fedi};
use crate::house::{Daemon, House, PATIENCE, post};
use crate::jetstream::{self, Fault, Jetstream};
use crate::sink::Sink;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::Value;
use sha2::Sha256;
use std::time::Duration;
use tokio::time::timeout;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const BRAND: &str =
    "[[brand]]\nid = \"velora\"\nname = \"Velora\"\n[[brand.watch]]\nid = \"name\"\nquery = \"velora\"\n";

const RULES: &str = "schema = 1\n[[rule]]\nid = \"angry\"\nsay = \"Angry: {text}\"\nwhen = \"velora sentiment:negative\"\n\
    detect = { kind = \"each\" }\npriority = \"P2\"\nkeep = \"7d\"\n";

const ANGRY: &str = "velora is the worst, my order is broken and nobody answers, I hate this terrible service";

fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// The entry of a source in the ledger.
pub fn source<'a>(answer: &'a Value, id: &str) -> Option<&'a Value> {
    answer["items"].as_array()?.iter().find(|source| source["id"] == id)
}

async fn until_health(daemon: &Daemon, id: &str, health: &str) -> Value {
    daemon.until("/api/v1/sources", |answer| source(answer, id).is_some_and(|source| source["health"] == health)).await
}

/// By the words of the standard, with nothing of ours: `v1,` and the base64 of the HMAC of `id.timestamp.body`.
fn is_signed(received: &crate::sink::Received) -> bool {
    let header = |name: &str| received.headers[name].to_str().unwrap();
    let key = BASE64_STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&received.bytes);
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    header("webhook-signature").split(' ').any(|signature| signature == expected)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_becomes_a_signed_webhook() {
    let (jetstream, sink) = (Jetstream::start().await, Sink::start().await);
    let hook = sink.hook("ops");
    let house =
        House::new(&format!("{BRAND}{}{hook}secret = {{ file = \"ops.secret\" }}\n", jetstream.source("sky")), RULES);
    house.write("ops.secret", SECRET);
    let daemon = house.start();
    until_health(&daemon, "sky", "live").await;
    daemon.until("/readyz", |answer| answer["ready"] == true).await;
    let mut stream = daemon.request(Method::GET, "/api/v1/stream").send().await.unwrap();
    assert_eq!(stream.status(), 200);

    jetstream.say([
        jetstream::post(now_us(), "did:plc:ann", "r1", ANGRY),
        jetstream::post(now_us(), "did:plc:bob", "r2", "velora has a lovely new shop, I love it"),
        jetstream::post(now_us(), "did:plc:cyd", "r3", "nothing of interest"),
    ]);
    let received = sink.until(|received| !received.is_empty()).await;
    let told = &received[0];
    assert!(is_signed(told), "{:?}", told.headers);
    assert_eq!(told.body["type"], "alert.opened");
    let alert = &told.body["data"]["alert"];
    assert_eq!(
        (&alert["rule"], &alert["priority"], &alert["brand"]),
        (&"angry".into(), &"P2".into(), &"velora".into())
    );
    let mention = &told.body["data"]["mentions"][0];
    assert_eq!((mention["text"].as_str(), mention["source"].as_str()), (Some(ANGRY), Some("sky")));
    assert!(mention["scores"]["sentiment"].as_f64().unwrap() < 0.0, "{mention}");
    let link = told.body["data"]["links"]["open"].as_str().unwrap();
    assert!(link.starts_with(&format!("http://{}/", daemon.address)), "{link}");

    let mut heard = String::new();
    while !["event: mention", "event: alert", "event: delivery"].iter().all(|event| heard.contains(event)) {
        let chunk = timeout(PATIENCE, stream.chunk()).await.expect("the stream tells").unwrap().expect("it goes on");
        heard.push_str(&String::from_utf8_lossy(&chunk));
    }
    let found = daemon.until("/api/v1/mentions?q=worst", |answer| answer["total"] == 1).await;
    assert_eq!(found["items"][0]["watches"][0], "name");
    // A deletion is told to whoever watches, and leaves nothing.
    let operation =
        serde_json::json!({"operation": "delete", "collection": "app.bsky.feed.post", "rkey": "r1", "rev": "3lrev"});
    jetstream.say([jetstream::commit(now_us(), "did:plc:ann", operation)]);
    while !heard.contains("\"deleted\":true") {
        let chunk = timeout(PATIENCE, stream.chunk()).await.expect("the stream tells").unwrap().expect("it goes on");
        heard.push_str(&String::from_utf8_lossy(&chunk));
    }
    daemon.until("/api/v1/mentions", |answer| answer["total"] == 1).await;

    let metrics = daemon.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    for line in [
        "reputed_mentions_stored_total 2",
        "reputed_alerts_opened_total{rule=\"angry\"} 1",
        "reputed_deliveries_total{hook=\"ops\",outcome=\"delivered\"} 1",
        "reputed_posts_received_total{source=\"sky\"} 3",
        "reputed_posts_matched_total{source=\"sky\"} 2",
        "reputed_source_health{source=\"sky\",health=\"live\"} 1",
        "reputed_frame_to_delivery_seconds_count 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is missing in\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_tells_when_the_server_is_away() {
    let jetstream = Jetstream::start().await;
    let house = House::new(&format!("{BRAND}{}", jetstream.source("sky")), RULES);
    // Heard at once, then broken off in the middle of a frame, then nobody is at home for a while.
    jetstream.fault(Fault::CutAfter(600));
    for _ in 0..3 {
        jetstream.fault(Fault::Refuse(503, "away"));
    }
    let daemon = house.start();
    until_health(&daemon, "sky", "live").await;
    let posts = |from: usize| {
        (from..from + 20)
            .map(|n| jetstream::post(now_us(), "did:plc:ann", &format!("r{n}"), "velora"))
            .collect::<Vec<_>>()
    };
    jetstream.say(posts(0));
    let broken = until_health(&daemon, "sky", "broken").await;
    let says = source(&broken, "sky").unwrap()["says"].as_str().unwrap();
    assert!(says.starts_with("not listening"), "{says}");
    jetstream.say(posts(20));
    daemon.until("/api/v1/mentions?limit=1", |answer| answer["total"] == 40).await;
    let live = until_health(&daemon, "sky", "live").await;
    let sky = source(&live, "sky").unwrap();
    assert!(sky["reconnects"].as_u64() >= Some(4), "{sky}");
    assert_eq!((&sky["matched"], &sky["gap_count"]), (&sky["posts"], &0.into()), "{sky}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_work_beside_the_daemon() {
    let sink = Sink::start().await;
    let house = House::new(&format!("{BRAND}{}", sink.hook("ops")), RULES);
    let posts: Vec<String> = (0..1_200)
        .map(|n| {
            let mut line = post(&format!("p{n}"), if n == 7 { ANGRY } else { "velora" });
            // Neither the one nor the other is configured.
            line["source"] = if n % 2 == 0 { Value::Null } else { "elsewhere".into() };
            if line["source"].is_null() {
                line.as_object_mut().unwrap().remove("source");
            }
            line.to_string()
        })
        .collect();
    house.write("posts.jsonl", &format!("{}\nnonsense\n", posts.join("\n")));
    let file = house.path().join("posts.jsonl").display().to_string();
    let daemon = house.start();
    for _ in 0..2 {
        let done = house.run(&["import", &file]);
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{told}");
        assert!(told.contains("1200 posts read, 1200 wanted by a watch, 1 lines passed over"), "{told}");
        assert_eq!(house.reader().await.mention_count().await.unwrap(), 1_200);
    }
    daemon.until("/api/v1/mentions?limit=1", |answer| answer["total"] == 1_200).await;
    sink.until(|received| received.len() == 1).await;

    let lines = |text: String| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let found = lines(house.output(&["search", "worst", "--json"]));
    assert_eq!((found.len(), &found[0]["id"], &found[0]["source"]), (1, &"p7".into(), &"elsewhere".into()));
    let explained = lines(house.output(&["search", "worst -kind:review (nothere OR worst)", "--explain", "--json"]));
    let explain = &explained[0]["explain"];
    assert_eq!((&explain["holds"], &explain["parts"][2]["parts"][0]["why"]), (&true.into(), &"not there".into()));
    let shown = house.output(&["search", "worst", "--explain"]);
    assert!(shown.contains("✓ worst  -- `"), "{shown}");
    assert_eq!(lines(house.output(&["export"])).len(), 1_200);
    let csv = house.output(&["export", "--query", "worst", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let alerts = lines(house.output(&["alerts", "list", "--json"]));
    assert_eq!((alerts.len(), &alerts[0]["rule"]), (1, &"angry".into()));
    daemon.until("/api/v1/deliveries?state=delivered", |answer| answer["items"][0]["id"].is_string()).await;
    let deliveries = lines(house.output(&["deliveries", "list", "--json"]));
    assert_eq!((deliveries.len(), &deliveries[0]["state"]), (1, &"delivered".into()));
    house.output(&["alerts", "ack", alerts[0]["id"].as_str().unwrap()]);
    assert_eq!(daemon.get("/api/v1/alerts?state=acknowledged").await["items"].as_array().unwrap().len(), 1);
    let unknown = house.run(&["alerts", "ack", "no-such-alert"]);
    assert_eq!(unknown.status.code(), Some(1));

    // The same again without the daemon.
    daemon.stop();
    let done = house.run(&["import", &file]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(lines(house.output(&["export"])).len(), 1_200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fediverse_is_heard_too() {
    let (server, sink) = (Fedi::start().await, Sink::start().await);
    let fedi = format!(
        "[[source]]\nid = \"fedi\"\nkind = \"mastodon\"\nurl = \"{}\"\ntoken = {{ file = \"fedi.token\" }}\nstreams = [\"public\"]\n",
        server.rest.url("")
    );
    let house = House::new(&format!("{BRAND}{fedi}{}", sink.hook("ops")), RULES);
    house.write("fedi.token", fedi::TOKEN);
    let daemon = house.start();
    let subscribed = async {
        while server.subscribed().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, subscribed).await.expect("subscribes");
    let say = |id, words| {
        let mut status = fedi::status(id, words);
        // What is old raises no alert.
        status["created_at"] = jiff::Timestamp::now().to_string().into();
        server.say(&["public"], status);
    };
    say(101, ANGRY);
    say(102, "velora bells");
    let received = sink.until(|received| !received.is_empty()).await;
    assert_eq!(received[0].body["data"]["mentions"][0]["url"], "https://m.example/@ann/101");
    daemon.until("/api/v1/mentions?q=source:mastodon", |answer| answer["total"] == 2).await;

    // What is said while we are away is caught up with, once.
    assert!(daemon.stop().0.success());
    server.write(fedi::status(103, "velora while away"));
    let daemon = house.start();
    daemon.until("/api/v1/mentions", |answer| answer["total"] == 3).await;
    server.tell(&["public"], "delete", "102".into());
    daemon.until("/api/v1/mentions", |answer| answer["total"] == 2).await;
    assert_eq!(sink.received().len(), 1);
}
