//! Tests of the store: what goes in comes out, what must not get in stays out, and damage is told.

mod author;
mod follower;
mod model;
mod rescore;

use super::*;
use crate::alert::{Alert, News, Priority, State, delivery_id};
use crate::brand::FollowKind;
use crate::mention::{AuthorSpam, Emotion, Mention, Probability, Scores, Tier};
use crate::post::{Kind, Post, Str};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use tempfile::TempDir;

fn at(second: i64) -> Timestamp {
    Timestamp::new(1_800_000_000 + second, 123_456_789).unwrap()
}

fn arcs<T>(all: impl IntoIterator<Item = T>) -> Vec<Arc<T>> {
    all.into_iter().map(Arc::new).collect()
}

fn mention(seq: i64, id: &str, author: Option<&str>) -> Mention {
    let mut post = Post::new(id.to_owned(), format!("text of {id}"), at(seq));
    post.source = "s".into();
    post.author.id = author.map(|id| Str::from(id.to_owned()));
    Mention::new(post, seq, "acme", vec!["acme-name".into()], at(seq + 5))
}

fn full_mention(seq: i64) -> Mention {
    let text = |text: &str| Some(Str::from(text.to_owned()));
    let list = |item: &str| vec![Str::from(item.to_owned()), Str::from("\"\\ \u{1f600}\0".to_owned())];
    Mention {
        post: Post {
            id: "at://did:plc:x/app.bsky.feed.post/3k".into(),
            source: "bluesky".into(),
            kind: Kind::Review,
            url: text("https://x.example/1"),
            title: text("A title"),
            text: "they said \"followers\": 3\n and \u{1f600}".into(),
            lang: text("en"),
            created_at: "0001-01-01T00:00:00.000000001Z".parse().unwrap(),
            edited_at: Some(at(9)),
            author: Author {
                id: text("did:plc:x"),
                handle: text("ann.example"),
                name: text("Ann"),
                bio: text(""),
                followers: Some(u64::MAX),
                following: Some(0),
                posts: Some(1),
                has_avatar: Some(false),
                avatar_hash: None,
                created_at: Some(at(-1)),
            },
            reply_to: text("r"),
            root: text("o"),
            quote_of: text("q"),
            links: list("https://l.example"),
            tags: list("tag"),
            mentions: list("did:plc:y"),
            rating: Some(4.5),
            reach: Some(5),
            likes: Some(0),
            reposts: Some(7),
            deleted: false,
        },
        scores: Some(Scores {
            lang: "en".into(),
            lang_p: 0.1,
            sentiment: -0.333_333_34,
            label: Label::Negative,
            p: Probability { negative: 0.7, neutral: 0.2, positive: 0.1 },
            needs_answer: Some(0.3),
            complaint: None,
            offensive: Some(f32::MIN_POSITIVE),
            irony: Some(1.0),
            emotion: Some(Emotion { anger: 0.9, joy: 0.0, optimism: 0.05, sadness: 0.05 }),
            tier: Tier::Fast,
            model: "fast-2".into(),
        }),
        author_spam: AuthorSpam { spam: Some(0.25), reasons: vec!["new account".into()] },
        cluster: Some("00ff00ff00ff00ff".into()),
        cluster_size: Some(7),
        status: Status::Open,
        assignee: Some("eve".into()),
        note: Some(String::new()),
        correction: Some(Label::Positive),
        ..mention(seq, "x", None)
    }
}

fn alert(id: &str, revision: u32, state: State) -> Alert {
    Alert {
        id: id.into(),
        revision,
        rule: "storm".into(),
        title: "Complaints rise".into(),
        priority: Priority::P2,
        priority_why: vec!["rule says P2".into()],
        brand: "acme".into(),
        group: BTreeMap::from([("lang".into(), "en".into())]),
        state,
        opened_at: at(0),
        updated_at: at(i64::from(revision)),
        resolved_at: None,
        resolved_why: None,
        count: 3,
        spam_left_out: 0,
        ruleset: "abc".into(),
        mentions: vec![1, 2],
        reasons: Vec::new(),
        growth: None,
    }
}

fn delivery(alert_id: &str, hook: &str, revision: u32) -> Delivery {
    Delivery {
        id: delivery_id(alert_id, hook, revision),
        hook: hook.into(),
        alert: alert_id.into(),
        revision,
        news: if revision == 1 { News::Opened } else { News::Updated },
        body: alert(alert_id, revision, State::Open),
        state: DeliveryState::Pending,
        attempts: 0,
        created_at: at(i64::from(revision)),
        due_at: at(i64::from(revision)),
        finished_at: None,
        last_error: None,
    }
}

