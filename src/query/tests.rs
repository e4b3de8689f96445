//! The query language: what is read, printed, found; and what is said of a mistake.

mod bomb;
pub(crate) mod generate;
pub(crate) mod naive;

use super::eval::Subject;
use super::field::{FIELDS, Holds};
use super::list::List;
use super::reading::Reading;
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
        ("返金 👍🏽", "返金 👍"),
        ("\"東京 タワー\" 東京タワー 返金*", "\"東京 タワー\" 東京タワー 返金*"),
        ("にじさんじ ขอเงินคืน", "にじさんじ ขอเงินคืน"),
        ("\"Money back\"~3 \"refund\"~2", "\"money back\"~3 refund"),
        ("acme NEAR/5 refund", "acme NEAR/5 refund"),
        ("a ONEAR/3 (b OR \"c d\" OR b) NEAR/100 ee* x", "a ONEAR/3 (b OR \"c d\") NEAR/100 ee* x"),
        ("NOT aa NEAR/1 bb* cc", "NOT aa NEAR/1 bb* cc"),
        (
            "title:(aa NEAR/5 bb) title:aa ONEAR/2 title:(bb OR cc)",
            "title:(aa NEAR/5 bb) title:(aa ONEAR/2 (bb OR cc))",
        ),
        (
            "case:\"SAP\" case:Été case:\"Big sap\" -case:(US OR IT)",
            "case:\"SAP\" case:\"Été\" case:\"Big sap\" NOT (case:\"US\" OR case:\"IT\")",
        ),
        ("title:(case:SAP refund) case:SAP NEAR/2 x", "(title:(case:\"SAP\") title:refund) case:\"SAP\" NEAR/2 x"),
        ("case:東京", "東京"),
        ("$ACME $brk.b $50 near", "$acme $brk.b 50 near"),
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
        (
            "cluster.size:>5 reach:>10k followers:1k..50k likes:1.5M",
            "cluster.size:>5 reach:>10000 author.followers:1000..50000 likes:1500000..1500000",
        ),
        ("author.age:<30d author.age:>=2w author.age:12h..", "author.age:<30d author.age:>=2w author.age:>=12h"),
        ("age:<=90m age:15s..1d age:>1y", "age:<=90m age:15s..1d age:>1y"),
        ("created:2026-11-01..2026-11-22", "created:2026-11-01T00:00:00Z..2026-11-22T23:59:59Z"),
        (
            "created:>2026-11-01 created:<2026-11-02T09:30:00+01:00",
            "created:>2026-11-01T23:59:59Z created:<2026-11-02T08:30:00Z",
        ),
        ("10:30", "\"10 30\""),
        ("https://shop.example//x://y url:b.example｡", "url:\"shop.example//x://y\" url:b.example"),
        ("((a))", "a"),
        ("(a b) c", "(a b) c"),
    ] {
        assert_eq!(printed(text), expected, "{text}");
        assert_eq!(printed(expected), expected);
    }
}

/// Each error as `start..end message (hint)`.
fn errors(text: &str, parse: impl Fn(&str) -> Result<Query, Vec<Error>>) -> Vec<String> {
    let show = |error: Error| {
        let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}..{} {}{hint}", error.span.start, error.span.end, error.message)
    };
    parse(text).expect_err(text).into_iter().map(show).collect()
}

