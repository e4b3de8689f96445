//! What comes in while the draft before it is still being committed.

use super::*;
use crate::brand::{Burst, Hour, Influx, Surge};
use crate::flow::Found;
use crate::flow::draft::Draft;
use crate::rule::File;
use crate::source::intake::Batch;
use crate::store::Writer;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::sync::watch;

const SOURCE: &str = "s";

/// A running ingest whose drafts are committed when the test says so.
struct Bench {
    _dir: TempDir,
    writer: Writer,
    reader: Reader,
    judged: mpsc::Sender<Judged>,
    found: mpsc::Sender<Told>,
    drafts: mpsc::Receiver<Draft>,
    committed: watch::Sender<u64>,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (writer, reader) = store::open(dir.path()).await.unwrap();
        let (judged, judged_inlet) = mpsc::channel(8);
        let (to_commit, drafts) = mpsc::channel(1);
        let (committed, is_committed) = watch::channel(0);
        let (_, commands) = mpsc::channel(1);
        let (_, outcomes) = mpsc::channel(1);
        let (_, profiles) = mpsc::channel(1);
        let (found, found_inlet) = mpsc::channel(1);
        let mut inlets = Inlets { judged: judged_inlet, commands, outcomes, profiles, found: found_inlet };
        let file = File { name: "default.toml", text: crate::config::EMBEDDED_RULES };
        let (rules, _) = RuleSet::read(&[file], &[], &[], &[], &Default::default()).unwrap();
        let ingest = Ingest {
            copies: Default::default(),
            engine: Engine::new(rules.clone(), Vec::new(), Vec::new()),
            reader: reader.clone(),
            kinds: Vec::new(),
            rules: Arc::new(ArcSwap::from_pointee(rules)),
            hooks: vec!["ops".into()],
            looked_up: HashSet::new(),
            clock: Clock::Real,
            metrics: Arc::new(Metrics::new()),
            events: broadcast::channel(8).0,
            next_seq: writer.next_seq(),
            refines: true,
            under_way: UnderWay::new(to_commit, is_committed),
        };
        tokio::spawn(async move { ingest.run(&mut inlets).await });
        Self { _dir: dir, writer, reader, judged, found, drafts, committed }
    }

    async fn hear(&self, items: Vec<Item>) {
        let opinions = items.iter().map(|_| Some(Opinion::default())).collect();
        let (received_at, gaps) = (Instant::now(), Vec::new());
        let batch = Batch { source: SOURCE.into(), items, cursor: None, gaps, received_at, done: None, room: None };
        assert!(self.judged.send(Judged { batch, opinions }).await.is_ok());
    }

    async fn draft(&mut self) -> Draft {
        self.drafts.recv().await.unwrap()
    }

    async fn commit(&mut self, draft: Draft) {
        self.writer.commit(&draft.commit).await.unwrap();
        self.committed.send_modify(|count| *count += 1);
    }
}

fn post(id: &str, text: &str) -> Item {
    let mut post = Post::new(id.to_owned(), text.to_owned(), Timestamp::UNIX_EPOCH);
    post.source = SOURCE.into();
    post.author.id = Some("ann".into());
    Item::Post(Box::new(post), vec![Match { brand: "acme".into(), watches: vec!["name".into()] }])
}

fn edit(id: &str, text: &str) -> Item {
    let Item::Post(mut edited, matches) = post(id, text) else { unreachable!() };
    edited.edited_at = Some(Timestamp::UNIX_EPOCH);
    Item::Post(edited, matches)
}

fn delete(id: &str) -> Item {
    Item::Delete { source: SOURCE.into(), id: id.into(), at: Timestamp::UNIX_EPOCH }
}

fn seqs(mentions: &[Arc<Mention>]) -> Vec<i64> {
    mentions.iter().map(|mention| mention.seq).collect()
}

