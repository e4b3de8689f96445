//! Queries and posts that are made to cost: each is refused, or asked within bounded work. `bombs_end` says how long each
//! took, for a release build to be read (`cargo test --release --lib bombs_end -- --ignored --nocapture`); nothing is
//! asserted of time.

use super::*;
use crate::brand::{Brand, Watch};
use crate::watch::{Scratch, WatchSet};
use std::time::Instant;

const POST_BYTES: usize = crate::post::TEXT_BYTES_MAX;

fn filled(unit: &str) -> Post<'static> {
    Post::new("1", unit.repeat(POST_BYTES / unit.len()), now())
}

fn message(text: &str) -> String {
    Query::parse(text).map_or_else(|errors| errors[0].message.clone(), |_| String::new())
}

#[test]
fn what_would_cost_too_much_is_refused() {
    let words = |n: usize| "a ".repeat(n);
    let chain = |n: usize| vec!["a"; n].join(" NEAR/100 ");
    for (text, expected) in [
        (format!("\"{}\"~100", words(NEAR_MAX + 1)), "has at most 32 words"),
        (chain(NEAR_MAX + 1), "joins at most 32 terms"),
        (vec!["(a NEAR/9 b)"; TERMS_MAX / NEAR_TERMS / 2 + 1].join(" "), "at most 10000 terms"),
        (format!("{} b", vec!["\"a b\"~9"; TERMS_MAX / NEAR_TERMS / 2].join(" ")), "at most 10000 terms"),
        (format!("\"{}\"", words(TERMS_MAX + 1)), "at most 10000 terms"),
    ] {
        assert!(message(&text).contains(expected), "{}", message(&text));
    }
    for text in [format!("\"{}\"~100", words(NEAR_MAX)), chain(NEAR_MAX), format!("\"{}\"", words(TERMS_MAX))] {
        assert_eq!(message(&text), "");
    }
}

/// Texts of queries and what makes them dear.
fn queries() -> Vec<(&'static str, String)> {
    let row = |n: usize| vec!["a"; n].join(" ");
    let distinct = |n: usize, form: fn(usize) -> String| (0..n).map(form).collect::<Vec<_>>().join(" OR ");
    vec![
        ("deep", format!("{}a{}", "(b ".repeat(63), ")".repeat(63))),
        ("6000 words", distinct(6_000, |n| format!("w{n}"))),
        ("64 KiB", "nothere OR ".repeat(5_900) + "x"),
        ("a phrase of 10000", format!("\"{} b\"", row(9_999))),
        ("a phrase of 10000, broken", format!("\"{}\"", row(10_000))),
        ("1000 phrases", distinct(1_000, |n| format!("\"a a a a a a a b{n}\""))),
        (
            "800 phrases of two words",
            distinct(800, |n| {
                let bits: Vec<&str> = (0..12).map(|bit| if n >> bit & 1 == 1 { "a" } else { "b" }).collect();
                format!("\"{}\"", bits.join(" "))
            }),
        ),
        ("loose", format!("\"{}\"~100", row(32))),
        ("loose, one is missing", format!("\"{} c\"~100", row(31))),
        ("31 loose", vec![format!("\"{} b\"~100", row(31)); 31].join(" OR ")),
        ("near", vec!["a"; 32].join(" NEAR/100 ")),
        ("near, one is missing", format!("{} ONEAR/1 c", vec!["a"; 31].join(" NEAR/100 "))),
        ("31 chains", vec![format!("({} ONEAR/1 c)", vec!["a"; 31].join(" NEAR/100 ")); 31].join(" OR ")),
        ("prefixes of everything", "aa* OR ".repeat(4_999) + "ab*"),
        ("prefixes", distinct(5_000, |n| format!("aa{n}*"))),
    ]
}

fn list(entry: impl Fn(usize) -> String) -> Names {
    let text: Vec<String> = (0..crate::query::list::ENTRIES_MAX).map(entry).collect();
    let list = List::read("l", &text.join("\n")).unwrap();
    Names { lists: [("l".to_owned(), Arc::new(list))].into(), ..Names::default() }
}

/// What a post is asked, by one query, in milliseconds.
fn asked(query: &Query, post: &Post<'_>) -> f64 {
    let reading = Reading::of(post);
    let start = Instant::now();
    let _held = query.matches_reading(&Subject { post, source_kind: "", mention: None, now: None }, &reading);
    start.elapsed().as_secs_f64() * 1e3
}

#[test]
#[ignore = "minutes in a build for debugging"]
#[allow(clippy::print_stdout, reason = "shown by --nocapture: read in a release build")]
fn bombs_end() {
    let posts = [
        ("a a a", filled("a ")),
        ("a b a b", filled("a b ")),
        ("aa aa", filled("aaaaaaaa ")),
        ("a x97", filled(&("a ".repeat(97) + "x "))),
        ("a b random", {
            let mut state = 1_u32;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if state >> 31 == 0 { "a " } else { "b " }
            };
            Post::new("1", (0..POST_BYTES / 2).map(|_| next()).collect::<String>(), now())
        }),
    ];
    for (name, post) in &posts {
        let start = Instant::now();
        let words = Reading::of(post).text.words().count();
        println!("reading {name}: {words} words, {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    }
    let worst = |name: &str, query: &Query| {
        let times = posts.iter().map(|(post, text)| (asked(query, text), *post));
        let (time, post) = times.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        println!("{name}: {time:.1} ms on {post}");
    };
    for (name, text) in queries() {
        let start = Instant::now();
        let query = Query::parse(&text).unwrap_or_else(|errors| panic!("{name}: {}", errors[0].message));
        println!("{name}: read in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        worst(name, &query);
    }
    for (name, names) in [
        ("list of words", list(|n| format!("w{n}"))),
        ("list sharing a word", list(|n| format!("a w{n}"))),
        ("list of few words", list(|n| format!("a {} {}", ["a", "b"][n & 1], n / 2))),
        ("list of beginnings", list(|n| format!("aaaaaaaa{n}*"))),
    ] {
        worst(name, &Query::parse_with("in:$l", &names).unwrap());
    }
    for (name, watch) in [
        ("10000 watches of beginnings", (|n| format!("aaaaaaaab{n}*")) as fn(usize) -> String),
        ("10000 watches of one beginning", |n| format!("aa* -none{n}")),
        ("10000 watches of one word", |n| format!("a -none{n}")),
    ] {
        let watches = (0..10_000).map(|n| Watch { id: n.to_string(), query: watch(n) }).collect();
        let brand = Brand { id: "a".into(), name: "a".into(), watches, accounts: Vec::new() };
        let set = WatchSet::compile(&[brand], &[], &Names::default()).unwrap();
        for (post, text) in &posts[..3] {
            let start = Instant::now();
            let found = set.matches(text, &mut Scratch::default()).first().map_or(0, |found| found.watches.len());
            println!("{name}: {found} on {post}, {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        }
    }
}
