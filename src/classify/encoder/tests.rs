//! How a text becomes pieces: as the trainer's `text.py` makes them of the same text, and what no text may do.

mod engine;
#[cfg(feature = "rust-bert")]
mod torch;

use super::Folder;
use super::letter::{self, Class};
use super::piece::{PIECES_MAX, Pieces, Scratch};
use std::sync::LazyLock;

/// Invented. From `the` to `@user` words stand by how common they are.
const VOCABULARY: &str = "[PAD] [UNK] [CLS] [SEP] [MASK] ! \" # & ' ( ) - . ; < > ? @ [ ] _ 0 1 2 3 4 9 a b c e i n
o s t x ا و ي 漢 the is in this so no it not now on ##s ##ing ##a ##b ##bb ##c ##d ##n ##o ##t ##1 ##2 thing things
hello ab cool seen be been http there init σασ еж now1 now2 now3 now4 old oldnow nowhere here where
@user 😀 🏳 → ❤ € thisis";

fn vocabulary() -> String {
    VOCABULARY.split_whitespace().collect::<Vec<_>>().join("\n")
}

fn pieces() -> &'static Pieces {
    static READ: LazyLock<Pieces> = LazyLock::new(|| Pieces::new(&vocabulary()).unwrap());
    &READ
}

/// Each text and its pieces with a space between them, without `[CLS]` and `[SEP]`, as `text.py` gave them.
fn check(cases: &[(&str, &str)]) {
    let list: Vec<&str> = VOCABULARY.split_whitespace().collect();
    let mut scratch = Scratch::default();
    for (text, expected) in cases {
        let found: Vec<&str> = pieces().ids(text, &mut scratch).iter().map(|id| list[*id as usize]).collect();
        assert_eq!(found.join(" "), format!("[CLS] {expected} [SEP]"), "{text:?}");
    }
}

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    logits: Vec<f32>,
}

