//! Rules over invented posts: one table of posts in, one list of what was told out.

mod growth;
mod share;
mod spam;

use super::life::OPEN_MAX;
use super::{Engine, File, RuleSet, Verdict, WhyNot};
use crate::alert::{Alert, Change, News, Priority, TELLING_MAX};
use crate::mention::{Label, Mention, OWN_POST, OWN_REPLY};
use crate::query::names::Names;
use crate::settings::Severity;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

/// A post that came in at `minute`, of `author`; the rest by changing the mention.
fn post(seq: i64, minute: i64, author: &str, text: &str) -> Mention {
    serde_json::from_value(json!({
        "id": format!("p{seq}"), "source": "bsky", "text": text, "created_at": at(minute),
        "author": {"id": author, "handle": format!("{author}.example")},
        "seq": seq, "brand": "acme", "watches": ["name"], "seen_at": at(minute), "scores": null,
        "author_spam": {"spam": null, "reasons": []}, "cluster": null, "status": "new"
    }))
    .unwrap()
}

fn written(mut mention: Mention, minute: i64) -> Mention {
    mention.post.created_at = at(minute);
    mention
}

fn stars(mut mention: Mention, stars: f64) -> Mention {
    mention.post.rating = Some(stars);
    mention
}

fn cluster(mut mention: Mention, name: &str) -> Mention {
    mention.cluster = Some(name.to_owned());
    mention
}