#[tokio::test]
async fn what_is_under_way_is_known() {
    let mut bench = Bench::new().await;
    bench.hear(vec![post("a", "one"), post("b", "two"), post("c", "three")]).await;
    let first = bench.draft().await;
    assert_eq!(seqs(&first.commit.new), [1, 2, 3]);
    // The same again, an edit and a deletion of what no look-up can see yet, and something new.
    bench.hear(vec![post("a", "one"), edit("b", "two!"), delete("c"), post("d", "four")]).await;
    tokio::task::yield_now().await;
    bench.commit(first).await;
    let second = bench.draft().await.commit;
    assert_eq!((seqs(&second.new), seqs(&second.edited), second.deleted), (vec![4], vec![2], vec![3]));
}

#[tokio::test]
async fn a_draft_waits_for_the_one_before_and_gathers_meanwhile() {
    let mut bench = Bench::new().await;
    bench.hear(vec![post("a", "one")]).await;
    let first = bench.draft().await;
    for id in ["b", "c", "d"] {
        bench.hear(vec![post(id, id)]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(bench.drafts.try_recv().is_err(), "one at a time");
    }
    bench.commit(first).await;
    let second = bench.draft().await;
    assert_eq!(seqs(&second.commit.new), [2, 3, 4]);
    bench.commit(second).await;
    // Long committed: found in the store.
    bench.hear(vec![post("a", "one"), post("e", "five")]).await;
    assert_eq!(seqs(&bench.draft().await.commit.new), [5]);
}

#[tokio::test]
async fn an_account_that_goes_takes_along_what_is_under_way() {
    let mut bench = Bench::new().await;
    bench.hear(vec![post("a", "one")]).await;
    let first = bench.draft().await;
    bench.hear(vec![post("b", "two"), Item::AuthorGone { author: "ann".into(), at: Timestamp::UNIX_EPOCH }]).await;
    bench.commit(first).await;
    let mut deleted = bench.draft().await.commit.deleted;
    deleted.dedup();
    assert_eq!(deleted, [1, 2]);
}

#[tokio::test]
async fn an_unfollow_finds_the_follow_that_is_under_way() {
    let mut bench = Bench::new().await;
    let at = Timestamp::UNIX_EPOCH;
    let (account, follower, record) = ("own".to_owned(), "bob".to_owned(), "r1".to_owned());
    let follow = FollowerEvent {
        source: SOURCE.into(),
        account: account.clone(),
        follower: follower.clone(),
        record: record.clone(),
        at,
        kind: FollowKind::Follow,
    };
    bench.hear(vec![Item::Follower(follow)]).await;
    let first = bench.draft().await;
    let unfollow = |record: &str| Item::UnfollowRecord { follower: follower.clone(), record: record.into(), at };
    bench.hear(vec![unfollow("r1"), unfollow("another"), unfollow("r1")]).await;
    bench.commit(first).await;
    let followers = bench.draft().await.commit.followers;
    let told: Vec<_> = followers.iter().map(|event| (event.account.as_str(), event.kind)).collect();
    assert_eq!(told, [(account.as_str(), FollowKind::Unfollow)], "and once only");
}

#[tokio::test]
async fn a_look_at_followers_and_its_alert_are_one_transaction() {
    let mut bench = Bench::new().await;
    let from = Timestamp::UNIX_EPOCH;
    let (spam, low, high, strange) = (0.9, 0.8, 1.0, false);
    let surge =
        Surge { from, until: None, counted: 412, expected: 31.0, spam, low, high, known: 412, unknown: 0, strange };
    let bursts = vec![Burst { surge, hours: vec![Hour { start: from, counted: 412, expected: 31.0 }] }];
    let (brand, source) = ("acme".into(), SOURCE.into());
    let influx = Influx { brand, source, account: "own".into(), handle: "acme.example".into(), at: from, bursts };
    let (done, taken) = oneshot::channel();
    bench.found.send((Found::Influx(influx), done)).await.unwrap();
    let draft = bench.draft().await;
    let opened = &draft.commit.alerts[0].alert;
    assert_eq!((opened.rule.as_str(), opened.count, draft.answers.len()), ("bought-followers", 412, 1));
    assert_eq!((draft.commit.deliveries.len(), draft.commit.deliveries[0].hook.as_str()), (1, "ops"));
    let (stored, opened) = (bench.reader.clone(), opened.clone());
    bench.commit(draft).await;
    assert_eq!(stored.alert(&opened.id).await.unwrap(), Some(opened));
    drop(taken);
}
