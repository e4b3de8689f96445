//! Matching at once against matching one by one, and own accounts.

use super::sample::Sample;
use super::*;
use crate::brand::{OwnAccount, Watch};
use crate::mention::{OWN_MENTION, OWN_POST, OWN_QUOTE, OWN_REPLY};
use crate::post::Author;
use crate::query::tests::generate::{KINDS, NAMES, any_post, any_query, kind_of};
use crate::query::tests::naive::{self, Naive};
use crate::query::tests::now;
use proptest::prelude::*;

fn kinds() -> Vec<(String, &'static str)> {
    KINDS.iter().map(|(id, kind)| ((*id).to_owned(), *kind)).collect()
}

fn brand(id: &str, queries: &[&str], accounts: &[(&str, &str, Option<&str>)]) -> Brand {
    let watch = |(n, query): (usize, &&str)| Watch { id: format!("w{n}"), query: (*query).to_owned() };
    let account = |&(source, handle, id): &(&str, &str, Option<&str>)| OwnAccount {
        source: source.to_owned(),
        handle: handle.to_owned(),
        id: id.map(str::to_owned),
    };
    Brand {
        id: id.to_owned(),
        name: id.to_owned(),
        watches: queries.iter().enumerate().map(watch).collect(),
        accounts: accounts.iter().map(account).collect(),
    }
}

fn gate(brands: &[Brand]) -> Gate {
    Gate::new(WatchSet::compile(brands, &kinds(), &Names::default()).unwrap())
}

/// `brand:watch,watch brand:watch`.
fn shown(matches: &[Match]) -> String {
    let one = |found: &Match| format!("{}:{}", found.brand, found.watches.join(","));
    matches.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn names_brands_and_watches() {
    let gate = gate(&[
        brand("acme", &["acme refund", "#acme", "acme*", "rating:<=2"], &[]),
        brand("bolt", &["url:acme.example", "author:bolt", "source:mastodon acme"], &[]),
    ]);
    let mut scratch = Scratch::default();
    let mut ask = |text: &str, change: fn(&mut Post<'_>)| {
        let mut post = Post::new("1", text.to_owned(), now());
        post.source = "fedi".into();
        change(&mut post);
        shown(&gate.matches(&post, &mut scratch))
    };
    assert_eq!(ask("nothing here", |_| {}), "");
    assert_eq!(ask("Ácme: no REFUND", |_| {}), "acme:w0,w2 bolt:w2");
    assert_eq!(ask("acmebot #Acme", |_| {}), "acme:w1,w2");
    assert_eq!(ask("x", |post| post.tags = vec!["ACME".into()]), "acme:w1");
    assert_eq!(ask("x", |post| post.rating = Some(1.0)), "acme:w3");
    assert_eq!(ask("see https://www.acme.example/x", |_| {}), "bolt:w0");
    assert_eq!(ask("x", |post| post.url = Some("https://Acme.example".into())), "bolt:w0");
    assert_eq!(ask("x", |post| post.author.name = Some("Big Bolt".into())), "bolt:w1");
    assert_eq!(ask("x", |post| post.title = Some("Acme".into())), "acme:w2 bolt:w2");
}

#[test]
fn a_word_of_many_watches_finds_them_all() {
    let queries: Vec<String> = (0..40).map(|n| format!("acme -none{n} OR beta{n}* OR acm*")).collect();
    let gate = gate(&[brand("acme", &queries.iter().map(String::as_str).collect::<Vec<_>>(), &[])]);
    let mut scratch = Scratch::default();
    for (text, expected) in
        [("acme acme x acme", 40), ("acme none7", 40), ("beta7x beta9y", 2), ("acmes", 40), ("x", 0)]
    {
        let found = gate.matches(&Post::new("1", text, now()), &mut scratch);
        assert_eq!(found.iter().map(|found| found.watches.len()).sum::<usize>(), expected, "{text}");
    }
}

#[test]
fn bad_watches_are_all_told() {
    let found = WatchSet::compile(&[brand("acme", &["ok", "NOT x", "a OR", "kind:zzz"], &[])], &[], &Names::default());
    let bad = found.err().unwrap();
    let watches: Vec<&str> = bad.iter().map(|bad| bad.watch.as_str()).collect();
    assert_eq!(watches, ["w1", "w2", "w3"]);
    assert_eq!(bad[1].error.span, 2..4);
}

#[test]
fn own_accounts_have_watches_of_their_own() {
    let accounts = [("sky", "@Acme.example", None), ("fedi", "acme@social.example", Some("42"))];
    let gate = gate(&[brand("acme", &["hello"], &accounts), brand("bolt", &["hello"], &accounts[..1])]);
    assert_eq!(gate.unresolved_handles("sky"), ["acme.example"]);
    gate.resolve("sky", "acme.example", "did:plc:a");
    gate.resolve("sky", "other.example", "did:plc:b");
    assert_eq!(&*gate.own_accounts("sky"), ["did:plc:a"]);
    assert!(gate.unresolved_handles("sky").is_empty() && gate.unresolved_handles("none").is_empty());
    assert!(gate.is_own("sky", "did:plc:a") && !gate.is_own("fedi", "did:plc:a") && gate.is_own("fedi", "42"));

    let mut scratch = Scratch::default();
    let mut ask = |source: &'static str, change: fn(&mut Post<'_>)| {
        let mut post = Post::new("1", "x", now());
        post.source = source.into();
        change(&mut post);
        shown(&gate.matches(&post, &mut scratch))
    };
    let both = |watch: &str| format!("acme:{watch} bolt:{watch}");
    const POST: &str = "at://did:plc:a/app.example.post/1";
    assert_eq!(ask("sky", |_| {}), "");
    assert_eq!(ask("sky", |post| post.author.id = Some("did:plc:a".into())), both(OWN_POST));
    assert_eq!(ask("sky", |post| post.author.handle = Some("ACME.example".into())), both(OWN_POST));
    // Somebody else who took the handle.
    let thief = |post: &mut Post<'_>| {
        post.author = Author { id: Some("did:plc:z".into()), handle: Some("acme.example".into()), ..Author::default() };
    };
    assert_eq!(ask("sky", thief), "");
    assert_eq!(ask("fedi", |post| post.author.id = Some("did:plc:a".into())), "");
    assert_eq!(ask("sky", |post| post.reply_to = Some(POST.into())), both(OWN_REPLY));
    assert_eq!(ask("sky", |post| post.reply_to = Some("at://did:plc:ab/x/1".into())), "");
    let thread = |post: &mut Post<'_>| {
        post.reply_to = Some("at://did:plc:b/x/1".into());
        post.root = Some(POST.into());
    };
    assert_eq!(ask("sky", thread), both(OWN_REPLY));
    assert_eq!(ask("sky", |post| post.quote_of = Some(POST.into())), both(OWN_QUOTE));
    assert_eq!(ask("sky", |post| post.mentions = vec!["did:plc:a".into()]), both(OWN_MENTION));
    let answer = |post: &mut Post<'_>| {
        post.reply_to = Some("7".into());
        post.mentions = vec!["42".into()];
    };
    assert_eq!(ask("fedi", answer), format!("acme:{OWN_MENTION},{OWN_REPLY}"));

    gate.swap(WatchSet::compile(&[brand("acme", &["hello"], &accounts)], &kinds(), &Names::default()).unwrap());
    assert_eq!(&*gate.own_accounts("sky"), ["did:plc:a"], "looked up before, still known");
    let mut post = Post::new("1", "hello", now());
    post.source = "sky".into();
    post.author.id = Some("did:plc:a".into());
    assert_eq!(shown(&gate.matches(&post, &mut scratch)), format!("acme:w0,{OWN_POST}"));
}

