//! What the index gathers of its hits, in any order, against doing the same by hand over generated mentions.

use super::*;
use crate::query::eval::Subject;
use crate::query::piece::Piece;
use crate::query::reading::Reading;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

const VOCABULARY: [&str; 6] = ["acme", "acmes", "acid", "money", "monday", "back"];
/// What a text holds beside words.
const ENTITIES: [&str; 7] =
    ["#acme", "@ann@shop.example", "https://www.shop.example/Acme?x", "https://example", "Ácme!", "why?", "acme's"];
const MENTIONS: i64 = 120;

/// What the evaluator of single posts says.
fn matches(expr: &Expr, mention: &Mention) -> Option<bool> {
    let subject = Subject { post: &mention.post, source_kind: "bluesky", mention: Some(mention), now: None };
    query(expr.clone()).matches(&subject)
}

fn any_mention() -> impl Strategy<Value = Mention> {
    let text = || proptest::collection::vec(proptest::sample::select([&VOCABULARY[..], &ENTITIES].concat()), 1..7);
    let lang = proptest::option::of(proptest::sample::select(vec!["en", "de"]));
    let likes = proptest::option::of(0..4_u64);
    let rating = proptest::option::of(proptest::sample::select(vec![-1.5, -0.0, 0.0, 2.0]));
    (text(), proptest::option::of(text()), lang, likes, rating, 0..20_i64, any::<bool>()).prop_map(
        |(text, title, lang, likes, rating, second, acme)| {
            let mut mention = mention(0, &text.join(" "));
            mention.post.title = title.map(|title| title.join(" ").into());
            mention.post.lang = lang.map(Into::into);
            (mention.post.likes, mention.post.rating) = (likes, rating);
            mention.post.created_at = Timestamp::from_second(second - 10).unwrap();
            mention.scores =
                (second % 3 > 0).then(|| scores("de-AT", second as f32 / 30.0, Label::ALL[second as usize % 3].1));
            mention.author_spam.spam = (second % 3 > 0).then_some(if second % 3 > 1 { 0.8 } else { 0.79 });
            mention.correction = (second % 4 == 0).then_some(Label::Positive);
            mention.status = Status::ALL[second as usize % 5].1;
            mention.post.author.handle = (second % 2 == 0).then(|| "@acme.example".into());
            mention.brand = if acme { "acme" } else { "zeta" }.into();
            mention.post.reach = (second % 5 > 1).then_some(second as u64 / 4);
            mention.post.author.id = (second % 7 > 2).then(|| format!("did:x:{}", second % 4).into());
            mention.post.source = if second % 6 > 0 { "sky" } else { "Blogs" }.into();
            mention.watches =
                ["name", "Name", "own/post", "other"][..second as usize % 5].iter().map(ToString::to_string).collect();
            mention
        },
    )
}

fn any_term() -> impl Strategy<Value = Expr> {
    let field = proptest::sample::select(vec![TextField::Any, TextField::Title, TextField::Text, TextField::Author]);
    let starts = proptest::sample::select(vec!["ac", "acme", "mon", "back"]);
    let phrase = proptest::collection::vec(proptest::sample::select(&VOCABULARY[..]), 1..4);
    let numbers = vec![NumberField::Likes, NumberField::Rating, NumberField::Created, NumberField::Sentiment];
    let bound =
        || proptest::option::of((proptest::sample::select(vec![-2.0, -1.5, -0.0, 0.0, 1.0, 2.5, 5.0]), any::<bool>()));
    let keywords = vec![
        (KeywordField::Lang, "en"),
        (KeywordField::Lang, "de"),
        (KeywordField::Lang, "fr"),
        (KeywordField::Brand, "acme"),
        (KeywordField::Source, "bluesky"),
        (KeywordField::Status, "open"),
        (KeywordField::Has, "link"),
        (KeywordField::Has, "question"),
        (KeywordField::Sentiment, "positive"),
    ];
    prop_oneof![
        (field.clone(), phrase.clone()).prop_map(|(field, phrase)| words(field, &phrase, false)),
        (field, phrase, starts).prop_map(|(field, mut phrase, start)| {
            *phrase.last_mut().unwrap() = start;
            words(field, &phrase, true)
        }),
        proptest::sample::select(keywords).prop_map(|(field, value)| keyword(field, value)),
        proptest::sample::select(vec![
            ("shop.example", ""),
            ("example", "/acme"),
            ("op.example", ""),
            ("example", "/acme?x")
        ])
        .prop_map(|(host, path)| url(host, path)),
        proptest::sample::select(vec!["acme", "ann"]).prop_map(|tag| Expr::Term(Term::Tag(tag.into()))),
        proptest::sample::select(vec!["ann", "ann@shop.example", "acme.example"])
            .prop_map(|handle| Expr::Term(Term::Handle(handle.into()))),
        (proptest::sample::select(numbers), bound(), bound()).prop_map(|(field, min, max)| number(field, min, max)),
        Just(Expr::All),
    ]
}

