//! The two evaluators and the naive one (`query::tests::naive`) over generated mentions and queries: all three say the
//! same of every pair. `REPUTED_PAIRS` says how many pairs; without it few in a build for debugging, a million in a release.

use super::*;
use crate::brand::{Brand, Watch};
use crate::query::eval::Subject;
use crate::query::reading::Reading;
use crate::query::tests::generate::{FORMS, KINDS, NAMES, any_mention, any_query, any_term, kind_of};
use crate::query::tests::naive::{self, Naive};
use crate::query::tests::now;
use crate::watch::{Gate, Scratch, WatchSet};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cmp::Reverse;
use std::collections::BTreeMap;

const PAIRS: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_200_000 };
/// Mentions and queries of one round.
const MENTIONS: i64 = if cfg!(debug_assertions) { 250 } else { 500 };
const QUERIES: usize = 400;
/// Of this many queries of a form at least one must match something: otherwise they would prove nothing.
const MATCHING_AT_LEAST: u64 = 5;
/// Told at once.
const FAULTS_MAX: usize = 12;

/// A query and the form of its term; `whole`: several terms.
struct Asked {
    form: &'static str,
    text: String,
    query: Query,
    watchable: bool,
}

/// What came of a form.
#[derive(Debug, Default)]
struct Tally {
    queries: u64,
    matching: u64,
    pairs: u64,
    held: u64,
    unknown: u64,
}

/// Mentions in an index, written over several commits, with rewritten and removed ones between.
struct Round {
    _folder: tempfile::TempDir,
    _writer: Writer,
    searcher: Searcher,
    held: BTreeMap<i64, Mention>,
}

impl Round {
    fn begin(runner: &mut TestRunner) -> Self {
        let (folder, mut writer, searcher) = index(&[]);
        let mut held = BTreeMap::new();
        for change in 1..=MENTIONS {
            let mut mention = any_mention().new_tree(runner).unwrap().current();
            mention.seq = if change % 9 == 0 { change / 2 } else { change };
            writer.put(&mention, kind_of(&mention.post), held.contains_key(&mention.seq)).unwrap();
            held.insert(mention.seq, mention);
            if change % 13 == 0 {
                writer.remove(change / 3).unwrap();
                held.remove(&(change / 3));
            }
            if change % 70 == 0 || change == MENTIONS {
                writer.commit(change).unwrap();
            }
        }
        Self { _folder: folder, _writer: writer, searcher, held }
    }

    /// Every page, and the total.
    fn found(&self, query: &Query) -> (Vec<i64>, u64) {
        let mut page = page(90);
        let mut found = Vec::new();
        loop {
            let hits = self.searcher.search(query, &page, now()).unwrap();
            found.extend(hits.seqs);
            page.after = hits.next;
            if page.after.is_none() {
                return (found, hits.total);
            }
        }
    }
}

fn questions(runner: &mut TestRunner) -> Vec<Asked> {
    let mut ask = |n: usize| {
        let form = FORMS.get(n / 2 % FORMS.len()).copied().filter(|_| n.is_multiple_of(2)).unwrap_or("whole");
        let strategy = if form == "whole" { any_query().boxed() } else { any_term(form) };
        let text = strategy.new_tree(runner).unwrap().current();
        let query = Query::parse_with(&text, &NAMES).unwrap();
        let watchable = Query::parse_watch(&text, &NAMES).is_ok();
        Asked { form, text, query, watchable }
    };
    (0..QUERIES).map(&mut ask).collect()
}

/// Those that can be watched, each a watch with its number as the id.
fn gate(asked: &[Asked]) -> Gate {
    let watchable = asked.iter().enumerate().filter(|(_, asked)| asked.watchable);
    let watches = watchable.map(|(n, asked)| Watch { id: n.to_string(), query: asked.text.clone() }).collect();
    let brand = Brand { id: "a".into(), name: "a".into(), watches, accounts: Vec::new() };
    Gate::new(WatchSet::compile(&[brand], &KINDS.map(|(id, kind)| (id.to_owned(), kind)), &NAMES).unwrap())
}

