//! Posts, mentions and queries over one small vocabulary of many scripts, so that they meet often.

use super::*;
use jiff::SignedDuration;
use proptest::sample::select;
use proptest::strategy::Union;
use std::sync::LazyLock;

/// Families of words, as people write each.
const WORDS: [&[&str]; 24] = [
    &[
        "acme",
        "Acme",
        "ACME",
        "ácme",
        "a\u{301}cme",
        "ac\u{ad}me",
        "ＡＣＭＥ",
        "\u{202e}acme\u{202c}",
        "acme's",
        "Acme’s",
    ],
    &["acmes", "ACMEs", "acid", "ac"],
    &["refund", "Refund", "REFUND", "réfund", "re\u{200d}fund", "refund-late", "re-fund"],
    &["money", "Money", "mon\u{200b}ey", "moné\u{301}y"],
    &["back", "BACK", "bäck", "back."],
    &["late", "Late", "laté"],
    &["große", "GROSSE", "Große", "GROẞE"],
    &["İstanbul", "istanbul", "ISTANBUL", "ıstanbul"],
    &["σίσυφος", "ΣΊΣΥΦΟΣ", "Σισυφοσ"],
    &["возврат", "Возврат", "ВОЗВРАТ", "й", "Й"],
    &["שלום", "שָׁלוֹם"],
    &["العربية", "الْعَرَبِيَّة", "شكرا؟"],
    &["हिन्दी", "वापसी", "हि"],
    &["환불", "한국어", "\u{1112}\u{116a}\u{11ab}불"],
    &["東京", "京都", "東京都", "東京タワー", "大東京"],
    &["返金", "返金して", "返 金", "返金額"],
    &["タワー", "ﾀﾜｰ", "アクメ", "カ\u{3099}"],
    &["にじさんじ", "さんじ", "にじ"],
    &["退款", "我要退款", "猫", "猫背"],
    &["เงิน", "คืน", "ขอเงินคืน"],
    &["👍", "👍🏽", "👩‍💻", "👩🏽‍💻", "❤️", "1️⃣"],
    &["🇩🇪", "🇫🇷", "🇩🇪🇫🇷"],
    &["the", "a", "The", "A", "x1", "½", "①"],
    &["AT&T", "C++", "_acme_", "3.5", "acme.Great"],
];
const ENTITIES: [&str; 18] = [
    "#acme",
    "#Ácme",
    "#返金",
    "#open_source",
    "@ann.example",
    "@Ann.Example,",
    "@bo@social.example",
    "$ACME",
    "$acme.b",
    "$50",
    "https://shop.example/Refund/1",
    "http://www.shop.example/refund?x=1",
    "(https://acme.example)",
    "https://bücher.example/a",
    "ann@shop.example",
    "##acme",
    "why?",
    "なぜ？",
];
const BETWEEN: [&str; 12] = [" ", " ", " ", " ", " ", " ", "", ", ", "\n", "・", "\u{200b}", "-"];

fn written() -> impl Strategy<Value = &'static str> + Clone {
    prop_oneof![
        // A few words are in most texts, as everywhere.
        4 => select(WORDS[0]),
        3 => select(WORDS[2]),
        2 => select([WORDS[3], WORDS[4], WORDS[22]].concat()),
        9 => select(WORDS.concat()),
    ]
}

/// Words of which a text often holds several.
fn common() -> impl Strategy<Value = &'static str> + Clone {
    prop_oneof![3 => select([WORDS[0], WORDS[2], WORDS[3], WORDS[4], WORDS[22]].concat()), 1 => written()]
}

/// Prose of up to so many words.
fn prose(words: usize) -> impl Strategy<Value = String> + Clone {
    let part = prop_oneof![7 => written(), 1 => select(&ENTITIES[..])];
    prop::collection::vec((part, select(&BETWEEN[..])), 0..=words)
        .prop_map(|parts| parts.into_iter().flat_map(|(part, between)| [part, between]).collect())
}

