//! `reputed demo`: an invented week comes out as it was meant, whatever the pace.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const WEEK: &str = include_str!("../../deploy/demo/week.jsonl");

fn reputed(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reputed"));
    command.args(args).env("REPUTED_LOG", "warn").env_remove("REPUTED_CONFIG");
    command
}

fn lines(text: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(text).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Plays the week into `dir`; what it said, then mentions and alerts (newest first).
fn play(dir: &Path, seconds: &str) -> (String, Vec<Value>, Vec<Value>) {
    let said = reputed(&["demo", "--once", "--seconds", seconds, "--dir"]).arg(dir).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let config = dir.join("reputed.toml");
    let ask = |args: &[&str]| lines(&reputed(args).arg("-c").arg(&config).output().unwrap().stdout);
    let (mentions, alerts) = (ask(&["export"]), ask(&["alerts", "list", "--all", "--json"]));
    (String::from_utf8(said.stderr).unwrap(), mentions, alerts)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn of<'v>(alerts: &'v [Value], rule: &str) -> Vec<&'v Value> {
    alerts.iter().filter(|alert| text(alert, "rule") == rule).collect()
}

#[test]
fn the_week_comes_out_as_it_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    let (said, mentions, alerts) = play(dir.path(), "10");
    assert!(said.contains("/login?token="), "{said}");
    assert!(said.contains("The week is over: "), "{said}");

    let week = lines(WEEK.as_bytes());
    let texts: Vec<&str> = mentions.iter().map(|mention| text(mention, "text")).collect();
    let about = |word: &str| texts.iter().filter(|text| text.contains(word)).count();
    // The village, the club, the weights and other people's kettles stay out.
    for noise in ["Fernwick FC", "kettlebell", "Kettlebell", "Bramble", "Brightspout", "moor", "bronze age"] {
        assert!(week.iter().any(|post| text(post, "text").contains(noise)), "{noise}: in the week");
        assert_eq!(about(noise), 0, "{noise}");
    }
    assert!((300..340).contains(&mentions.len()), "{}", mentions.len());

    // Edited and deleted in the week, so here.
    let edited = week.iter().find(|post| post["edited_at"].is_string()).unwrap();
    let shown = mentions.iter().find(|mention| mention["id"] == edited["id"]).unwrap();
    assert_eq!(shown["text"], edited["text"]);
    let deleted = week.iter().find(|post| post["deleted"] == true).unwrap();
    assert!(mentions.iter().all(|mention| mention["id"] != deleted["id"]), "the deleted post is gone");
    assert!(week.iter().any(|post| post["id"] == deleted["id"] && post["deleted"] != true), "it was there");

    // Copies of one warning are one thing.
    let mut clusters: BTreeMap<&str, usize> = BTreeMap::new();
    for mention in mentions.iter().filter(|mention| text(mention, "text").contains("Do NOT install update 2.4")) {
        *clusters.entry(text(mention, "cluster")).or_default() += 1;
    }
    assert!(clusters.len() == 1 && clusters.values().all(|copies| *copies >= 5), "{clusters:?}");

    let languages: BTreeSet<&str> = mentions.iter().map(|mention| text(&mention["scores"], "lang")).collect();
    for language in ["en", "de", "fr", "es", "it", "pt", "ja"] {
        assert!(languages.contains(language), "{language} of {languages:?}");
    }

    // One storm, which grew in place and became more urgent when somebody with an audience joined in.
    let storms = of(&alerts, "complaint-storm");
    assert_eq!(storms.len(), 1, "{storms:?}");
    assert!(storms[0]["count"].as_u64().unwrap() >= 30, "{}", storms[0]);
    assert_eq!(text(storms[0], "priority"), "P1");
    let why = storms[0]["priority_why"].to_string();
    assert!(why.contains("base P2") && why.contains("large audience"), "{why}");
    let opened: jiff::Timestamp = text(storms[0], "opened_at").parse().unwrap();
    let hour = opened.strftime("%H").to_string();
    assert_eq!(hour, "13", "it broke after lunch, and is seen within the hour");
    // Some 45 of the week's mentions ask the brand something; the fast tier, which scores where the machine is slow, finds
    // fewer.
    assert!(of(&alerts, "question-waiting").len() >= 5);
    assert!(!of(&alerts, "praise").is_empty());
    // A day has its handful; nobody reads hundreds.
    assert!(alerts.len() <= 80, "{} alerts", alerts.len());
    // No alert quotes the own account; one tells of its followers.
    let own = |alert: &&Value| text(alert, "title").starts_with("fernwick.example");
    let own: Vec<&str> = alerts.iter().filter(own).map(|alert| text(alert, "rule")).collect();
    assert_eq!(own, ["bought-followers"]);
}

#[test]
fn one_night_brings_bought_followers() {
    let dir = tempfile::tempdir().unwrap();
    play(dir.path(), "5");
    let ask = reputed(&["follower", "audit", "fernwick.example", "--json", "-c"])
        .arg(dir.path().join("reputed.toml"))
        .output();
    let audit = lines(&ask.unwrap().stdout).remove(0);
    let waves = audit["waves"].as_array().unwrap();
    assert_eq!(waves.len(), 1, "{waves:?}");
    let began: jiff::Timestamp = text(&waves[0], "from").parse().unwrap();
    assert_eq!(began.strftime("%H").to_string(), "02", "{}", waves[0]);
    assert!((380..440).contains(&waves[0]["counted"].as_u64().unwrap()), "{}", waves[0]);
    assert_eq!(waves[0]["excess"]["reading"], "spam", "{}", waves[0]);
    let share = &audit["share"];
    assert!(share["low"].as_f64() < Some(0.4) && share["high"].as_f64() > Some(0.3), "400 of about 1,200: {share}");
}

/// The whole folder goes with Ctrl-C, and the URL is there long before the week is over.
#[test]
fn an_interrupt_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let mut demo = reputed(&["demo"]).env("TMPDIR", temp.path()).stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(demo.stderr.take().unwrap());
    let mut lines = said.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("/login?token=")), "the demo did not come up");
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1);
    let kill = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(kill.success());
    // Read to the end, so that it need not wait for us.
    lines.for_each(drop);
    assert!(demo.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
}