fn ids(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn read(text: &str) -> Result<RuleSet, Vec<String>> {
    let file = File { name: "r.toml", text };
    match RuleSet::read(
        &[file],
        &ids(&["acme", "other"]),
        &ids(&["ops", "desk"]),
        &ids(&["acme.example", "did:plc:acme"]),
        &Names::default(),
    ) {
        Ok((rules, problems)) if problems.is_empty() => Ok(rules),
        Ok((_, problems)) | Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    }
}

/// An engine of one rule `r`, given by its keys.
fn engine(keys: &str) -> Engine {
    let rules = read(&format!("schema = 1\n[[rule]]\nid = \"r\"\nsay = \"{{count}}\"\n{keys}\n")).unwrap();
    Engine::new(rules, vec![("bsky".to_owned(), "bluesky")], Vec::new())
}

fn tell(change: &Change) -> String {
    let Change { alert, news, .. } = change;
    let what = news.map_or("-", |news| news.name().strip_prefix("alert.").unwrap());
    format!("{what} {} x{}", alert.priority.name(), alert.count)
}

/// Judges each post when it came in, ticking before; every change as `minute: what priority xcount`.
fn run(engine: &mut Engine, posts: &[Mention], until: i64) -> Vec<String> {
    let mut told = Vec::new();
    let mut note = |engine: &mut Engine, now: Timestamp| {
        let minute = now.duration_since(at(0)).as_mins();
        told.extend(engine.take_changes().iter().map(|change| format!("{minute}: {}", tell(change))));
    };
    for post in posts {
        engine.tick(post.seen_at);
        note(engine, post.seen_at);
        engine.judge(post, post.seen_at);
        note(engine, post.seen_at);
    }
    engine.tick(at(until));
    note(engine, at(until));
    told
}

fn check(keys: &str, posts: &[Mention], until: i64, expected: &[&str]) {
    assert_eq!(run(&mut engine(keys), posts, until), expected, "{keys}");
}

const COUNT: &str = r#"when = "refund"
detect = { kind = "count", within = "1h", min_count = 3, min_authors = 2 }"#;

#[test]
fn each_post_is_its_own_alert() {
    let posts = [post(1, 0, "ann", "refund"), post(2, 1, "bob", "refund"), post(3, 2, "cid", "hello")];
    check("when = \"refund\"\nkeep = \"10m\"", &posts, 9, &["0: opened P3 x1", "1: opened P3 x1"]);
    let quiet = ["0: opened P3 x1", "1: opened P3 x1", "11: resolved P3 x1", "11: resolved P3 x1"];
    check("when = \"refund\"\nkeep = \"10m\"", &posts, 11, &quiet);
}

#[test]
fn near_identical_posts_share_an_alert() {
    let posts: Vec<Mention> = (1..=5).map(|n| cluster(post(n, n, "ann", "refund"), "c1")).collect();
    let expected = ["1: opened P3 x1", "2: updated P3 x2", "3: - P3 x3", "4: updated P3 x4", "5: - P3 x5"];
    check("when = \"refund\"", &posts, 6, &expected);
    // `by` wins over the cluster.
    let two = [cluster(post(1, 0, "ann", "refund"), "c1"), cluster(post(2, 0, "bob", "refund"), "c1")];
    check("when = \"refund\"\nby = [\"author\"]", &two, 0, &["0: opened P3 x1", "0: opened P3 x1"]);
}

#[test]
fn count_opens_grows_and_closes() {
    let authors = ["ann", "ann", "bob", "cid", "dan", "eve"];
    let posts: Vec<Mention> = authors.iter().zip(1..).map(|(author, n)| post(n, n, author, "refund")).collect();
    let expected = ["3: opened P3 x3", "4: - P3 x4", "5: - P3 x5", "6: updated P3 x6"];
    check(COUNT, &posts, 7, &expected);
    let closed = [&expected[..], &["66: resolved P3 x6"]].concat();
    check(COUNT, &posts, 66, &closed);
    let alone: Vec<Mention> = (1..=9).map(|n| post(n, n, "ann", "refund")).collect();
    check(COUNT, &alone, 100, &[]);
}

#[test]
fn what_led_to_a_resolved_alert_is_used_up() {
    let keys = format!("{COUNT}\nkeep = \"5m\"");
    let mut posts: Vec<Mention> = (1..=3).map(|n| post(n, n, &n.to_string(), "refund")).collect();
    posts.extend((4..=6).map(|n| post(n, 10 + n, &n.to_string(), "refund")));
    let expected = ["3: opened P3 x3", "14: resolved P3 x3", "16: opened P3 x3"];
    check(&keys, &posts, 17, &expected);
}

#[test]
fn a_late_post_counts_in_its_own_window() {
    let posts = [
        post(1, 0, "ann", "refund"),
        post(2, 10, "bob", "refund"),
        post(3, 500, "eve", "refund"),
        written(post(4, 600, "cid", "refund"), 20),
    ];
    check(COUNT, &posts, 600, &["600: opened P3 x3"]);
    let mut engine = engine(COUNT);
    run(&mut engine, &posts[..3], 500);
    engine.judge(&posts[3], posts[3].seen_at);
    let alert = &engine.take_changes()[0].alert;
    assert_eq!((alert.opened_at, alert.updated_at), (at(20), at(600)));
    assert_eq!(alert.mentions.iter().collect::<BTreeSet<_>>(), [1, 2, 4].iter().collect());
}

#[test]
fn history_own_posts_and_running_clocks() {
    let mut own = post(1, 0, "us", "refund");
    own.watches.push(OWN_POST.to_owned());
    let late = written(post(2, 2_000, "ann", "refund"), 500);
    let day_old = written(post(3, 2_000, "ann", "refund"), 560);
    let ahead = written(post(4, 2_000, "ann", "refund"), 90_000);
    let mut engine = engine("when = \"refund\"");
    for (post, exempt) in [(&own, true), (&late, true), (&day_old, false), (&ahead, false)] {
        let verdict = engine.judge(post, post.seen_at);
        assert_eq!(verdict, Verdict { held: u32::from(!exempt), exempt, ..Verdict::default() }, "{}", post.seq);
    }
    assert!(engine.take_changes().iter().all(|change| change.alert.opened_at <= at(2_000)));
    assert_eq!(engine.why_not("r", &own), WhyNot::Own);
    assert_eq!(engine.why_not("r", &late), WhyNot::Late);
    assert_eq!(engine.why_not("r", &post(9, 0, "ann", "hello")), WhyNot::Not);
    assert_eq!(engine.why_not("r", &day_old), WhyNot::Taken);
    assert_eq!(engine.why_not("s", &day_old), WhyNot::NoSuchRule);
}

#[test]
fn priority_adds_up_with_reasons() {
    let keys = r#"when = "refund"
by = ["brand"]
priority = { base = "P3", add = [
  { if = "rating:1", up = 1, why = "one star" },
  { if = "spam:>0.8", down = 2, why = "likely spam" },
] }"#;
    let mut spam = stars(post(1, 0, "ann", "refund"), 1.0);
    spam.author_spam.spam = Some(0.9);
    let posts = [spam, post(2, 1, "bob", "refund"), stars(post(3, 2, "cid", "refund"), 1.0)];
    let mut engine = engine(keys);
    let told = run(&mut engine, &posts[..1], 0);
    assert_eq!(told, ["0: opened P4 x1"]);
    engine.judge(&posts[1], at(1));
    let alert = engine.take_changes().remove(0).alert;
    assert_eq!((alert.priority, alert.priority_why), (Priority::P3, ids(&["base P3"])));
    engine.judge(&posts[2], at(2));
    let change = engine.take_changes().remove(0);
    assert_eq!(change.news, Some(News::Updated), "the count of 3 is worth nothing, the priority is");
    assert_eq!(change.alert.priority_why, ["base P3", "one star: +1"]);
    assert_eq!(change.alert.title, "3");
}

#[test]
fn an_acknowledged_alert_is_told_only_when_it_gets_worse() {
    let keys = r#"when = "refund"
by = ["brand"]
route = ["desk"]
priority = { base = "P3", add = [{ if = "rating:1", up = 1, why = "one star" }] }"#;
    let mut engine = engine(keys);
    engine.judge(&post(1, 0, "ann", "refund"), at(0));
    let opened = engine.take_changes().remove(0);
    assert_eq!(opened.hooks, ["desk"]);
    let id = opened.alert.id;
    assert!(engine.acknowledge(&id, "kim", at(1)) && engine.acknowledge(&id, "kim", at(1)));
    assert_eq!(engine.take_changes().iter().map(tell).collect::<Vec<_>>(), ["acknowledged P3 x1"]);
    engine.judge(&post(2, 2, "bob", "refund"), at(2));
    engine.judge(&post(3, 3, "bob", "refund"), at(3));
    assert_eq!(engine.take_changes().iter().map(tell).collect::<Vec<_>>(), ["- P3 x3"]);
    engine.judge(&stars(post(4, 4, "bob", "refund"), 1.0), at(4));
    assert_eq!(engine.take_changes().iter().map(tell).collect::<Vec<_>>(), ["updated P2 x4"]);
    assert!(engine.resolve(&id, "kim", at(5)) && !engine.resolve(&id, "kim", at(5)));
    assert!(!engine.acknowledge(&id, "kim", at(5)) && !engine.acknowledge("no", "kim", at(5)));
    let resolved = engine.take_changes().remove(0).alert;
    assert_eq!((resolved.resolved_why.as_deref(), resolved.resolved_at), (Some("kim"), Some(at(5))));
    assert_eq!(resolved.revision, 4);
    engine.judge(&post(5, 6, "bob", "refund"), at(6));
    let again = engine.take_changes().remove(0).alert;
    assert!(again.id != id && again.revision == 1);
}

#[test]
fn changes_between_two_calls_are_told_once() {
    let mut engine = engine("when = \"refund\"\nby = [\"brand\"]\nkeep = \"5m\"");
    for n in 1..=4 {
        engine.judge(&post(n, 0, "ann", "refund"), at(0));
    }
    // Over, but nobody has heard of it yet: it closes after its opening was taken.
    engine.tick(at(10));
    let changes = engine.take_changes();
    assert_eq!(changes.iter().map(tell).collect::<Vec<_>>(), ["opened P3 x4"]);
    assert_eq!(changes[0].alert.revision, 1);
    engine.tick(at(10));
    let changes = engine.take_changes();
    assert_eq!(changes.iter().map(tell).collect::<Vec<_>>(), ["resolved P3 x4"]);
    assert_eq!(changes[0].alert.revision, 2);
    assert!(engine.take_changes().is_empty());
}

#[test]
fn shadow_is_counted_and_off_is_silent() {
    let posts = [post(1, 0, "ann", "refund"), post(2, 0, "bob", "refund")];
    let mut shadow = engine("mode = \"shadow\"\nwhen = \"refund\"\nby = [\"brand\"]");
    assert_eq!(shadow.judge(&posts[0], at(0)), Verdict { held: 1, shadow: 1, ..Verdict::default() });
    assert_eq!(shadow.judge(&posts[1], at(0)), Verdict { held: 1, ..Verdict::default() });
    shadow.tick(at(9_999));
    assert!(shadow.take_changes().is_empty());
    let mut off = engine("mode = \"off\"\nwhen = \"refund\"");
    assert_eq!(off.judge(&posts[0], at(0)), Verdict::default());
    let mut elsewhere = engine("brand = [\"other\"]\nwhen = \"refund\"");
    assert_eq!(elsewhere.judge(&posts[0], at(0)), Verdict::default());
    assert_eq!(elsewhere.why_not("r", &posts[0]), WhyNot::OtherBrand);
}

#[test]
fn unknown_never_alerts() {
    let mut engine = engine("when = \"NOT spam:>0.8\"");
    let verdict = engine.judge(&post(1, 0, "ann", "refund"), at(0));
    assert_eq!(verdict, Verdict { unknown: 1, ..Verdict::default() });
    assert!(engine.take_changes().is_empty());
}

#[test]
fn groups_stay_apart() {
    let mut other = post(2, 0, "ann", "refund");
    other.brand = "other".to_owned();
    let mut french = post(3, 0, "ann", "refund");
    french.post.lang = Some("fr-CA".into());
    french.watches = ids(&["name", "shop"]);
    let mut engine = engine("when = \"refund\"\nby = [\"lang\", \"watch\"]");
    for post in [post(1, 0, "ann", "refund"), other, french] {
        engine.judge(&post, at(0));
    }
    let groups: Vec<String> = engine
        .take_changes()
        .iter()
        .map(|Change { alert, .. }| format!("{} {} {}", alert.brand, alert.group["lang"], alert.group["watch"]))
        .collect();
    assert_eq!(groups, ["acme und name", "other und name", "acme fr name", "acme fr shop"]);
}

#[test]
fn the_most_telling_come_first() {
    let mut engine = engine("when = \"refund\"\nby = [\"brand\"]");
    for n in 1..=20_u8 {
        let mut mention = post(i64::from(n), 0, "ann", "refund");
        mention.post.reach = Some(u64::from(n % 16) * 1_000);
        mention.correction = (n == 3).then_some(Label::Negative);
        engine.judge(&mention, at(0));
    }
    let alert = engine.take_changes().remove(0).alert;
    assert_eq!(alert.mentions, [3, 15, 14, 13, 12, 11, 10, 9, 8, 1], "the opener stays listed");
    assert_eq!(alert.mentions.len(), TELLING_MAX);
}

#[test]
fn a_deleted_post_is_neither_listed_nor_quoted_nor_counted_again() {
    let rules = format!("schema = 1\n[[rule]]\nid = \"r\"\nsay = \"{{author}}: {{text}}\"\n{COUNT}\n");
    let mut engine = Engine::new(read(&rules).unwrap(), Vec::new(), Vec::new());
    engine.judge(&post(1, 0, "ann", "refund now"), at(0));
    engine.judge(&post(2, 1, "bob", "refund now"), at(1));
    engine.forget(1, at(1));
    engine.judge(&post(3, 2, "cid", "refund now"), at(2));
    assert!(engine.take_changes().is_empty(), "a deleted post does not count");
    engine.judge(&post(4, 3, "dan", "refund now"), at(3));
    let opened = engine.take_changes().remove(0);
    assert_eq!(opened.alert.title, "dan.example: refund now");
    engine.forget(2, at(4));
    let unlisted = engine.take_changes().remove(0);
    assert_eq!((unlisted.alert.mentions.clone(), unlisted.news, unlisted.alert.count), (vec![3, 4], None, 3));
    assert_eq!(unlisted.alert.title, opened.alert.title);
    // After a restart too, once the listed posts were warmed.
    let mut engine = Engine::new(read(&rules).unwrap(), Vec::new(), vec![unlisted.alert]);
    assert_eq!(engine.listed(), [3, 4]);
    engine.warm(&post(3, 2, "cid", "refund now"));
    engine.warm(&post(4, 3, "dan", "refund now"));
    engine.forget(4, at(5));
    assert_eq!(engine.take_changes()[0].alert.title, "(deleted): (deleted)");
}

#[test]
fn a_flood_is_summarised() {
    let mut engine = engine("when = \"refund\"");
    let posts = OPEN_MAX + 100;
    let mut told = 0;
    for n in 1..=i64::try_from(posts).unwrap() {
        engine.judge(&post(n, 0, "ann", "refund"), at(0));
        told += engine.take_changes().iter().filter(|change| change.news.is_some()).count();
    }
    assert_eq!(told, OPEN_MAX + 7, "one more alert, told at 1, 2, 4, 8, 16, 32, 64");
    let counts: u64 = engine.alerts().map(|alert| alert.count).sum();
    assert_eq!(counts, posts as u64, "every post stands in an alert");
}

#[test]
fn alerts_of_a_removed_rule_end() {
    let mut before = engine("when = \"refund\"");
    before.judge(&post(1, 0, "ann", "refund"), at(0));
    let open = before.take_changes().remove(0).alert;
    let mut after = Engine::new(read("schema = 1").unwrap(), Vec::new(), vec![open]);
    after.tick(at(1));
    let change = after.take_changes().remove(0);
    assert_eq!(
        (change.news, change.alert.resolved_why.as_deref()),
        (Some(News::Resolved), Some("rule no longer live"))
    );
}

/// One step of a life: the minutes that pass, and what happens then.
#[derive(Clone, Debug)]
enum Step {
    Post { author: u8, late: i64, cluster: Option<u8>, stars: Option<u8> },
    Forget(u8),
    Acknowledge(u8),
    Resolve(u8),
    Wait,
}

fn step() -> impl Strategy<Value = (i64, Step)> {
    let post = (0..4_u8, prop_oneof![Just(0_i64), 0..90_i64], prop::option::of(0..2_u8), prop::option::of(1..6_u8));
    let what = prop_oneof![
        8 => post.prop_map(|(author, late, cluster, stars)| Step::Post { author, late, cluster, stars }),
        1 => any::<u8>().prop_map(Step::Forget),
        1 => any::<u8>().prop_map(Step::Acknowledge),
        1 => any::<u8>().prop_map(Step::Resolve),
        1 => Just(Step::Wait),
    ];
    (1..40_i64, what)
}

const LIFE: &str = r#"schema = 1
[[rule]]
id = "storm"
when = "refund"
detect = { kind = "count", within = "1h", min_count = 3, min_authors = 2 }
keep = "30m"
priority = { base = "P3", add = [{ if = "rating:1", up = 1, why = "one star" }] }
[[rule]]
id = "by-author"
when = "refund"
detect = { kind = "count", within = "2h", min_count = 2 }
by = ["author"]
[[rule]]
id = "each"
say = "{author}: {text}"
when = "refund"
keep = "45m"
[[rule]]
id = "share"
when = "refund"
detect = { kind = "share", of = "rating:1", within = "12h", min_share = 0.05, min_count = 5 }
keep = "1h"
"#;

/// A daemon's view: what is stored, and the engine over it.
struct Daemon {
    engine: Engine,
    mentions: BTreeMap<i64, Mention>,
    alerts: BTreeMap<String, Alert>,
    now: Timestamp,
}

impl Daemon {
    fn new() -> Self {
        let engine = Engine::new(read(LIFE).unwrap(), Vec::new(), Vec::new());
        Self { engine, mentions: BTreeMap::new(), alerts: BTreeMap::new(), now: at(0) }
    }

    fn restart(&mut self) {
        let rules = read(LIFE).unwrap();
        let since = self.now - rules.window_max();
        self.engine = Engine::new(rules, Vec::new(), self.alerts.values().cloned().collect());
        let listed = self.engine.listed();
        for mention in self.mentions.values() {
            if mention.post.created_at >= since || listed.contains(&mention.seq) {
                self.engine.warm(mention);
            }
        }
    }

    fn step(&mut self, minutes: i64, step: &Step) -> Vec<Change> {
        self.now += SignedDuration::from_mins(minutes);
        let now = self.now;
        self.engine.tick(now);
        let mut changes = self.take();
        let open =
            |n: u8| self.alerts.keys().nth(usize::from(n) % self.alerts.len().max(1)).cloned().unwrap_or_default();
        match step {
            Step::Post { author, late, cluster: name, stars: rating } => {
                let seq = i64::try_from(self.mentions.len()).unwrap() + 1_000;
                let minute = now.duration_since(at(0)).as_mins();
                let mut mention = written(post(seq, minute, &author.to_string(), "refund"), minute - late);
                mention.cluster = name.map(|name| name.to_string());
                mention.post.rating = rating.map(f64::from);
                self.engine.judge(&mention, now);
                self.mentions.insert(seq, mention);
            }
            Step::Forget(n) => {
                let seq = i64::from(*n) % self.mentions.len().max(1) as i64 + 1_000;
                if let Some(mention) = self.mentions.get_mut(&seq) {
                    mention.post = mention.post.tombstone();
                    self.engine.forget(seq, now);
                }
            }
            Step::Acknowledge(n) => drop(self.engine.acknowledge(&open(*n), "kim", now)),
            Step::Resolve(n) => drop(self.engine.resolve(&open(*n), "kim", now)),
            Step::Wait => {}
        }
        changes.extend(self.take());
        changes
    }

    fn take(&mut self) -> Vec<Change> {
        let changes = self.engine.take_changes();
        self.alerts.extend(changes.iter().map(|change| (change.alert.id.clone(), change.alert.clone())));
        changes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A restart at any moment changes nothing of what follows.
    #[test]
    fn a_restart_is_not_noticed(steps in prop::collection::vec(step(), 1..60), every in 1_usize..8) {
        let (mut steady, mut restarted) = (Daemon::new(), Daemon::new());
        for (n, (minutes, step)) in steps.iter().enumerate() {
            let expected = steady.step(*minutes, step);
            if n % every == 0 {
                restarted.restart();
            }
            prop_assert_eq!(restarted.step(*minutes, step), expected, "step {}", n);
        }
    }
}

/// What `bad-<fault>.toml` must be told: exactly one problem, at this place, in these words.
const FAULTS: &[(&str, &str)] = &[
    ("add-if", "4:42: error: no field is called `ratng` (did you mean `rating:`?)"),
    ("add-steps", "4:58: error: `up` must lie in 1..=4"),
    ("add-up-and-down", "4:34: error: an addition takes either `up` or `down`"),
    ("brand", "4:9: error: no brand `acmee` is configured (did you mean `acme`?)"),
    ("by", "4:6: error: cannot split by `languag` (did you mean `lang`?)"),
    ("by-twice", "4:6: error: `lang` stands twice in `by`"),
    ("count-authors", "4:72: error: 5 authors cannot write 3 posts (each author writes at least one of the posts)"),
    ("count-no-within", "4:10: error: `rule.detect` lacks `within`"),
    ("count-one", "4:55: error: `min_count` must lie in 2..=1024"),
    ("count-within", "4:37: error: `within` must lie between 1s and 7d"),
    ("detector", "4:19: error: unknown detector `cuont` (did you mean `count`?)"),
    ("detector-key", "4:27: error: unknown key `rule.detect.within`"),
    ("detector-no-kind", "4:10: error: `rule.detect` lacks `kind`"),
    ("detector-planned", "4:19: error: detector `spike` is not available yet"),
    ("field", "4:9: error: no field is called `sentimnt` (did you mean `sentiment:`?)"),
    ("growth-account", "4:39: error: no own account `acme.exmaple` is configured (did you mean `acme.example`?)"),
    ("growth-key", "4:73: error: unknown key `rule.detect.spam_share` (did you mean `spam_share_min`?)"),
    ("growth-lacks", "4:10: error: `rule.detect` lacks `factor`"),
    ("growth-lacks", "4:10: error: `rule.detect` lacks `min_count`"),
    ("growth-lacks", "4:10: error: `rule.detect` lacks `within`"),
    ("growth-range", "5:17: error: `within` must lie between 1h and 7d"),
    ("growth-range", "6:17: error: `factor` must lie in 1..=1000"),
    ("growth-range", "7:20: error: `min_count` must lie in 5..=10000000"),
    ("growth-range", "8:25: error: `spam_share_min` must lie in 0.01..=1"),
    (
        "growth-say",
        "4:8: error: unknown placeholder `{author}` (one of {account} {brand} {count} {interval} {share} {source} {usual})",
    ),
    ("growth-type", "4:54: error: `factor` must be a number, not string"),
    ("growth-when", "4:8: error: `when` asks mentions, this rule judges followers (leave it out)"),
    ("growth-when", "5:6: error: `by` asks mentions, this rule judges followers (leave it out)"),
    ("growth-when", "6:12: error: `priority` asks mentions, this rule judges followers (a base alone)"),
    ("id", "3:6: error: `a b` is no id (letters, digits, `-`, `_` and `.`, at most 64)"),
    ("id-twice", "6:6: error: rule `r` stands twice (first in r.toml)"),
    ("keep", "4:8: error: `half an hour` is no duration (such as 500ms, 30s, 10m, 2h, 7d)"),
    ("keep-long", "4:8: error: `keep` must lie between 1s and 30d"),
    ("key", "4:1: error: unknown key `rule.kepe` (did you mean `keep`?)"),
    ("let-circle", "3:11: error: `let:a` cannot be used: named queries go in a circle: a -> a"),
    ("let-query", "3:30: error: this bracket is never closed (add a `)`)"),
    ("let-query", "6:16: error: `let:angry` cannot be used: this bracket is never closed"),
    ("let-unknown", "6:16: error: no query is called `angri` (did you mean `let:angry`?)"),
    ("mode", "4:8: error: unknown mode `live!` (did you mean `live`?)"),
    ("no-id", "2:1: error: `rule` lacks `id`"),
    ("no-schema", "1:1: error: the file lacks `schema`"),
    ("no-when", "2:1: error: `rule` lacks `when`"),
    ("planned-calendar", "2:1: error: `calendar` is not available yet"),
    ("planned-escalate", "5:12: error: `escalate` is not available yet"),
    ("planned-inhibit", "2:1: error: `inhibit` is not available yet"),
    ("planned-mute", "2:1: error: `mute` is not available yet"),
    ("planned-overflow", "5:12: error: `overflow` is not available yet"),
    ("planned-route", "2:1: error: `route` is not available yet"),
    ("planned-test", "5:1: error: `test` is not available yet"),
    ("planned-unless", "5:10: error: `unless` is not available yet"),
    ("priority", "4:12: error: unknown priority `P6` (one of P1, P2, P3, P4, P5)"),
    ("priority-no-base", "4:12: error: `rule.priority` lacks `base`"),
    ("route", "4:9: error: no hook `opps` is configured (did you mean `ops`?)"),
    ("say", "4:8: error: unknown placeholder `{autor}` (did you mean `{author}`?)"),
    ("say-brace", "4:8: error: `{` without `}`"),
    (
        "say-count-fixed",
        "4:7: warning: `{count}` will not follow the alert (a title that quotes a person is written once, at the opening)",
    ),
    ("schema", "1:10: error: unknown schema (this version reads schema = 1)"),
    (
        "share-discount",
        "6:17: error: only `each` and `count` discount spam (`NOT spam:>=0.8` in `when` leaves likely spam out of a share)",
    ),
    ("share-lacks", "5:10: error: `rule.detect` lacks `of`"),
    ("share-lacks", "5:10: error: `rule.detect` lacks `min_share`"),
    ("share-lacks", "5:10: error: `rule.detect` lacks `min_count`"),
    ("share-of", "5:34: error: no field is called `spma` (did you mean `spam:`?)"),
    ("share-range", "7:17: error: `within` must lie between 1s and 7d"),
    ("share-range", "8:20: error: `min_share` must lie in 0.01..=1"),
    ("share-range", "9:20: error: `min_count` must lie in 5..=1024"),
    (
        "share-say",
        "4:8: error: unknown placeholder `{author}` (one of {brand} {count} {interval} {lang} {share} {source})",
    ),
    ("syntax", "5:5: error: key with no value, expected `=`"),
    ("when", "4:20: error: this bracket is never closed (add a `)`)"),
];

#[test]
fn fixtures() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rule");
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        if name.starts_with("good-") {
            assert_eq!(read(&text).err(), None, "{name}");
            continue;
        }
        let fault = name.strip_prefix("bad-").unwrap();
        let found = read(&text).err().unwrap_or_default();
        let expected = FAULTS.iter().filter(|(known, _)| *known == fault);
        let expected: Vec<_> = expected.map(|(_, line)| format!("r.toml:{line}")).collect();
        if found != expected {
            wrong.push((fault.to_owned(), found, expected));
        }
        seen.insert(fault.to_owned());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(seen, FAULTS.iter().map(|(fault, _)| (*fault).to_owned()).collect(), "every fault has its file");
}

#[test]
fn all_files_are_read_at_once() {
    let files = [
        ("a.toml", "schema = 1\nx = 1"),
        ("b.toml", "schema = 1\n[[rule]]\nid = \"r\"\nwhen = \"a\""),
        ("c.toml", "schema = 1\n[[rule]]\nid = \"r\"\nwhen = \"b\""),
    ];
    let files = files.map(|(name, text)| File { name, text });
    let problems = RuleSet::read(&files, &[], &[], &[], &Names::default()).unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("a.toml:2:1:") && lines[1].starts_with("c.toml:3:6:"), "{lines:?}");
    let hash = |text| read(text).unwrap().hash().to_owned();
    assert_eq!(hash("schema = 1"), hash("schema = 1"));
    assert_ne!(hash("schema = 1"), hash("schema = 1 # else"));
}

