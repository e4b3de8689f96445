//! Whole lists of followers: what they tell that was not heard, and what they may not tell.

use super::{at, fetched};
use crate::brand::FollowKind::{Follow, Unfollow};
use crate::brand::{FollowKind, FollowerEvent, Listed, SnapshotState, SnapshotStep};
use crate::post::Author;
use crate::store::{Commit, Reader, Writer, file, open, row, schema};
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

fn step(second: i64, what: Listed) -> SnapshotStep {
    SnapshotStep { source: "s".into(), account: "own".into(), at: at(second), what }
}

fn page(second: i64, ids: &[&str], next: Option<&str>) -> SnapshotStep {
    let followers = ids.iter().map(ToString::to_string).collect();
    step(second, Listed::Page { followers, next: next.map(str::to_owned) })
}

fn heard(follower: &str, second: i64, kind: FollowKind) -> FollowerEvent {
    let (source, account, record) = ("s".into(), "own".into(), String::new());
    FollowerEvent { source, account, follower: follower.into(), record, at: at(second), kind }
}

/// A snapshot of `pages`, the first step at `second`, a step a second.
async fn list(writer: &mut Writer, second: i64, pages: &[&[&str]], state: SnapshotState) {
    let began = step(second, Listed::Began { total: Some(9) });
    let ended = step(second + 1 + pages.len() as i64, Listed::Ended(state));
    let pages = pages.iter().zip(second + 1..).map(|(ids, second)| page(second, ids, Some("more")));
    let snapshots = [began].into_iter().chain(pages).chain([ended]).collect();
    writer.commit(&Commit { snapshots, ..Commit::default() }).await.unwrap();
}

async fn hear(writer: &mut Writer, event: FollowerEvent) {
    writer.commit(&Commit { followers: vec![event], ..Commit::default() }).await.unwrap();
}

async fn events(reader: &Reader) -> Vec<(String, FollowKind)> {
    let events = reader.followers("s", "own", at(0), 99).await.unwrap();
    events.into_iter().map(|event| (event.follower, event.kind)).collect()
}

async fn following(reader: &Reader) -> Vec<String> {
    let mut all = Vec::new();
    reader.each_follower("s", "own", |author, _| all.push(author.id.unwrap().to_string())).await.unwrap();
    all.sort();
    all
}

fn named(events: &[(&str, FollowKind)]) -> Vec<(String, FollowKind)> {
    events.iter().map(|(follower, kind)| ((*follower).to_owned(), *kind)).collect()
}

#[tokio::test]
async fn whom_the_first_list_names_was_there_before() {
    let dir = TempDir::new().unwrap();
    let (mut writer, reader) = open(dir.path()).await.unwrap();
    hear(&mut writer, heard("heard", 1, Follow)).await;
    list(&mut writer, 10, &[&["ann", "bob"], &["heard", "bob", "cem"]], SnapshotState::Whole).await;
    assert_eq!(events(&reader).await, named(&[("heard", Follow)]));
    assert_eq!(following(&reader).await, ["ann", "bob", "cem", "heard"]);
    let snapshot = reader.snapshot("s", "own").await.unwrap().unwrap();
    assert_eq!((snapshot.named, snapshot.total, snapshot.state), (4, Some(9), SnapshotState::Whole));
    assert_eq!((snapshot.began_at, snapshot.ended_at, snapshot.next), (at(10), Some(at(13)), None));
    assert_eq!(reader.snapshot("s", "other").await.unwrap(), None);
}

#[tokio::test]
async fn a_later_list_tells_what_was_not_heard() {
    let dir = TempDir::new().unwrap();
    let (mut writer, reader) = open(dir.path()).await.unwrap();
    list(&mut writer, 10, &[&["ann", "bob", "cem"]], SnapshotState::Whole).await;
    hear(&mut writer, heard("dora", 20, Follow)).await;
    hear(&mut writer, heard("bob", 21, Unfollow)).await;
    list(&mut writer, 30, &[&["bob", "cem", "dora", "emil"]], SnapshotState::Whole).await;
    let told = [("dora", Follow), ("bob", Unfollow), ("bob", Follow), ("emil", Follow), ("ann", Unfollow)];
    assert_eq!(events(&reader).await, named(&told));
    assert_eq!(following(&reader).await, ["bob", "cem", "dora", "emil"]);
    // The same again tells nothing.
    list(&mut writer, 40, &[&["bob", "cem", "dora", "emil"]], SnapshotState::Whole).await;
    assert_eq!(events(&reader).await.len(), told.len());
}

