//! Lines of watches, an empty line, lines of posts: the compiled set finds what asking each watch would, and `explain`
//! says the same.
#![no_main]

mod sample;

use libfuzzer_sys::fuzz_target;
use reputed::brand::{Brand, Watch};
use reputed::query::Query;
use reputed::query::eval::Subject;
use reputed::query::reading::Reading;
use reputed::watch::{Scratch, WatchSet};
use std::sync::LazyLock;

static NAMES: LazyLock<reputed::query::names::Names> = LazyLock::new(sample::names);

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((watches, posts)) = text.split_once("\n\n") else { return };
    if text.len() > sample::BYTES_MAX {
        return;
    }
    let queries: Vec<(&str, Query)> = watches
        .lines()
        .filter_map(|text| Query::parse_watch(text, &NAMES).ok().map(|query| (text, query)))
        .collect();
    let watch = |(n, (text, _)): (usize, &(&str, Query))| Watch { id: n.to_string(), query: (*text).to_owned() };
    let watches = queries.iter().enumerate().map(watch).collect();
    let brand = Brand { id: "b".into(), name: "b".into(), watches, accounts: Vec::new() };
    let set = WatchSet::compile(&[brand], &[("fedi".into(), "mastodon")], &NAMES).expect("each was read");
    let mut scratch = Scratch::default();
    for line in posts.lines() {
        let post = sample::post(line);
        let subject = Subject { post: &post, source_kind: "mastodon", mention: None, now: None };
        let reading = Reading::of(&post);
        let mut expected = Vec::new();
        for (n, (text, query)) in queries.iter().enumerate() {
            let held = query.matches_reading(&subject, &reading);
            assert_eq!(query.explain(&subject, &reading).holds, held, "{text:?} of {line:?}");
            if held == Some(true) {
                expected.push(n.to_string());
            }
        }
        let found = set.matches(&post, &mut scratch);
        let found: Vec<&str> = found.iter().flat_map(|found| &found.watches).map(|watch| &**watch).collect();
        assert_eq!(found, expected, "{text:?}");
    }
});