#[test]
fn the_sample_matches_as_often_as_it_says() {
    let mut sample = Sample::new(1, 1_000);
    let gate = Gate::new(WatchSet::compile(&sample.brands(), &[], &Names::default()).unwrap());
    let mut scratch = Scratch::default();
    let matched = (0..5_000).filter(|_| !gate.matches(&sample.post(0.02), &mut scratch).is_empty()).count();
    assert!((50..150).contains(&matched), "{matched} of 5000");
    assert_eq!(Sample::new(7, 10).post(0.5), Sample::new(7, 10).post(0.5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The filter only saves work.
    #[test]
    fn agrees_with_asking_each_watch(queries in prop::collection::vec(any_query(), 1..20), posts in prop::collection::vec(any_post(), 1..8)) {
        let queries: Vec<(&str, Query)> =
            queries.iter().filter_map(|text| Some((text.as_str(), Query::parse_watch(text, &NAMES).ok()?))).collect();
        let texts: Vec<&str> = queries.iter().map(|(text, _)| *text).collect();
        let set = WatchSet::compile(&[brand("a", &texts, &[])], &kinds(), &NAMES).unwrap();
        let mut scratch = Scratch::default();
        for post in posts {
            let subject = Subject { post: &post, source_kind: kind_of(&post), mention: None, now: None };
            let naive = Naive::of(&post);
            let expected: Vec<String> = queries
                .iter()
                .enumerate()
                .filter(|(_, (_, query))| naive::holds(&query.expr, &subject, &naive) == Some(true))
                .map(|(n, _)| format!("w{n}"))
                .collect();
            let found = set.matches(&post, &mut scratch);
            let found: Vec<&str> = found.iter().flat_map(|found| &found.watches).map(|watch| &**watch).collect();
            prop_assert_eq!(found, expected, "{:?}\n{:?}", post, texts);
        }
    }
}