#[tokio::test]
async fn what_changes_while_the_list_is_read_is_as_heard() {
    let dir = TempDir::new().unwrap();
    let (mut writer, reader) = open(dir.path()).await.unwrap();
    list(&mut writer, 10, &[&["ann", "bob"]], SnapshotState::Whole).await;
    writer
        .commit(&Commit { snapshots: vec![step(20, Listed::Began { total: None })], ..Commit::default() })
        .await
        .unwrap();
    hear(&mut writer, heard("ann", 21, Unfollow)).await;
    hear(&mut writer, heard("late", 22, Follow)).await;
    let rest = vec![page(23, &["ann", "bob"], None), step(24, Listed::Ended(SnapshotState::Whole))];
    writer.commit(&Commit { snapshots: rest, ..Commit::default() }).await.unwrap();
    assert_eq!(events(&reader).await, named(&[("ann", Unfollow), ("late", Follow)]));
    assert_eq!(following(&reader).await, ["bob", "late"]);
}

#[tokio::test]
async fn a_short_list_says_nothing_of_who_is_not_in_it() {
    let dir = TempDir::new().unwrap();
    let (mut writer, reader) = open(dir.path()).await.unwrap();
    list(&mut writer, 10, &[&["ann", "bob"]], SnapshotState::Whole).await;
    list(&mut writer, 20, &[&["bob"]], SnapshotState::Short).await;
    list(&mut writer, 30, &[], SnapshotState::Hidden).await;
    assert_eq!((events(&reader).await, following(&reader).await.len()), (Vec::new(), 2));
    // Compared with the last whole one.
    list(&mut writer, 40, &[&["ann"]], SnapshotState::Whole).await;
    assert_eq!(events(&reader).await, named(&[("bob", Unfollow)]));
    let spread = reader.number("SELECT at - since FROM follower_event").await.unwrap();
    assert_eq!(spread, 32_000_000_000, "some time between 10 s and 42 s");
    // Steps without a beginning.
    writer.commit(&Commit { snapshots: vec![page(50, &["x"], None)], ..Commit::default() }).await.unwrap();
    assert_eq!(following(&reader).await, ["ann"]);
}

#[tokio::test]
async fn a_list_goes_on_where_it_stopped() {
    let dir = TempDir::new().unwrap();
    let (mut writer, reader) = open(dir.path()).await.unwrap();
    let snapshots = vec![step(1, Listed::Began { total: None }), page(2, &["ann"], Some("page 2"))];
    writer.commit(&Commit { snapshots, ..Commit::default() }).await.unwrap();
    writer.close().await.unwrap();
    drop(reader);
    let (_writer, reader) = open(dir.path()).await.unwrap();
    let snapshot = reader.snapshot("s", "own").await.unwrap().unwrap();
    assert_eq!((snapshot.state, snapshot.next.as_deref()), (SnapshotState::Open, Some("page 2")));
}

#[tokio::test]
async fn profiles_are_asked_for_once_and_the_newest_first() {
    let dir = TempDir::new().unwrap();
    let (mut writer, reader) = open(dir.path()).await.unwrap();
    let ann = Author { id: Some("ann".into()), following: Some(4_812), ..Author::default() };
    let authors = vec![fetched("s", ann)];
    writer.commit(&Commit { authors, ..Commit::default() }).await.unwrap();
    list(&mut writer, 10, &[&["ann", "bob", "cem"]], SnapshotState::Whole).await;
    hear(&mut writer, heard("dora", 20, Follow)).await;
    hear(&mut writer, heard("bob", 21, Follow)).await;
    assert_eq!(reader.followers_to_look_up("s", 2).await.unwrap(), ["dora", "cem"]);
    assert_eq!(reader.followers_to_look_up("other", 2).await.unwrap().len(), 0);
    let bob = Author { id: Some("bob".into()), ..Author::default() };
    writer.commit(&Commit { authors: vec![fetched("s", bob)], ..Commit::default() }).await.unwrap();
    assert_eq!(reader.followers_to_look_up("s", 9).await.unwrap(), ["dora", "cem"]);
    let mut known = Vec::new();
    reader.each_follower("s", "own", |author, _| known.extend(author.following)).await.unwrap();
    assert_eq!(known, [4_812]);
}

