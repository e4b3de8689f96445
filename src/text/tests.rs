//! Words, letters and marks of many scripts, and the time that they may take.

use super::letter::whole;
use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};
use unicode_segmentation::UnicodeSegmentation;

fn words_of(text: &str) -> Vec<String> {
    words(&folded(text)).map(|(_, word)| word.to_owned()).collect()
}

/// Text that mixes scripts, marks, emoji, signs and links.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9]{1,6}",
        2 => "[ .,'’_:/#@?!-]{1,2}",
        1 => "[éÉßİıſŒçñÅøЖйΣςΩשלוםمحمد한국어]{1,3}",
        1 => "[かがアガﾊﾟ漢字กิไทยकिหिन्दी]{1,3}",
        1 => "[\u{300}-\u{310}\u{200b}-\u{200f}\u{3099}\u{1f3fb}\u{fe0f}]{1,2}",
        1 => "(👍|👍🏽|👩‍💻|❤️|🇩🇪|🇫🇷|1️⃣)",
        1 => "(https://acme\\.example/a\\?b=1|#Acme|@ann\\.example|[$]ACME[.]?|[$]a)",
        1 => "\\PC{1,3}",
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

#[test]
fn folds() {
    for (text, expected) in [
        ("Résumé", "resume"),
        ("RESUME", "resume"),
        ("re\u{301}sume\u{301}", "resume"),
        ("Straße ẞ STRASSE", "strasse ss strasse"),
        ("İstanbul ISTANBUL ısı", "istanbul istanbul isi"),
        ("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"),
        ("ＡＣＭＥ ﬁne ①", "acme fine 1"),
        ("ｶﾞ ガ カ\u{3099}", "ガ ガ ガ"),
        ("한국 \u{1112}\u{1161}\u{11ab}국", "한국 한국"),
        ("الْعَرَبِيَّة", "العربية"),
        ("ac\u{ad}m\u{200d}e\u{202e}", "acme"),
        ("👍🏽 ❤️ 1️⃣", "👍 ❤ 1"),
        ("👩🏽‍💻", "👩\u{200d}💻"),
        ("й Й", "и и"),
    ] {
        assert_eq!(folded(text), expected, "{text}");
    }
}

#[test]
fn every_character_folds_once() {
    let (mut once, mut twice) = (String::new(), String::new());
    for c in '\0'..=char::MAX {
        // A letter before it, so that marks have something to hold on to.
        fold(&format!("a{c}"), &mut once);
        fold(&once, &mut twice);
        assert_eq!(once, twice, "{c:?}");
    }
}

