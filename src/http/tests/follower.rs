//! Followers through the door: who may see whose, what is told of them, tables and the picture.

use super::super::audit::{Audits, Back, Question};
use super::super::openapi;
use super::*;
use crate::brand::{FollowKind, FollowerEvent, Listed, SnapshotState, SnapshotStep};
use crate::mention::AuthorSpam;
use crate::post::Author;
use crate::store::Fetched;
use jiff::SignedDuration;
use serde_json::json;
use std::collections::BTreeSet;

const DAY: i64 = 24;

fn account(source: &str, handle: &str, id: Option<&str>) -> OwnAccount {
    OwnAccount { source: source.into(), handle: handle.into(), id: id.map(str::to_owned) }
}

fn brand(id: &str, accounts: Vec<OwnAccount>) -> Brand {
    Brand { id: id.into(), name: id.into(), watches: vec![], accounts }
}

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::now().checked_sub(SignedDuration::from_hours(hours)).unwrap()
}

fn listed(source: &str, account: &str, followers: &[&str]) -> Vec<SnapshotStep> {
    let page = Listed::Page { followers: followers.iter().map(ToString::to_string).collect(), next: None };
    let steps = [Listed::Began { total: Some(9) }, page, Listed::Ended(SnapshotState::Whole)];
    let step = |what| SnapshotStep { source: source.into(), account: account.into(), at: hours_ago(40 * DAY), what };
    steps.map(step).into()
}

fn follow(follower: &str, at: Timestamp) -> FollowerEvent {
    let (source, account, record) = ("fedi".into(), "42/7".into(), String::new());
    FollowerEvent { source, account, follower: follower.into(), record, at, kind: FollowKind::Follow }
}

fn known(source: &str, id: &str, handle: &str) -> (String, Author<'static>) {
    let author = Author { id: Some(id.to_owned().into()), handle: Some(handle.to_owned().into()), ..Author::default() };
    (source.to_owned(), author)
}

fn person(id: &str) -> (String, Author<'static>) {
    let (source, author) = known("fedi", id, &format!("{id}@fedi.example"));
    let counts = (Some(310), Some(150), Some(900));
    (source, Author { followers: counts.0, following: counts.1, posts: counts.2, has_avatar: Some(true), ..author })
}

