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
        ("31 loose, one too many", vec![format!("\"{}\"~1", row(32)); 31].join(" OR ")),
        ("31 loose, one too few", vec!["\"x x x a\"~100"; 220].join(" OR ")),
        ("31 loose of pairs", {
            let pairs: Vec<String> = (0..16).map(|n| format!("{0} {0}", ["a", "x"][n & 1])).collect();
            vec![format!("\"{}\"~60", pairs.join(" ")); 31].join(" OR ")
        }),
        ("31 loose of little words", {
            let words: Vec<String> = (0..32).map(|n| format!("l{}", n / 2)).collect();
            vec![format!("\"{}\"~40", words.join(" ")); 31].join(" OR ")
        }),
        ("near", vec!["a"; 32].join(" NEAR/100 ")),
        ("near, one is missing", format!("{} ONEAR/1 c", vec!["a"; 31].join(" NEAR/100 "))),
        ("31 chains", vec![format!("({} ONEAR/1 c)", vec!["a"; 31].join(" NEAR/100 ")); 31].join(" OR ")),
        ("one wide chain", format!("(a OR x) NEAR/100 ({}) ONEAR/1 c", distinct(900, |n| format!("l{}", n % 17)))),
        ("a chain of wide groups", {
            let group: Vec<String> = (1..8).map(|n| format!("\"{}\"", row(n))).collect();
            format!("{} ONEAR/1 c", vec![format!("({})", group.join(" OR ")); 31].join(" NEAR/99 "))
        }),
        ("31 chains of beginnings", {
            let chain = |n: usize| (0..31).map(|m| format!("a{}*", "a".repeat(1 + (n + m) % 7))).collect::<Vec<_>>();
            distinct_chains(chain)
        }),
        ("31 chains of rare words", distinct_chains(|n| (0..31).map(|m| format!("l{}", (n + m) % 17)).collect())),
        ("phrases of beginnings", distinct(4_000, |n| format!("\"a {}*\"", &"aaaaaaaaaa"[..2 + n % 8]))),
        (
            "phrases of rare words",
            distinct(1_600, |n| format!("\"l{} l{} l{} x\"", n % 17, (n + 1) % 17, (n + 2) % 17)),
        ),
        ("words as written", "case:A OR ".repeat(5_000) + "x"),
        ("words as written, all different", distinct(3_000, |n| format!("case:{}", cased(n)))),
        ("phrases as written", distinct(1_800, |n| format!("case:\"a {} A\"", cased(n)))),
        ("words of a dictionary", "東京 OR ".repeat(4_500) + "京都"),
        ("phrases of a dictionary", "\"東京 東\" OR ".repeat(2_800) + "京都"),
        ("a row of characters", vec![format!("京{}", "東京".repeat(30)); 160].join(" OR ")),
        ("prefixes of everything", "aa* OR ".repeat(4_999) + "ab*"),
        ("prefixes", distinct(5_000, |n| format!("aa{n}*"))),
    ]
}

fn distinct_chains(chain: impl Fn(usize) -> Vec<String>) -> String {
    let chains: Vec<String> = (0..31).map(|n| format!("({} ONEAR/1 c)", chain(n).join(" NEAR/100 "))).collect();
    chains.join(" OR ")
}

/// A word of twelve letters with any case, its bits.
fn cased(n: usize) -> String {
    (0..12).map(|bit| if n >> bit & 1 == 1 { 'A' } else { 'a' }).collect()
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
        ("a A", filled("a A c ")),
        ("x98", filled(&(" c".repeat(49) + " x").repeat(2).replace(" x c", " x a c"))),
        ("a31 gap", filled(&("a ".repeat(30) + "x x "))),
        ("rare", filled(&(0..17).map(|n| format!("l{n} a a a a x ")).collect::<String>())),
        ("as written", Post::new("1", (0..POST_BYTES / 13).map(|n| cased(n) + " ").collect::<String>(), now())),
        ("東東京", filled("東東京")),
        ("東京", filled("東京 東京都 ")),
        ("a aa aaa", filled("a aa aaa aaaa aaaaa aaaaaa aaaaaaa aaaaaaaa aaaaaaaaa ")),
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
