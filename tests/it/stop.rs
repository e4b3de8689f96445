//! Ends and beginnings: signals, a second daemon, what waits for the next start.

use crate::house::{House, PATIENCE, post};
use crate::jetstream::{self, Jetstream};
use crate::push::{self, push};
use crate::sink::Sink;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const BRAND: &str = "[[brand]]\nid = \"velora\"\n[[brand.watch]]\nid = \"name\"\nquery = \"velora\"\n";

const RULES: &str = "schema = 1\n[[rule]]\nid = \"outage\"\nsay = \"{text}\"\nwhen = \"outage\"\n\
    detect = { kind = \"each\" }\npriority = \"P2\"\nkeep = \"7d\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_loses_nothing() {
    let (jetstream, sink) = (Jetstream::start().await, Sink::start().await);
    let house = House::new(&format!("{BRAND}{}{}", jetstream.source("sky"), sink.hook("ops")), RULES);
    let mut daemon = house.start();
    daemon.until("/api/v1/sources", |answer| answer["items"][0]["health"] == "live").await;
    let now = jiff::Timestamp::now().as_microsecond();
    let text = |n: i64| if n % 50 == 0 { "velora outage" } else { "velora" };
    jetstream.say((0..5_000).map(|n| jetstream::post(now + n, "did:plc:ann", &format!("r{n}"), text(n))));
    // The first stop comes in the midst of it.
    daemon.until("/api/v1/mentions?limit=1", |answer| answer["total"].as_u64() > Some(0)).await;
    for _ in 0..3 {
        let (status, took) = daemon.stop();
        assert!(status.success() && took < Duration::from_secs(10), "{status} after {took:?}\n{}", house.log());
        daemon = house.start();
    }
    daemon.until("/api/v1/mentions?limit=1", |answer| answer["total"] == 5_000).await;
    let alerts = |received: &[crate::sink::Received]| {
        received.iter().map(|received| received.body["data"]["alert"]["id"].to_string()).collect::<BTreeSet<_>>().len()
    };
    sink.until(|received| alerts(received) == 100).await;
    daemon
        .until("/api/v1/deliveries?state=pending", |answer| answer["items"].as_array().is_some_and(Vec::is_empty))
        .await;
    assert!(daemon.stop().0.success());
    assert!(!house.data().join("http.addr").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_takes_what_is_right_and_keeps_what_held() {
    let house = push::house("");
    let daemon = house.start();
    let opened = async |id: &str, text: &str| {
        push(&daemon, &[post(id, text)]).await;
        let alerts = daemon.get("/api/v1/alerts").await;
        alerts["items"].as_array().unwrap().iter().map(|alert| alert["rule"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(opened("a", "velora is broken").await, ["\"broken\""]);
    let config = std::fs::read_to_string(house.config()).unwrap();

    // A broken rule and a broken watch: everything that is wrong is in the log, nothing of it is taken.
    house.write("rules.toml", "schema = 1\n[[rule]]\nid = \"lost\"\nsay = \"{text}\"\nwhen = \"sentimnt:negative\"\n");
    house.write("reputed.toml", &config.replace("query = \"velora\"", "query = \"velora OR (brightleaf\""));
    daemon.signal("HUP");
    house.until_logged("not reloaded, the old configuration holds");
    let log = house.log();
    assert!(log.contains("rules.toml:5:") && log.contains("reputed.toml:10:"), "{log}");
    assert_eq!(opened("b", "velora is broken again, brightleaf too").await.len(), 2);
    assert_eq!(daemon.push_matched(&post("c", "brightleaf")).await, 0);

    house.write("rules.toml", &RULES.replace("outage", "lost"));
    house.write("reputed.toml", &config.replace("query = \"velora\"", "query = \"velora OR brightleaf\""));
    daemon.signal("HUP");
    // The log is silent at this level when all is well: the new watch tells.
    let began = std::time::Instant::now();
    while daemon.push_matched(&post("d", "brightleaf is here")).await == 0 {
        assert!(began.elapsed() < PATIENCE, "{}", house.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    daemon.until("/api/v1/mentions?q=brightleaf", |answer| answer["total"].as_u64() >= Some(2)).await;
    let began = std::time::Instant::now();
    let mut n = 0;
    // Rules follow the watches within the same reload.
    while !opened(&format!("e{n}"), "brightleaf is lost").await.contains(&"\"lost\"".to_owned()) {
        n += 1;
        assert!(began.elapsed() < PATIENCE, "{}", house.log());
    }
    let rules = opened("f", "velora is broken").await;
    assert_eq!(rules.iter().filter(|rule| *rule == "\"broken\"").count(), 2, "the old rule is gone: {rules:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_folder_one_daemon_one_port() {
    let house = push::house("");
    let daemon = house.start();
    let second = house.run(&["run"]);
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains("is in use by process"), "{told}");
    assert_eq!(daemon.get("/api/v1/sources").await["items"][0]["id"], "crm", "the first goes on");

    let other = push::house("");
    let taken = other.run(&["run", "--listen", &daemon.address.to_string()]);
    let told = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert_eq!(taken.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("cannot listen on {}", daemon.address)) && told.contains("[http] listen"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_delivered_after_a_kill() {
    let sink = Sink::start().await;
    sink.answer(crate::sink::SILENT);
    let house = push::house(&sink.hook("ops"));
    let daemon = house.start();
    let posts: Vec<Value> = (0..100).map(|n| post(&format!("p{n}"), "velora is broken")).collect();
    push(&daemon, &posts).await;
    let first = sink.until(|received| !received.is_empty()).await;
    daemon.kill();
    sink.answer(204);
    let daemon = house.start();
    let ids = |received: &[crate::sink::Received]| {
        received.iter().map(|received| received.id.clone()).collect::<BTreeSet<_>>()
    };
    let received = sink.until(|received| ids(received).len() == 100 && received.len() >= 100 + first.len()).await;
    assert!(ids(&received).contains(&first[0].id), "what was under way is sent again under the same id");
    daemon
        .until("/api/v1/deliveries?state=pending", |answer| answer["items"].as_array().is_some_and(Vec::is_empty))
        .await;
}
