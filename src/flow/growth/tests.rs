//! Followers as they are stored, looks at them, and what the default rules say.

use super::*;
use crate::alert::News;
use crate::brand::{Brand, FollowerEvent, OwnAccount};
use crate::config::EMBEDDED_RULES;
use crate::mention::AuthorSpam;
use crate::query::names::Names;
use crate::rule::{Engine, File};
use crate::store::{self, AuthorCorrection, Commit, Fetched, Writer};
use crate::watch::WatchSet;
use tempfile::TempDir;

const SOURCE: &str = "bsky";
const OWN: &str = "did:plc:own";
/// When the burst begins.
const BEGINS: i64 = 10 * 1_440;

struct House {
    _dir: TempDir,
    writer: Writer,
    watching: Watching,
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_767_571_200 + 60 * minute).unwrap()
}

fn rules() -> RuleSet {
    let file = File { name: "default.toml", text: EMBEDDED_RULES };
    RuleSet::read(&[file], &["acme".into()], &[], &[], &Names::default()).unwrap().0
}

impl House {
    /// Ten days of one follower every half hour.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (writer, reader) = store::open(dir.path()).await.unwrap();
        let own = OwnAccount { source: SOURCE.into(), handle: "acme.example".into(), id: Some(OWN.into()) };
        let brand = Brand { id: "acme".into(), name: "Acme".into(), watches: Vec::new(), accounts: vec![own] };
        let watches = WatchSet::compile(&[brand], &[], &Names::default()).unwrap_or_else(|_| unreachable!());
        let watching = Watching {
            sources: Vec::new(),
            rules: Arc::new(ArcSwap::from_pointee(rules())),
            gate: Arc::new(Gate::new(watches)),
            reader,
            model: Arc::new(Model::load().unwrap()),
            found: mpsc::channel(1).0,
            clock: Clock::Real,
            looked: watch::channel(None).0,
        };
        let mut house = Self { _dir: dir, writer, watching };
        let usual: Vec<(i64, String)> =
            (0..BEGINS).step_by(30).map(|minute| (minute, format!("usual{minute}"))).collect();
        house.follow(&usual).await;
        house.introduce(usual.iter().map(|(_, id)| person(id)).collect()).await;
        house
    }

    async fn follow(&mut self, followers: &[(i64, String)]) {
        let event = |(minute, follower): &(i64, String)| FollowerEvent {
            source: SOURCE.into(),
            account: OWN.into(),
            follower: follower.clone(),
            record: String::new(),
            at: at(*minute),
            kind: FollowKind::Follow,
        };
        let followers = followers.iter().map(event).collect();
        self.writer.commit(&Commit { followers, ..Commit::default() }).await.unwrap();
    }

    /// Profiles come later than follows.
    async fn introduce(&mut self, profiles: Vec<Author<'static>>) {
        let fetched = |author| Fetched { source: SOURCE.into(), author, spam: AuthorSpam::default() };
        let authors = profiles.into_iter().map(fetched).collect();
        self.writer.commit(&Commit { authors, ..Commit::default() }).await.unwrap();
    }

    async fn look(&self, account: &mut Account, minute: i64) -> Option<Influx> {
        let found = self.watching.look(account, (SOURCE, OWN), at(minute)).await.unwrap();
        found.map(|mut each| each.remove(0))
    }
}

fn person(id: &str) -> Author<'static> {
    Author {
        id: Some(id.to_owned().into()),
        handle: Some(format!("{id}.example").into()),
        name: Some("Ann Reader".into()),
        bio: Some("Gardener, reader, mother of two. Opinions are mine.".into()),
        followers: Some(420),
        following: Some(310),
        posts: Some(1_900),
        has_avatar: Some(true),
        ..Author::default()
    }
}

fn bot(id: &str) -> Author<'static> {
    Author {
        id: Some(id.to_owned().into()),
        handle: Some("mia4071887".into()),
        followers: Some(3),
        following: Some(4_812),
        posts: Some(0),
        has_avatar: Some(false),
        ..Author::default()
    }
}

fn burst(minutes: std::ops::Range<i64>) -> Vec<(i64, String)> {
    minutes.flat_map(|minute| (0..10).map(move |n| (BEGINS + minute, format!("new{minute}-{n}")))).collect()
}

fn opened(engine: &mut Engine, influx: &Influx) -> usize {
    engine.observe(influx);
    let changes = engine.take_changes();
    changes.iter().filter(|change| change.news == Some(News::Opened) && change.alert.rule == "bought-followers").count()
}

