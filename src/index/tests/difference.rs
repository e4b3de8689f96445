//! The index against the evaluator of single posts, over generated mentions and queries.

use super::*;
use crate::query::eval::Subject;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

const VOCABULARY: [&str; 6] = ["acme", "acmes", "acid", "money", "monday", "back"];
/// What a text holds beside words.
const ENTITIES: [&str; 7] =
    ["#acme", "@ann@shop.example", "https://www.shop.example/Acme?x", "https://example", "Ácme!", "why?", "acme's"];
const MENTIONS: i64 = 120;

/// What the evaluator of single posts says.
fn matches(expr: &Expr, mention: &Mention) -> bool {
    let subject = Subject { post: &mention.post, source_kind: "bluesky", mention: Some(mention), now: None };
    query(expr.clone()).matches(&subject) == Some(true)
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
            mention.correction = (second % 4 == 0).then_some(Label::Positive);
            mention.status = Status::ALL[second as usize % 5].1;
            mention.post.author.handle = (second % 2 == 0).then(|| "@acme.example".into());
            mention.brand = if acme { "acme" } else { "zeta" }.into();
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

#[test]
fn both_evaluators_agree() {
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 500, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    // Written over several commits, with rewritten and removed ones between.
    let (_dir, mut writer, searcher) = index(&[]);
    let mut held = std::collections::BTreeMap::new();
    for change in 1..=MENTIONS {
        let mut mention = any_mention().new_tree(&mut runner).unwrap().current();
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
    let newest_first = |mention: &&Mention| std::cmp::Reverse((mention.post.created_at, mention.seq));
    runner
        .run(&any_expr(), |expr| {
            let mut expected: Vec<&Mention> = held.values().filter(|mention| matches(&expr, mention)).collect();
            expected.sort_by_key(newest_first);
            let expected: Vec<i64> = expected.iter().map(|mention| mention.seq).collect();
            let mut pages = Vec::new();
            let mut page = page(40);
            loop {
                let hits = search(&searcher, expr.clone(), &page);
                prop_assert_eq!(hits.total, expected.len() as u64);
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
