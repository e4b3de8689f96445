//! Files that are damaged or wrong: what mends itself, what stops and says what to do.

use crate::house::{House, post};
use crate::push::{self, push};
use reqwest::Method;
use serde_json::Value;
use sqlx::ConnectOptions;
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

fn flip(path: &Path, at: u64) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[0x5a; 64]).unwrap();
}

fn files(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_index_is_built_anew() {
    let house = push::house("");
    let daemon = house.start();
    let posts: Vec<Value> = (0..50).map(|n| post(&format!("p{n}"), "velora")).collect();
    push(&daemon, &posts).await;
    daemon.until("/api/v1/mentions?q=velora", |answer| answer["total"] == 50).await;
    daemon.stop();
    let index = house.data().join("index");
    let damages: [(&str, &dyn Fn()); 4] = [
        ("flipped", &|| {
            for file in files(&index).iter().filter(|file| file.metadata().unwrap().len() > 200) {
                flip(file, 100);
            }
        }),
        ("no list", &|| std::fs::remove_file(index.join("meta.json")).unwrap()),
        ("half of the files", &|| {
            for file in files(&index).iter().step_by(2) {
                std::fs::remove_file(file).unwrap();
            }
        }),
        ("gone", &|| std::fs::remove_dir_all(&index).unwrap()),
    ];
    for (damage, done) in damages {
        done();
        let daemon = house.start();
        let found = daemon.until("/api/v1/mentions?q=velora", |answer| answer["total"] == 50).await;
        assert!(found["items"].as_array().is_some_and(|items| !items.is_empty()), "{damage}");
        assert!(daemon.stop().0.success(), "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_lost_meanwhile_is_built_anew() {
    let house = push::house("");
    let daemon = house.start();
    push(&daemon, &[post("a", "velora")]).await;
    daemon.until("/api/v1/mentions", |answer| answer["total"] == 1).await;
    std::fs::remove_dir_all(house.data().join("index")).unwrap();
    push(&daemon, &[post("b", "velora")]).await;
    daemon.until("/api/v1/mentions", |answer| answer["total"] == 2).await;
    daemon.until("/readyz", |answer| answer["ready"] == true).await;
    assert!(daemon.stop().0.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_stops_the_start_and_says_what_to_do() {
    let house = push::house("");
    let daemon = house.start();
    let posts: Vec<Value> = (0..500).map(|n| post(&format!("p{n}"), "velora")).collect();
    push(&daemon, &posts).await;
    assert!(daemon.stop().0.success());
    let store = house.data().join("reputed.db");
    let sound = std::fs::read(&store).unwrap();
    for (damage, bytes) in [
        ("no header", [&[0; 100], &sound[100..]].concat()),
        ("cut off", sound[..sound.len() / 2].to_vec()),
        ("overwritten", [&sound[..4_096], &vec![0x5a; 8_192], &sound[12_288..]].concat()),
    ] {
        std::fs::write(&store, bytes).unwrap();
        let done = house.run(&["run"]);
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{damage}: {told}");
        assert!(told.contains("reputed.db is damaged"), "{damage}: {told}");
        assert!(told.contains("restore a backup, or move the file away and import again"), "{damage}: {told}");
    }
    std::fs::write(&store, sound).unwrap();
    let daemon = house.start();
    daemon.until("/api/v1/mentions?limit=1", |answer| answer["total"] == 500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_damaged_under_a_running_daemon_is_found_at_the_next_start() {
    let house = push::house("");
    let daemon = house.start();
    let text = format!("velora {}", "x".repeat(500));
    let posts: Vec<Value> = (0..900).map(|n| post(&format!("p{n}"), &text)).collect();
    push(&daemon, &posts).await;
    // The log is brought back into the file once nothing is committed for a while.
    let store = house.data().join("reputed.db");
    let began = std::time::Instant::now();
    while std::fs::metadata(house.data().join("reputed.db-wal")).map_or(0, |data| data.len()) > 0 {
        assert!(began.elapsed() < crate::house::PATIENCE, "the log stays");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let pages = std::fs::metadata(&store).unwrap().len() / 4_096;
    for page in 1..pages {
        flip(&store, page * 4_096);
    }
    daemon.kill();
    let done = house.run(&["run"]);
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(1), "{told}");
    assert!(told.contains("is damaged"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_takes_no_commit_ends_the_daemon_though_nothing_more_comes_in() {
    let house = push::house("");
    let daemon = house.start();
    push(&daemon, &[post("p1", "velora")]).await;
    // Only a commit touches this table.
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(house.data().join("reputed.db"));
    let mut other = file.connect().await.unwrap();
    sqlx::raw_sql("ALTER TABLE counter RENAME TO lost").execute(&mut other).await.unwrap();
    let request = daemon.request(Method::POST, "/api/v1/posts?source=import").body(post("p2", "velora").to_string());
    assert!(request.send().await.is_ok_and(|answer| answer.status().is_server_error()), "nothing is acknowledged");
    house.until_logged("no such table");
    let began = std::time::Instant::now();
    while tokio::net::TcpStream::connect(daemon.address).await.is_ok() {
        assert!(began.elapsed() < crate::house::PATIENCE, "it goes on");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Place in the file, message, suggestion.
type Said = (&'static str, &'static str, &'static str);

/// A configuration, and what must be said of it.
const WRONG: [(&str, &[Said]); 9] = [
    ("[[brand]]\nid = \"a\"\nnmae = \"A\"\n", &[("8:1", "unknown key `brand.nmae`", "did you mean `name`?")]),
    ("[[source]]\nid = \"s\"\nkind = \"blusky\"\n", &[("8:8", "unknown kind `blusky`", "did you mean `bluesky`?")]),
    ("[[source]]\nid = \"s\"\n", &[("6:1", "lacks `kind`", "")]),
    (
        "[[brand]]\nid = \"a\"\n[[brand.watch]]\nid = \"w\"\nquery = 'velora sentimnt:negative'\n",
        &[("10:17", "sentimnt", "sentiment")],
    ),
    (
        "[[source]]\nid = \"s\"\nkind = \"hackernews\"\n[[source]]\nid = \"s\"\nkind = \"hackernews\"\nevery = \"soon\"\n",
        &[("10:6", "source `s` is there twice", ""), ("12:9", "`soon` is no duration", "such as")],
    ),
    (
        "[[source]]\nid = \"crm\"\nkind = \"push\"\ntoken = \"plain\"\n",
        &[("9:9", "`token` must not stand in the file", "env =")],
    ),
    (
        "[[source]]\nid = \"crm\"\nkind = \"push\"\ntoken = { env = \"REPUTED_NO_SUCH\" }\n",
        &[("9:9", "`REPUTED_NO_SUCH` is not set", "")],
    ),
    (
        "[[hook]]\nid = \"h\"\nkind = \"webhook\"\nurl = \"ftp://a.example\"\nallow = [\"10/8\"]\n",
        &[("9:7", "cannot post to `ftp:`", "https://"), ("10:9", "`10/8` is no address range", "such as")],
    ),
    ("[[brand]\nid = 7\n", &[("6:", "", "")]),
];

#[test]
fn a_wrong_configuration_is_told_of_all_at_once() {
    let sound = House::new("", "schema = 1\n");
    assert!(sound.output(&["check"]).starts_with("good: "));
    for (config, wrong) in WRONG {
        let house = House::new(config, "schema = 1\n");
        for command in ["check", "run"] {
            let done = house.run(&[command]);
            let told = String::from_utf8_lossy(&done.stderr).into_owned();
            assert_eq!(done.status.code(), Some(2), "{config}\n{told}");
            for (place, message, hint) in wrong {
                let place = format!("reputed.toml:{place}");
                let found =
                    told.lines().any(|line| line.contains(&place) && line.contains(message) && line.contains(hint));
                assert!(found, "{command}: {place}, {message}, {hint} is not told of\n{config}\n{told}");
            }
        }
    }
    // Of the rules, too, and together with the rest.
    let house = House::new("datadir = \"x\"\n", "schema = 1\n[[rule]]\nid = \"r\"\nsay = \"{txt}\"\nwhen = \"a\"\n");
    let told = String::from_utf8_lossy(&house.run(&["check"]).stderr).into_owned();
    assert!(told.contains("datadir") && told.contains("rules.toml:4:") && told.contains("2 errors"), "{told}");
}