fn outcome(delivery: &Delivery, state: DeliveryState) -> DeliveryOutcome {
    let (attempts, due_at, last_error) = (delivery.attempts + 1, at(100), Some("refused".to_owned()));
    DeliveryOutcome { id: delivery.id.clone(), state, attempts, due_at, finished_at: Some(at(50)), last_error }
}

fn fetched(source: &str, author: Author<'static>) -> Fetched {
    Fetched { source: source.into(), author, spam: AuthorSpam::default() }
}

fn follower(record: &str, second: i64, kind: FollowKind) -> FollowerEvent {
    let (source, account, follower) = ("s".into(), "own".into(), "fan".into());
    FollowerEvent { source, account, follower, record: record.into(), at: at(second), kind }
}

async fn fresh() -> (TempDir, Writer, Reader) {
    let dir = tempfile::tempdir().unwrap();
    let (writer, reader) = open(dir.path()).await.unwrap();
    (dir, writer, reader)
}

fn stop(error: Error) -> String {
    match error {
        Error::Stop(message) => message,
        Error::Retry(message) => panic!("to be tried again: {message}"),
    }
}

async fn opening_stops(dir: &TempDir) -> String {
    match open(dir.path()).await {
        Err(error) => stop(error),
        Ok(_) => panic!("opened"),
    }
}

#[tokio::test]
async fn every_type_comes_back_as_it_went_in() {
    let (_dir, mut writer, reader) = fresh().await;
    let gap = Gap { from: at(1), to: at(2), reason: "away".into() };
    let mut dead = delivery("a", "h", 1);
    (dead.state, dead.attempts, dead.finished_at, dead.last_error) =
        (DeliveryState::Dead, 7, Some(at(3)), Some("410".into()));
    let profile = full_mention(1).post.author;
    let commit = Commit {
        new: arcs([full_mention(1), mention(2, "b", None)]),
        followers: vec![follower("rec", 4, FollowKind::Follow)],
        gaps: vec![("s".into(), gap.clone())],
        alerts: vec![Change { alert: alert("a", 1, State::Open), news: None, hooks: vec![] }],
        deliveries: arcs([dead.clone()]),
        authors: vec![fetched("bluesky", profile.clone())],
        cursors: vec![("s".into(), "here".into())],
        ..Commit::default()
    };
    writer.commit(&commit).await.unwrap();
    assert_eq!(arcs(reader.mentions(&[2, 9, 1]).await.unwrap()), [commit.new[1].clone(), commit.new[0].clone()]);
    assert_eq!(reader.mention(1).await.unwrap().as_ref(), Some(&*commit.new[0]));
    let id = &commit.new[0].post.id;
    assert_eq!(arcs(reader.mentions_by_id(id, None).await.unwrap()), commit.new[..1]);
    assert_eq!(reader.mentions_by_id(id, Some("other")).await.unwrap(), []);
    assert_eq!(reader.gaps("s", 9).await.unwrap(), [gap]);
    assert_eq!(reader.alert("a").await.unwrap(), Some(alert("a", 1, State::Open)));
    assert_eq!(reader.deliveries(Some(DeliveryState::Dead), Some("h"), 9).await.unwrap(), [dead]);
    assert_eq!(reader.cursor("s").await.unwrap().as_deref(), Some("here"));
    assert_eq!(reader.cursor("t").await.unwrap(), None);
    assert_eq!(reader.followers("s", "own", at(0), 9).await.unwrap(), commit.followers);
    assert_eq!(reader.authors("bluesky", &["did:plc:x", "nobody"]).await.unwrap(), [profile]);
    let known = reader.known(&[key(id), key("b"), key("nothing")]).await.unwrap();
    let mut seqs: Vec<_> =
        known.iter().map(|(key, known)| (known.seq, *key, &*known.source, known.edited_at)).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, [(1, key(id), "bluesky", Some(at(9))), (2, key("b"), "s", None)]);
    assert!(known.iter().all(|(_, known)| known.content == content(&commit.new[known.seq as usize - 1].post)));
    let counts = Counts { mentions: 2, alerts_open: 1, deliveries_pending: 0, deliveries_dead: 1 };
    assert_eq!(reader.counts().await.unwrap(), counts);
}

#[tokio::test]
async fn a_restart_counts_on() {
    let (dir, mut writer, _reader) = fresh().await;
    assert_eq!(writer.next_seq(), 1);
    writer
        .commit(&Commit { new: arcs([mention(1, "a", None), mention(2, "b", None)]), ..Commit::default() })
        .await
        .unwrap();
    writer.commit(&Commit { deleted: vec![2], ..Commit::default() }).await.unwrap();
    writer.close().await.unwrap();
    assert_eq!(file::length(&file::wal(&file::store(dir.path()))), 0);
    let (writer, reader) = open(dir.path()).await.unwrap();
    assert_eq!((writer.next_seq(), reader.last_change().await.unwrap()), (3, 3));
    assert_eq!(reader.mention_count().await.unwrap(), 1);
    assert_eq!(open_read_only(dir.path()).await.unwrap().mention_count().await.unwrap(), 1);
}