/// What version 3 stored, as version 4 tells it.
#[tokio::test]
async fn an_older_store_keeps_its_followers() {
    const OLD: &str = "\
        INSERT INTO author VALUES ('s', 'ann', 7, '{\"id\":\"ann\",\"following\":4812}'), ('s', 'mallory', 7, '{\"id\":\"mallory\"}');
        INSERT INTO wanted_profile (source, id) VALUES ('s', 'cem'), ('s', 'bob');
        INSERT INTO follow (source, account, follower, kind, record, at, snapshot) VALUES
            ('s', 'own', 'ann', 'follow', 'rec', 3, 1), ('s', 'own', 'bob', 'follow', '', 0, 1),
            ('s', 'own', 'cem', 'unfollow', '', 5, 1), ('t', 'own', 'dan', 'follow', '', 1, 0);
        INSERT INTO follower_event (source, account, follower, kind, record, at, since) VALUES
            ('s', 'own', 'ann', 'follow', 'rec', 3, NULL), ('s', 'own', 'gone/2', 'follow', '', 4, NULL),
            ('s', 'own', 'cem', 'unfollow', '', 5, 2);
        INSERT INTO snapshot (source, account, number, began_at, next, named, total, state) VALUES
            ('s', 'own', 1, 1, NULL, 3, 3, 'whole'), ('s', 'new', 1, 2, 'page 2', 1, NULL, 'open');
        INSERT INTO author_correction VALUES ('s', 'ann', 1, 'kim', 9)";
    let dir = TempDir::new().unwrap();
    let path = file::store(dir.path());
    let mut old = schema::writer(&path).connect().await.unwrap();
    for (sql, version) in schema::MIGRATIONS[..3].iter().zip(1..) {
        let step = format!("{sql}; PRAGMA user_version = {version}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(step)).execute(&mut old).await.unwrap();
    }
    sqlx::raw_sql(OLD).execute(&mut old).await.unwrap();
    let later =
        format!("UPDATE follower_event SET at = {0} + at; UPDATE follow SET at = {0} + at", row::nanoseconds(at(0)));
    sqlx::raw_sql(sqlx::AssertSqlSafe(later)).execute(&mut old).await.unwrap();
    old.close().await.unwrap();

    let (mut writer, reader) = open(dir.path()).await.unwrap();
    let told = [("ann", Follow), ("gone/2", Follow), ("cem", Unfollow)];
    assert_eq!(events(&reader).await, named(&told));
    assert_eq!(following(&reader).await, ["ann", "bob"]);
    assert_eq!(reader.follower_count("t", "own").await.unwrap(), 1);
    let mut judged = Vec::new();
    reader.each_follower("s", "own", |author, said| judged.push((author.following, said))).await.unwrap();
    judged.sort();
    assert_eq!(judged, [(None, None), (Some(4_812), Some(true))]);
    assert_eq!(reader.follow_record("s", "rec").await.unwrap(), Some(("own".into(), "ann".into())));
    assert_eq!(reader.followers_to_look_up("s", 9).await.unwrap(), ["bob", "cem"]);
    assert_eq!(reader.authors("s", &["ann", "bob", "mallory"]).await.unwrap().len(), 2);
    let whole = reader.snapshot("s", "own").await.unwrap().unwrap();
    assert_eq!((whole.state, whole.named), (SnapshotState::Whole, 3));
    assert_eq!(reader.snapshot("s", "new").await.unwrap().unwrap().next.as_deref(), Some("page 2"));
    // And it goes on from there.
    list(&mut writer, 20, &[&["bob", "emil"]], SnapshotState::Whole).await;
    let later: Vec<_> = events(&reader).await.split_off(told.len());
    assert_eq!(later, named(&[("emil", Follow), ("ann", Unfollow)]));
}