/// Words far apart, with words between that nobody asks for: as long as texts are whose words are looked up in order.
fn long() -> impl Strategy<Value = String> + Clone {
    (prose(8), 60..200_usize, prose(8))
        .prop_map(|(front, between, back)| front + &" lorem".repeat(between) + " " + &back)
}

fn some<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(strategy)
}

/// Sources of [`any_post`], with their kinds.
pub(crate) const KINDS: [(&str, &str); 2] = [("fedi", "mastodon"), ("sky", "bluesky")];

pub(crate) fn kind_of(post: &Post<'_>) -> &'static str {
    KINDS.iter().find(|(id, _)| *id == &*post.source).map_or("", |(_, kind)| kind)
}

pub(crate) fn any_post() -> impl Strategy<Value = Post<'static>> {
    let texts = (
        prop_oneof![8 => prose(14).boxed(), 1 => long().boxed(), 1 => crate::text::tests::any_text().boxed()],
        some(prose(4)),
    );
    let handle = select(vec!["@Acme.example", "ann.example", "Refund_Ann", "bo@social.example"]);
    let author = (some(handle), some(prose(3)), some(prose(5)), some(0..3_000_u64), some(0..90_i64));
    let lang = some(select(vec!["de", "de-AT", "en", "EN-us", ""]));
    let lists = (
        prop::collection::vec(select(vec!["Acme", "#acme", "Open Source", "返金", " x "]), 0..3),
        prop::collection::vec(select(vec!["did:plc:X", "ann.example", "Bo"]), 0..3),
        prop::collection::vec(
            select(vec!["https://shop.example/refund", "https://A.Shop.example", "bad", "ftp://x"]),
            0..3,
        ),
    );
    let place = (select(vec!["fedi", "sky", "Else"]), select(Kind::ALL.to_vec()), lang, 0..40_i64);
    let numbers = (some(select(vec![1.0, 2.0, 2.5, 4.0, 5.0])), some(0..20_000_u64), some(0..4_u64), some(0..4_u64));
    let relations = (any::<[bool; 4]>(), some(select(vec!["https://m.example/1", "https://shop.example/a", "x"])));
    (texts, author, lists, place, numbers, relations).prop_map(|(texts, author, lists, place, numbers, relations)| {
        let (source, (_, kind), lang, hours) = place;
        let mut post = Post::new("1", texts.0, now() - SignedDuration::from_secs(hours * 3_599));
        (post.source, post.kind, post.lang) = (source.into(), kind, lang.map(Into::into));
        post.title = texts.1.map(Into::into);
        let (handle, name, bio, followers, days) = author;
        post.author.handle = handle.map(Into::into);
        post.author.name = name.map(Into::into);
        post.author.bio = bio.map(Into::into);
        post.author.followers = followers;
        post.author.created_at = days.map(|days| now() - SignedDuration::from_hours(24 * days));
        post.tags = lists.0.into_iter().map(Into::into).collect();
        post.mentions = lists.1.into_iter().map(Into::into).collect();
        post.links = lists.2.into_iter().map(Into::into).collect();
        (post.rating, post.reach, post.likes, post.reposts) = numbers;
        let ([reply, quote, edited, thread], url) = relations;
        post.reply_to = (reply && thread).then(|| "7".into());
        post.quote_of = (quote && thread).then(|| "8".into());
        post.edited_at = (edited && thread).then(now);
        post.url = url.map(Into::into);
        post
    })
}