#[tokio::test]
async fn a_deleted_post_leaves_nothing_of_its_author() {
    let (dir, mut writer, reader) = fresh().await;
    let mut secret = mention(1, "a", Some("ann"));
    (secret.post.text, secret.note) = ("zebrafish".into(), Some("zebrafish again".into()));
    secret.post.author.handle = Some("unicorn.example".into());
    let profile = secret.post.author.clone();
    let authors = vec![fetched("s", profile)];
    let new = arcs([secret.clone(), mention(2, "b", Some("ann"))]);
    writer.commit(&Commit { new, authors, ..Commit::default() }).await.unwrap();
    assert_eq!(reader.mentions_of_author("s", "ann").await.unwrap(), [1, 2]);
    writer.commit(&Commit { deleted: vec![1, 1, 77], ..Commit::default() }).await.unwrap();
    assert_eq!(reader.mention(1).await.unwrap(), None);
    assert_eq!(reader.mentions_by_id("a", None).await.unwrap(), []);
    assert_eq!(reader.authors("s", &["ann"]).await.unwrap().len(), 1, "the other mention is still there");
    writer.commit(&Commit { deleted: vec![2], ..Commit::default() }).await.unwrap();
    assert_eq!(reader.authors("s", &["ann"]).await.unwrap(), []);
    assert_eq!(reader.mentions_of_author("s", "ann").await.unwrap(), [0_i64; 0]);
    let known = reader.known(&[key("a")]).await.unwrap();
    assert!(known[0].1.deleted && known[0].1.content == [0; 16]);
    let changes = reader.changes(0, 9).await.unwrap();
    assert!(changes.iter().all(|changed| changed.mention.is_none() && changed.rewritten));
    let last = changes.last().map(|changed| changed.change);
    // Neither an edit nor a patch brings it back, or takes a number that no row has.
    let patches = vec![(1, Patch { note: Some(Some("zebrafish".into())), ..Patch::default() })];
    writer.commit(&Commit { edited: arcs([secret]), patches, ..Commit::default() }).await.unwrap();
    assert_eq!(Some(writer.last_change()), last);
    assert_eq!(reader.mention(1).await.unwrap(), None);
    writer.close().await.unwrap();
    drop(reader);
    let bytes = fs::read(file::store(dir.path())).unwrap();
    for word in ["zebrafish", "unicorn"] {
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} lingers");
    }
}

#[tokio::test]
async fn what_alerts_quote_of_a_deleted_post_goes_too() {
    let (dir, mut writer, reader) = fresh().await;
    let quoting = |id: &str, state| Alert { title: format!("zebrafish in {id}"), ..alert(id, 1, state) };
    let change = |alert: Alert| Change { alert, news: None, hooks: vec![] };
    let told = |id: &str| Delivery { body: quoting(id, State::Open), ..delivery(id, "h", 1) };
    let (live, resolved) = (quoting("live", State::Open), quoting("over", State::Resolved));
    let other = Alert { mentions: vec![2], ..quoting("other", State::Resolved) };
    writer
        .commit(&Commit {
            new: arcs([mention(1, "a", None), mention(2, "b", None)]),
            alerts: vec![change(live.clone()), change(resolved), change(other)],
            deliveries: arcs([told("live"), told("over")]),
            ..Commit::default()
        })
        .await
        .unwrap();
    // What the rules made of the live one.
    let renamed = Alert { title: "(deleted)".into(), mentions: vec![2], ..live };
    writer.commit(&Commit { deleted: vec![1], alerts: vec![change(renamed)], ..Commit::default() }).await.unwrap();
    let title = async |id: &str| reader.alert(id).await.unwrap().unwrap().title;
    assert_eq!(title("live").await, "(deleted)");
    assert_eq!(title("over").await, "storm");
    assert_eq!(title("other").await, "zebrafish in other");
    assert_eq!(reader.alert("over").await.unwrap().unwrap().mentions, [2]);
    let bodies = reader.deliveries(None, Some("h"), 9).await.unwrap();
    assert_eq!(bodies.iter().map(|row| row.body.title.as_str()).collect::<Vec<_>>(), ["storm", "(deleted)"]);
    writer.close().await.unwrap();
    drop((dir, reader));
}

