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
use std::sync::atomic::{AtomicBool, Ordering};

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
fn characters_of_scripts_without_spaces_follow_each_other() {
    let gate = gate(&[brand("a", &["返金", "返", "返金お", "กาแฟ", "bio:返金", "返金*", "サポート", "acme 金"], &[])]);
    let mut scratch = Scratch::default();
    for (text, expected) in [
        ("すぐ返金して", "a:w0,w5"),
        ("金返", "a:w1"),
        ("返 #税 金", "a:w1,w5"),
        ("返, @ann 金お", "a:w1,w2,w5"),
        ("返 a 金", "a:w1"),
        ("กาแฟ", "a:w3"),
        ("サポート acme 返金", "a:w0,w5,w6"),
    ] {
        let post = Post::new("1", text, now());
        assert_eq!(shown(&gate.matches(&post, &mut scratch)), expected, "{text}");
    }
    let mut post = Post::new("1", "x", now());
    post.author.bio = Some("全額返金".into());
    assert_eq!(shown(&gate.matches(&post, &mut scratch)), "a:w4");
}

#[test]
fn a_post_that_holds_no_key_allocates_nothing() {
    let mut sample = Sample::new(3, 1_000);
    let gate = Gate::new(WatchSet::compile(&sample.brands(), &kinds(), &Names::default()).unwrap());
    let mut posts: Vec<Post> = (0..500).map(|_| sample.post(0.0)).collect();
    for post in &mut posts {
        post.mentions = vec!["did:plc:x".into()];
        post.url = Some("https://social.example/@ann/1".into());
    }
    posts[0].text = "返金してください https://shop.example/a #返金 @ann".into();
    let mut scratch = Scratch::default();
    let mut ask = || posts.iter().filter(|post| !gate.matches(post, &mut scratch).is_empty()).count();
    assert_eq!(ask(), 0);
    let spent = allocation_counter::measure(|| assert_eq!(ask(), 0));
    assert_eq!(spent.count_total, 0);
}

/// A hundred thousand fit into 300 MB.
#[test]
fn a_watch_takes_little_memory() {
    const WATCHES: usize = 5_000;
    let brands = Sample::new(0, WATCHES).brands();
    let mut set = None;
    let spent = allocation_counter::measure(|| set = WatchSet::compile(&brands, &[], &Names::default()).ok());
    assert_eq!(set.unwrap().len(), WATCHES);
    assert!(spent.bytes_current < 3_000 * WATCHES as i64, "{} bytes a watch", spent.bytes_current / WATCHES as i64);
}

/// Each set names itself by the watches of two brands: a torn one would give two names, a late one an old name.
#[test]
fn a_swap_takes_effect_at_once_and_whole() {
    const SWAPS: usize = 300;
    let set = |n: usize| {
        let named = |id: &str| Brand {
            watches: vec![Watch { id: n.to_string(), query: "acme".into() }],
            ..brand(id, &[], &[])
        };
        WatchSet::compile(&[named("a"), named("b")], &[], &Names::default()).unwrap()
    };
    let gate = Gate::new(set(0));
    // The set that a post meets; none if it is torn.
    let current = |scratch: &mut Scratch| {
        let matches = gate.matches(&Post::new("1", "acme", now()), scratch);
        let [a, b] = &matches[..] else { return None };
        if a.watches == b.watches { a.watches[0].parse::<usize>().ok() } else { None }
    };
    let done = AtomicBool::new(false);
    let watching = || {
        let (mut scratch, mut last) = (Scratch::default(), Some(0));
        while !done.load(Ordering::Relaxed) {
            let next = current(&mut scratch);
            if next < last {
                return false;
            }
            last = next;
        }
        true
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(watching), scope.spawn(watching)];
        let swapped = |n: &usize| {
            gate.swap(set(*n));
            current(&mut Scratch::default()) == Some(*n)
        };
        let swaps = (1..=SWAPS).take_while(swapped).count();
        done.store(true, Ordering::Relaxed);
        assert_eq!(swaps, SWAPS, "a swap took no effect");
        for thread in threads {
            assert!(thread.join().unwrap(), "an older set, or half of one, was met");
        }
    });
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
fn each_beginning_of_a_word_finds_its_watches() {
    let queries = ["abcdefgh*", "abcdefghij*", "abcdefghijk*", "abcdefghi*", "abcdefghz*", "abcdefghim*", "ab*"];
    let gate = gate(&[brand("a", &queries, &[])]);
    let mut scratch = Scratch::default();
    for (text, expected) in [
        ("abcdefgh", "a:w0,w6"),
        ("abcdefghijk", "a:w0,w1,w2,w3,w6"),
        ("abcdefghijl", "a:w0,w1,w3,w6"),
        ("abcdefghil", "a:w0,w3,w6"),
        ("abcdefghim", "a:w0,w3,w5,w6"),
        ("abcdefghzz", "a:w0,w4,w6"),
        ("abcdefghy", "a:w0,w6"),
        ("abcdefg", "a:w6"),
    ] {
        assert_eq!(shown(&gate.matches(&Post::new("1", text, now()), &mut scratch)), expected, "{text}");
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
fn an_own_account_is_called_by_its_id_or_its_handle() {
    let accounts =
        [("crm", "@Acme.example", None), ("sky", "acme.example", None), ("fedi", "acme@social.example", Some("42"))];
    let kinds = [("crm", "push"), ("sky", "bluesky"), ("fedi", "mastodon")].map(|(id, kind)| (id.to_owned(), kind));
    let gate = Gate::new(WatchSet::compile(&[brand("acme", &[], &accounts)], &kinds, &Names::default()).unwrap());
    let asked = |source: &str, name: &str| gate.own_account(source, name);
    assert_eq!(asked("crm", "@ACME.example").as_deref(), Ok("acme.example"), "where no ids are looked up");
    assert_eq!(asked("sky", "acme.example"), Err(NotOwn::Unresolved), "or its followers would be told twice");
    gate.resolve("sky", "acme.example", "did:plc:a");
    assert_eq!(asked("sky", "acme.example").as_deref(), Ok("did:plc:a"));
    assert_eq!(asked("sky", "did:plc:a").as_deref(), Ok("did:plc:a"));
    assert_eq!(asked("fedi", "acme@social.example").as_deref(), Ok("42"));
    assert_eq!((asked("fedi", "acme.example"), asked("none", "42")), (Err(NotOwn::Unknown), Err(NotOwn::Unknown)));
    assert_eq!(gate.sources_of("42"), ["fedi"]);
    assert_eq!(gate.sources_of("acme.example").len(), 2);
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
