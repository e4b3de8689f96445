//! What comes in while the draft before it is still being committed.

use super::*;
use crate::brand::{Burst, Hour, Influx, Surge};
use crate::flow::Found;
use crate::flow::draft::Draft;
use crate::follower::model::Model;
use crate::mention::AuthorSpam;
use crate::rule::File;
use crate::source::intake::Batch;
use crate::store::{AuthorCorrection, Writer};
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};

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
    profiles: mpsc::Sender<(String, Vec<Author<'static>>)>,
    commands: mpsc::Sender<Command>,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (writer, reader) = store::open(dir.path()).await.unwrap();
        let (judged, judged_inlet) = mpsc::channel(8);
        let (to_commit, drafts) = mpsc::channel(1);
        let (committed, is_committed) = watch::channel(0);
        let (to_command, commands) = mpsc::channel(1);
        let (_, outcomes) = mpsc::channel(1);
        let (to_learn, profiles) = mpsc::channel(1);
        let (found, found_inlet) = mpsc::channel(1);
        let mut inlets = Inlets { judged: judged_inlet, commands, outcomes, profiles, found: found_inlet };
        let file = File { name: "default.toml", text: crate::config::EMBEDDED_RULES };
        let (rules, _) = RuleSet::read(&[file], &[], &[], &[], &Default::default()).unwrap();
        let ingest = Ingest {
            copies: Default::default(),
            authors: Authors::load(Arc::new(Model::load().unwrap()), &reader).await.unwrap(),
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
            pruned_at: Some(Timestamp::now()),
        };
        tokio::spawn(async move { ingest.run(&mut inlets).await });
        let (profiles, commands) = (to_learn, to_command);
        Self { _dir: dir, writer, reader, judged, found, drafts, committed, profiles, commands }
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

    /// Whether the word was taken; with what is committed then.
    async fn correct(&mut self, author: &str, spam: Option<bool>) -> (bool, store::Commit) {
        let (done, taken) = oneshot::channel();
        let (source, author, who, at) = (SOURCE.into(), author.into(), "eve".into(), Timestamp::UNIX_EPOCH);
        let correction = AuthorCorrection { source, author, spam, who, at };
        self.commands.send(Command::CorrectAuthor { correction, done }).await.unwrap();
        let mut draft = self.draft().await;
        let (answer, is_taken) = draft.answers.pop().unwrap();
        answer.send(is_taken).unwrap();
        self.writer.commit(&draft.commit).await.unwrap();
        self.committed.send_modify(|count| *count += 1);
        (taken.await.unwrap(), draft.commit)
    }
}

/// Follows many and is followed by few.
fn bought(id: &str) -> Author<'static> {
    let (followers, following, posts) = (Some(3), Some(4_812), Some(2));
    Author { id: Some(id.to_owned().into()), followers, following, posts, ..Author::default() }
}

fn by(author: Author<'static>, id: &str) -> Item {
    let Item::Post(mut post, matches) = post(id, id) else { unreachable!() };
    post.author = author;
    Item::Post(post, matches)
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
    bench.hear(vec![Item::Follower(follow, None)]).await;
    let first = bench.draft().await;
    let unfollow = |record: &str| Item::UnfollowRecord { follower: follower.clone(), record: record.into(), at };
    bench.hear(vec![unfollow("r1"), unfollow("another"), unfollow("r1")]).await;
    bench.commit(first).await;
    let followers = bench.draft().await.commit.followers;
    let told: Vec<_> = followers.iter().map(|event| (event.account.as_str(), event.kind)).collect();
    assert_eq!(told, [(account.as_str(), FollowKind::Unfollow)], "and once only");
}

#[tokio::test]
async fn an_author_is_judged_with_the_mention_or_with_the_profile() {
    let mut bench = Bench::new().await;
    bench.hear(vec![by(bought("ann"), "a"), post("b", "nothing known")]).await;
    let first = bench.draft().await;
    let spam: Vec<bool> = first.commit.new.iter().map(|mention| mention.author_spam.is_likely()).collect();
    assert_eq!((spam, first.commit.new[1].author_spam.spam), (vec![true, false], None));
    bench.commit(first).await;
    bench.profiles.send((SOURCE.into(), vec![bought("bob")])).await.unwrap();
    let fetched = bench.draft().await.commit.authors;
    assert!(fetched.len() == 1 && fetched[0].spam.is_likely(), "{fetched:?}");
}

#[tokio::test]
async fn a_persons_word_wins_over_the_model_at_once_and_until_it_is_taken_back() {
    let mut bench = Bench::new().await;
    bench.hear(vec![by(bought("bob"), "a")]).await;
    let first = bench.draft().await;
    bench.commit(first).await;
    let (taken, commit) = bench.correct("bob", Some(false)).await;
    assert!(taken && commit.marked.contains(&(1, AuthorSpam::said(false))), "{:?}", commit.marked);
    bench.hear(vec![by(bought("bob"), "b"), by(bought("cem"), "c")]).await;
    let next = bench.draft().await;
    let spam: Vec<bool> = next.commit.new.iter().map(|mention| mention.author_spam.is_likely()).collect();
    assert_eq!(spam, [false, true]);
    bench.commit(next).await;
    let (taken, commit) = bench.correct("bob", None).await;
    let likely: Vec<bool> = commit.marked.iter().map(|(_, spam)| spam.is_likely()).collect();
    assert!(taken && likely.len() >= 2 && likely.iter().all(|likely| *likely), "the model judges again: {likely:?}");
    let (taken, commit) = bench.correct("nobody", Some(true)).await;
    assert!(!taken && commit.corrections.is_empty());
}

#[tokio::test]
async fn of_an_account_that_goes_everything_is_forgotten_and_of_a_stranger_nothing_written() {
    let mut bench = Bench::new().await;
    let at = Timestamp::UNIX_EPOCH;
    bench.profiles.send((SOURCE.into(), vec![bought("bob")])).await.unwrap();
    let first = bench.draft().await;
    bench.hear(vec![post("a", "one"), Item::AuthorGone { author: "stranger".into(), at }]).await;
    bench.hear(vec![Item::AuthorGone { author: "bob".into(), at }]).await;
    bench.commit(first).await;
    let mut gone = bench.draft().await.commit.gone;
    if gone.is_empty() {
        let next = bench.draft().await;
        gone = next.commit.gone;
    }
    let gone: Vec<&str> = gone.iter().map(|gone| gone.author.as_str()).collect();
    assert_eq!(gone, ["bob"]);
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
