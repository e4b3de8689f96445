//! What the world does to us: rubbish by the thousand, a hook that hangs, a disk that is full.

use crate::house::{House, PATIENCE, post};
use crate::jetstream::{self, Jetstream};
use crate::push::{self, push};
use crate::sink::{self, Sink};
use crate::whole::source;
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

const BRAND: &str = "[[brand]]\nid = \"velora\"\n[[brand.watch]]\nid = \"name\"\nquery = \"velora\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_is_counted_and_nothing_else() {
    let jetstream = Jetstream::start().await;
    let house = House::new(&format!("{BRAND}{}", jetstream.source("sky")), "schema = 1\n");
    let daemon = house.start();
    daemon.until("/api/v1/sources", |answer| answer["items"][0]["health"] == "live").await;
    let now = jiff::Timestamp::now().as_microsecond();
    let sound = jetstream::post(now, "did:plc:ann", "r1", "velora");
    let without = |key: &str| {
        let mut frame = sound.clone();
        frame["commit"]["record"].as_object_mut().unwrap().remove(key);
        frame
    };
    let long = jetstream::post(now, "did:plc:ann", "long", &"velora ".repeat(60_000));
    let rubbish =
        [json!("rubbish"), json!([1, 2]), json!({}), json!({"did": 7}), without("text"), without("createdAt")];
    jetstream.say((0..5_000).map(|n| rubbish[n % rubbish.len()].clone()));
    jetstream.say([long]);
    jetstream.say((0..10).map(|n| jetstream::post(now + n, "did:plc:bob", &format!("b{n}"), "velora")));
    daemon.until("/api/v1/mentions?limit=1", |answer| answer["total"].as_u64() >= Some(10)).await;
    let answer = daemon.get("/api/v1/sources").await;
    let sky = source(&answer, "sky").unwrap();
    let counted: u64 = sky["errors"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert!(counted >= 3_000, "{sky}");
    assert_eq!((&sky["reconnects"], &sky["restarts"], &sky["health"]), (&0.into(), &0.into(), &"live".into()), "{sky}");
    // Of so many, a few lines are in the log.
    assert!(house.log().lines().count() < 60, "{}", house.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_that_hangs_holds_up_no_other() {
    let (hanging, well) = (Sink::start().await, Sink::start().await);
    hanging.answer(sink::SILENT);
    let house = push::house(&format!("{}{}", hanging.hook("a-hangs"), well.hook("b-well")));
    let daemon = house.start();
    let posts: Vec<Value> = (0..450).map(|n| post(&format!("p{n}"), "velora is broken")).collect();
    let began = Instant::now();
    push(&daemon, &posts).await;
    well.until(|received| received.len() >= 450).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "the hanging hook waits for its 30 s, the other took {took:?}");
    assert_eq!(hanging.received().len(), 32, "no more at once than there are places");
    // What hangs does not hold up the stop either; it waits in the store.
    let (status, took) = daemon.stop();
    assert!(status.success() && took < Duration::from_secs(10), "{status} after {took:?}");
    assert_eq!(house.reader().await.counts().await.unwrap().deliveries_pending, 450);
}

/// A small file system, for as long as it lives; `None` where this is not allowed.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(at: std::path::PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(&at).output();
        mounted.is_ok_and(|done| done.status.success()).then(|| Self(at))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "a test that is passed over says so")]
async fn a_full_disk_loses_nothing() {
    let jetstream = Jetstream::start().await;
    let house = House::new(&format!("{BRAND}{}", jetstream.source("sky")), "schema = 1\n");
    let Some(small) = Small::mount(house.data()) else {
        println!("skipped: this user may not mount a file system");
        return;
    };
    let daemon = house.start();
    daemon.until("/api/v1/sources", |answer| answer["items"][0]["health"] == "live").await;
    // All but a little is taken by somebody else.
    let ballast = small.0.join("ballast");
    drop(std::fs::write(&ballast, vec![1; 12 << 20]));
    let now = jiff::Timestamp::now().as_microsecond();
    let text = |n: i64| format!("velora {n} {}", "says ".repeat(40));
    jetstream.say((0..2_000).map(|n| jetstream::post(now + n, "did:plc:ann", &format!("r{n}"), &text(n))));
    house.until_logged("the store does not answer; everything waits");
    assert_eq!(daemon.request(reqwest::Method::GET, "/healthz").send().await.unwrap().status(), 200);
    std::fs::remove_file(&ballast).unwrap();
    let began = Instant::now();
    let reader = house.reader().await;
    while reader.mention_count().await.unwrap() < 2_000 {
        assert!(began.elapsed() < PATIENCE, "{} stored\n{}", reader.mention_count().await.unwrap(), house.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    daemon.until("/api/v1/mentions?limit=1", |answer| answer["total"] == 2_000).await;
    assert_eq!(daemon.get("/api/v1/sources").await["items"][0]["gap_count"], 0);
    drop(reader);
    assert!(daemon.stop().0.success());
}
