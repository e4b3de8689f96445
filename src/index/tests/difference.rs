//! The index against a plain evaluator of one mention, over generated mentions and queries.

use super::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

const VOCABULARY: [&str; 6] = ["acme", "acmes", "acid", "money", "monday", "back"];
const MENTIONS: i64 = 120;

/// Three-valued: `None` is unknown.
fn matches(expr: &Expr, mention: &Mention) -> Option<bool> {
    match expr {
        Expr::All => Some(true),
        Expr::Not(expr) => matches(expr, mention).map(|is| !is),
        Expr::And(exprs) => decide(exprs, mention, false),
        Expr::Or(exprs) => decide(exprs, mention, true),
        Expr::Term(term) => holds(term, mention),
    }
}

/// `decisive` once is enough; else unknown when anything is.
fn decide(exprs: &[Expr], mention: &Mention, decisive: bool) -> Option<bool> {
    let results: Vec<_> = exprs.iter().map(|expr| matches(expr, mention)).collect();
    if results.contains(&Some(decisive)) {
        return Some(decisive);
    }
    if results.contains(&None) { None } else { Some(!decisive) }
}

fn holds(term: &Term, mention: &Mention) -> Option<bool> {
    let post = &mention.post;
    match term {
        Term::Words { field, words, prefix } => {
            let texts = match field {
                TextField::Any => vec![Some(&post.text), post.title.as_ref()],
                TextField::Title => vec![post.title.as_ref()],
                _ => vec![Some(&post.text)],
            };
            Some(texts.into_iter().flatten().any(|text| contains(text, words, *prefix)))
        }
        Term::Keyword { field: KeywordField::Lang, value } => Some(post.lang.as_ref()?.as_str() == value),
        Term::Keyword { value, .. } => Some(mention.brand == *value),
        Term::Number { field, min, max } => {
            let value = match field {
                NumberField::Likes => post.likes? as f64,
                NumberField::Created => post.created_at.as_second() as f64,
                _ => post.rating?,
            };
            let above = min.is_none_or(|min| value > min.value || (min.inclusive && value == min.value));
            let below = max.is_none_or(|max| value < max.value || (max.inclusive && value == max.value));
            Some(above && below)
        }
        _ => Some(false),
    }
}

fn contains(text: &str, words: &[String], prefix: bool) -> bool {
    let text: Vec<&str> = text.split(' ').collect();
    let last = words.len() - 1;
    text.windows(words.len()).any(|window| {
        window[..last] == words[..last]
            && (window[last] == words[last] || prefix && window[last].starts_with(&words[last]))
    })
}

fn any_mention() -> impl Strategy<Value = Mention> {
    let text = || proptest::collection::vec(proptest::sample::select(&VOCABULARY[..]), 1..6);
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
            mention.brand = if acme { "acme" } else { "zeta" }.into();
            mention
        },
    )
}

fn any_term() -> impl Strategy<Value = Expr> {
    let field = proptest::sample::select(vec![TextField::Any, TextField::Title, TextField::Text]);
    let starts = proptest::sample::select(vec!["ac", "acme", "mon", "back"]);
    let phrase = proptest::collection::vec(proptest::sample::select(&VOCABULARY[..]), 1..4);
    let numbers = vec![NumberField::Likes, NumberField::Rating, NumberField::Created];
    let bound =
        || proptest::option::of((proptest::sample::select(vec![-2.0, -1.5, -0.0, 0.0, 1.0, 2.5, 5.0]), any::<bool>()));
    prop_oneof![
        (field.clone(), phrase.clone()).prop_map(|(field, phrase)| words(field, &phrase, false)),
        (field, phrase, starts).prop_map(|(field, mut phrase, start)| {
            *phrase.last_mut().unwrap() = start;
            words(field, &phrase, true)
        }),
        proptest::sample::select(vec!["en", "de", "fr"]).prop_map(|lang| keyword(KeywordField::Lang, lang)),
        proptest::sample::select(vec!["acme", "zeta"]).prop_map(|brand| keyword(KeywordField::Brand, brand)),
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
fn answers_as_a_plain_evaluator_does() {
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 2_000, failure_persistence: None, ..Config::default() },
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
            let mut expected: Vec<&Mention> =
                held.values().filter(|mention| matches(&expr, mention) == Some(true)).collect();
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