fn golden() -> Vec<Golden> {
    let lines = include_str!("../../../models/text-1/golden.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_daemon_reads_what_the_trainer_read() {
    let pieces = Pieces::new(Folder::EMBEDDED.vocabulary).unwrap();
    let mut scratch = Scratch::default();
    let golden = golden();
    for golden in &golden {
        assert_eq!(pieces.ids(&golden.text, &mut scratch), golden.ids, "{:?}", golden.text);
    }
    assert!(golden.len() >= 1_000, "only {} golden texts", golden.len());
}

/// How many there are of each class, and the sum of code point times folded code point, as `text.py` has them.
/// In the planes left out all are letters.
#[test]
fn every_code_point_is_folded_as_the_trainer_did() {
    let (mut letters, mut found) = (Vec::new(), Vec::new());
    for char in ('\0'..'\u{30000}').chain('\u{E0000}'..'\u{E2000}') {
        letter::read(char.encode_utf8(&mut [0; 4]), &mut letters);
        found.extend(letters.iter().map(|letter| (u64::from(char), *letter)));
    }
    for (class, count, sum) in [
        (Class::Dropped, 0, 0),
        (Class::Space, 25, 1_195_420_084),
        (Class::Letter, 100_213, 4_214_274_510_986_972),
        (Class::Digit, 90, 353_222_055),
        (Class::Punctuation, 421, 64_642_665_401),
        (Class::Ideograph, 92_128, 1_749_162_429_073_232),
        (Class::Emoji, 5_482, 46_600_718_398_855),
    ] {
        let of_class = || found.iter().filter(|(_, letter)| letter.class == class);
        let sum_found: u64 = of_class().map(|(code, letter)| code * u64::from(letter.char)).sum();
        assert_eq!((of_class().count(), sum_found), (count, sum), "{class:?}");
    }
    assert_eq!(found.iter().filter(|(_, letter)| letter.capital).count(), 390);
}

#[test]
fn entities_stand_for_one_sign_once() {
    check(&[
        ("&amp;lt;", "& [UNK] ;"),
        ("&lt;&gt;&quot;&#39;", "< > \" '"),
        ("&AMP; &amp", "& [UNK] ; & [UNK]"),
        ("a&amp;#39;b", "a & # [UNK] ; b"),
        ("&amp;&lt;", "& <"),
    ]);
}

#[test]
fn letters_are_folded() {
    check(&[
        ("THE Ｔｈｅ 𝐓𝐡𝐞 t\u{301}he t\u{200B}he thé", "the the the the the the"),
        ("ΣΑΣ σας", "σασ σασ"),
        ("ЁЖ еж", "еж еж"),
        ("أ ؤ ئ ـا", "ا و ي ا"),
        ("٣ ۴ 𝟗", "3 4 9"),
        ("« “ „ ″ ‘ ` ´ ʼ", "\" \" \" \" ' ' '"),
        ("– — − ‐", "- - - -"),
        ("‼ ⁉ ؟", "! ? ?"),
        ("€ ₿", "€ [UNK]"),
        ("t\u{AD}he i\u{0}s \u{FFFD}in", "the is in"),
    ]);
}

#[test]
fn spaces_are_of_many_kinds() {
    check(&[("the\u{A0}is\u{3000}in\u{2028}so\u{85}no\u{1F}it", "the is in so [UNK]")]);
}

#[test]
fn a_handle_goes_on_over_its_signs() {
    check(&[
        ("@a", "@user"),
        ("@1.b-c_d@e.", "@user ."),
        ("@a..b", "@user . . b"),
        ("@ a", "@ a"),
        ("@@@@a", "@ @ @user"),
        ("@_a", "@ _ a"),
        ("@漢", "@ 漢"),
        ("a@b", "a @user"),
        ("(@b)", "( @user )"),
        ("@a\u{301}.\u{301}b c", "@user c"),
    ]);
}

#[test]
fn a_link_goes_on_to_the_next_space() {
    check(&[
        ("http", "http"),
        ("HTTP://a.b/c#d now", "http now"),
        ("wwW.a now", "http now"),
        ("the-https!!a\u{A0}no", "the - http no"),
        ("httpx", "[UNK]"),
        ("http\u{3000}so", "http so"),
        ("http2", "http ##2"),
    ]);
}

#[test]
fn a_hashtag_is_parted() {
    check(&[
        ("#a", "# a"),
        ("#_", "# _"),
        ("# a", "# a"),
        ("##a", "# # a"),
        ("###a", "# # # a"),
        ("#_a", "# _ a"),
        ("#a_", "# a"),
        ("#a__b", "# a b"),
        ("#aB", "# a b"),
        ("#ABc", "# a b ##c"),
        ("#ABCe", "# ab [UNK]"),
        ("#ThisIsIt", "# this is it"),
        ("#THISisIT", "# [UNK] [UNK] it"),
        ("#a1b22", "# a 1 b 2 ##2"),
        ("#1A", "# 1 a"),
        ("#is_it!", "# is it !"),
        ("#é_漢", "# e 漢"),
        ("#ＡＢｃ", "# a b ##c"),
        ("#is@b", "# is @user"),
        ("#ab.b", "# ab . b"),
    ]);
}

#[test]
fn a_part_may_be_a_row_of_known_words() {
    check(&[
        ("#thisisit", "# this is it"),
        ("#thisis", "# thisis"),
        ("#oldnowhere", "# old nowhere"),
        ("#nowhere", "# nowhere"),
        ("#nothere", "# no there"),
        ("#wherenowhere", "# where nowhere"),
        ("#initis", "# init is"),
        ("#ais", "# a is"),
        ("#ain", "# a in"),
        ("#bis", "# [UNK]"),
        ("#isin1so", "# is in 1 so"),
        ("#beenseen", "# been seen"),
        ("#THISISIT", "# this is it"),
        ("#notthings", "# not things"),
        ("#issooo", "# is ##s ##o ##o"),
        ("#sooo", "# so"),
        ("#éis", "# [UNK]"),
        ("#isab", "# is ab"),
        ("#isabx", "# [UNK]"),
        ("#cool2here", "# cool 2 here"),
        ("#isisisisisisisisisisisisisisisisisisisis", "# is is is is is is is is is is is is is is is is is is is is"),
        ("#isisisisisisisisisisisisisisisisisisisiss", "# [UNK]"),
    ]);
}

#[test]
fn letters_are_not_repeated_without_end() {
    check(&[
        ("sooo", "so"),
        ("Soooooo", "so"),
        ("coool", "cool"),
        ("nooooow", "now"),
        ("notttt", "not"),
        ("aaa", "a"),
        ("hellooo", "hello"),
        ("sssooo", "so"),
        ("1111", "1 ##1 ##1 ##1"),
        ("a111bbb", "a ##1 ##1 ##1 ##bb"),
        ("sésésé", "[UNK]"),
        ("éééé", "e"),
        ("so\u{301}o\u{302}o", "so"),
        ("abbbb", "ab"),
    ]);
}

#[test]
fn signs_are_not_repeated_without_end() {
    check(&[
        ("!!!!", "! !"),
        ("! !! !!!", "! ! ! ! !"),
        ("?!?!?!", "? ! ? ! ? !"),
        ("!!\u{200B}!!", "! !"),
        ("@@@a", "@ @ @user"),
        ("😀😀😀", "😀 😀"),
        ("😀 😀 \n😀", "😀 😀"),
        ("😀😀a😀", "😀 😀 a 😀"),
        ("😀😀\u{301}!😀", "😀 😀 ! 😀"),
        ("🇩🇪🇫🇷", "🏳 🏳"),
        ("❤\u{FE0F}❤\u{FE0F}❤\u{FE0F}", "❤ ❤"),
        ("→→→→", "→ →"),
        ("漢漢漢漢", "漢 漢 漢 漢"),
        ("€€€", "€ €"),
    ]);
}

#[test]
fn a_token_is_cut_into_the_longest_pieces() {
    check(&[
        ("things", "things"),
        ("thingss", "things ##s"),
        ("abb", "ab ##b"),
        ("abba", "ab ##b ##a"),
        ("thes", "the ##s"),
        ("the9", "[UNK]"),
        ("thesz", "[UNK]"),
        ("漢字", "漢 [UNK]"),
        ("[UNK]", "[ [UNK] ]"),
        ("##s", "# # s"),
        ("user", "[UNK]"),
    ]);
}

#[test]
fn an_entity_counts_while_it_lies_within_what_is_read() {
    let x = |count| "x".repeat(count);
    check(&[(&(x(1_996) + "&lt;!"), "x <"), (&(x(1_997) + "&lt;!"), "x & [UNK]")]);
}

#[test]
fn a_text_ends_however_hostile() {
    let mut scratch = Scratch::default();
    for (part, times, count) in [
        ("", 1, 2),
        (" ", 10_000, 2),
        ("\u{301}", 100_000, 2),
        ("é", 10_000, 3),
        ("漢", 10_000, PIECES_MAX),
        ("\u{10FFFF} ", 5_000, PIECES_MAX),
        ("😀", 10_000, 4),
        ("a b ", 2_500, PIECES_MAX),
        ("!?", 5_000, PIECES_MAX),
        ("&amp;", 2_000, 4),
        ("@a", 5_000, 3),
        ("http/", 2_000, 3),
        ("#", 10_000, 4),
        ("#isx", 500, PIECES_MAX),
        ("#isisisisisisisisisisisisisisisisisisisisx ", 40, 82),
        ("1", 40, 42),
        ("1", 41, 3),
        ("ab", 20, 41),
        ("ab", 21, 3),
    ] {
        assert_eq!(pieces().ids(&part.repeat(times), &mut scratch).len(), count, "{times} times {part:?}");
    }
    for (tag, count) in [("is".repeat(1_000), 4), ("is_".repeat(700), PIECES_MAX)] {
        assert_eq!(pieces().ids(&format!("#{tag}"), &mut scratch).len(), count, "{tag}");
    }
}

#[test]
fn a_text_read_again_allocates_nothing() {
    let mut scratch = Scratch::default();
    let text = "@a #thisisit sooo http://x.example things 漢字 😀 &amp; unknown #notThings_now ".repeat(9);
    let mut read = || pieces().ids(&text, &mut scratch).len();
    assert_eq!(read(), PIECES_MAX);
    assert_eq!(allocation_counter::measure(|| assert_eq!(read(), PIECES_MAX)).count_total, 0);
}

#[test]
fn what_is_no_vocabulary_is_refused() {
    let good = vocabulary();
    assert!(Pieces::new(&format!("{good}\n")).is_ok(), "a last line may end");
    let many = |count: usize| (0..count).map(|n| format!("\n##{n}x")).collect::<String>();
    let most = (1 << 17) - good.lines().count();
    assert!(Pieces::new(&(good.clone() + &many(most))).is_ok());
    for (vocabulary, expected) in [
        (String::new(), "no piece `[CLS]`"),
        (good.replace("[SEP]", "x["), "no piece `[SEP]`"),
        (good.replace("[UNK]", "x["), "no piece `[UNK]`"),
        (good.replace("@user", "x@"), "no piece `@user`"),
        (good.replacen("the\n", "", 1), "no piece `the`"),
        (good.clone() + "\n[PAD]", "piece `[PAD]` stands on lines 1 and 94"),
        (good.clone() + "\n##x\n##x", "piece `##x` stands on lines 94 and 95"),
        (good.clone() + &many(most + 1), "more than 131072 pieces"),
    ] {
        assert_eq!(Pieces::new(&vocabulary).err().as_deref(), Some(expected));
    }
}

/// Texts in general, and those with what the steps look for.
const TEXT: &str = "(?s:.{0,300})|\
    [#@_./:&;aAbhiostTw1é漢ا😀!\u{301} ]{0,300}|\
    (#?(this|IS|it|Now|b|_|2|http|&amp;| )){0,60}";

proptest::proptest! {
    #[test]
    fn any_text_becomes_few_known_pieces(texts in proptest::collection::vec(TEXT, 3)) {
        let mut kept = Scratch::default();
        for text in &texts {
            let mut fresh = Scratch::default();
            let ids = pieces().ids(text, &mut kept);
            proptest::prop_assert_eq!(ids, pieces().ids(text, &mut fresh));
            proptest::prop_assert!((2..=PIECES_MAX).contains(&ids.len()));
            let count = VOCABULARY.split_whitespace().count() as u32;
            proptest::prop_assert!(ids.iter().all(|id| *id < count));
            proptest::prop_assert_eq!((ids[0], ids[ids.len() - 1]), (2, 3));
        }
    }
}