fn any_expr() -> impl Strategy<Value = Expr> {
    any_term().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(not),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Expr::And),
            proptest::collection::vec(inner, 0..4).prop_map(Expr::Or),
        ]
    })
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new_with_rng(
        Config { cases, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
}

type Held = BTreeMap<i64, Mention>;

/// Written over several commits, with rewritten and removed ones between.
fn generated(runner: &mut TestRunner) -> (tempfile::TempDir, Writer, Searcher, Held) {
    let (dir, mut writer, searcher) = index(&[]);
    let mut held = Held::new();
    for change in 1..=MENTIONS {
        let mut mention = any_mention().new_tree(runner).unwrap().current();
        mention.seq = if change % 9 == 0 { change / 2 } else { change };
        writer.put(&mention, "bluesky", held.contains_key(&mention.seq)).unwrap();
        held.insert(mention.seq, mention);
        if change % 13 == 0 {
            writer.remove(change / 3).unwrap();
            held.remove(&(change / 3));
        }
        if change % 20 == 0 {
            writer.commit(change).unwrap();
        }
    }
    (dir, writer, searcher, held)
}

/// The rank of a mention, counted by hand.
fn rank(sort: Sort, mention: &Mention, words: &[(TextField, &str, u64)]) -> u64 {
    let reading = Reading::of(&mention.post);
    match sort {
        Sort::Newest => 0,
        Sort::Reach => mention.post.reach.map_or(0, |reach| reach + 1),
        Sort::Priority => mention.priority().into(),
        Sort::Relevance => {
            let times = |piece: &Piece, word: &str| piece.words().filter(|found| *found == word).count() as u64;
            let part = |weight: u64, tf: u64| weight * 10_000 * 10 * tf / (10 * tf + 12);
            let gain = |(field, word, weight): &(TextField, &str, u64)| match field {
                TextField::Any => {
                    part(*weight, times(&reading.text, word)) + part(2 * weight, times(&reading.title, word))
                }
                TextField::Text => part(*weight, times(&reading.text, word)),
                TextField::Title => part(2 * weight, times(&reading.title, word)),
                // Handle and name stand in one field.
                _ => part(*weight, times(&reading.handle, word) + times(&reading.name, word)),
            };
            words.iter().map(gain).sum()
        }
    }
}

#[test]
fn every_order_is_what_sorting_them_tells() {
    let mut runner = runner(500);
    let (_dir, _writer, searcher, held) = generated(&mut runner);
    let asked = (any_expr(), proptest::sample::select(Sort::ALL.map(|(_, sort)| sort).to_vec()));
    runner
        .run(&asked, |(expr, sort)| {
            let words = relevance::words(&expr);
            let weights = relevance::weights(&words, &searcher.fields, &searcher.reader.load().searcher()).unwrap();
            let words: Vec<(TextField, &str, u64)> =
                words.iter().zip(weights).map(|((field, word), weight)| (*field, *word, weight.into())).collect();
            let mut expected: Vec<&Mention> =
                held.values().filter(|mention| matches(&expr, mention) == Some(true)).collect();
            expected
                .sort_by_key(|mention| Reverse((rank(sort, mention, &words), mention.post.created_at, mention.seq)));
            let expected: Vec<i64> = expected.iter().map(|mention| mention.seq).collect();
            let undecided = held.values().filter(|mention| matches(&expr, mention).is_none()).count();
            let mut pages = Vec::new();
            let mut page = Page { sort, ..page(40) };
            loop {
                let hits = search(&searcher, expr.clone(), &page);
                prop_assert_eq!(hits.total, expected.len() as u64);
                prop_assert_eq!(hits.undecided, undecided as u64);
                pages.extend(hits.seqs);
                page.after = hits.next;
                if page.after.is_none() {
                    break;
                }
            }
            prop_assert_eq!(pages, expected);
            Ok(())
        })
        .unwrap();
}

/// The values of a mention, as a facet would call them.
fn values(by: By, mention: &Mention) -> BTreeSet<String> {
    let post = &mention.post;
    let subject = Subject { post, source_kind: "bluesky", mention: Some(mention), now: None };
    let author = post.author.id.as_deref().or(post.author.handle.as_deref());
    match by {
        By::Source => Some(post.source.to_string()).into_iter().collect(),
        By::Lang => eval::language(&subject).into_iter().collect(),
        By::Sentiment => eval::label(mention).map(|label| label.name().to_owned()).into_iter().collect(),
        By::Author => author.map(|author| format!("{} {author}", post.source)).into_iter().collect(),
        By::Watch => mention.watches.iter().map(|watch| watch.to_lowercase()).collect(),
        By::Brand => Some(mention.brand.clone()).into_iter().collect(),
        By::Kind => Some(post.kind.name().to_owned()).into_iter().collect(),
    }
}

#[test]
fn what_is_told_of_all_hits_is_what_counting_them_tells() {
    let mut runner = runner(150);
    let (_dir, _writer, searcher, held) = generated(&mut runner);
    let facets = By::ALL.map(|(_, by)| by).to_vec();
    runner
        .run(&(any_expr(), 1..8_usize), |(expr, top)| {
            let page = Page { facets: facets.clone(), top, over: Some(Interval::Hour), ..page(1) };
            let hits = search(&searcher, expr.clone(), &page);
            let matching: Vec<&Mention> =
                held.values().filter(|mention| matches(&expr, mention) == Some(true)).collect();
            prop_assert_eq!(hits.facets.len(), facets.len());
            for (facet, by) in hits.facets.iter().zip(&facets) {
                let mut counts: BTreeMap<String, u64> = BTreeMap::new();
                for value in matching.iter().flat_map(|mention| values(*by, mention)) {
                    *counts.entry(value).or_default() += 1;
                }
                let none = matching.iter().filter(|mention| values(*by, mention).is_empty()).count();
                let distinct = counts.len() as u64;
                prop_assert_eq!((facet.by, facet.distinct, facet.none), (*by, distinct, none as u64));
                let named = |value: &Value| match value {
                    Value::Name(name) => name.clone(),
                    Value::AuthorOf(seq) => values(*by, &held[seq]).pop_first().unwrap(),
                };
                let found: Vec<(String, u64)> =
                    facet.values.iter().map(|(value, count)| (named(value), *count)).collect();
                let mut expected: Vec<(String, u64)> = counts.into_iter().collect();
                expected.sort_by_key(|(_, count)| Reverse(*count));
                if *by == By::Author {
                    // Ties stand by who came last.
                    let latest = |name: &String| {
                        matching
                            .iter()
                            .filter(|mention| values(*by, mention).contains(name))
                            .map(|mention| mention.seq)
                            .max()
                    };
                    expected.sort_by_key(|(name, count)| Reverse((*count, latest(name))));
                }
                expected.truncate(top);
                prop_assert_eq!(found, expected);
            }
            let hour = |mention: &Mention| mention.post.created_at.as_second().div_euclid(3_600) * 3_600;
            let (first, last) = (matching.iter().map(|m| hour(m)).min(), matching.iter().map(|m| hour(m)).max());
            let expected: Vec<(i64, u64)> = (first.unwrap_or(1)..=last.unwrap_or(0))
                .step_by(3_600)
                .map(|at| (at, matching.iter().filter(|mention| hour(mention) == at).count() as u64))
                .collect();
            let found: Vec<(i64, u64)> = hits.counts.iter().map(|step| (step.at.as_second(), step.count)).collect();
            prop_assert_eq!(found, expected);
            let (of_spam, spam) = (hits.spam.unwrap(), |mention: &&&Mention| mention.author_spam.is_likely());
            prop_assert_eq!(of_spam.total, matching.iter().filter(spam).count() as u64);
            prop_assert_eq!(of_spam.counts.iter().map(|step| step.count).sum::<u64>(), of_spam.total);
            for step in &of_spam.counts {
                let at = |mention: &&&Mention| hour(mention) == step.at.as_second();
                prop_assert_eq!(step.count, matching.iter().filter(spam).filter(at).count() as u64);
            }
            for facet in &of_spam.facets {
                for (value, count) in &facet.values {
                    let Value::Name(name) = value else { panic!("authors are left out") };
                    let has = |mention: &&&Mention| values(facet.by, mention).contains(name);
                    prop_assert_eq!(*count, matching.iter().filter(spam).filter(has).count() as u64);
                }
            }
            Ok(())
        })
        .unwrap();
}