fn watch(text: &str) -> Result<Query, Vec<Error>> {
    Query::parse_watch(text, &Names::default())
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
        ("author.age:<30", "0..14 `30` is not an age (write `<30d`, `>2w` or `1h..1y` (s, m, h, d, w, y))"),
        ("url:!", "0..5 no host in `!` (such as `url:shop.example/refund`)"),
        (">5", "0..2 `>5` compares, but stands behind no field (such as `rating:<=2`)"),
        (
            "a NEAR b",
            "2..6 `NEAR` takes a number of words, 1 to 100 (such as `acme NEAR/5 refund`; for the word itself write \"NEAR\")",
        ),
        (
            "a ONEAR/101 b",
            "2..11 `ONEAR` takes a number of words, 1 to 100 (such as `acme ONEAR/5 refund`; for the word itself write \"ONEAR/101\")",
        ),
        ("NEAR/5 b", "0..6 NEAR lacks a term before it"),
        ("a NEAR/5", "2..8 NEAR lacks a term after it"),
        (
            "a NEAR/5 -b",
            "9..10 NEAR joins words, beginnings, phrases, and brackets with OR of these (such as `acme NEAR/5 (refund OR \"money back\")`)",
        ),
        ("a NEAR/5 title:b", "9..15 NEAR joins what stands in the same field (such as `title:(acme NEAR/5 refund)`)"),
        ("a NEAR/5 \"b c\"~2", "9..16 a phrase with `~` cannot stand beside NEAR (join its words by NEAR instead)"),
        ("\"a b\"~", "5..6 `~` takes a number of words, 1 to 100 (such as `\"money back\"~3`)"),
        ("kind:\"review\"~2", "0..15 `~` goes with words, and `kind:` takes none"),
        (
            "refnud~2",
            "0..8 `refnud~2`: words that are merely similar are not searched for (`~3` stands directly behind a phrase; misspellings are best kept in a list (`in:$name`))",
        ),
        ("acme^2", "0..6 `acme^2`: terms have no weights (leave out `^`)"),
        ("case:SAP*", "0..9 `case:` takes whole words, without a star (leave out `case:` or the star)"),
        ("case:½", "0..7 `case:` cannot look into `½` (put spaces between its parts, or leave out `case:`)"),
        ("kind:(case:x)", "6..11 `case:` goes with words (such as `case:\"SAP\"`)"),
        ("in:$terms", "0..9 no list is called `terms` (lists are the files of the folder that `[rules] lists` names)"),
        ("in:terms", "0..8 `in:` takes the name of a list (such as `in:$refund_terms`)"),
        ("let:angry", "0..9 no query is called `angry` (named queries stand under [let] in a rules file)"),
        ("let:(a)", "0..4 `let:` takes a name (such as `let:angry`)"),
        ("$toolongtobeone", "0..15 `$toolongtobeone` is no ticker (such as `$ACME` or `$ACME.B`)"),
        ("cluster.sise:>5", "0..13 no field is called `cluster.sise` (did you mean `cluster.size:`?)"),
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
        assert!(errors(text, watch)[0].contains("matches nearly everything"), "{text}");
        assert!(Query::parse(text).is_ok(), "{text}");
    }
    for text in ["a", "a NOT b", "NOT (NOT a OR b)", "lang:de kind:review", "NOT NOT a", "a *", "rating:<=2"] {
        assert!(watch(text).is_ok(), "{text}");
    }
    let found = errors("acme sentiment:negative spam:>0.5", watch);
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
        model: "fast-2".to_owned(),
    };
    Mention {
        scores: Some(scores),
        author_spam: AuthorSpam { spam: Some(0.1), reasons: Vec::new() },
        ..Mention::new(post(), 1, "Acme", vec!["own/reply".to_owned()], now())
    }
}

fn names() -> Names {
    let list = |name: &str, text: &str| (name.to_owned(), Arc::new(List::read(name, text).unwrap()));
    let query = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    Names {
        lists: [list(
            "back",
            "# ways to say it\nrefund\n\n  money back \nchargeb*\n#reclaim\n@desk.example\n$ACME\n返金\n",
        )]
        .into(),
        queries: [
            ("angry", "anger OR rage"),
            ("big", "reach:>10k let:angry"),
            ("a", "let:b"),
            ("b", "x let:a"),
            ("bad", "x OR"),
            ("mood", "sentiment:<0"),
            ("much", "in:$back in:$back"),
        ]
        .map(query)
        .into(),
    }
}

#[test]
fn names_stand_for_what_they_name() {
    for (text, expected) in [
        ("let:angry", "anger OR rage"),
        ("NOT let:angry refund", "NOT (anger OR rage) refund"),
        ("(let:big) -let:angry", "(reach:>10000 (anger OR rage)) NOT (anger OR rage)"),
        ("\"let angry\" outlet", "\"let angry\" outlet"),
        ("in:$back OR let:much", "in:$back OR (in:$back in:$back)"),
    ] {
        assert_eq!(Query::parse_with(text, &names()).unwrap().to_string(), expected, "{text}");
    }
    let with = |text: &str| Query::parse_with(text, &names());
    for (text, expected) in [
        ("x let:angri", "2..11 no query is called `angri` (did you mean `let:angry`?)"),
        ("let:a", "0..5 `let:a` cannot be used: `let:b` cannot be used: named queries go in a circle: a -> b -> a"),
        ("let:bad", "0..7 `let:bad` cannot be used: `OR` lacks a term after it"),
        ("in:$bakc", "0..8 no list is called `bakc` (did you mean `in:$back`?)"),
        ("title:(in:$back)", "7..10 `in:` cannot stand inside the brackets of another field"),
        (
            "a NEAR/5 in:$back",
            "9..12 NEAR joins words, beginnings, phrases, and brackets with OR of these (such as `acme NEAR/5 (refund OR \"money back\")`)",
        ),
    ] {
        assert_eq!(errors(text, with), [expected], "{text}");
    }
    let found = errors("acme let:mood", |text| Query::parse_watch(text, &names()));
    assert!(found[0].starts_with("5..13 `sentiment` is only known once"), "{found:?}");
}