#[tokio::test]
async fn an_edit_keeps_a_persons_work_and_the_index_hears() {
    let (_dir, mut writer, reader) = fresh().await;
    writer.commit(&Commit { new: arcs([mention(1, "a", None)]), ..Commit::default() }).await.unwrap();
    assert!(!reader.changes(0, 9).await.unwrap()[0].rewritten);
    let patch = Patch {
        status: Some(Status::Done),
        assignee: Some(Some("eve".into())),
        note: Some(Some("called".into())),
        correction: Some(Some(Label::Positive)),
    };
    writer.commit(&Commit { patches: vec![(1, patch)], ..Commit::default() }).await.unwrap();
    let mut edited = mention(1, "a", Some("ann"));
    (edited.post.text, edited.watches) = ("other words".into(), vec!["w".into()]);
    writer.commit(&Commit { edited: arcs([edited]), ..Commit::default() }).await.unwrap();
    let changes = reader.changes(1, 9).await.unwrap();
    assert_eq!((changes.len(), changes[0].change, changes[0].rewritten), (1, 3, true));
    let stored = reader.mention(1).await.unwrap().unwrap();
    assert_eq!((&*stored.post.text, &stored.watches[0][..]), ("other words", "w"));
    assert_eq!((stored.status, stored.correction), (Status::Done, Some(Label::Positive)));
    assert_eq!((stored.assignee.as_deref(), stored.note.as_deref()), (Some("eve"), Some("called")));
    let clear = Patch { note: Some(None), correction: Some(None), ..Patch::default() };
    writer.commit(&Commit { patches: vec![(1, clear)], ..Commit::default() }).await.unwrap();
    let stored = reader.mention(1).await.unwrap().unwrap();
    assert_eq!((stored.note, stored.correction, stored.assignee.as_deref()), (None, None, Some("eve")));
    assert_eq!(reader.mentions_of_author("s", "ann").await.unwrap(), [1]);
}

#[tokio::test]
async fn a_defect_of_ours_is_refused_and_the_writer_goes_on() {
    let (_dir, mut writer, reader) = fresh().await;
    let commit = |seq, id: &str| Commit {
        new: arcs([mention(seq, id, None)]),
        cursors: vec![("s".into(), id.into())],
        ..Commit::default()
    };
    writer.commit(&commit(1, "a")).await.unwrap();
    assert!(stop(writer.commit(&commit(2, "a")).await.unwrap_err()).contains("UNIQUE"));
    assert!(stop(writer.commit(&commit(3, "c")).await.unwrap_err()).contains("numbered 3, not 2"));
    assert_eq!(reader.cursor("s").await.unwrap().as_deref(), Some("a"), "nothing of a failed commit is stored");
    assert_eq!((writer.next_seq(), reader.last_change().await.unwrap()), (2, 1));
    writer.commit(&commit(2, "b")).await.unwrap();
    assert_eq!(reader.last_change().await.unwrap(), 2);
}

#[tokio::test]
async fn an_author_is_found_across_shelves() {
    let (dir, mut writer, reader) = fresh().await;
    let by_ann = |seq: i64| mention(seq, &format!("id{seq}"), Some("ann"));
    let profile = Author { id: Some("ann".into()), followers: Some(9), ..Author::default() };
    writer.commit(&Commit { new: arcs([by_ann(1)]), ..Commit::default() }).await.unwrap();
    for last in [65_534, 3 * 65_536] {
        // As if so many had come meanwhile.
        writer.run(format!("UPDATE counter SET value = {last} WHERE name = 'seq'")).await;
        writer.close().await.unwrap();
        writer = open(dir.path()).await.unwrap().0;
        let new = arcs((last + 1..last + 4).map(by_ann));
        writer.commit(&Commit { new, ..Commit::default() }).await.unwrap();
    }
    let all = [1, 65_535, 65_536, 65_537, 196_609, 196_610, 196_611];
    assert_eq!(reader.mentions_of_author("s", "ann").await.unwrap(), all);
    let authors = vec![fetched("s", profile)];
    writer.commit(&Commit { authors, ..Commit::default() }).await.unwrap();
    let followers: Vec<_> =
        reader.mentions(&all).await.unwrap().iter().map(|mention| mention.post.author.followers).collect();
    assert_eq!(followers, [None, None, None, None, Some(9), Some(9), Some(9)]);
    writer.commit(&Commit { deleted: all[1..].into(), ..Commit::default() }).await.unwrap();
    assert_eq!(reader.authors("s", &["ann"]).await.unwrap().len(), 1, "the first is still there");
    writer.commit(&Commit { deleted: vec![1], ..Commit::default() }).await.unwrap();
    assert_eq!(reader.authors("s", &["ann"]).await.unwrap(), []);
}

