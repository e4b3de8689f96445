//! The query language: what is read, printed, found; and what is said of a mistake.

use super::eval::Subject;
use super::field::{FIELDS, Holds};
use super::*;
use crate::mention::{AuthorSpam, Label, Mention, Probability, Scores, Status, Tier};
use crate::post::{Author, Kind, Post};
use jiff::Timestamp;
use proptest::prelude::*;

pub(crate) fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

fn printed(text: &str) -> String {
    match Query::parse(text) {
        Ok(query) => query.to_string(),
        Err(errors) => panic!("{text}: {errors:?}"),
    }
}

#[test]
fn reads_back_in_one_form() {
    for (text, expected) in [
        ("", "*"),
        ("  * ", "*"),
        ("#", "*"),
        ("Résumé", "resume"),
        ("a b OR c d", "(a b) OR (c d)"),
        ("a AND b AND NOT c", "a b NOT c"),
        ("NOT a b", "NOT a b"),
        ("NOT (a OR b) -c -(d e)", "NOT (a OR b) NOT c NOT (d e)"),
        ("or and not", "or and not"),
        ("refund* \"Money Back\" “not now”", "refund* \"money back\" \"not now\""),
        ("money-back AT&T", "\"money back\" \"at t\""),
        ("\"money bac*\"", "\"money bac*\""),
        ("返金 👍🏽", "\"返 金\" 👍"),
        ("#Acme tag:\"open source\" tag:#x", "tag:acme tag:\"open source\" tag:x"),
        ("@Ann.Example @bo@social.example @did:plc:x", "@ann.example @bo@social.example @did:plc:x"),
        (
            "title:a text:(b OR \"c d\") author:@ann.example bio:x",
            "title:a (text:b OR text:\"c d\") author:\"ann example\" bio:x",
        ),
        ("url:Shop.example/Refund https://www.a.example/", "url:shop.example/refund url:www.a.example"),
        (
            "kind:(Review OR issue) lang:de-AT is:reply has:link",
            "(kind:review OR kind:issue) lang:de is:reply has:link",
        ),
        ("watch:own/post from:own status:open brand:acme", "watch:own/post from:own status:open brand:acme"),
        ("sentiment:negative sentiment:<-0.5", "sentiment:negative sentiment:<-0.5"),
        ("reach:>10k followers:1k..50k likes:1.5M", "reach:>10000 author.followers:1000..50000 likes:1500000..1500000"),
        ("author.age:<30d author.age:>=2w author.age:12h..", "author.age:<30d author.age:>=14d author.age:>=0.5d"),
        ("created:2026-11-01..2026-11-22", "created:2026-11-01T00:00:00Z..2026-11-22T23:59:59Z"),
        (
            "created:>2026-11-01 created:<2026-11-02T09:30:00+01:00",
            "created:>2026-11-01T23:59:59Z created:<2026-11-02T08:30:00Z",
        ),
        ("10:30", "\"10 30\""),
        ("((a))", "a"),
        ("(a b) c", "(a b) c"),
    ] {
        assert_eq!(printed(text), expected, "{text}");
        assert_eq!(printed(expected), expected);
    }
}

/// Each error as `start..end message (hint)`.
fn errors(text: &str, parse: fn(&str) -> Result<Query, Vec<Error>>) -> Vec<String> {
    let show = |error: Error| {
        let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}..{} {}{hint}", error.span.start, error.span.end, error.message)
    };
    parse(text).expect_err(text).into_iter().map(show).collect()
}

