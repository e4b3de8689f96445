//! The files under `tests/data/source/feed/`, and small documents with one fault each.

use super::*;
use proptest::prelude::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/source/feed/", $name))
    };
}

fn read_all(bytes: &[u8]) -> Document {
    parse(bytes, None, &Url::parse("https://blog.example/feed/index.xml").unwrap()).unwrap()
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn rss_2() {
    let document = read_all(fixture!("rss2.xml"));
    assert_eq!(document.interval_min, Some(Duration::from_secs(45 * 60)));
    let [full, bare, nothing] = &document.entries[..] else { panic!("{document:?}") };
    assert_eq!(full.id, "kettle-17");
    assert_eq!(full.title.as_deref(), Some("Brightleaf & the broken kettle"));
    assert_eq!(full.url.as_deref(), Some("https://blog.example/2026/11/kettle?a=1&b=2"));
    assert!(full.text.starts_with("My X1") && full.text.ends_with("Support says it\u{2019}s normal."), "{}", full.text);
    assert_eq!(full.published, at("2026-11-21T08:00:00Z"));
    assert_eq!((full.author.as_deref(), full.lang.as_deref()), (Some("Ann Example"), Some("en-gb")));
    assert_eq!(full.tags, ["Tea", "Repairs"]);
    assert_eq!(bare.id, "https://blog.example/2026/11/second");
    assert_eq!((bare.text.as_str(), bare.published), ("Only a summary.", None));
    assert!(nothing.id.starts_with("hash:") && nothing.text.contains("Brightleaf"));
    assert_eq!(read_all(fixture!("rss2.xml")), document);
}

#[test]
fn atom_with_bases() {
    let document = read_all(fixture!("atom.xml"));
    let [recall, short] = &document.entries[..] else { panic!("{document:?}") };
    assert_eq!(recall.url.as_deref(), Some("https://news.example/tech/2026/rueckruf.html"));
    assert_eq!(recall.links, ["https://news.example/edit/9", "https://brightleaf.example/notice"]);
    assert_eq!(recall.title.as_deref(), Some("Brightleaf ruft zur\u{fc}ck"));
    assert_eq!(recall.text, "Der Wasserkocher X1 wird zur\u{fc}ckgerufen.");
    assert_eq!(recall.tags, ["R\u{fc}ckruf"]);
    assert_eq!((recall.published, recall.updated), (at("2026-11-20T08:00:00Z"), at("2026-11-21T10:00:00Z")));
    assert_eq!(recall.author.as_deref(), Some("Redaktion"));
    assert_eq!(short.author.as_deref(), Some("Bob Beispiel"));
    assert_eq!((short.title.as_deref(), short.text.as_str()), (Some("Kurz & knapp"), "Ohne <Auszeichnung."));
}

#[test]
fn google_alerts_lead_to_the_article() {
    let document = read_all(fixture!("google-alerts.xml"));
    let entry = &document.entries[0];
    assert_eq!(entry.url.as_deref(), Some("https://paper.example/town/tea?id=7"));
    assert_eq!(entry.title.as_deref(), Some("Brightleaf opens a tea house"));
    assert_eq!(entry.author, None);
}

#[test]
fn json_feed_with_numbers_for_ids() {
    let document = read_all(fixture!("feed.json"));
    let [first, second] = &document.entries[..] else { panic!("{document:?}") };
    assert_eq!((first.id.as_str(), first.title.as_deref()), ("12", Some("1 < 2 & <b>")));
    assert_eq!((first.text.as_str(), first.author.as_deref()), ("A Brightleaf, repaired.", Some("Cy Example")));
    assert_eq!((second.id.as_str(), second.text.as_str()), ("eleven", "Plain <b>text</b> stays."));
}

#[test]
fn rss_1() {
    let document = read_all(fixture!("rss1.rdf"));
    let entry = &document.entries[0];
    assert_eq!((entry.title.as_deref(), entry.author.as_deref()), (Some("Kettles of yore"), Some("Dee")));
    assert_eq!(entry.published, at("2026-11-18T07:00:00Z"));
}

#[test]
fn faults_that_cost_nothing() {
    let item =
        |inside: &str| format!("<rss version='2.0'><channel><item><guid>a</guid>{inside}</item></channel></rss>");
    for (document, title) in [
        (format!("\u{feff} \n{}", item("<title>tea</title>")), "tea"),
        (item("<title>tea&nbsp;time</title>"), "tea time"),
        (item("<title>te\u{b}a</title>"), "te a"),
        (item("<title>tea</title><media:thumbnail url='x'/>"), "tea"),
        (item("<title>tea</title><pubDate>yesterday</pubDate>"), "tea"),
        (item("<title><![CDATA[tea <b>time</b>]]></title>"), "tea time"),
        (item("<title>tea</title><link>http://[bad</link>"), "tea"),
        (item("<title>tea</title><link>javascript:alert(1)</link>"), "tea"),
    ] {
        let entries = read_all(document.as_bytes()).entries;
        assert_eq!(entries[0].title.as_deref(), Some(title), "{document}");
        assert_eq!((entries[0].id.as_str(), entries[0].url.as_deref()), ("a", None), "{document}");
    }
}

#[test]
fn faults_that_cost_the_document() {
    let bomb = "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>";
    let whole = String::from_utf8(fixture!("rss2.xml").to_vec()).unwrap();
    for (document, reason) in [
        ("<!doctype html><html><body>Bad gateway</body></html>".to_owned(), "html_page"),
        ("<html><head><title>Login</title></head></html>".to_owned(), "html_page"),
        (String::new(), "broken_feed"),
        ("teapot".to_owned(), "broken_feed"),
        ("{\"error\":\"no\"}".to_owned(), "broken_feed"),
        ("<opml version='2.0'/>".to_owned(), "broken_feed"),
        (whole[..whole.len() / 2].to_owned(), "broken_feed"),
    ] {
        let bad = parse(document.as_bytes(), None, &Url::parse("https://a.example/").unwrap()).unwrap_err();
        assert_eq!(bad.reason(), reason, "{document}: {bad}");
    }
    let item = "<item><guid>a</guid><title>&b;</title></item>";
    let bombed = format!("{bomb}<rss version='2.0'><channel>{item}</channel></rss>");
    if let Ok(document) = parse(bombed.as_bytes(), None, &Url::parse("https://a.example/").unwrap()) {
        let title = document.entries[0].title.clone().unwrap_or_default();
        assert!(title.len() < 10, "the entity was expanded: {title}");
    }
}

#[test]
fn long_documents_are_cut() {
    let item = "<item><title>a</title></item>".repeat(ENTRIES_MAX + 5);
    let long = "\u{e9}".repeat(TEXT_BYTES_MAX);
    let head = format!("<item><title>{long}</title><description>{long}</description><guid>{long}</guid></item>");
    let document = read_all(format!("<rss version='2.0'><channel>{head}{item}</channel></rss>").as_bytes());
    assert_eq!(document.entries.len(), ENTRIES_MAX);
    let first = &document.entries[0];
    assert!(first.id.len() <= ID_BYTES_MAX && first.text.len() <= TEXT_BYTES_MAX);
    assert!(first.title.as_ref().unwrap().len() <= TITLE_BYTES_MAX);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        parse(&bytes, None, &Url::parse("https://a.example/").unwrap()).ok();
    }

    #[test]
    fn any_damage_is_survived(cut in 0_usize..2_000, byte in any::<u8>(), at in 0_usize..2_000) {
        for whole in [&fixture!("rss2.xml")[..], &fixture!("atom.xml")[..], &fixture!("feed.json")[..]] {
            let mut bytes = whole[..cut.min(whole.len())].to_vec();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            parse(&bytes, Some("text/xml"), &Url::parse("https://a.example/").unwrap()).ok();
        }
    }
}