fn check(round: &Round, asked: &[Asked], tallies: &mut BTreeMap<&'static str, Tally>, faults: &mut Vec<String>) {
    let mut order: Vec<&Mention> = round.held.values().collect();
    order.sort_by_key(|mention| Reverse((mention.post.created_at, mention.seq)));
    let read: Vec<(Reading, Naive)> =
        order.iter().map(|mention| (Reading::of(&mention.post), Naive::of(&mention.post))).collect();
    for Asked { form, text, query, .. } in asked {
        let tally = tallies.entry(form).or_default();
        let mut expected = Vec::new();
        for (mention, (reading, naive)) in order.iter().zip(&read) {
            let post = &mention.post;
            let subject = Subject { post, source_kind: kind_of(post), mention: Some(mention), now: Some(now()) };
            let says = naive::holds(&query.expr, &subject, naive);
            let streams = query.matches_reading(&subject, reading);
            if streams != says {
                faults.push(format!("{text:?}: {streams:?}, naive {says:?}, of {:?} | {:?}", post.title, post.text));
            }
            tally.pairs += 1;
            tally.held += u64::from(says == Some(true));
            tally.unknown += u64::from(says.is_none());
            expected.extend((says == Some(true)).then_some(mention.seq));
        }
        tally.queries += 1;
        tally.matching += u64::from(!expected.is_empty());
        let (found, total) = round.found(query);
        if found != expected || total != expected.len() as u64 {
            let other = round.held.values().find(|held| found.contains(&held.seq) != expected.contains(&held.seq));
            faults.push(format!(
                "index: {text:?}: {total} for {} of {:?}",
                expected.len(),
                other.map(|held| &held.post)
            ));
        }
    }
    let gate = gate(asked);
    let mut scratch = Scratch::default();
    for (mention, (_, naive)) in order.iter().zip(&read) {
        let post = &mention.post;
        let subject = Subject { post, source_kind: kind_of(post), mention: None, now: None };
        let found: Vec<usize> = gate
            .matches(post, &mut scratch)
            .iter()
            .flat_map(|found| &found.watches)
            .map(|id| id.parse().unwrap())
            .collect();
        for (n, asked) in asked.iter().enumerate() {
            let expected = asked.watchable && naive::holds(&asked.query.expr, &subject, naive) == Some(true);
            if expected != found.contains(&n) {
                faults.push(format!("gate: {:?}: not {expected} of {post:?}", asked.text));
            }
        }
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "shown by --nocapture: how much the run proves")]
fn three_evaluators_agree() {
    let pairs = std::env::var("REPUTED_PAIRS").map_or(PAIRS, |pairs| pairs.parse().unwrap());
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut faults = Vec::new();
    while tallies.values().map(|tally| tally.pairs).sum::<u64>() < pairs && faults.len() < FAULTS_MAX {
        let round = Round::begin(&mut runner);
        let asked = questions(&mut runner);
        check(&round, &asked, &mut tallies, &mut faults);
    }
    faults.truncate(FAULTS_MAX);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let total: u64 = tallies.values().map(|tally| tally.pairs).sum();
    for (form, tally) in &tallies {
        let Tally { queries, matching, pairs, held, unknown } = tally;
        println!(
            "{form}: {matching} of {queries} queries match something; {held} of {pairs} pairs held, {unknown} unknown"
        );
        let seldom = matching * MATCHING_AT_LEAST < *queries;
        assert!(!seldom && *held < pairs * 9 / 10, "{form} proves little: {tally:?}");
    }
    println!("{total} pairs");
}

/// What divided the evaluators once, or easily would.
#[test]
fn they_no_longer_differ() {
    for (text, query) in [
        // The joiner of a picture was no part of it as written.
        ("team 👩🏽\u{200d}💻", "case:\"👩\u{200d}💻\""),
        // Equal words need places of their own.
        ("no, no", "\"no no no\"~3"),
        ("a x b c a b", "a ONEAR/1 b NEAR/3 a"),
    ] {
        let mention = mention(1, text);
        let (_folder, _writer, searcher) = index(std::slice::from_ref(&mention));
        let query = Query::parse(query).unwrap();
        let subject = Subject { post: &mention.post, source_kind: "bluesky", mention: Some(&mention), now: None };
        let says = naive::holds(&query.expr, &subject, &Naive::of(&mention.post)) == Some(true);
        assert_eq!(query.matches(&subject) == Some(true), says, "{} in {text}", query.text);
        assert_eq!(!found(&searcher, query.expr.clone()).is_empty(), says, "index: {} in {text}", query.text);
        assert_eq!(Query::parse(&query.to_string()).unwrap().expr, query.expr);
    }
}