#[tokio::test]
async fn the_same_id_may_stand_for_each_brand_and_source() {
    let (_dir, mut writer, reader) = fresh().await;
    let mut new = [mention(1, "a", None), mention(2, "a", None), mention(3, "a", None)];
    new[1].brand = "zeta".into();
    new[2].post.source = "t".into();
    writer.commit(&Commit { new: arcs(new), ..Commit::default() }).await.unwrap();
    let known = reader.known(&[key("a"), key("a")]).await.unwrap();
    let mut known: Vec<_> = known.iter().map(|(_, known)| (known.seq, &*known.source, &*known.brand)).collect();
    known.sort_unstable();
    assert_eq!(known, [(1, "s", "acme"), (2, "s", "zeta"), (3, "t", "acme")]);
    assert_eq!(reader.mentions_by_id("a", None).await.unwrap().len(), 3);
    assert_eq!(reader.mentions_by_id("a", Some("t")).await.unwrap()[0].seq, 3);
}

#[tokio::test]
async fn mentions_since_pages_along() {
    let (_dir, mut writer, reader) = fresh().await;
    let mut new: Vec<_> = (1..=100).map(|seq| mention(seq, &format!("{seq}"), None)).collect();
    new[49].post.created_at = at(1);
    writer.commit(&Commit { new: arcs(new), deleted: vec![60], ..Commit::default() }).await.unwrap();
    let (mut seqs, mut after) = (Vec::new(), 0);
    loop {
        let page = reader.mentions_since(at(41), after, 7).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.seq;
        seqs.extend(page.iter().map(|mention| mention.seq));
    }
    assert_eq!(seqs, (41..=100).filter(|seq| ![50, 60].contains(seq)).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_newest_revision_goes_out_and_none_overtakes() {
    let (_dir, mut writer, reader) = fresh().await;
    let due = async |now| -> Vec<(String, u32)> {
        let rows = reader.due_deliveries(at(now), &[], 9).await.unwrap();
        rows.into_iter().map(|row| (row.hook, row.revision)).collect()
    };
    let first = delivery("a", "h", 1);
    let deliveries = arcs([first.clone(), delivery("a", "i", 1)]);
    writer.commit(&Commit { deliveries, ..Commit::default() }).await.unwrap();
    assert_eq!(due(0).await, []);
    assert_eq!(reader.next_due().await.unwrap(), Some(at(1)));
    assert_eq!(due(1).await, [("h".into(), 1), ("i".into(), 1)]);
    assert_eq!(reader.due_deliveries(at(1), &["h".into()], 9).await.unwrap()[0].hook, "i");
    writer.commit(&Commit { deliveries: arcs([delivery("a", "h", 2)]), ..Commit::default() }).await.unwrap();
    assert_eq!(due(9).await, [("i".into(), 1), ("h".into(), 2)]);
    // The first was on its way when it was superseded, and failed: it does not come back.
    for state in [DeliveryState::Pending, DeliveryState::Dead] {
        writer.commit(&Commit { outcomes: vec![outcome(&first, state)], ..Commit::default() }).await.unwrap();
        assert_eq!(due(200).await, [("i".into(), 1), ("h".into(), 2)]);
        assert_eq!(reader.counts().await.unwrap().deliveries_dead, 0);
    }
    let delivered = vec![outcome(&first, DeliveryState::Delivered)];
    writer.commit(&Commit { outcomes: delivered, ..Commit::default() }).await.unwrap();
    let rows = reader.deliveries(Some(DeliveryState::Delivered), None, 9).await.unwrap();
    assert_eq!((rows.len(), rows[0].revision, rows[0].attempts), (1, 1, 1));
    // Given up, then replayed beside a newer one: first in, first out, though the newer is due sooner.
    let second = delivery("a", "h", 2);
    let dead = vec![outcome(&second, DeliveryState::Dead)];
    writer.commit(&Commit { outcomes: dead, ..Commit::default() }).await.unwrap();
    writer.commit(&Commit { deliveries: arcs([delivery("a", "h", 3)]), ..Commit::default() }).await.unwrap();
    let replay = vec![outcome(&second, DeliveryState::Pending)];
    writer.commit(&Commit { outcomes: replay, ..Commit::default() }).await.unwrap();
    assert_eq!(due(9).await, [("i".into(), 1)]);
    assert_eq!(due(100).await, [("i".into(), 1), ("h".into(), 2)]);
    // Stored again by a replay of the rules: one row.
    writer.commit(&Commit { deliveries: arcs([delivery("a", "h", 3)]), ..Commit::default() }).await.unwrap();
    assert_eq!(reader.deliveries(None, Some("h"), 9).await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_last_word_of_a_transaction_holds() {
    let (_dir, mut writer, reader) = fresh().await;
    let change = |revision| Change { alert: alert("a", revision, State::Open), news: None, hooks: vec![] };
    let deliveries = arcs([1, 2, 3].map(|revision| delivery("a", "h", revision)));
    let outcomes = [DeliveryState::Pending, DeliveryState::Dead].map(|state| outcome(&deliveries[2], state)).into();
    let alerts = [1, 2, 3].map(change).into();
    writer.commit(&Commit { alerts, deliveries, outcomes, ..Commit::default() }).await.unwrap();
    assert_eq!(reader.alert("a").await.unwrap().unwrap().revision, 3);
    let rows = reader.deliveries(None, Some("h"), 9).await.unwrap();
    let states: Vec<_> = rows.into_iter().map(|row| (row.revision, row.state)).collect();
    let superseded = DeliveryState::Superseded;
    assert_eq!(states, [(3, DeliveryState::Dead), (2, superseded), (1, superseded)]);
}

#[tokio::test]
async fn alerts_are_listed_newest_first_and_paged() {
    let (_dir, mut writer, reader) = fresh().await;
    let change = |id: &str, second, state, brand: &str| {
        let alert = Alert { opened_at: at(second), brand: brand.into(), ..alert(id, 1, state) };
        Change { alert, news: None, hooks: vec![] }
    };
    let alerts = vec![
        change("a", 1, State::Open, "acme"),
        change("b", 2, State::Acknowledged, "acme"),
        change("c", 2, State::Resolved, "acme"),
        change("d", 3, State::Open, "zeta"),
    ];
    writer.commit(&Commit { alerts, ..Commit::default() }).await.unwrap();
    let ids = |alerts: Vec<Alert>| alerts.into_iter().map(|alert| alert.id).collect::<String>();
    assert_eq!(ids(reader.alerts(None, None, 9, None).await.unwrap()), "dcba");
    assert_eq!(ids(reader.alerts(None, None, 9, Some((at(2), "c".into()))).await.unwrap()), "ba");
    assert_eq!(ids(reader.alerts(Some(State::Open), None, 9, None).await.unwrap()), "da");
    assert_eq!(ids(reader.alerts(None, Some(&["acme".into()]), 2, None).await.unwrap()), "cb");
    assert_eq!(ids(reader.alerts(None, Some(&[]), 9, None).await.unwrap()), "");
    assert_eq!(ids(reader.open_alerts().await.unwrap()), "abd");
    let again = Commit { alerts: vec![change("a", 1, State::Resolved, "acme")], ..Commit::default() };
    writer.commit(&again).await.unwrap();
    assert_eq!(ids(reader.open_alerts().await.unwrap()), "bd");
}

#[tokio::test]
async fn a_follow_counts_once_until_the_unfollow() {
    let (_dir, mut writer, reader) = fresh().await;
    use FollowKind::{Follow, Unfollow};
    let mut follow = async |event: FollowerEvent| {
        writer.commit(&Commit { followers: vec![event], ..Commit::default() }).await.unwrap();
        let heard = reader.followers("s", "own", at(0), 99).await.unwrap().len();
        (heard, reader.follow_record("s", "r2").await.unwrap().is_some())
    };
    assert_eq!(follow(follower("r1", 1, Follow)).await, (1, false));
    assert_eq!(follow(follower("r2", 2, Follow)).await, (1, true));
    assert_eq!(follow(follower("r2", 3, Unfollow)).await, (2, false));
    assert_eq!(follow(follower("r2", 4, Unfollow)).await, (2, false));
    assert_eq!(follow(follower("r1", 1, Follow)).await, (2, false), "heard before");
    assert_eq!(follow(follower("r2", 5, Follow)).await, (3, true));
    assert_eq!(follow(follower("", 6, Unfollow)).await, (4, false));
    assert_eq!(follow(follower("", 7, Follow)).await, (5, false));
    assert_eq!(reader.follow_record("s", "").await.unwrap(), None);
}

#[tokio::test]
async fn a_profile_completes_what_lacks_counts() {
    let (_dir, mut writer, reader) = fresh().await;
    let mut counted = mention(2, "b", Some("ann"));
    counted.post.author.followers = Some(7);
    let mut quoting = mention(1, "a", Some("ann"));
    quoting.post.text = r#"{"followers":1}"#.into();
    quoting.post.author.bio = Some("old".into());
    let new = arcs([quoting, counted, mention(3, "c", Some("bob")), mention(4, "d", None)]);
    writer.commit(&Commit { new, ..Commit::default() }).await.unwrap();
    assert_eq!(reader.authors_to_look_up("s", at(0), 9).await.unwrap(), ["bob", "ann"]);
    assert_eq!(reader.authors_to_look_up("s", at(0), 1).await.unwrap(), ["bob"]);
    assert_eq!(reader.authors_to_look_up("t", at(0), 9).await.unwrap(), [""; 0]);
    let ann = Author { id: Some("ann".into()), followers: Some(9), name: Some("Ann".into()), ..Author::default() };
    let gone = Author { id: Some("bob".into()), ..Author::default() };
    let authors = [ann, gone, Author::default()].map(|author| fetched("s", author)).into();
    writer.commit(&Commit { authors, ..Commit::default() }).await.unwrap();
    let changes = reader.changes(4, 9).await.unwrap();
    assert_eq!(changes.iter().map(|changed| changed.seq).collect::<Vec<_>>(), [1]);
    let author = changes[0].mention.as_ref().unwrap().post.author.clone();
    assert_eq!((author.followers, author.bio.as_deref(), author.name.as_deref()), (Some(9), Some("old"), Some("Ann")));
    assert_eq!(reader.mention(2).await.unwrap().unwrap().post.author.followers, Some(7));
    let long_ago = Timestamp::UNIX_EPOCH;
    assert_eq!(reader.authors_to_look_up("s", long_ago, 9).await.unwrap(), [""; 0]);
    let far_ahead = "2200-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(reader.authors_to_look_up("s", far_ahead, 9).await.unwrap(), ["bob", "ann"]);
}

#[tokio::test]
async fn a_second_daemon_is_kept_out() {
    let (dir, writer, _reader) = fresh().await;
    let said = opening_stops(&dir).await;
    assert!(said.ends_with(&format!("is in use by process {}", std::process::id())), "{said}");
    open_read_only(dir.path()).await.unwrap();
    drop(writer);
    open(dir.path()).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("deep/data");
    open(&inner).await.unwrap();
    assert_eq!(fs::metadata(inner).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn another_version_is_refused_with_advice() {
    let (dir, mut writer, reader) = fresh().await;
    let dir_of_none = tempfile::tempdir().unwrap();
    assert!(stop(open_read_only(dir_of_none.path()).await.err().unwrap()).contains("no store in"));
    drop(reader);
    writer.set_version(99).await;
    writer.close().await.unwrap();
    for said in [opening_stops(&dir).await, stop(open_read_only(dir.path()).await.err().unwrap())] {
        let known = schema::MIGRATIONS.len();
        let expected = format!("reputed.db is of version 99, this program knows up to {known}: run the newer");
        assert!(said.contains(&expected), "{said}");
    }
}

#[tokio::test]
async fn damage_is_told_at_the_start() {
    type Harm = fn(&mut fs::File);
    let harms: [(&str, Harm); 5] = [
        ("header of zeros", |file| file.write_all(&[0; 100]).unwrap()),
        ("header cut off", |file| file.set_len(50).unwrap()),
        ("end missing", |file| file.set_len(file.metadata().unwrap().len() / 2).unwrap()),
        ("pages of noise", |file| {
            file.seek(SeekFrom::Start(4_096)).unwrap();
            file.write_all(&[0xff; 10 * 4_096]).unwrap();
        }),
        ("schema flipped", |file| {
            file.seek(SeekFrom::Start(100)).unwrap();
            file.write_all(&[0x5a; 8]).unwrap();
        }),
    ];
    for (name, harm) in harms {
        let (dir, mut writer, reader) = fresh().await;
        let new = arcs((1..=200).map(|seq| mention(seq, &format!("{seq}"), Some("a"))));
        writer.commit(&Commit { new, ..Commit::default() }).await.unwrap();
        writer.close().await.unwrap();
        drop(reader);
        harm(&mut fs::OpenOptions::new().write(true).open(file::store(dir.path())).unwrap());
        let said = opening_stops(&dir).await;
        assert!(said.contains("reputed.db is damaged (") && said.contains("restore a backup"), "{name}: {said}");
    }
}

#[test]
fn large_files_are_checked_whole_only_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let store = file::store(dir.path());
    let mut header = *b"SQLite format 3\0................";
    header[16..18].copy_from_slice(&4_096_u16.to_be_bytes());
    header[28..32].copy_from_slice(&20_000_u32.to_be_bytes());
    fs::write(&store, header).unwrap();
    let stretch = |pages: u64| fs::OpenOptions::new().write(true).open(&store).unwrap().set_len(pages * 4_096).unwrap();
    stretch(19_999);
    assert!(stop(file::inspect(&store).unwrap_err()).contains("its end is missing"));
    stretch(20_000);
    assert_eq!(file::inspect(&store).unwrap(), file::Check::Header);
    fs::write(file::wal(&store), "x").unwrap();
    assert_eq!(file::inspect(&store).unwrap(), file::Check::Whole);
    stretch(300_000);
    assert_eq!(file::inspect(&store).unwrap(), file::Check::Header);
}

#[test]
fn content_tells_an_edit_from_a_repetition() {
    let post = full_mention(1).post;
    let same = Post { likes: Some(99), reach: None, author: Author::default(), edited_at: None, ..post.clone() };
    assert_eq!(content(&post), content(&same));
    let edits = [
        Post { text: "".into(), title: Some(post.text.clone()), ..post.clone() },
        Post { links: post.tags.clone(), tags: post.links.clone(), ..post.clone() },
        Post { rating: None, ..post.clone() },
        Post { kind: Kind::Article, ..post.clone() },
    ];
    for edit in edits {
        assert_ne!(content(&post), content(&edit));
    }
}

#[tokio::test]
async fn damage_in_a_row_is_told_when_it_is_read() {
    let (_dir, mut writer, reader) = fresh().await;
    writer.commit(&Commit { new: arcs([mention(1, "a", None)]), ..Commit::default() }).await.unwrap();
    writer.damage_posts().await;
    assert!(stop(reader.mention(1).await.unwrap_err()).contains("is damaged"));
}

#[tokio::test]
async fn a_full_disk_can_be_tried_again() {
    let (_dir, mut writer, reader) = fresh().await;
    let commit = Commit {
        new: arcs((1..=500).map(|seq| mention(seq, &format!("{seq}"), None))),
        cursors: vec![("s".into(), "here".into())],
        ..Commit::default()
    };
    writer.limit_pages(30).await;
    for _ in 0..2 {
        assert!(matches!(writer.commit(&commit).await, Err(Error::Retry(_))));
        assert_eq!((writer.next_seq(), reader.cursor("s").await.unwrap()), (1, None));
    }
    writer.limit_pages(1_000_000).await;
    writer.commit(&commit).await.unwrap();
    assert_eq!((writer.next_seq(), reader.mention_count().await.unwrap()), (501, 500));
}

#[tokio::test]
async fn a_commit_that_was_dropped_halfway_leaves_the_writer_whole() {
    let (_dir, mut writer, reader) = fresh().await;
    let commit = |from: i64| {
        let new = arcs((from..from + 70).map(|seq| mention(seq, &format!("{seq}"), None)));
        Commit { new, ..Commit::default() }
    };
    for polls in 0..24 {
        let dropped = commit(writer.next_seq());
        {
            let mut future = std::pin::pin!(writer.commit(&dropped));
            let mut left = polls;
            // Polled only when woken, so that each poll is a step further.
            std::future::poll_fn(|cx| match left {
                0 => std::task::Poll::Ready(()),
                _ => {
                    left -= 1;
                    future.as_mut().poll(cx).map(|done| done.unwrap())
                }
            })
            .await;
        }
        writer.settle().await.unwrap();
        let next = writer.next_seq();
        assert_eq!(reader.mention_count().await.unwrap() as i64, next - 1);
        writer.commit(&commit(next)).await.unwrap();
        assert_eq!(writer.next_seq(), next + 70);
    }
}

#[tokio::test]
async fn a_reader_that_reads_on_makes_the_log_longer_only_as_long_as_he_reads() {
    const MIB: u64 = 1 << 20;
    let (dir, mut writer, _reader) = fresh().await;
    let store = file::store(dir.path());
    let mut write = async |bytes: u64| {
        let (wal, mut written) = (file::wal(&store), 0);
        while written < bytes {
            let from = writer.next_seq();
            let new = arcs((from..from + 60).map(|seq| mention(seq, &format!("{seq}"), Some("ann"))));
            writer.commit(&Commit { new, ..Commit::default() }).await.unwrap();
            // No less than that.
            written += 60 * 512;
        }
        file::length(&wal)
    };
    let mut slow = schema::reader(&store).connect().await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT COUNT(*) FROM mention").execute(&mut slow).await.unwrap();
    // 2 MiB are allowed here.
    let while_reading = write(3 * MIB).await;
    assert!(while_reading > 2 * MIB, "{while_reading}");
    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    let afterwards = write(6 * MIB).await;
    assert!(afterwards < while_reading + MIB, "{while_reading}, then {afterwards}");
}

#[tokio::test(start_paused = true)]
async fn silence_empties_the_log() {
    let (dir, mut writer, _reader) = fresh().await;
    let wal = file::wal(&file::store(dir.path()));
    writer.commit(&Commit { new: arcs([mention(1, "a", None)]), ..Commit::default() }).await.unwrap();
    let mut tries = 0;
    while file::length(&wal) > 0 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        tries += 1;
        assert!(tries < 100_000, "the log was never emptied");
    }
}

impl Writer {
    async fn set_version(&mut self, version: i64) {
        self.run(format!("PRAGMA user_version = {version}")).await;
    }

    async fn limit_pages(&mut self, pages: i64) {
        self.run(format!("PRAGMA max_page_count = {pages}")).await;
    }

    async fn damage_posts(&mut self) {
        self.run("UPDATE mention SET post = '{'".to_owned()).await;
    }
}