#[test]
fn errors_have_a_place_a_reason_and_a_hint() {
    for (text, expected) in [
        ("a OR", "2..4 `OR` lacks a term after it"),
        ("OR a", "0..2 `OR` lacks a term before it"),
        ("AND a", "0..3 `AND` lacks a term before it"),
        ("a AND", "2..5 `AND` lacks a term after it"),
        ("a AND OR b", "2..5 `AND` lacks a term after it"),
        ("a NOT", "2..5 `NOT` lacks a term after it"),
        ("(a", "0..1 this bracket is never closed (add a `)`)"),
        ("a) b", "1..2 `)` closes nothing"),
        ("a ()", "2..4 nothing stands between these brackets"),
        ("a \"b c", "2..6 this phrase is never closed (add a `\"` at its end)"),
        ("!!!", "0..3 no word in `!!!` (a word has at least one letter, digit or emoji)"),
        ("a || b", "2..4 no word in `||` (write OR)"),
        ("a* b", "0..2 a star needs at least 2 letters directly before it (such as `refund*`)"),
        ("re*fund", "0..7 a star stands only at the end of a word (such as `refund*`)"),
        ("\"see #acme\"", "0..11 `acme` is no word here, and a phrase is made of words (write #acme by itself)"),
        ("#a-b", "0..4 `#a-b` is no hashtag (write tag:\"a-b\" for exactly that, or only letters, digits and `_`)"),
        ("sentment:negative", "0..9 no field is called `sentment` (did you mean `sentiment:`?)"),
        ("xyzzy:1", "0..6 no field is called `xyzzy` (for the word itself write \"xyzzy\")"),
        ("author: ann", "0..7 `author:` lacks a value (write it directly behind the colon)"),
        ("title:-a", "0..8 a hyphen cannot stand behind a field (write `-title:a`)"),
        ("text:(kind:review)", "6..11 `kind:` cannot stand inside the brackets of another field"),
        ("kind:reveiw", "0..11 `kind:` knows no `reveiw` (did you mean `review`?)"),
        ("is:zzz", "0..6 `is:` knows no `zzz` (one of reply, quote, edited)"),
        ("lang:german", "0..11 `german` is no language code (such as `lang:en` or `lang:de`)"),
        ("spam:>50", "0..8 `50` is never reached (write a number from 0 to 1, such as `>=0.75` or `0.75..1`)"),
        ("rating:good", "0..11 `good` is not a number (write a number from 1 to 5, such as `>=4` or `4..5`)"),
        ("reach:5..1", "0..10 `5..1` ends before it begins (write the lower end first)"),
        ("author.age:<30", "0..14 `30` is not an age (write `<30d`, `>2w` or `1d..1y` (h, d, w, y))"),
        ("url:!", "0..5 no host in `!` (such as `url:shop.example/refund`)"),
        (">5", "0..2 `>5` compares, but stands behind no field (such as `rating:<=2`)"),
        ("a NEAR/5 b", "2..8 `NEAR/5` is not available yet"),
        ("\"a b\"~3", "5..7 `~` (words near each other) is not available yet"),
        ("case:\"SAP\"", "0..5 `case:` is not available yet"),
        ("in:$terms", "0..3 `in:` is not available yet"),
        ("$acme", "0..5 `$acme` (ticker symbols) is not available yet"),
        ("cluster.size:>5", "0..13 `cluster.size:` is not available yet"),
    ] {
        assert_eq!(errors(text, Query::parse), [expected], "{text}");
    }
    assert_eq!(errors("foo:a OR kind:b (c", Query::parse).len(), 3);
}

#[test]
fn bounds_end_in_an_error() {
    let deep = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
    assert!(Query::parse(&deep(DEPTH_MAX)).is_ok());
    for text in [deep(DEPTH_MAX + 1), deep(30_000), "NOT ".repeat(10_000) + "a", "-".repeat(60_000) + "a"] {
        let errors = errors(&text, Query::parse);
        assert!(errors[0].contains("nested deeper than 64"), "{errors:?}");
        assert_eq!(errors.len(), 1, "{errors:?}");
    }
    assert!(Query::parse(&"a ".repeat(TERMS_MAX)).is_ok());
    assert!(errors(&"a ".repeat(TERMS_MAX + 1), Query::parse)[0].contains("at most 10000 terms"));
    assert!(errors(&"a".repeat(TEXT_BYTES_MAX + 1), Query::parse)[0].contains("at most 65536 bytes"));
    assert_eq!(errors(&")".repeat(60_000), Query::parse).len(), ERRORS_MAX);
}

