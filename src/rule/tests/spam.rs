//! Authors who are likely spam: they fill no threshold and wake nobody as urgently, and every alert says so.

use super::*;

fn spam(mut mention: Mention) -> Mention {
    mention.author_spam.spam = Some(0.8);
    mention
}

fn posts() -> Vec<Mention> {
    let authors = ["bot1", "bot2", "ann", "bot3", "bob", "cid", "bot4"];
    let post = |(author, n): (&&str, i64)| {
        let post = post(n, n, author, "refund");
        if author.starts_with("bot") { spam(post) } else { post }
    };
    authors.iter().zip(1..).map(post).collect()
}

#[test]
fn a_threshold_counts_people_and_tells_how_many_were_left_out() {
    let mut engine = engine(COUNT);
    let told = run(&mut engine, &posts(), 7);
    assert_eq!(told, ["6: opened P3 x3", "7: - P3 x3"]);
    let alert = engine.alerts().next().unwrap();
    assert_eq!((alert.spam_left_out, &*alert.mentions), (4, &[3, 5, 6][..]));
    let unsure: Vec<Mention> = posts()
        .into_iter()
        .map(|mut post| {
            post.author_spam.spam = post.author_spam.spam.map(|_| 0.79);
            post
        })
        .collect();
    check(COUNT, &unsure, 3, &["3: opened P3 x3", "4: - P3 x4", "5: - P3 x5", "6: updated P3 x6", "7: - P3 x7"]);
}

#[test]
fn the_discount_can_be_switched_off() {
    let keys = format!("{COUNT}\ndiscount_spam = false");
    let expected = ["3: opened P3 x3", "4: - P3 x4", "5: - P3 x5", "6: updated P3 x6", "7: - P3 x7"];
    check(&keys, &posts(), 7, &expected);
    let keys = "when = \"refund\"\ndiscount_spam = false";
    check(keys, &posts()[..1], 1, &["1: opened P3 x1"]);
}

#[test]
fn a_single_complaint_still_alerts_a_step_lower() {
    let mut engine = engine("when = \"refund\"");
    engine.judge(&posts()[0], at(1));
    let alert = engine.take_changes().remove(0).alert;
    assert_eq!((alert.priority, alert.spam_left_out), (Priority::P4, 0));
    assert_eq!(alert.priority_why, ["base P3", "the author is likely spam: -1"]);
}

#[test]
fn what_proves_true_of_an_author_later_changes_the_windows() {
    let key = |author: &str| crate::rule::author_key("bsky", &post(1, 1, author, "").post.author);
    let mut engine = engine(COUNT);
    for (n, author) in [(1, "ann"), (2, "bob")] {
        engine.judge(&post(n, n, author, "refund"), at(n));
    }
    // A profile came: one of them is likely spam. Then a person says no.
    engine.reckon(&HashMap::from([(key("ann"), Some(0.9))]));
    engine.judge(&post(3, 3, "cid", "refund"), at(3));
    assert!(engine.take_changes().is_empty());
    engine.reckon(&HashMap::from([(key("ann"), Some(0.0))]));
    engine.judge(&post(4, 4, "dan", "refund"), at(4));
    assert_eq!(engine.take_changes().remove(0).alert.count, 4);
}