pub(crate) fn any_mention() -> impl Strategy<Value = Mention> {
    let share = || some(select(vec![0.0_f32, 0.1, 0.5, 0.7, 1.0]));
    let scores = (select(vec!["en", "de-AT", "und"]), -1.0..1.0_f32, select(Label::ALL.to_vec()), share(), share());
    let rest = (
        select(vec!["acme", "Zeta"]),
        prop::collection::vec(select(vec!["name", "Other", "own/post", "own/reply"]), 1..3),
        select(Status::ALL.to_vec()),
        some(select(Label::ALL.to_vec())),
        share(),
    );
    (any_post(), some(scores), rest, any::<bool>()).prop_map(|(post, scores, rest, corrected)| {
        let mut mention = super::mention();
        let (brand, watches, (_, status), correction, spam) = rest;
        mention.post = post;
        mention.brand = brand.to_owned();
        mention.watches = watches.into_iter().map(str::to_owned).collect();
        mention.status = status;
        mention.correction = correction.filter(|_| corrected).map(|(_, label)| label);
        mention.author_spam.spam = spam;
        mention.cluster_size = mention.post.likes.map(|likes| likes as u32 % 4 + 1);
        let like = mention.scores.take();
        mention.scores = scores.zip(like).map(|((lang, sentiment, (_, label), needs_answer, irony), like)| Scores {
            lang: lang.to_owned(),
            sentiment,
            label,
            needs_answer,
            irony,
            ..like
        });
        mention
    })
}

/// What [`any_query`] may refer to.
pub(crate) static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let list = |(name, text): (&str, &str)| (name.to_owned(), Arc::new(List::read(name, text).unwrap()));
    let back = "# ways to say it\nrefund late\n  money back \nchargeb*\nacme re*\n#open_source\n@bo\n$ACME.B\n返金\n";
    let world = "環境\n환불 한국어\n東京タワー\nにじさんじ\nGROSSE\nвозвр*\n👍\n🇩🇪\nขอเงินคืน\n猫\n返金*\n東京 返金\n";
    let query = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    Names {
        lists: [("back", back), ("world", world)].map(list).into(),
        queries: [
            ("angry", "late OR \"money back\""),
            ("big", "reach:>10k let:angry"),
            ("both", "acme in:$back -late"),
        ]
        .map(query)
        .into(),
    }
});

/// The forms of a term, by name.
pub(crate) const FORMS: [&str; 14] = [
    "word", "prefix", "phrase", "loose", "near", "case", "entity", "url", "list", "name", "field", "keyword", "number",
    "score",
];
const BEGINNINGS: [&str; 13] = [
    "ac*",
    "acm*",
    "ref*",
    "mo*",
    "환불*",
    "返金*",
    "東京*",
    "にじ*",
    "возв*",
    "GRO*",
    "เงิ*",
    "\"acme re*\"",
    "\"money ba*\"",
];
const NEAR_CASE: [&str; 3] = ["case:Acme", "case:\"acme\"", "case:REFUND"];
const NAMED: [&str; 14] = [
    "#acme",
    "tag:\"open source\"",
    "#返金",
    "#open_source",
    "@ann.example",
    "@bo",
    "@bo@social.example",
    "@did:plc:x",
    "$ACME",
    "$ACME.B",
    "tag:x",
    "#none",
    "@none",
    "$NONE",
];
const ADDRESSES: [&str; 9] = [
    "url:shop.example",
    "url:shop.example/refund",
    "https://www.shop.example",
    "url:example",
    "url:acme.example",
    "url:bücher.example/a",
    "url:hop.example",
    "url:m.example",
    "url:shop.example/refund/1",
];
const KEYWORDS: [&str; 13] = [
    "kind:review",
    "kind:post",
    "lang:de",
    "lang:en",
    "lang:und",
    "source:fedi",
    "source:mastodon",
    "source:else",
    "is:reply",
    "is:quote",
    "is:edited",
    "has:link",
    "has:question",
];
const NUMBERS: [&str; 15] = [
    "cluster.size:>2",
    "cluster.size:1..2",
    "rating:<=2",
    "rating:2.5",
    "rating:>4",
    "likes:1..2",
    "likes:>0",
    "reposts:<2",
    "reach:>10k",
    "author.followers:1k..2k",
    "author.age:<30d",
    "author.age:>=2w",
    "created:2026-11-22",
    "created:<2026-11-21",
    "created:>=2026-11-21T12:00:00Z",
];
const OF_MENTIONS: [&str; 21] = [
    "sentiment:negative",
    "sentiment:positive",
    "sentiment:<-0.5",
    "sentiment:0",
    "sentiment:1",
    "needs_answer:>=0.7",
    "irony:0.1..0.5",
    "spam:<0.5",
    "complaint:>0",
    "offensive:0",
    "brand:acme",
    "brand:zeta",
    "watch:name",
    "watch:other",
    "watch:own/post",
    "from:own",
    "status:open",
    "status:new",
    "age:<12h",
    "age:>=1d",
    "age:..7198s",
];