fn fetched(authors: Vec<(String, Author<'static>)>) -> Vec<Fetched> {
    authors.into_iter().map(|(source, author)| Fetched { source, author, spam: AuthorSpam::default() }).collect()
}

fn doubtful(id: &str, name: &str) -> (String, Author<'static>) {
    let (source, author) = known("fedi", id, &format!("{id}48213@fedi.example"));
    let name = Some(name.to_owned().into());
    (
        source,
        Author { name, followers: Some(2), following: Some(6_812), posts: Some(0), has_avatar: Some(false), ..author },
    )
}

/// Acme has an account with its id, one by handle that was looked up, and one that another brand's account was called
/// once; Bolt has one by handle.
async fn house() -> House {
    let acme = vec![
        account("fedi", "acme.example", Some("42/7")),
        account("sky", "acme-two.example", None),
        account("fedi", "once-acme", None),
    ];
    let bolt = vec![account("fedi", "bolt", None), account("fedi", "<bolt>&co", Some("99"))];
    let mut snapshots = listed("fedi", "42/7", &["ann", "bob", "cem", "nobody"]);
    snapshots.extend(listed("sky", "did:acme2", &["did:ann"]));
    snapshots.extend(listed("fedi", "77", &["ann"]));
    snapshots.extend(listed("fedi", "99", &["ann"]));
    let authors = vec![
        person("ann"),
        person("bob"),
        doubtful("cem", "=HYPERLINK(\"//evil.example\")"),
        doubtful("dora", "Say \"hi\",\nthen go"),
        known("sky", "did:acme2", "Acme-Two.example"),
        known("fedi", "77", "bolt@fedi.example"),
        known("fedi", "99", "once-acme"),
    ];
    let followers = vec![follow("dora", hours_ago(2 * DAY)), follow("emil", hours_ago(DAY))];
    let authors = fetched(authors);
    let commits = [Commit { snapshots, authors, ..Commit::default() }, Commit { followers, ..Commit::default() }];
    House::furnished(vec![], vec![brand("acme", acme), brand("bolt", bolt)], commits.into()).await
}

fn names(schema: &Value) -> BTreeSet<String> {
    schema.as_object().unwrap().keys().cloned().collect()
}

/// The document has the names that the answer has, no more and no fewer.
fn assert_described(schema: &str, answer: &Value) {
    let document = openapi::build();
    assert_eq!(names(&document["components"]["schemas"][schema]["properties"]), names(answer), "{schema}");
}

#[tokio::test]
async fn own_accounts_are_listed_to_those_who_may_see_them() {
    let house = house().await;
    let listed = async |caller: &str| {
        let (status, page) = house.get(&token(caller), "/api/v1/followers").await;
        assert_eq!(status, 200);
        let items = page["items"].as_array().unwrap().clone();
        let account = |item: &Value| item["account"].as_str().map(str::to_owned);
        (items.iter().map(account).collect::<Vec<_>>(), items)
    };
    let (ids, items) = listed("viewer-acme").await;
    let text = |id: &str| Some(id.to_owned());
    assert_eq!(ids, [text("42/7"), text("did:acme2"), None], "a handle that went to another brand leads nowhere");
    assert_eq!((&items[0]["handle"], &items[0]["brands"]), (&json!("acme.example"), &json!(["acme"])));
    assert_eq!((&items[0]["followers"], &items[0]["snapshot"]["state"]), (&json!(6), &json!("whole")));
    assert_eq!((&items[2]["followers"], &items[2]["snapshot"]), (&json!(0), &Value::Null));
    assert_described("OwnAccount", &items[0]);
    assert_described("Snapshot", &items[0]["snapshot"]);
    let (ids, _) = listed("viewer").await;
    assert_eq!(ids, [text("42/7"), text("did:acme2"), None, text("77"), text("99")]);
}

#[tokio::test]
async fn an_account_tells_who_follows_it() {
    let house = house().await;
    let viewer = token("viewer-acme");
    let (status, told) = house.get(&viewer, "/api/v1/followers/@Acme.example").await;
    assert_eq!((status, &told["source"], &told["account"]), (200, &json!("fedi"), &json!("42/7")), "{told}");
    assert_described("FollowerPage", &told);
    let share = &told["share"];
    assert_eq!((&share["known"], &share["unknown"], &told["looked_at"]), (&json!(4), &json!(2), &json!(6)));
    assert!(share["low"].as_f64() <= share["spam"].as_f64() && share["spam"].as_f64() <= share["high"].as_f64());
    assert_described("Share", share);
    assert_eq!((&told["suspicious_in_all"], &told["step"]), (&json!(2), &json!("day")));
    let suspect = &told["suspicious"][0];
    assert!(suspect["spam"].as_f64().unwrap() > 0.5 && !suspect["reasons"].as_array().unwrap().is_empty());
    assert_described("Suspect", suspect);
    assert_eq!(
        told["items"].as_array().unwrap().iter().map(|item| &item["follower"]).collect::<Vec<_>>(),
        ["dora", "emil"]
    );
    assert_described("FollowerEvent", &told["items"][0]);
    let growth = told["growth"].as_array().unwrap();
    assert_described("Growth", &growth[0]);
    assert_described("Count", &growth[0]["spam"]);
    let new: f64 = growth.iter().map(|point| point["unknown"].as_f64().unwrap()).sum();
    assert!((29..=32).contains(&growth.len()) && new == 1.0, "{growth:?}");
    let (_, few) = house.get(&viewer, "/api/v1/followers/42/7?limit=1&days=7").await;
    assert_eq!((few["suspicious"].as_array().map(Vec::len), few["items"].as_array().map(Vec::len)), (Some(1), Some(1)));
    assert_eq!((&few["suspicious_in_all"], &few["step"]), (&json!(2), &json!("hour")));
    let since = hours_ago(30).to_string();
    let (_, late) = house.get(&viewer, &format!("/api/v1/followers/42/7?since={since}")).await;
    assert_eq!((&late["items"][0]["follower"], &late["items"][1]), (&json!("emil"), &Value::Null));
    // Nothing is stored of one whose id is not known.
    let (status, none) = house.get(&viewer, "/api/v1/followers/once-acme").await;
    assert_eq!((status, &none["share"]["known"], &none["snapshot"]), (200, &json!(0), &Value::Null));
    assert_eq!(house.get(&viewer, "/api/v1/followers/acme-two.example").await.1["account"], "did:acme2");
}

#[tokio::test]
async fn a_persons_word_is_told_at_once() {
    let house = house().await;
    let told = async || {
        let (_, told) = house.get(&token("viewer"), "/api/v1/followers/acme.example").await;
        let suspects = told["suspicious"].as_array().unwrap().clone();
        suspects.iter().map(|one| (one["id"].as_str().unwrap().to_owned(), one["said"].clone())).collect::<Vec<_>>()
    };
    let named = |id: &str, said: Value| (id.to_owned(), said);
    assert_eq!(told().await, [named("cem", Value::Null), named("dora", Value::Null)]);
    for (id, word) in [("cem", "no"), ("ann", "yes")] {
        let say = house.request("PATCH", &format!("/api/v1/authors/fedi/{id}")).bearer_auth(token("responder"));
        assert_eq!(read(say.json(&json!({ "spam": word }))).await.0, 200);
    }
    assert_eq!(told().await, [named("ann", json!(true)), named("dora", Value::Null)]);
}

#[test]
fn a_wave_is_as_described() {
    use crate::follower::audit::Told;
    use crate::follower::excess::{Excess, Reading};
    use crate::follower::wave::Wave;
    let wave = Wave { from: at(0), found: at(1), until: None, expected: 1.0, counted: 9, hours: 1.0 };
    let excess = Excess { count: 8.0, spam: 0.5, low: 0.0, high: 1.0, reading: Reading::Unclear };
    let told = serde_json::to_value(Told { wave, excess }).unwrap();
    assert_described("Wave", &told);
    assert_described("Excess", &told["excess"]);
}

#[tokio::test]
async fn nobody_sees_the_followers_of_another_brand() {
    let house = house().await;
    for name in ["bolt", "77", "99", "77?source=fedi", "%3Cbolt%3E%26co", "somebody", "somebody?source=fedi"] {
        for more in ["", "format=csv", "format=csv&of=growth", "format=svg"] {
            let sign = if name.contains('?') { "&" } else { "?" };
            let (status, problem) =
                house.get(&token("admin-acme"), &format!("/api/v1/followers/{name}{sign}{more}")).await;
            assert_eq!(status, 404, "{name} {more}");
            assert!(problem["detail"].as_str().unwrap().contains("GET /api/v1/followers"), "{problem}");
        }
    }
    assert_eq!(house.get(&token("viewer"), "/api/v1/followers/bolt").await.1["account"], "77");
}

#[tokio::test]
async fn tables_open_in_a_spreadsheet_and_run_nothing() {
    let house = house().await;
    let table = async |query: &str| {
        let request = house.request("GET", &format!("/api/v1/followers/acme.example?format=csv{query}"));
        let answer = request.bearer_auth(token("viewer-acme")).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8; header=present");
        let name = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
        (name, answer.text().await.unwrap())
    };
    let (name, all) = table("").await;
    assert_eq!(name, "attachment; filename=\"followers-acme.example.csv\"");
    let rows: Vec<&str> = all.split_terminator("\r\n").collect();
    assert_eq!(rows[0], "spam,handle,name,id,followers,following,posts,reasons");
    assert_eq!(rows.len(), 5, "those whose profile is known: {all}");
    assert!(all.contains(r#","'=HYPERLINK(""//evil.example"")","cem","2","6812","0","follows 6,812"#), "{all}");
    assert!(all.contains("\"Say \"\"hi\"\",\nthen go\""), "{all}");
    assert!(
        rows[1].starts_with("\"0.9")
            && rows[1].contains("48213@fedi.example")
            && rows[4].contains("\"310\",\"150\",\"900\",\"\""),
        "{all}"
    );
    assert_eq!(table("&of=followers&limit=1").await.1.split_terminator("\r\n").count(), 2);
    let (name, growth) = table("&of=growth&days=7").await;
    assert_eq!(name, "attachment; filename=\"growth-acme.example.csv\"");
    assert!(growth.starts_with("start,observed,genuine,") && growth.lines().count() > 7 * 24, "{growth}");
}

#[tokio::test]
async fn growth_comes_as_a_picture_that_runs_nothing() {
    let house = house().await;
    let path = "/api/v1/followers/%3Cbolt%3E%26co?format=svg";
    let answer = house.request("GET", path).bearer_auth(token("viewer")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &"image/svg+xml".parse().unwrap()));
    let policies: Vec<_> = answer.headers().get_all("content-security-policy").iter().collect();
    assert_eq!(policies, ["default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"]);
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let svg = answer.text().await.unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("New followers of &lt;bolt&gt;&amp;co") && !svg.contains("<bolt>"));
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let twice = vec![account("fedi", "acme.example", Some("1")), account("sky", "acme.example", Some("2"))];
    let house = House::furnished(vec![], vec![brand("acme", twice)], vec![]).await;
    let tomorrow = hours_ago(-DAY).to_string();
    let cases = [
        ("", "source"),
        ("source=fedi&days=0", "days"),
        ("source=fedi&days=3651", "days"),
        ("source=fedi&days=some", "days"),
        ("source=fedi&days=-1", "days"),
        ("source=fedi&since=yesterday", "since"),
        (&format!("source=fedi&since={tomorrow}"), "since"),
        ("source=fedi&days=3&since=2026-01-01T00:00:00Z", "since"),
        ("source=fedi&limit=0", "limit"),
        ("source=fedi&limit=201", "limit"),
        ("source=fedi&limit=few", "limit"),
        ("source=fedi&format=csv&limit=100001", "limit"),
        ("source=fedi&format=pdf", "format"),
        ("source=fedi&of=growth", "of"),
        ("source=fedi&format=csv&of=all", "of"),
    ];
    for (query, field) in cases {
        let (status, problem) = house.get(ADMIN, &format!("/api/v1/followers/acme.example?{query}")).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{query}: {problem}");
    }
    assert_eq!(house.get(ADMIN, "/api/v1/followers/acme.example?source=sky").await.1["account"], "2");
}

#[tokio::test]
async fn an_audit_is_kept_for_those_who_ask_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = store::open(dir.path()).await.unwrap();
    let audits = Audits::new(reader, Arc::new(Model::load().unwrap()));
    let question = |days| Question { source: "fedi".into(), account: "42/7".into(), back: Back::Days(days) };
    let (first, together) = tokio::join!(audits.report(question(30)), audits.report(question(30)));
    let first = first.unwrap();
    assert!(Arc::ptr_eq(&first, &together.unwrap()), "the second waited for the first");
    let commit = Commit {
        snapshots: listed("fedi", "42/7", &["ann"]),
        authors: fetched(vec![person("ann")]),
        ..Commit::default()
    };
    writer.commit(&commit).await.unwrap();
    assert!(Arc::ptr_eq(&first, &audits.report(question(30)).await.unwrap()));
    assert_eq!(audits.report(question(7)).await.unwrap().report.audit.share.known, 1);
    for days in 100..120 {
        audits.report(question(days)).await.unwrap();
    }
    assert!(!Arc::ptr_eq(&first, &audits.report(question(30)).await.unwrap()), "only the latest few are kept");
    let names = audits.everybody("fedi".into(), "42/7".into(), 9, |all| all.len()).await.unwrap();
    assert_eq!(names, 1);
}
