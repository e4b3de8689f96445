//! Which mentions wait for better scores, and what becomes of them when they are there.

use super::*;

fn scored(seq: i64, model: &str) -> Mention {
    Mention { scores: Some(scores(model)), ..mention(seq, &format!("id-{seq}"), Some("ann")) }
}

fn scores(model: &str) -> Scores {
    Scores { model: model.into(), ..full_mention(1).scores.unwrap() }
}

fn range(first: i64, last: i64) -> Range {
    Range { first, last }
}

/// All ranges that wait, newest first, read as they are taken out.
async fn drained(writer: &mut Writer, reader: &Reader, most: i64) -> Vec<(i64, i64)> {
    let mut found = Vec::new();
    while let Some((range, _)) = reader.waiting_for_scores(most).await.unwrap() {
        found.push((range.first, range.last));
        let rescored = vec![Rescored { range, scores: Vec::new() }];
        writer.commit(&Commit { rescored, ..Commit::default() }).await.unwrap();
    }
    found
}

#[tokio::test]
async fn ranges_grow_together_and_are_taken_from_the_newest_on() {
    let dir = TempDir::new().unwrap();
    let (mut writer, reader) = open(dir.path()).await.unwrap();
    let mut ranges = Vec::new();
    for seq in [1, 2, 3, 7, 8, 20] {
        Range::extend(&mut ranges, seq);
    }
    assert_eq!(ranges, [range(1, 3), range(7, 8), range(20, 20)]);
    let wait = |rescore| Commit { rescore, ..Commit::default() };
    writer.commit(&wait(ranges)).await.unwrap();
    assert_eq!(reader.count_waiting_for_scores().await.unwrap(), 6);
    // Touching, overlapping, bridging, within, empty.
    writer.commit(&wait(vec![range(4, 4), range(8, 9), range(21, 22), range(2, 3), range(1, 0)])).await.unwrap();
    assert_eq!(reader.count_waiting_for_scores().await.unwrap(), 10);
    assert_eq!(drained(&mut writer, &reader, 100).await, [(20, 22), (7, 9), (1, 4)]);
    writer.commit(&wait(vec![range(1, 10)])).await.unwrap();
    // More came in behind it while it was scored: only what was scored is taken out.
    let rescored = vec![Rescored { range: range(8, 10), scores: Vec::new() }];
    writer.commit(&Commit { rescored, rescore: vec![range(11, 12)], ..Commit::default() }).await.unwrap();
    assert_eq!(drained(&mut writer, &reader, 4).await, [(11, 12), (4, 7), (1, 3)]);
    assert_eq!(reader.count_waiting_for_scores().await.unwrap(), 0);
}

#[tokio::test]
async fn new_scores_replace_the_old_only_where_the_text_is_the_same() {
    let dir = TempDir::new().unwrap();
    let (mut writer, reader) = open(dir.path()).await.unwrap();
    let new = arcs((1..=4).map(|seq| scored(seq, "old")));
    let commit = Commit { new: new.clone(), rescore: vec![range(1, 4)], ..Commit::default() };
    writer.commit(&commit).await.unwrap();
    let (found, mentions) = reader.waiting_for_scores(64).await.unwrap().unwrap();
    assert_eq!((found, mentions.len()), (range(1, 4), 4));
    let change = writer.last_change();
    // Meanwhile the second is edited, the third deleted; the fourth has become unknown.
    let mut edited = scored(2, "old");
    edited.post.text = "something else".into();
    writer.commit(&Commit { edited: arcs([edited]), deleted: vec![3], ..Commit::default() }).await.unwrap();
    let mut scores: NewScores =
        mentions.iter().map(|old| (old.seq, content(&old.post), Some(self::scores("new")))).collect();
    scores[3].2 = None;
    let rescored = vec![Rescored { range: found, scores }];
    writer.commit(&Commit { rescored, ..Commit::default() }).await.unwrap();
    let models: Vec<Option<String>> = reader
        .mentions(&[1, 2, 4])
        .await
        .unwrap()
        .into_iter()
        .map(|mention| mention.scores.map(|scores| scores.model))
        .collect();
    assert_eq!(models, [Some("new".into()), Some("old".into()), None]);
    let first = reader.mention(1).await.unwrap().unwrap();
    assert_eq!(first, Mention { scores: Some(self::scores("new")), ..Mention::clone(&new[0]) }, "nothing else changes");
    assert!(reader.mention(3).await.unwrap().is_none());
    // What changed is told to the index.
    let changed: Vec<i64> = reader.changes(change, 100).await.unwrap().iter().map(|changed| changed.seq).collect();
    assert_eq!(changed, [2, 3, 1, 4]);
    assert!(reader.waiting_for_scores(64).await.unwrap().is_none());
}
