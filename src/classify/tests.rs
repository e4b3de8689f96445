//! Scores against worked examples, and what no text may do to them.

use super::weight::Weights;
use super::*;

const GOLDEN: &str = include_str!("../../models/fast-2/golden.jsonl");

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    logits: Vec<f32>,
}

fn classifier() -> &'static Classifier {
    static LOADED: std::sync::LazyLock<Classifier> = std::sync::LazyLock::new(|| Classifier::load().unwrap());
    &LOADED
}

#[test]
fn the_daemon_computes_what_the_trainer_computed() {
    let mut count = 0;
    for line in GOLDEN.lines() {
        let golden: Golden = serde_json::from_str(line).unwrap();
        let found = classifier().logits(&golden.text);
        assert_eq!(golden.logits.len(), found.len());
        for (expected, found) in golden.logits.iter().zip(found) {
            assert!((expected - found).abs() < 1e-3, "{:?}: expected {expected}, found {found}", golden.text);
        }
        count += 1;
    }
    assert!(count >= 300, "only {count} golden texts");
}

#[test]
fn the_manifest_names_the_model() {
    let manifest: toml::Table = toml::from_str(MANIFEST).unwrap();
    assert_eq!(manifest["model"].as_str(), Some(FAST_MODEL));
}

#[test]
fn altered_weights_are_refused_by_name() {
    let mut altered = WEIGHTS.to_vec();
    altered[WEIGHTS.len() / 2] ^= 1;
    let longer = [WEIGHTS, &[0]].concat();
    let wrong_blake3 = MANIFEST.replace("blake3 = \"", "blake3 = \"0");
    let cases: [(&str, &[u8], &str); 6] = [
        (MANIFEST, &altered, "expected blake3"),
        (MANIFEST, &WEIGHTS[..WEIGHTS.len() - 1], "bytes, found"),
        (MANIFEST, &longer, "bytes, found"),
        (MANIFEST, &[], "bytes, found 0"),
        (&wrong_blake3, WEIGHTS, "expected blake3 0"),
        ("model = 3", WEIGHTS, "manifest"),
    ];
    for (manifest, bytes, expected) in cases {
        let error = Weights::parse(manifest, bytes).err().unwrap();
        assert!(error.reason.contains(expected), "{error}");
        assert!(error.model == FAST_MODEL || expected == "manifest", "{error}");
    }
}

#[test]
fn weights_of_another_shape_are_refused() {
    let mut other = WEIGHTS.to_vec();
    other[16] += 1; // columns
    for bytes in [&other[..], &WEIGHTS[..20], b"reputed\0", b"something else"] {
        let manifest =
            format!("model = \"x\"\nblake3 = \"{}\"\nbytes = {}\n", blake3::hash(bytes).to_hex(), bytes.len());
        let error = Weights::parse(&manifest, bytes).err().unwrap();
        assert!(error.reason.contains("shape"), "{error}");
    }
}

fn check_bounds(text: &str, scores: &Scores) {
    let Probability { negative, neutral, positive } = scores.p;
    let sum = negative + neutral + positive;
    assert!((sum - 1.0).abs() < 1e-5, "{text:?}: {sum}");
    assert!((scores.sentiment - (positive - negative)).abs() < 1e-6);
    let heads = [scores.needs_answer, scores.complaint, scores.offensive, scores.irony];
    let all = heads.into_iter().flatten().chain([negative, neutral, positive, scores.lang_p]);
    for p in all {
        assert!((0.0..=1.0).contains(&p), "{text:?}: {p}");
    }
    if let Some(Emotion { anger, joy, optimism, sadness }) = scores.emotion {
        assert!((anger + joy + optimism + sadness - 1.0).abs() < 1e-5);
    }
}

