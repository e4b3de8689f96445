//! Too large a part of what was said.

use super::*;

const SHARE: &str = r#"when = "refund"
detect = { kind = "share", of = "rating:1", within = "24h", min_share = 0.3, min_count = 20 }"#;

fn rated(from: i64, to: i64, rating: f64) -> Vec<Mention> {
    (from..=to).map(|n| stars(post(n, n, &n.to_string(), "refund"), rating)).collect()
}

#[test]
fn a_share_opens_when_its_lower_end_does_and_ends_when_it_is_over() {
    let mut posts = rated(1, 10, 5.0);
    posts.extend(rated(11, 20, 1.0));
    let mut engine = engine(SHARE);
    // Nine of nineteen may still be three in ten by chance.
    assert_eq!(run(&mut engine, &posts[..19], 19), [] as [&str; 0]);
    assert_eq!(run(&mut engine, &posts[19..], 20), ["20: opened P3 x10"]);
    let opened = engine.alerts().next().unwrap();
    assert_eq!(opened.reasons, ["10 of 20 are `rating:1`, 33 to 67 %"]);
    assert!(opened.mentions.iter().all(|seq| *seq > 10), "{:?}", opened.mentions);
    // What is not known is left out, and told; it adds to no count.
    assert_eq!(run(&mut engine, &[post(21, 21, "ann", "refund")], 21), ["21: - P3 x10"]);
    assert_eq!(engine.alerts().next().unwrap().reasons[1..], ["of 1 more it is not known"]);
    let told = run(&mut engine, &rated(22, 60, 5.0), 60);
    assert!(told.len() < 5 && told.iter().all(|line| line.ends_with("- P3 x10")), "{told:?}");
    // A day after it last was so much.
    assert_eq!(run(&mut engine, &rated(61, 62, 5.0), 60 + 24 * 60), ["1500: resolved P3 x10"]);
}

#[test]
fn unknown_and_few_never_alert() {
    let unrated: Vec<Mention> = (1..=100).map(|n| post(n, n, &n.to_string(), "refund")).collect();
    check(SHARE, &unrated, 100, &[]);
    check(SHARE, &rated(1, 19, 1.0), 19, &[]);
    let apart: Vec<Mention> = (1..=40).map(|n| stars(post(n, n * 80, &n.to_string(), "refund"), 1.0)).collect();
    check(SHARE, &apart, 3_200, &[]);
}

#[test]
fn short_words_stand_for_queries() {
    for (word, query) in [("spam", "spam:>=0.5"), ("negative", "sentiment:negative"), ("rating:<=2", "rating:<=2")] {
        let mut engine = engine(&SHARE.replace("rating:1", word).replace("min_share = 0.3", "min_share = 0.01"));
        let posts: Vec<Mention> = (1..=20)
            .map(|n| {
                let mut mention = stars(post(n, n, &n.to_string(), "refund"), 1.0);
                mention.author_spam.spam = Some(0.9);
                mention.correction = Some(Label::Negative);
                mention
            })
            .collect();
        run(&mut engine, &posts, 20);
        let reasons = engine.alerts().next().map(|alert| alert.reasons.clone()).unwrap_or_default();
        assert_eq!(reasons, [format!("20 of 20 are `{query}`, 88 to 100 %")]);
    }
}

#[test]
fn what_is_told_of_an_author_later_counts() {
    let key = |author: i64| crate::rule::author_key("bsky", &post(1, 1, &author.to_string(), "").post.author);
    let told = |authors: std::ops::RangeInclusive<i64>, spam| authors.map(|n| (key(n), spam)).collect();
    let reasons = |of: &str, spam: HashMap<u64, Option<f32>>| {
        let mut engine = engine(&SHARE.replace("rating:1", of));
        engine.judge(&post(1, 1, "1", "refund"), at(1));
        for mention in rated(2, 20, 5.0) {
            engine.judge(&mention, mention.seen_at);
        }
        engine.reckon(&spam);
        engine.judge(&post(21, 21, "21", "refund"), at(21));
        engine.alerts().next().map(|alert| alert.reasons.clone()).unwrap_or_default()
    };
    // Twenty are known now, each as likely as `spam:` asks for.
    let opened = ["20 of 20 are `spam:>=0.5`, 88 to 100 %", "of 1 more it is not known"];
    assert_eq!(reasons("spam", told(1..=20, Some(0.5))), opened);
    assert_eq!(reasons("spam", told(1..=20, Some(0.49))), [] as [&str; 0]);
    assert_eq!(reasons("spam", told(1..=20, None)), [] as [&str; 0]);
    // Another question is not answered by it.
    assert_eq!(reasons("rating:1", told(1..=20, Some(0.9))), [] as [&str; 0]);
}

#[test]
fn its_title_tells_the_share_and_no_person() {
    let rules = format!(
        "schema = 1\n[[rule]]\nid = \"r\"\nsay = \"{{share}} of {{brand}} ({{interval}}) on {{source}}\"\n{SHARE}\n"
    );
    let mut engine = Engine::new(read(&rules).unwrap(), Vec::new(), Vec::new());
    run(&mut engine, &rated(1, 20, 1.0), 20);
    assert_eq!(engine.alerts().next().unwrap().title, "100 % of acme (88 to 100 %) on bsky");
    engine.forget(3, at(21));
    assert_eq!(engine.take_changes()[0].alert.title, "100 % of acme (88 to 100 %) on bsky");
}
