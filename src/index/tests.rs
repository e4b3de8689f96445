//! The index as its callers see it.

mod damage;
mod difference;
mod gathered;
mod page;

use super::*;
use crate::mention::{Label, OWN_POST, Probability, Scores, Status, Tier};
use crate::post::{Kind, Post};
use crate::query::eval;
use crate::query::field::{KeywordField, NumberField, TextField};
use crate::query::word::{Phrase, Word};
use crate::query::{Bound, Expr, Query, Term};
use jiff::{SignedDuration, Timestamp};

/// A mention of little: what is not said is missing.
fn mention(seq: i64, text: &str) -> Mention {
    let created_at = Timestamp::from_second(1_790_000_000 + seq).unwrap();
    let mut post = Post::new(format!("p{seq}"), text.to_owned(), created_at);
    post.source = "sky".into();
    Mention::new(post, seq, "acme", vec!["name".into()], created_at)
}

fn scores(lang: &str, sentiment: f32, label: Label) -> Scores {
    Scores {
        lang: lang.into(),
        lang_p: 0.9,
        sentiment,
        label,
        p: Probability { negative: 0.5, neutral: 0.3, positive: 0.2 },
        needs_answer: Some(0.75),
        complaint: None,
        offensive: Some(0.0),
        irony: None,
        emotion: None,
        tier: Tier::Fast,
        model: "fast-2".into(),
    }
}

fn words(field: TextField, words: &[&str], prefix: bool) -> Expr {
    let words = words.iter().map(|word| Word::Plain((*word).to_owned())).collect();
    Expr::Term(Term::Words { field, phrase: Phrase { words, prefix, slop: 0 } })
}

fn word(word: &str) -> Expr {
    words(TextField::Any, &[word], false)
}

fn keyword(field: KeywordField, value: &str) -> Expr {
    Expr::Term(Term::Keyword { field, value: value.into() })
}

fn url(host: &str, path: &str) -> Expr {
    Expr::Term(Term::Url { host: host.into(), path: path.into() })
}

/// Bounds as `(value, inclusive)`.
fn number(field: NumberField, min: Option<(f64, bool)>, max: Option<(f64, bool)>) -> Expr {
    let bound = |bound: Option<(f64, bool)>| bound.map(|(value, inclusive)| Bound { value, inclusive });
    Expr::Term(Term::Number { field, min: bound(min), max: bound(max) })
}

fn not(expr: Expr) -> Expr {
    Expr::Not(Box::new(expr))
}

fn query(expr: Expr) -> Query {
    Query { text: String::new(), expr }
}

fn page(limit: usize) -> Page {
    Page { limit, ..Page::default() }
}

fn search(searcher: &Searcher, expr: Expr, page: &Page) -> Hits {
    searcher.search(&query(expr), page, Timestamp::UNIX_EPOCH).unwrap()
}

fn found(searcher: &Searcher, expr: Expr) -> Vec<i64> {
    search(searcher, expr, &page(LIMIT_MAX)).seqs
}

/// An index of these mentions, all from a source of kind `bluesky`.
fn index(mentions: &[Mention]) -> (tempfile::TempDir, Writer, Searcher) {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, searcher) = open(dir.path()).unwrap();
    for mention in mentions {
        writer.put(mention, "bluesky", false).unwrap();
    }
    writer.commit(1).unwrap();
    (dir, writer, searcher)
}