#[test]
fn finds_words() {
    for (text, expected) in [
        ("Acme's app, acme.Great _acme_ 3.5", "acme s app acme great acme 3 5"),
        ("refund-now C++ AT&T", "refund now c at t"),
        ("#acme @acme.example acme", "acme"),
        ("ann@shop.example a#b ##tag # 1 #1", "ann shop example a b 1 1"),
        ("see https://acme.example/acme?x=1. Acme (http://a.example/(b))", "see acme"),
        ("http and https: //", "http and https"),
        ("返金して アクメ社", "返 金 し て アクメ 社"),
        ("คืน", "คื น"),
        ("한국어 좋아요", "한국어 좋아요"),
        ("👍👍🏽 👩‍💻❤️ok 🇩🇪🇫🇷", "👍 👍 👩\u{200d}💻 ❤ ok 🇩🇪 🇫🇷"),
        ("#返金希望です、@acmeさん", "さ ん"),
        ("→ © ™", "→ tm"),
        ("", ""),
    ] {
        let mut found = words_of(text);
        found.retain(|word| word != "→");
        let expected: Vec<&str> = expected.split(' ').filter(|word| !word.is_empty() && *word != "→").collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn finds_entities() {
    let text = "Ask @ann.example, @bo@social.example. #Acme_2 #café! https://a.example/x_(y)), HTTP://B.example";
    assert_eq!(tags(text).collect::<Vec<_>>(), ["Acme_2", "café"]);
    assert_eq!(handles(text).collect::<Vec<_>>(), ["ann.example", "bo@social.example"]);
    let links: Vec<&str> = find_links(text).map(|range| &text[range]).collect();
    assert_eq!(links, ["https://a.example/x_(y)", "HTTP://B.example"]);
}

#[test]
fn splits_addresses() {
    for (address, expected) in [
        ("https://Shop.Example:8080/Refund?a=B", Some(("shop.example", "/refund?a=b"))),
        ("http://ann@b.example.", Some(("b.example", ""))),
        ("https://bücher.example/x", Some(("xn--bcher-kva.example", "/x"))),
        ("https://b.example｡/x", Some(("b.example", "/x"))),
        ("https://[::1]:80/x", Some(("[::1]", "/x"))),
        ("https://a:::/x", None),
        ("https:///x", None),
        ("ftp://a.example", None),
        ("https://a b.example", None),
        ("javascript:alert(1)", None),
    ] {
        let found = host_and_path(address);
        assert_eq!(found.as_ref().map(|(host, path)| (host.as_str(), path.as_str())), expected, "{address}");
    }
}

#[test]
fn hostile_text_takes_time_in_proportion() {
    let start = Instant::now();
    for unit in ["http://(", "@._-", "#1_", "a\u{301}", "\u{301}", "か\u{3099}", "👩\u{200d}", "(((https://a.example)"]
    {
        let text = unit.repeat(200_000 / unit.len());
        let _ = words_of(&text).len();
    }
    // Generous: a quadratic scan of these takes minutes.
    assert!(start.elapsed() < Duration::from_secs(20));
}

proptest! {
    #[test]
    fn the_table_agrees_with_the_whole(text in any_text()) {
        prop_assert_eq!(folded(&text), whole(&text).collect::<String>());
    }

    #[test]
    fn folding_twice_changes_nothing(text in any_text()) {
        let once = folded(&text);
        prop_assert_eq!(&folded(&once), &once);
    }

    #[test]
    fn parts_are_in_order_and_words_stay_words(text in any_text()) {
        let folded = folded(&text);
        let mut end = 0;
        for part in parts(&folded) {
            prop_assert!(part.range.start >= end && part.range.end > part.range.start);
            end = part.range.end;
            if part.kind == Kind::Word {
                let word = &folded[part.range];
                prop_assert_eq!(words(word).collect::<Vec<_>>(), [(0, word)]);
            }
        }
    }

    #[test]
    fn spans_and_signs_leave_out_nothing(texts in prop::collection::vec(any_text(), 1..5)) {
        let folded = folded(&texts.concat());
        let mut spans = Vec::new();
        let spaced = each_span(&folded, |span| spans.push(span));
        prop_assert!(!spaced || !words(&folded).any(|(_, word)| word.starts_with(is_unspaced)), "{:?}", folded);
        let entities: Vec<Part> = folded
            .bytes()
            .enumerate()
            .filter(|(_, byte)| SIGNS.contains(byte) || *byte == TICKER_SIGN)
            .filter_map(|(at, _)| entity_at(&folded, at))
            .collect();
        for part in parts(&folded) {
            match part.kind {
                Kind::Word if !spaced => {}
                Kind::Word => prop_assert!(spans.contains(&part.range), "{:?} of {:?} in {:?}", part, spans, folded),
                _ => prop_assert!(entities.contains(&part), "{:?} of {:?} in {:?}", part, entities, folded),
            }
        }
    }

    #[test]
    fn spans_of_plain_text_are_its_words(text in "[a-z0-9 .,'_!é-]{0,300}") {
        let folded = folded(&text);
        let mut spans = Vec::new();
        each_span(&folded, |span| spans.push(span));
        let words: Vec<_> = words(&folded).map(|(start, word)| start..start + word.len()).collect();
        prop_assert_eq!(spans, words);
    }

    #[test]
    fn splits_as_unicode_does(text in "([a-zé0-9 Ждלםم한국かアガ漢字ー]|กิ|ไ|か\u{3099}|हि|न्दी){0,24}") {
        let folded = folded(&text);
        let ours: Vec<&str> = words(&folded).map(|(_, word)| word).collect();
        prop_assert_eq!(ours, folded.unicode_words().collect::<Vec<_>>());
    }
}