#[test]
fn nobody_watches_everything() {
    for text in ["", "*", "#", "NOT a", "-a -b", "a OR NOT b", "NOT (a b)", "NOT NOT NOT a", "a OR *"] {
        assert!(errors(text, Query::parse_watch)[0].contains("matches nearly everything"), "{text}");
        assert!(Query::parse(text).is_ok(), "{text}");
    }
    for text in ["a", "a NOT b", "NOT (NOT a OR b)", "lang:de kind:review", "NOT NOT a", "a *", "rating:<=2"] {
        assert!(Query::parse_watch(text).is_ok(), "{text}");
    }
    let found = errors("acme sentiment:negative spam:>0.5", Query::parse_watch);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("5..23 `sentiment` is only known once"), "{found:?}");
}

fn post() -> Post<'static> {
    let text = "Acme's refund is late, is it? #Résumé @bo@social.example https://Shop.example/Refund/1 money back";
    let mut post = Post::new("1", text, now());
    post.source = "fedi".into();
    post.kind = Kind::Review;
    post.title = Some("Große Pause".into());
    post.lang = Some("de-AT".into());
    post.url = Some("https://m.example/@ann/1".into());
    post.tags = vec!["Open Source".into()];
    post.mentions = vec!["did:plc:Y".into()];
    post.reply_to = Some("0".into());
    post.rating = Some(2.0);
    post.author = Author {
        handle: Some("ann.example".into()),
        name: Some("Ann Ö".into()),
        followers: Some(1_200),
        created_at: Some("2026-11-01T09:00:00Z".parse().unwrap()),
        ..Author::default()
    };
    post
}

fn mention() -> Mention {
    let scores = Scores {
        lang: "en".to_owned(),
        lang_p: 0.9,
        sentiment: -0.7,
        label: Label::Negative,
        p: Probability { negative: 0.8, neutral: 0.1, positive: 0.1 },
        needs_answer: Some(0.7),
        complaint: None,
        offensive: Some(0.0),
        irony: None,
        emotion: None,
        tier: Tier::Fast,
        model: "fast-1".to_owned(),
    };
    Mention {
        post: post(),
        seq: 1,
        brand: "Acme".to_owned(),
        watches: vec!["own/reply".to_owned()],
        seen_at: now(),
        scores: Some(scores),
        author_spam: AuthorSpam { spam: Some(0.1), reasons: Vec::new() },
        cluster: None,
        status: Status::New,
        assignee: None,
        note: None,
        correction: None,
    }
}

fn ask(query: &str, mention: Option<&Mention>) -> Option<bool> {
    let post = post();
    let subject = Subject { post: mention.map_or(&post, |mention| &mention.post), source_kind: "mastodon", mention };
    Query::parse(query).unwrap().matches(&subject)
}