#[test]
fn probabilities_are_probabilities() {
    for line in GOLDEN.lines() {
        let golden: Golden = serde_json::from_str(line).unwrap();
        check_bounds(&golden.text, &classifier().score(&golden.text, None));
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_scored_alike_twice(text in "\\PC{0,200}", declared in proptest::option::of("[a-zA-Z-]{0,8}")) {
        let scores = classifier().score(&text, declared.as_deref());
        check_bounds(&text, &scores);
        proptest::prop_assert_eq!(scores, classifier().score(&text, declared.as_deref()));
    }
}

#[test]
fn odd_texts_are_judged_with_low_confidence() {
    let marks = "\u{301}".repeat(100_000);
    for text in ["", " \n", "\u{0}\u{1}\u{7f}", &marks, "🙂", "ᚠᚢᚦᚨᚱᚲ", "42", "?"] {
        let scores = classifier().score(text, None);
        let top = scores.p.negative.max(scores.p.neutral).max(scores.p.positive);
        assert!(top < 0.7, "{:?}: {top}", text.chars().take(9).collect::<String>());
        assert_eq!((scores.lang.as_str(), scores.lang_p), ("und", 0.0), "{text:.9}");
    }
    let empty = classifier().score("", Some("en"));
    assert_eq!((empty.label, empty.sentiment, empty.complaint), (Label::Neutral, 0.0, None));
}

#[test]
fn only_the_beginning_of_a_long_text_counts() {
    let start = "I love this, it is wonderful. ".repeat(100);
    let long = format!("{start}{}", "awful terrible hate ".repeat(50_000));
    assert_eq!(classifier().score(&start, None), classifier().score(&long, None));
}

#[test]
fn plain_sentences_are_judged_as_people_do() {
    let negative = [
        "Kestrel Bank is the worst bank I have ever used, terrible service.",
        "My order from Lumora is late again and nobody answers. So angry.",
        "I hate the new Fernwald app, it crashes all the time.",
        "Very disappointed with Nordhaven Air, they lost my luggage.",
        "This update is awful, it ruined everything.",
        "Stuck at the airport for six hours, what a horrible day.",
        "The food was disgusting and the waiter was rude.",
        "Broken after two days. What a waste of money.",
        "I am so sad that they closed the shop :(",
        "Stop lying to your customers, this is shameful.",
        "Brightpost failed me once more, never again.",
        "Ugh, this is annoying and stupid.",
    ];
    let positive = [
        "I love the new Lumora lamp, it looks amazing!",
        "Great service from Kestrel Bank today, thank you so much!",
        "So happy with my new phone 😍",
        "Best coffee in town, I can't wait to come back!",
        "Thanks Fernwald for the quick help, you are awesome.",
        "What a wonderful evening with friends, feeling blessed.",
        "Congratulations to the whole team, excellent work!",
        "The update is fantastic, everything is fast and beautiful.",
        "Nordhaven Air has the nicest crew, really enjoyed the flight.",
        "Excited for the concert tomorrow, it will be fun :)",
        "This is brilliant, I'm impressed.",
        "Good morning! Have a lovely day everyone.",
    ];
    let neutral = [
        "Kestrel Bank opens a branch in Leeds on Monday.",
        "Lumora to present results on 12 March.",
        "The meeting starts at 9 am in room 4.",
        "Fernwald names a new head of finance http://news.example/a",
        "Does the shop open on Sunday?",
        "The train to York leaves from platform 3.",
        "Brightpost announces the date of its annual meeting.",
        "Nordhaven Air flies to Oslo from May.",
        "He is going to the store tomorrow.",
        "Version 2.4 is out on Tuesday.",
        "The report has 40 pages.",
        "They may sign the contract on Friday.",
    ];
    for (label, texts) in [(Label::Negative, negative), (Label::Positive, positive), (Label::Neutral, neutral)] {
        let wrong: Vec<_> = texts.iter().filter(|text| classifier().score(text, None).label != label).collect();
        assert!(wrong.len() * 5 <= texts.len(), "{label:?} missed: {wrong:#?}");
    }
}

#[test]
fn languages_are_told_apart_or_left_open() {
    let cases = [
        ("Das Update von gestern ist wirklich gut geworden, danke!", None, "de"),
        ("Je n'arrive pas à me connecter depuis ce matin", None, "fr"),
        ("No puedo entrar en mi cuenta desde ayer, ¿qué pasa?", None, "es"),
        ("Não consigo entrar na minha conta desde ontem", None, "pt"),
        ("Non riesco a entrare nel mio account da ieri", None, "it"),
        ("Почему приложение опять не работает со вчерашнего дня?", None, "ru"),
        ("なんでこんなに遅いの", None, "ja"),
        ("love it", None, "en"),
        ("love it", Some("en-GB"), "en"),
        ("Wunderbar", Some("de"), "de"),
        ("Das ist nicht gut und ich bin nicht zufrieden", Some("en"), "de"),
        ("なんでこんなに遅いの", Some("en"), "ja"),
        ("Fernwald 3000", None, "und"),
        ("Fernwald", Some("xx-nonsense"), "und"),
        ("12:30", Some("en"), "und"),
    ];
    for (text, declared, expected) in cases {
        let scores = classifier().score(text, declared);
        assert_eq!(scores.lang, expected, "{text:?} declared {declared:?}: {}", scores.lang_p);
    }
    let lone = classifier().score("love it", None).lang_p;
    let long = classifier()
        .score("I would love to know why this is the case with my order, it was here and now it is gone", None)
        .lang_p;
    assert!(lone < long && long > 0.9, "{lone} {long}");
}

#[test]
fn a_declaration_is_believed_when_little_words_among_many_names_speak_for_it() {
    let names = "Mulan Guha Foyu Jeloce, Hatalo Diyulo Sudixo. Natisfo Lansu Haha Lanxo Penatis Quijelan Batis Vezaro";
    let english = format!("{names} {names} {names} are the best of the fair");
    for (text, declared, expected) in [
        (&english, Some("en"), ("en", 0.7)),
        // They speak against it, and trigrams have their say.
        (&english, Some("de"), ("de", 0.7)),
        (&english, None, ("und", 0.0)),
    ] {
        let found = classifier().language(text, declared);
        assert_eq!((found.lang, found.p), expected, "declared {declared:?}");
    }
    // One word is not enough.
    let german =
        "Gestern Abend kaufte Annika Schneider drei Flaschen Apfelsaft, zwei Brötchen, Käse, Würstchen. The Kitchen!";
    assert_eq!(classifier().language(german, Some("en")).lang, "de");
}

#[test]
fn every_language_has_a_code() {
    for lang in whatlang::Lang::all() {
        let code = super::language::code(*lang);
        assert_eq!(code.len(), 2, "{}", lang.code());
        assert_eq!(super::language::known(&code.to_uppercase()), Some(*lang));
    }
}

#[test]
fn an_unknown_language_lowers_the_confidence() {
    let known = classifier().score("I love this so much, wonderful! 😍😍", None);
    let unknown = classifier().score("Я так люблю это, просто чудесно! 😍😍", None);
    assert!(unknown.sentiment.abs() < known.sentiment.abs() * 0.6, "{} {}", unknown.sentiment, known.sentiment);
    assert_eq!((unknown.complaint, unknown.offensive, unknown.emotion), (None, None, None));
}

fn needs_answer(text: &str, declared: Option<&str>) -> f32 {
    classifier().score(text, declared).needs_answer.unwrap()
}

#[test]
fn a_post_to_the_brand_waits_for_an_answer_and_talk_does_not() {
    let waiting = [
        "@fernwald when do you open the shop on Monday? please reply",
        "@fernwald my parcel has not arrived and nobody answers the phone",
        "@lumora your app crashes since the update, can you fix it?",
        "@kestrelbank I was charged twice and need a refund",
    ];
    let idle = [
        "The shop opens on Monday.",
        "I love the sunny weather in the mountains today",
        "What a game! See you all at the concert tomorrow night",
        "Fernwald names a new head of finance http://news.example/a",
    ];
    for text in waiting {
        assert!(needs_answer(text, None) > 0.2, "{text:?}: {}", needs_answer(text, None));
    }
    for text in idle {
        assert!(needs_answer(text, None) < 0.12, "{text:?}: {}", needs_answer(text, None));
    }
    assert!(needs_answer("", None) < 0.1);
}

#[test]
fn in_another_language_cues_tell_whether_a_post_waits() {
    let steps = [
        "Der Laden ist am Montag offen.",
        "Der Laden ist am Montag offen?",
        "Wann ist der Laden am Montag offen?",
        "@fernwald Wann ist der Laden am Montag offen?",
        "@fernwald Wann habt ihr am Montag offen? Bitte antworten",
    ];
    let scores = steps.map(|text| needs_answer(text, Some("de")));
    assert!(scores.is_sorted_by(|a, b| a < b), "{scores:?}");
    assert!(scores[0] < 0.2 && scores[4] > 0.7, "{scores:?}");
}

#[test]
fn complaints_outrank_praise() {
    let complaint = |text| classifier().score(text, None).complaint.unwrap();
    let worst =
        complaint("@fernwald my order still has not arrived and customer service does not reply, I want a refund");
    let best = complaint("I love the sunny weather in the mountains today");
    assert!(worst > 0.6 && best < 0.2, "{worst} {best}");
}