#[test]
fn the_default_rules_do_what_they_say() {
    let text = include_str!("../../rules/default.toml");
    let rules = || {
        let (rules, problems) =
            RuleSet::read(&[File { name: "default.toml", text }], &ids(&["acme"]), &[], &[], &Names::default())
                .unwrap();
        assert!(problems.iter().all(|problem| problem.severity < Severity::Warning), "{problems:?}");
        rules
    };
    assert_eq!(rules().window_max(), SignedDuration::from_hours(25));
    let scored = |seq: i64, sentiment: f32, complaint: f32, needs_answer: f32| {
        let mut mention = post(seq, seq, &format!("a{seq}"), "something about acme");
        mention.scores = serde_json::from_value(json!({
            "lang": "en", "lang_p": 1.0, "sentiment": sentiment, "label": "neutral",
            "p": {"negative": 0.2, "neutral": 0.6, "positive": 0.2}, "needs_answer": needs_answer,
            "complaint": complaint, "offensive": null, "irony": null, "emotion": null, "tier": "fast", "model": "m"
        }))
        .unwrap();
        mention
    };
    let opened = |posts: &&[Mention]| {
        let mut engine = Engine::new(rules(), Vec::new(), Vec::new());
        for post in *posts {
            engine.judge(post, post.seen_at);
        }
        let changes = engine.take_changes();
        let mut told: Vec<String> =
            changes.iter().map(|Change { alert, .. }| format!("{} {}", alert.rule, alert.priority.name())).collect();
        told.sort();
        told
    };
    let plain = scored(1, 0.0, 0.1, 0.1);
    let mut famous = plain.clone();
    famous.post.author.followers = Some(200_000);
    let mut spam = scored(1, -0.95, 0.1, 0.1);
    spam.author_spam.spam = Some(0.9);
    let mut unscored = plain.clone();
    unscored.scores = None;
    let mut angry_review = stars(scored(1, -0.95, 0.1, 0.1), 1.0);
    angry_review.post.kind = crate::post::Kind::Review;
    let mut answering = scored(1, 0.0, 0.1, 0.5);
    let not_to_us = answering.clone();
    answering.watches.push(OWN_REPLY.into());
    let storm: Vec<Mention> = (1..=5).map(|n| scored(n, -0.6, 0.7, 0.1)).collect();
    let cases: &[(&str, &[Mention], &[&str])] = &[
        ("chatter", std::slice::from_ref(&plain), &[]),
        ("not scored yet", &[unscored], &[]),
        ("angry", &[scored(1, -0.95, 0.1, 0.1)], &["angry-post P3"]),
        ("angry and likely spam", &[spam], &["angry-post P5"]),
        ("two angry at once", &[scored(1, -0.95, 0.1, 0.1), scored(2, -0.95, 0.1, 0.1)], &["angry-post P3"]),
        ("angry review", &[angry_review], &["one-star-review P3"]),
        ("perhaps a question, to us", &[answering], &["question-waiting P4"]),
        ("perhaps a question, to nobody", &[not_to_us], &[]),
        ("question", &[scored(1, 0.0, 0.1, 0.9)], &["question-waiting P4"]),
        ("unhappy question", &[scored(1, -0.6, 0.1, 0.9)], &["question-waiting P3"]),
        ("one star", &[stars(plain.clone(), 1.0)], &["one-star-review P3"]),
        ("famous", &[famous], &["big-account P3"]),
        ("praise", &[scored(1, 0.9, 0.0, 0.1), scored(2, 0.9, 0.0, 0.1)], &["praise P5"]),
        ("storm", &storm, &["complaint-storm P2"]),
        ("storm in the making", &storm[..4], &[]),
    ];
    for (name, posts, expected) in cases {
        assert_eq!(opened(posts), *expected, "{name}");
    }
    growth::the_default_rules_tell_of_bought_followers(rules());
}