#[test]
fn a_post_answers() {
    const YES: Option<bool> = Some(true);
    const NO: Option<bool> = Some(false);
    for (query, expected) in [
        ("acme refund", YES),
        ("late acme -refund", NO),
        ("grosse", YES),
        ("title:grosse", YES),
        ("text:grosse", NO),
        ("\"refund is late\"", YES),
        ("\"late refund\"", NO),
        ("\"late grosse\" OR \"pause acme\"", NO),
        ("ref* \"is la*\"", YES),
        ("resume", NO),
        ("#resume tag:\"open source\"", YES),
        ("#open", NO),
        ("@bo @bo@social.example @did:plc:y", YES),
        ("@ann.example bo", NO),
        ("author:ann author:o author:\"ann example\"", YES),
        ("author:\"example ann\" OR bio:ann", NO),
        ("url:shop.example url:shop.example/refund url:m.example", YES),
        ("url:example", YES),
        ("url:hop.example", NO),
        ("shop OR https", NO),
        ("source:fedi source:mastodon kind:review lang:de is:reply has:link has:question", YES),
        ("is:quote OR is:edited OR lang:en OR source:bluesky", NO),
        ("rating:2 rating:<=2 rating:1..2 author.followers:>1k author.age:21d created:2026-11-22", YES),
        ("rating:<2 OR author.followers:>1.2k OR created:<2026-11-22", NO),
        ("reach:>1", None),
        ("NOT reach:>1", None),
        ("reach:>1 nothere", NO),
        ("reach:>1 OR acme", YES),
        ("NOT (reach:>1 nothere)", YES),
        ("sentiment:negative", None),
        ("brand:acme OR from:own OR spam:<1", None),
    ] {
        assert_eq!(ask(query, None), expected, "{query}");
    }
}

#[test]
fn a_mention_answers_more() {
    let mut mention = mention();
    for query in [
        "lang:en NOT lang:de",
        "sentiment:negative sentiment:-0.7 sentiment:<=-0.7 needs_answer:>=0.7 spam:0.1",
        "brand:acme watch:own/reply status:new NOT from:own",
    ] {
        assert_eq!(ask(query, Some(&mention)), Some(true), "{query}");
    }
    assert_eq!(ask("complaint:>0.1", Some(&mention)), None);
    mention.correction = Some(Label::Positive);
    mention.watches.push("own/post".to_owned());
    assert_eq!(ask("sentiment:positive sentiment:>0.9 from:own", Some(&mention)), Some(true));
}

#[test]
fn the_table_is_sound() {
    for row in FIELDS {
        let kinds = FIELDS.iter().filter(|other| other.name == row.name).count();
        assert!(kinds == 1 || row.name == "sentiment", "{} twice", row.name);
        for alias in row.aliases {
            assert_eq!(field::find(alias).count(), 1, "{alias}");
        }
        if let Holds::Keyword(field) = row.holds {
            assert_eq!(field.name(), row.name);
        }
        assert!(field::describe().contains(row.means));
    }
}

/// Query texts, most of them sound.
pub(crate) fn any_query() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => "(acme|refund|late|resume|große|👍|返金|ガ|of|the|x1)",
        2 => "(ref\\*|ac\\*|\"money ba\\*\")",
        2 => "(\"money back\"|\"acme's refund\"|acme-refund)",
        2 => "(#acme|tag:\"open source\"|#返金|@ann\\.example|@bo|@did:plc:x)",
        2 => "(url:acme\\.example|url:shop\\.example/a|url:example)",
        2 => "(title:acme|text:refund|author:ann|author:acme\\*|bio:\"money back\")",
        2 => "(kind:review|lang:de|source:fedi|source:mastodon|is:reply|has:link|has:question)",
        2 => "(rating:<=2|likes:1\\.\\.5|author\\.followers:>1k|created:2026-11-22|reach:>10)",
        1 => Just("*".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join(" "))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join(" OR "))),
            inner.clone().prop_map(|part| format!("NOT {part}")),
            inner.prop_map(|part| format!("-{part}")),
        ]
    })
}

proptest! {
    #[test]
    fn never_panics(text in r#"([a-z:()"*#@$~<>=. -]|AND|OR|NOT|NEAR|text:|rating:|created:|2026-|é|\PC){0,40}"#) {
        match Query::parse(&text) {
            Ok(query) => {
                let again = Query::parse(&query.to_string()).map(|again| again.expr);
                prop_assert_eq!(again, Ok(query.expr));
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error);
                }
            }
        }
    }

    #[test]
    fn printing_loses_nothing(text in any_query()) {
        let query = Query::parse(&text).unwrap();
        prop_assert_eq!(Query::parse(&query.to_string()).unwrap().expr, query.expr);
    }
}