#[tokio::test]
async fn bought_followers_are_told_once_their_profiles_are_known() {
    let mut house = House::new().await;
    let (mut account, mut engine) = (Account::new(), Engine::new(rules(), Vec::new(), Vec::new()));
    let quiet = house.look(&mut account, BEGINS).await.unwrap();
    assert!(quiet.bursts.is_empty(), "{quiet:?}");
    assert_eq!(house.look(&mut account, BEGINS + 2).await, None, "too soon");
    assert_eq!(house.look(&mut account, BEGINS + 3).await, None, "nothing to tell");

    house.follow(&burst(4..19)).await;
    let unknown = house.look(&mut account, BEGINS + 20).await.unwrap();
    let surge = unknown.bursts[0].surge;
    assert_eq!((surge.counted, surge.known, surge.unknown, surge.until), (150, 0, 150, None));
    assert_eq!(
        (unknown.handle.as_str(), unknown.account.as_str(), unknown.brand.as_str()),
        ("acme.example", OWN, "acme")
    );
    assert_eq!(opened(&mut engine, &unknown), 0, "of whom nothing is known nothing is said");

    house.introduce(burst(4..19).iter().map(|(_, id)| bot(id)).collect()).await;
    let known = house.look(&mut account, BEGINS + 25).await.unwrap();
    assert_eq!(known.bursts[0].surge.unknown, 0);
    assert!(
        account.waiting.is_empty()
            && account.inflow.clone().waves(house.watching.model.rates(), (at(0), at(BEGINS + 25)), at(0), &[]).len()
                == 1
    );
    assert_eq!(opened(&mut engine, &known), 1, "{known:?}");
    // Counted anew after a restart, it is the same.
    assert_eq!(house.look(&mut Account::new(), BEGINS + 25).await.unwrap(), known);

    house.follow(&burst(26..27)).await;
    let more = house.look(&mut account, BEGINS + 27).await.unwrap();
    assert_eq!((more.bursts[0].surge.counted, opened(&mut engine, &more)), (160, 0));
    let over = house.look(&mut account, BEGINS + 24 * 60).await.unwrap();
    engine.observe(&over);
    assert_eq!(engine.take_changes()[0].news, Some(News::Resolved));
    // It lies too far back for any rule: that is told once.
    assert!(house.look(&mut account, BEGINS + 9 * 1_440).await.unwrap().bursts.is_empty());
    assert_eq!(house.look(&mut account, BEGINS + 9 * 1_440 + 5).await, None);
}

#[tokio::test]
async fn a_success_with_people_is_not_bought() {
    let mut house = House::new().await;
    house.introduce(burst(0..30).iter().map(|(_, id)| person(id)).collect()).await;
    house.follow(&burst(0..30)).await;
    let influx = house.look(&mut Account::new(), BEGINS + 30).await.unwrap();
    assert_eq!((influx.bursts[0].surge.counted, influx.bursts[0].surge.known), (300, 300));
    assert_eq!(opened(&mut Engine::new(rules(), Vec::new(), Vec::new()), &influx), 0, "{influx:?}");
}

#[tokio::test]
async fn a_persons_word_counts_at_the_next_look() {
    let mut house = House::new().await;
    house.follow(&burst(0..30)).await;
    house.introduce(burst(0..30).iter().map(|(_, id)| bot(id)).collect()).await;
    let mut account = Account::new();
    let before = house.look(&mut account, BEGINS + 30).await.unwrap();
    assert!(before.bursts[0].surge.low > 0.5, "{before:?}");
    let said = |(_, author): (i64, String)| AuthorCorrection {
        source: SOURCE.into(),
        author,
        spam: Some(false),
        who: "kim".into(),
        at: Timestamp::now(),
    };
    let corrections = burst(0..30).into_iter().map(said).collect();
    house.writer.commit(&Commit { corrections, ..Commit::default() }).await.unwrap();
    let after = house.look(&mut account, BEGINS + 34).await.unwrap();
    let (before, after) = (before.bursts[0].surge, after.bursts[0].surge);
    assert!(after.high < 0.25 && after.counted == before.counted && after.known == before.known, "{after:?}");
}

#[tokio::test]
async fn a_source_that_catches_up_is_waited_for() {
    let house = House::new().await;
    let ledger = Ledger::new(SOURCE, "bluesky");
    let now = Timestamp::now();
    assert!(!house.watching.is_heard(&ledger));
    ledger.phase(Phase::Live, now);
    assert!(house.watching.is_heard(&ledger));
    ledger.understood(now, 5, 0, Some(before(now, SignedDuration::from_hours(2))));
    assert!(!house.watching.is_heard(&ledger), "two hours behind");
    ledger.understood(now, 5, 0, Some(now));
    assert!(house.watching.is_heard(&ledger));
    ledger.phase(Phase::Failing, now);
    assert!(!house.watching.is_heard(&ledger));
}