#[test]
fn names_do_not_grow_without_bound() {
    let mut names = Names::default();
    names.queries.insert("n0".into(), "* ".repeat(100));
    for n in 1..40 {
        names.queries.insert(format!("n{n}"), format!("let:n{} ", n - 1).repeat(100));
    }
    let found = errors("let:n39", |text| Query::parse_with(text, &names));
    assert!(found[0].contains("at most 10000 terms"), "{found:?}");
}

#[test]
fn a_list_is_found_by_any_of_its_entries() {
    let list = &names().lists["back"];
    assert_eq!(list.entries().len(), 7);
    let found = |text: &'static str| {
        let mut post = Post::new("1", text, now());
        post.tags = if text == "tagged" { vec!["Reclaim".into()] } else { Vec::new() };
        list.find(&Reading::of(&post)).map(ToString::to_string)
    };
    for (text, expected) in [
        ("a Refund now", Some("refund")),
        ("my money, back", Some("\"money back\"")),
        ("back money", None),
        ("chargebacks", Some("chargeb*")),
        ("charge", None),
        ("tagged", Some("tag:reclaim")),
        ("see @desk.example $acme", Some("@desk.example")),
        ("buy $acme", Some("$acme")),
        ("返金してください", Some("返金")),
        ("reclaim desk acme 金返", None),
    ] {
        assert_eq!(found(text).as_deref(), expected, "{text}");
    }
    let wrong = List::read("x", "good\n!!!\n\nre*fund\n").unwrap_err();
    assert_eq!(wrong.iter().map(|wrong| wrong.line).collect::<Vec<_>>(), [2, 4]);
    assert!(List::read("x", "# nothing\n").is_err());
}

#[test]
fn words_of_a_dictionary_are_whole() {
    let holds = |query: &str, text: &'static str| {
        let post = Post::new("1", text, now());
        let subject = Subject { post: &post, source_kind: "", mention: None, now: None };
        Query::parse(query).unwrap().matches(&subject) == Some(true)
    };
    for (query, text, expected) in [
        ("京都", "東京都に行きました", false),
        ("東京", "東京都に行きました", true),
        ("返金", "返金してください", true),
        // No dictionary knows the name: found wherever its characters follow each other.
        ("にじさんじ", "今日にじさんじが", true),
        ("さんじ", "にじさんじ", true),
        ("退款", "我要退款谢谢", true),
        ("เงิน", "ขอเงินคืน", true),
        ("งิน", "ขอเงินคืน", false),
        ("猫", "猫背の猫", true),
        ("猫", "猫背", false),
        ("\"東京 大学\"", "東京大学の学生", true),
        ("東京 NEAR/4 学生", "東京大学の学生", true),
        ("東京 NEAR/3 学生", "東京大学の学生", false),
        ("\"大学 東京\"~4", "東京大学の学生", true),
        ("返金*", "返金額", true),
        ("東京タワー", "大東京タワー", true),
        ("タワー", "東京タワー", true),
    ] {
        assert_eq!(holds(query, text), expected, "{query} in {text}");
    }
}

#[test]
fn explains_itself() {
    let post = post();
    let subject = Subject { post: &post, source_kind: "mastodon", mention: None, now: None };
    let query = Query::parse("acme (\"money lost\" OR reach:>10) NOT (rating:>=4 OR #spam) lang:de").unwrap();
    let explanation = query.explain(&subject, &Reading::of(&post));
    let expected = "\
? all of
  ✓ acme  -- `Acme` in the text
  ? any of
    ✗ \"money lost\"  -- only `money` in the text
    ? reach:>10  -- reach is not known
  ✓ not
    ✗ any of
      ✗ rating:>=4  -- rating is 2
      ✗ tag:spam  -- the tags are open source, resume
  ✓ lang:de  -- lang is de
";
    assert_eq!(explanation.to_string(), expected);
    assert_eq!(explanation.holds, query.matches(&subject));
}

fn ask(query: &str, mention: Option<&Mention>) -> Option<bool> {
    let post = post();
    let subject = Subject {
        post: mention.map_or(&post, |mention| &mention.post),
        source_kind: "mastodon",
        mention,
        now: Some("2026-11-22T10:00:00Z".parse().unwrap()),
    };
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
        ("\"late acme\"~5 \"acme late\"~3", YES),
        ("\"late acme\"~4 OR \"acme late\"~2", NO),
        ("acme NEAR/4 late late NEAR/4 acme refund ONEAR/2 late", YES),
        ("acme NEAR/3 late OR late ONEAR/9 refund", NO),
        ("case:Acme case:refund case:\"money back\"", YES),
        ("case:acme OR case:Refund", NO),
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
    fn printing_loses_nothing(text in generate::any_query()) {
        let query = Query::parse_with(&text, &generate::NAMES).unwrap();
        prop_assert_eq!(Query::parse_with(&query.to_string(), &generate::NAMES).unwrap().expr, query.expr);
    }
}
