//! Recordings played through a source: counted faults, resuming, the end.

use crate::listen::Listening;
use reputed::source::Stop;
use std::io::Write;

fn recording() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/source/recorded/faults.jsonl");
    file.write_all(&std::fs::read(path).unwrap()).unwrap();
    file
}

#[tokio::test]
async fn plays_counts_and_ends_and_goes_on_where_it_was() {
    let mut file = recording();
    let toml = format!("path = {:?}", file.path());
    let source = Listening::start("recorded", &toml, None);
    let ledger = source.ledger.clone();
    let (ids, cursor, ended) = source.rest().await;
    assert_eq!(ids, ["r1", "r2", "-r3", "r9"]);
    assert!(matches!(ended, Err(Stop::Ended)));
    let told = ledger.snapshot(jiff::Timestamp::now());
    let errors: Vec<_> = told.errors.iter().map(|(reason, count)| (*reason, *count)).collect();
    assert_eq!(errors, [("malformed", 3), ("no_id", 1), ("no_text", 1)]);
    assert!(told.last_error.unwrap().starts_with("line 9: "), "the line is named");

    let (ids, cursor, _) = Listening::start("recorded", &toml, cursor).rest().await;
    assert_eq!(ids, Vec::<String>::new());
    writeln!(file, r#"{{"id":"r10","text":"Brightleaf","created_at":"2026-11-21T10:00:00Z"}}"#).unwrap();
    assert_eq!(Listening::start("recorded", &toml, cursor.clone()).rest().await.0, ["r10"]);

    // Another, shorter recording in its place is played from its start.
    file.as_file_mut().set_len(0).unwrap();
    std::fs::write(file.path(), r#"{"id":"n1","text":"Brightleaf","created_at":"2026-11-21T10:00:00Z"}"#).unwrap();
    let source = Listening::start("recorded", &toml, cursor);
    assert_eq!(source.rest().await.0, ["n1"]);
}

#[tokio::test]
async fn a_recording_that_is_not_there_may_come() {
    let (_, _, ended) = Listening::start("recorded", "path = '/nowhere/posts.jsonl'", None).rest().await;
    assert!(matches!(ended, Err(Stop::Failed(why)) if why.contains("/nowhere/posts.jsonl")));
}

#[tokio::test]
async fn stops_while_it_waits_for_the_recorded_clock() {
    let file = recording();
    let toml = format!("path = {:?}\nspeed = 1", file.path());
    let mut source = Listening::start("recorded", &toml, None);
    assert_eq!(source.ids(1).await, ["r1"]);
    let cursor = source.stop().await.unwrap();
    assert!(cursor.contains("\"line\":1"), "{cursor}");
}