/// 1 says nearly everything, 2 nearly nothing, 3 something in between.
fn three() -> [Mention; 3] {
    let mut full = mention(1, "Money back, Acme! Where is my réfund?");
    let post = &mut full.post;
    post.kind = Kind::Review;
    post.title = Some("Broken Anvil".into());
    post.url = Some("https://www.Shop.example/acme/anvil?x=1".into());
    post.links = vec!["https://news.example/a".into(), "not a link".into()];
    post.tags = vec!["ÁcmeFail".into()];
    post.mentions = vec!["did:x:acme".into()];
    post.lang = Some("fr".into());
    post.reply_to = Some("p0".into());
    post.quote_of = Some("p0".into());
    post.edited_at = Some(post.created_at);
    post.rating = Some(2.0);
    (post.reach, post.likes, post.reposts) = (Some(10_000), Some(7), Some(0));
    post.author.handle = Some("Ann.Example".into());
    post.author.id = Some("did:x:ann".into());
    post.author.name = Some("Ann Ångström".into());
    post.author.bio = Some("Smith of anvils".into());
    post.author.followers = Some(1_200);
    post.author.created_at = Some(post.created_at - SignedDuration::from_hours(36));
    full.watches = vec!["name".into(), OWN_POST.into()];
    full.scores = Some(scores("en-GB", -0.5, Label::Negative));
    full.author_spam.spam = Some(0.25);
    full.status = Status::Answered;

    let bare = mention(2, "acme acmes something @bob.example");
    let mut other = mention(3, "back money");
    other.brand = "zeta".into();
    other.post.source = "blogs".into();
    other.scores = Some(scores("de", 0.5, Label::Positive));
    other.correction = Some(Label::Neutral);
    [full, bare, other]
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_field_and_operator() {
    use KeywordField as K;
    use NumberField as N;
    let (_dir, _writer, searcher) = index(&three());
    let created = |seq: i64| (1_790_000_000 + seq) as f64;
    let cases = [
        (Expr::All, vec![3, 2, 1]),
        (not(Expr::All), vec![]),
        (Expr::And(vec![]), vec![3, 2, 1]),
        (Expr::Or(vec![]), vec![]),
        (word("acme"), vec![2, 1]),
        (not(word("acme")), vec![3]),
        (not(not(word("acme"))), vec![2, 1]),
        (word("refund"), vec![1]),
        (word("broken"), vec![1]),
        (words(TextField::Text, &["broken"], false), vec![]),
        (words(TextField::Title, &["broken"], false), vec![1]),
        (not(words(TextField::Title, &["broken"], false)), vec![3, 2]),
        (words(TextField::Any, &["acm"], true), vec![2, 1]),
        (words(TextField::Any, &["money", "back"], false), vec![1]),
        (words(TextField::Any, &["back", "money"], false), vec![3]),
        (words(TextField::Any, &["acme", "acm"], true), vec![2]),
        (words(TextField::Any, &["acme", "acmes", "some"], true), vec![2]),
        (words(TextField::Any, &["acme", "some"], true), vec![]),
        (not(words(TextField::Any, &["money", "ba"], true)), vec![3, 2]),
        (words(TextField::Any, &[], false), vec![]),
        (words(TextField::Author, &["angstrom"], false), vec![1]),
        (words(TextField::Author, &["ann", "exa"], true), vec![1]),
        (words(TextField::Author, &["example", "ann"], false), vec![]),
        (words(TextField::Bio, &["anvils"], false), vec![1]),
        (Expr::Term(Term::Tag("acmefail".into())), vec![1]),
        (Expr::Term(Term::Tag("acme".into())), vec![]),
        (Expr::Term(Term::Handle("did:x:acme".into())), vec![1]),
        (Expr::Term(Term::Handle("bob.example".into())), vec![2]),
        (Expr::Term(Term::Handle("bob".into())), vec![]),
        (url("shop.example", ""), vec![1]),
        (url("example", "/"), vec![1]),
        (url("op.example", ""), vec![]),
        (url("shop.example", "/acme"), vec![1]),
        (url("shop.example", "/anvil"), vec![]),
        (url("news.example", "/a"), vec![1]),
        (not(url("shop.example", "")), vec![3, 2]),
        (keyword(K::Source, "sky"), vec![2, 1]),
        (keyword(K::Source, "bluesky"), vec![3, 2, 1]),
        (keyword(K::Kind, "review"), vec![1]),
        (not(keyword(K::Kind, "review")), vec![3, 2]),
        (keyword(K::Lang, "en"), vec![1]),
        (not(keyword(K::Lang, "fr")), vec![3, 1]),
        (not(keyword(K::Lang, "de")), vec![1]),
        (keyword(K::Lang, "\0"), vec![]),
        (keyword(K::Brand, "zeta"), vec![3]),
        (keyword(K::Watch, "own/post"), vec![1]),
        (not(keyword(K::Watch, "own/post")), vec![3, 2]),
        (keyword(K::Is, "reply"), vec![1]),
        (keyword(K::Is, "quote"), vec![1]),
        (keyword(K::Is, "edited"), vec![1]),
        (keyword(K::Has, "link"), vec![1]),
        (keyword(K::Has, "question"), vec![1]),
        (keyword(K::From, "own"), vec![1]),
        (keyword(K::Status, "answered"), vec![1]),
        (keyword(K::Sentiment, "neutral"), vec![3]),
        (not(keyword(K::Sentiment, "negative")), vec![3]),
        (number(N::Sentiment, None, Some((0.0, false))), vec![1]),
        (not(number(N::Sentiment, None, Some((0.0, false)))), vec![3]),
        (number(N::NeedsAnswer, Some((0.75, true)), None), vec![3, 1]),
        (number(N::NeedsAnswer, Some((0.75, false)), None), vec![]),
        (number(N::Complaint, None, None), vec![]),
        (not(number(N::Complaint, Some((0.0, true)), None)), vec![]),
        (number(N::Offensive, Some((-0.0, true)), Some((0.0, true))), vec![3, 1]),
        (number(N::Irony, Some((0.0, true)), None), vec![]),
        (number(N::Spam, None, Some((0.5, false))), vec![1]),
        (number(N::Rating, None, Some((2.0, true))), vec![1]),
        (not(number(N::Rating, Some((2.0, false)), None)), vec![1]),
        (number(N::Reach, Some((9_999.5, true)), None), vec![1]),
        (number(N::Likes, Some((1.0, true)), Some((7.0, true))), vec![1]),
        (not(number(N::Likes, Some((1.0, true)), Some((7.0, true)))), vec![]),
        (number(N::Reposts, None, Some((0.0, true))), vec![1]),
        (number(N::AuthorFollowers, Some((1_000.0, true)), Some((50_000.0, true))), vec![1]),
        (number(N::AuthorAge, Some((129_600.0, true)), Some((129_600.0, true))), vec![1]),
        (number(N::Created, Some((created(2), true)), None), vec![3, 2]),
        (number(N::Created, Some((created(2), false)), None), vec![3]),
        (number(N::Created, None, Some((created(2), false))), vec![1]),
        (number(N::Created, Some((created(1) + 0.5, true)), Some((f64::MAX, true))), vec![3, 2]),
        (number(N::Created, None, Some((f64::INFINITY, false))), vec![3, 2, 1]),
        (not(number(N::Created, Some((created(2), true)), Some((created(2), true)))), vec![3, 1]),
        (number(N::Likes, Some((f64::NAN, true)), None), vec![]),
        (Expr::And(vec![word("acme"), not(keyword(K::Kind, "review"))]), vec![2]),
        (Expr::And(vec![not(word("refund")), not(word("money"))]), vec![2]),
        (Expr::Or(vec![word("refund"), not(word("acme"))]), vec![3, 1]),
        (not(Expr::Or(vec![word("refund"), word("something")])), vec![3]),
        (not(Expr::And(vec![word("acme"), word("money")])), vec![3, 2]),
        (not(Expr::And(vec![word("something"), number(N::Rating, Some((5.0, true)), None)])), vec![3, 1]),
    ];
    for (expr, expected) in cases {
        assert_eq!(found(&searcher, expr.clone()), expected, "{expr:?}");
    }
}

#[test]
fn the_last_page_says_so_even_when_it_is_full() {
    let (_dir, _writer, searcher) = index(&three());
    for (limit, seqs, more) in
        [(0, vec![], false), (2, vec![3, 2], true), (3, vec![3, 2, 1], false), (usize::MAX, vec![3, 2, 1], false)]
    {
        let hits = search(&searcher, Expr::All, &page(limit));
        assert_eq!((hits.seqs, hits.total, hits.next.is_some()), (seqs, 3, more), "limit {limit}");
    }
}

#[test]
fn brands_bound_every_search() {
    let (_dir, _writer, searcher) = index(&three());
    for (brands, expected) in [(vec!["zeta"], vec![3]), (vec!["acme", "zeta"], vec![3, 2, 1]), (vec![], vec![])] {
        let brands = Some(brands.into_iter().map(String::from).collect());
        let hits = search(&searcher, not(word("nothing")), &Page { brands, ..page(9) });
        assert_eq!((hits.total, hits.seqs), (expected.len() as u64, expected));
    }
}

#[test]
fn a_rewritten_mention_is_found_once_and_a_removed_one_never() {
    let (_dir, mut writer, searcher) = index(&three());
    let mut edited = mention(1, "all is well");
    writer.put(&edited, "bluesky", true).unwrap();
    edited.post.text = "all is very well".into();
    writer.put(&edited, "bluesky", true).unwrap();
    writer.remove(3).unwrap();
    writer.remove(99).unwrap();
    assert_eq!(searcher.count(), 3, "before the commit");
    writer.commit(2).unwrap();
    assert_eq!(searcher.count(), 2);
    assert_eq!(found(&searcher, word("well")), [1]);
    assert_eq!(found(&searcher, word("very")), [1]);
    assert_eq!(found(&searcher, Expr::All), [2, 1]);
}

#[test]
fn a_phrase_whose_prefix_stands_for_too_many_words_is_refused() {
    let many: Vec<String> = (0..6_000).map(|n| format!("co{n}")).collect();
    let (_dir, _writer, searcher) = index(&[mention(1, &many.join(" "))]);
    assert_eq!(found(&searcher, words(TextField::Any, &["co"], true)), [1]);
    assert_eq!(found(&searcher, words(TextField::Any, &["co1", "co2"], true)), [1]);
    let phrase = query(words(TextField::Any, &["co1", "co"], true));
    let refused = searcher.search(&phrase, &page(1), Timestamp::UNIX_EPOCH);
    assert!(matches!(refused, Err(Error::Refused(reason)) if reason.contains("`co`")));
}

#[test]
fn a_prefix_stands_for_every_continuation() {
    let many: Vec<Mention> = (1..=200)
        .map(|seq| {
            let mut mention = mention(seq, &format!("refund{seq}"));
            let last = if seq == 200 { char::MAX } else { 'x' };
            mention.post.links =
                vec![format!("https://a.shop.example/r/{seq}{last}{last}").into(), "https://b.shop.example/r/".into()];
            mention
        })
        .collect();
    let (_dir, _writer, searcher) = index(&many);
    let total = |expr| search(&searcher, expr, &page(0)).total;
    assert_eq!(total(words(TextField::Any, &["refund"], true)), 200);
    assert_eq!(total(words(TextField::Any, &["refund1"], true)), 111);
    for (host, path, expected) in [
        ("shop.example", "/r", 200),
        ("example", "/r/1", 111),
        ("a.shop.example", "/r/1", 111),
        ("b.shop.example", "/r/1", 0),
        ("b.shop.example", "/r/", 200),
        ("shop.example", "/r/200\u{10ffff}", 1),
        ("shop.example", "/r/200\u{10ffff}\u{10ffff}\u{10ffff}", 0),
    ] {
        let url = url(host, path);
        assert_eq!(total(url.clone()), expected, "{url:?}");
        assert_eq!(total(not(url.clone())), 200 - expected, "NOT {url:?}");
        let asked = query(url);
        let streamed = many.iter().filter(|mention| {
            let subject = eval::Subject { post: &mention.post, source_kind: "bluesky", mention: None, now: None };
            asked.matches(&subject) == Some(true)
        });
        assert_eq!(streamed.count() as u64, expected, "in memory");
    }
}

#[test]
fn a_commit_remembers_its_change_and_nothing_after_it() {
    let (dir, mut writer, searcher) = index(&three());
    writer.put(&mention(4, "acme"), "bluesky", false).unwrap();
    drop((writer, searcher));
    let (mut writer, searcher) = open(dir.path()).unwrap();
    assert_eq!((writer.last_change(), searcher.count()), (1, 3));
    writer.commit(7).unwrap();
    drop(writer);
    let (writer, _) = open(dir.path()).unwrap();
    assert_eq!(writer.last_change(), 7);
}

#[test]
fn one_writes_and_others_read() {
    let (dir, mut writer, _) = index(&three());
    assert!(matches!(open(dir.path()), Err(Error::Retry(_))));
    let reader = open_read_only(dir.path()).unwrap();
    assert_eq!(reader.count(), 3);
    writer.put(&mention(4, "acme"), "bluesky", false).unwrap();
    writer.commit(2).unwrap();
    assert_eq!(open_read_only(dir.path()).unwrap().count(), 4);
}

#[test]
fn merges_keep_segments_few() {
    let (_dir, mut writer, searcher) = index(&[]);
    for seq in 1..=40 {
        writer.put(&mention(seq, "acme"), "bluesky", false).unwrap();
        writer.commit(seq).unwrap();
    }
    writer.tantivy.take().unwrap().wait_merging_threads().unwrap();
    searcher.reader.load().reload().unwrap();
    let segments = searcher.reader.load().searcher().segment_readers().len();
    assert!(segments < 2 * MERGE_SEGMENTS, "{segments} segments");
    assert_eq!(searcher.count(), 40);
    assert_eq!(folder::open(_dir.path()).unwrap().change, 40, "a merge keeps the payload");
}
