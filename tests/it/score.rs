//! Which model scores: the encoder what it keeps up with, the fast tier a burst, the encoder that again afterwards.

use crate::house::{PATIENCE, post};
use crate::push::{house, push};
use serde_json::Value;
use std::time::{Duration, Instant};

/// More than the encoder is given at once.
const BURST: usize = 400;
/// The encoder comes back when a burst is some time ago, and without optimisation it takes its time.
const CATCHING_UP: Duration = PATIENCE.saturating_mul(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_scored_at_once_and_better_afterwards() {
    let house = house("[model]\nthreads = 1\n");
    let daemon = house.start();
    push(&daemon, &[post("alone", "velora never answers, terrible service")]).await;
    let page = daemon.until("/api/v1/mentions?limit=100", |page| page["total"] == 1).await;
    assert_eq!(page["items"][0]["scores"]["model"], "text-1", "{page}");

    let burst: Vec<Value> =
        (0..BURST).map(|n| post(&n.to_string(), &format!("velora broke my kettle, number {n}"))).collect();
    push(&daemon, &burst).await;
    let metrics = daemon.request(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(&format!("reputed_scored_total{{tier=\"fast\"}} {BURST}\n")), "{metrics}");
    let reader = house.reader().await;
    let began = Instant::now();
    while reader.count_waiting_for_scores().await.unwrap() > 0 {
        assert!(began.elapsed() < CATCHING_UP, "mentions wait for ever");
        crate::house::pause(50);
    }
    let mentions = reader.mentions(&(1..=BURST as i64 + 1).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(mentions.len(), BURST + 1);
    assert!(mentions.iter().all(|mention| mention.scores.as_ref().unwrap().model == "text-1"));

    // After an upgrade a person asks for it; here there is nothing to do, and it is soon done.
    house.output(&["model", "rescore"]);
    daemon.stop();
    house.output(&["model", "rescore"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_only_the_fast_tier_gets_it() {
    let house = house("[model]\ntier = \"fast\"\n");
    let daemon = house.start();
    push(&daemon, &[post("a", "velora never answers, terrible service")]).await;
    let page = daemon.until("/api/v1/mentions", |page| page["total"] == 1).await;
    assert_eq!(page["items"][0]["scores"]["tier"], "fast");
    let refused = house.run(&["model", "rescore"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && said.contains("`[model] tier` is `fast`"), "{said}");
}
