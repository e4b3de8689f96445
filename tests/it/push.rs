//! Posts that are pushed: what is taken, what a 200 promises, what a deletion leaves.

use crate::house::{Daemon, House, PATIENCE, post};
use crate::sink::Sink;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

const TOKEN: &str = "a-token-of-the-crm-0123456789";

const CONFIG: &str = "[[brand]]\nid = \"velora\"\n[[brand.watch]]\nid = \"name\"\nquery = \"velora\"\n\
    [[source]]\nid = \"crm\"\nkind = \"push\"\ntoken = { file = \"crm.token\" }\n";

const RULES: &str = "schema = 1\n[[rule]]\nid = \"broken\"\nsay = \"{author}: {text}\"\nwhen = \"broken\"\n\
    detect = { kind = \"each\" }\npriority = \"P2\"\nkeep = \"7d\"\n";

pub fn house(more: &str) -> House {
    let house = House::new(&format!("{CONFIG}{more}"), RULES);
    house.write("crm.token", TOKEN);
    house
}

/// Pushes and expects that all of it is taken.
pub async fn push(daemon: &Daemon, posts: &[Value]) {
    let lines: Vec<String> = posts.iter().map(Value::to_string).collect();
    let (status, taken) = daemon.push(TOKEN, lines.join("\n")).await;
    assert_eq!((status, taken["accepted"].as_u64()), (200, Some(posts.len() as u64)), "{taken}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn takes_one_an_array_or_lines_and_each_once() {
    let house = house("");
    let daemon = house.start();
    let [a, b, c] = ["a", "b", "c"].map(|id| post(id, "velora"));
    let other = post("d", "nothing of interest");
    for _ in 0..2 {
        for (body, accepted, matched) in
            [(a.to_string(), 1, 1), (json!([a, b]).to_string(), 2, 2), (format!("{b}\n{c}\n{other}\n"), 3, 2)]
        {
            let (status, taken) = daemon.push(TOKEN, body).await;
            let counts = (taken["accepted"].as_u64(), taken["matched"].as_u64());
            assert_eq!((status, counts), (200, (Some(accepted), Some(matched))), "{taken}");
        }
        assert_eq!(house.reader().await.mention_count().await.unwrap(), 3);
    }
    for token in ["", "another-token-0123456789", &TOKEN[..TOKEN.len() - 1]] {
        assert_eq!(daemon.push(token, a.to_string()).await.0, 401, "{token}");
    }
    assert_eq!(daemon.push(TOKEN, "nonsense".into()).await.0, 400);
    // The token of a source opens nothing else.
    let url = format!("http://{}/api/v1/mentions", daemon.address);
    let listed = crate::house::client().get(url).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(listed.status(), 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_a_promise() {
    let house = house("");
    for round in 0..5 {
        let daemon = house.start();
        let posts: Vec<Value> = (0..20).map(|n| post(&format!("{round}-{n}"), "velora")).collect();
        push(&daemon, &posts).await;
        daemon.kill();
    }
    let daemon = house.start();
    daemon.until("/api/v1/mentions?limit=1", |answer| answer["total"] == 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newer_edit_holds() {
    let house = house("");
    let daemon = house.start();
    let edit = |text: &str, edited_at: Option<&str>| {
        let mut edit = post("a", text);
        (edit["edited_at"], edit["created_at"]) = (json!(edited_at), json!("2026-11-20T08:00:00Z"));
        edit
    };
    for (text, edited_at, holds) in [
        ("velora first", None, "velora first"),
        ("velora third", Some("2026-11-20T10:00:00Z"), "velora third"),
        ("velora second", Some("2026-11-20T09:00:00Z"), "velora third"),
        ("velora first", None, "velora third"),
        ("velora fourth", Some("2026-11-20T11:00:00Z"), "velora fourth"),
    ] {
        push(&daemon, &[edit(text, edited_at)]).await;
        assert_eq!(daemon.get("/api/v1/mentions/a").await["text"], holds, "after {text}");
    }
    daemon.until("/api/v1/mentions?q=fourth", |answer| answer["total"] == 1).await;
    assert_eq!(daemon.get("/api/v1/mentions?q=third").await["total"], 0);
    assert_eq!(house.reader().await.mention_count().await.unwrap(), 1);
}

/// Files below `dir` that hold `word`.
fn holding(dir: &Path, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map_while(Result::ok) {
        // A file of the index may be merged away meanwhile.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            found.extend(holding(&entry.path(), word));
        } else if let Ok(bytes) = std::fs::read(entry.path())
            && bytes.windows(word.len()).any(|window| window == word.as_bytes())
        {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_leaves_nothing() {
    let sink = Sink::start().await;
    let house = house(&sink.hook("ops"));
    let daemon = house.start();
    let mut secret = post("a", "velora zebrafish is broken");
    secret["author"] = json!({"id": "u1", "handle": "unicorn.example"});
    push(&daemon, &[secret.clone(), post("b", "velora stays")]).await;
    daemon.until("/api/v1/mentions?q=zebrafish", |answer| answer["total"] == 1).await;
    sink.until(|received| received.len() == 1).await;
    daemon.until("/api/v1/deliveries?state=delivered", |answer| answer["items"][0]["id"].is_string()).await;
    for word in ["zebrafish", "unicorn"] {
        assert_ne!(holding(&house.data(), word), Vec::<String>::new(), "{word} is to be seen before");
    }

    push(&daemon, &[json!({"id": "a", "created_at": secret["created_at"], "deleted": true})]).await;
    let gone = daemon.request(Method::GET, "/api/v1/mentions/a").send().await.unwrap();
    assert_eq!(gone.status(), 404);
    daemon.until("/api/v1/mentions?q=zebrafish", |answer| answer["total"] == 0).await;
    let told = daemon.get("/api/v1/alerts").await.to_string() + &daemon.get("/api/v1/deliveries").await.to_string();
    assert!(!told.contains("zebrafish") && !told.contains("unicorn"), "{told}");
    // It comes again, from a server that has not heard of it: it stays deleted.
    push(&daemon, &[secret]).await;
    assert_eq!(house.reader().await.mention_count().await.unwrap(), 1);
    let (status, _) = daemon.stop();
    assert!(status.success());

    // The index merges the segment that held it, and forgets the files, when it is next opened at the latest.
    let daemon = house.start();
    let began = Instant::now();
    while let Some(files) =
        ["zebrafish", "unicorn"].iter().map(|word| holding(&house.data(), word)).find(|files| !files.is_empty())
    {
        assert!(began.elapsed() < PATIENCE, "it lingers in {files:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    daemon.stop();
}