fn quoted(words: &str) -> String {
    format!("\"{words}\"")
}

fn row(most: usize) -> impl Strategy<Value = String> + Clone {
    prop::collection::vec(written(), 2..=most).prop_map(|words| words.join(" "))
}

fn of(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    select(texts).prop_map(str::to_owned).boxed()
}

/// One term of a form: see [`FORMS`].
pub(crate) fn any_term(form: &'static str) -> BoxedStrategy<String> {
    let words = || prop_oneof![4 => written().prop_map(quoted), 1 => row(2).prop_map(|words| quoted(&words))];
    let terms = match form {
        "word" => written()
            .prop_map(|word| if word.chars().all(char::is_alphanumeric) { word.to_owned() } else { quoted(word) })
            .boxed(),
        "prefix" => of(&BEGINNINGS),
        "phrase" => row(3).prop_map(|words| quoted(&words)).boxed(),
        "loose" => (row(4), select(vec!["", "", "*"]), select(vec![1, 2, 3, 5, 9, 100]))
            .prop_map(|(words, star, slop)| format!("\"{words}{star}\"~{slop}"))
            .boxed(),
        "near" => near(),
        "case" => words().prop_map(|words| format!("case:{words}")).boxed(),
        "entity" => of(&NAMED),
        "url" => of(&ADDRESSES),
        "list" => of(&["in:$back", "in:$world"]),
        "name" => of(&["let:angry", "let:big", "let:both"]),
        "field" => (select(vec!["title", "text", "author", "bio"]), prop_oneof![5 => words(), 1 => of(&BEGINNINGS)])
            .prop_map(|(field, words)| format!("{field}:{words}"))
            .boxed(),
        "keyword" => of(&KEYWORDS),
        "number" => of(&NUMBERS),
        _ => of(&OF_MENTIONS),
    };
    terms.prop_filter("no term", |term| Query::parse_with(term, &NAMES).is_ok()).boxed()
}

fn near() -> BoxedStrategy<String> {
    let group = prop::collection::vec(prop_oneof![common().prop_map(str::to_owned), row(2)], 2..4);
    let group = group.prop_map(|words| {
        let words: Vec<String> = words.iter().map(|words| quoted(words)).collect();
        format!("({})", words.join(" OR "))
    });
    let operand = prop_oneof![
        6 => common().prop_map(quoted),
        1 => of(&BEGINNINGS),
        1 => row(2).prop_map(|words| quoted(&words)),
        2 => group,
        1 => of(&NEAR_CASE),
    ];
    let link = (select(vec!["NEAR", "ONEAR"]), select(vec![1, 2, 3, 5, 10, 100]));
    let more = prop::collection::vec((link, operand.clone()), 1..4);
    let field = select(vec!["", "", "", "title:", "text:", "bio:", "author:"]);
    (field, operand, more)
        .prop_map(|(field, first, more)| {
            let more = more.into_iter().map(|((sign, n), operand)| format!(" {sign}/{n} {operand}"));
            format!("{field}({first}{})", more.collect::<String>())
        })
        .boxed()
}

/// Query texts of every form, all of them sound with [`NAMES`].
pub(crate) fn any_query() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![20 => Union::new(FORMS.map(any_term)), 1 => Just("*".to_owned())];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join(" "))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join(" OR "))),
            inner.clone().prop_map(|part| format!("NOT {part}")),
            inner.prop_map(|part| format!("-{part}")),
        ]
    })
}
