//! Which language a text is in, with an honest confidence. Three steps, cheapest first: the commonest little words of
//! each language ([`WORDS`]) vote (Latin script; no cost to speak of, and better than trigrams on a short post), then
//! `whatlang` by script and trigrams (some 50 microseconds on Latin script, however short the text, so only when the vote
//! is open and does not speak for what the author declared), then what the author declared, when the script allows it.
//! Unsure is `und`, never a guess.

use super::prepare::{Class, Prepared, hash_word};
use crate::text::little::WORDS;
use whatlang::{Lang, Script};

/// Nothing is claimed of the language.
pub const UNDETERMINED: &str = "und";

/// The beginning of a text that is shown to `whatlang`: more does not change its mind but takes its time.
const CHARS_MAX: usize = 100;

/// Up to so many letters a plausible declaration is believed without asking `whatlang`.
const SHORT: usize = 40;

/// So many little words speak for a declaration, however few of all words they are: names and tags have no language.
const SUPPORT_MIN: f32 = 2.0;

/// Least vote, least lead over the second language and least share of all words that decide. A word that several
/// languages share counts for each by its share.
const VOTE_MIN: f32 = 0.9;
const LEAD_MIN: f32 = 0.5;
const SHARE_MIN: f32 = 0.12;
/// How fast the confidence of a vote rises with its lead.
const LEAD_RATE: f32 = 1.2;
/// `whatlang` on Latin script is wrong more often than right below this.
const TRIGRAM_MIN: f32 = 0.5;
/// No guess is surer than this: mixed and quoted texts are common.
const SURE_MAX: f32 = 0.99;
/// A declaration that neither contradicts nor confirms the text. Platforms fill in the author's default.
const DECLARED: f32 = 0.7;
/// A guess this sure wins over another declaration.
const OVERRULE: f32 = 0.8;

/// What a text is in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detected {
    /// ISO 639-1 where one exists, else 639-3; `und` when unsure.
    pub lang: &'static str,
    /// Confidence, `0..=1`; 0 for `und`.
    pub p: f32,
    /// Mostly Latin letters, or none of any script.
    pub latin: bool,
}

/// What the little words say.
#[derive(Clone, Copy)]
struct Vote {
    lang: &'static str,
    votes: f32,
    /// They are enough of all words to go by them alone.
    decides: bool,
    p: f32,
}

/// The little words, hashed.
pub(super) struct Detector {
    /// By hash: which entries of [`WORDS`] have the word, a bit each.
    words: Vec<(u32, u32)>,
}

impl Detector {
    pub(super) fn new() -> Self {
        let mut words: Vec<(u32, u32)> = Vec::new();
        for (bit, (_, list)) in WORDS.iter().enumerate() {
            words.extend(list.split_whitespace().map(|word| (hash_word(word), 1 << bit)));
        }
        words.sort_unstable();
        words.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 |= next.1;
            }
            same
        });
        Self { words }
    }

    /// `prepared` is `text` prepared; `declared` a BCP 47 tag.
    pub(super) fn detect(&self, text: &str, prepared: &Prepared, declared: Option<&str>) -> Detected {
        let (latin, letters) = letters(prepared);
        if letters == 0 {
            return Detected { lang: UNDETERMINED, p: 0.0, latin: true };
        }
        let latin = latin * 2 >= letters;
        let declared = declared.and_then(known).filter(|lang| plausible(*lang, latin, text)).map(code);
        let vote = if latin { self.vote(prepared) } else { None };
        let supported = |lang| vote.is_some_and(|vote| vote.lang == lang && vote.votes >= SUPPORT_MIN);
        let guess = match vote {
            Some(vote) if vote.decides => Some((vote.lang, vote.p)),
            // Trigrams cost more than all the rest; of a short text, or against its little words, they are no reason to
            // doubt its author.
            _ if latin && declared.is_some_and(|lang| letters <= SHORT || supported(lang)) => None,
            _ => by_trigram(text, latin, letters),
        };
        let (lang, p) = settle(guess, declared);
        Detected { lang, p, latin }
    }

    /// `None` when no language leads.
    fn vote(&self, prepared: &Prepared) -> Option<Vote> {
        let mut votes = [0.0_f32; WORDS.len()];
        let mut words = 0_u32;
        for token in prepared.tokens.iter().filter(|token| token.class == Class::Word) {
            words += 1;
            if let Ok(at) = self.words.binary_search_by_key(&token.hash, |(hash, _)| *hash) {
                let mut mask = self.words[at].1;
                let share = 1.0 / mask.count_ones() as f32;
                while mask != 0 {
                    votes[mask.trailing_zeros() as usize] += share;
                    mask &= mask - 1;
                }
            }
        }
        let (mut best, mut second) = (0, 0.0_f32);
        for (at, vote) in votes.iter().enumerate().skip(1) {
            if *vote > votes[best] {
                second = votes[best];
                best = at;
            } else {
                second = second.max(*vote);
            }
        }
        let lead = votes[best] - second;
        (votes[best] >= VOTE_MIN && lead >= LEAD_MIN).then(|| Vote {
            lang: WORDS[best].0,
            votes: votes[best],
            decides: votes[best] >= SHARE_MIN * words as f32,
            p: (1.0 - (-LEAD_RATE * (lead + 0.5)).exp()).min(SURE_MAX),
        })
    }
}

/// (Latin letters, all letters); digits are none.
fn letters(prepared: &Prepared) -> (usize, usize) {
    let (mut latin, mut all) = (0, 0);
    for token in prepared.tokens.iter().filter(|token| token.class == Class::Word) {
        for code in prepared.token(*token) {
            let digit = *code == u32::from('0');
            all += usize::from(!digit);
            latin += usize::from(!digit && *code < 0x250);
        }
    }
    (latin, all)
}

fn by_trigram(text: &str, latin: bool, letters: usize) -> Option<(&'static str, f32)> {
    let info = whatlang::detect(beginning(text))?;
    // One letter of a script proves little, even where the script has one language only.
    let p = info.confidence() as f32 * letters as f32 / (letters + 1) as f32;
    let sure = p >= TRIGRAM_MIN && latin == (info.script() == Script::Latin);
    sure.then(|| (code(info.lang()), p.min(SURE_MAX)))
}

fn beginning(text: &str) -> &str {
    text.char_indices().nth(CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

fn settle(guess: Option<(&'static str, f32)>, declared: Option<&'static str>) -> (&'static str, f32) {
    match (guess, declared) {
        (Some((lang, p)), Some(declared)) if lang == declared => (lang, (1.0 - (1.0 - p) * 0.3).min(SURE_MAX)),
        (Some((lang, p)), Some(_)) if p >= OVERRULE => (lang, p),
        (_, Some(declared)) => (declared, DECLARED),
        (Some((lang, p)), None) => (lang, p),
        (None, None) => (UNDETERMINED, 0.0),
    }
}

fn plausible(lang: Lang, latin: bool, text: &str) -> bool {
    let script = if latin { Some(Script::Latin) } else { whatlang::detect_script(beginning(text)) };
    script.is_some_and(|script| script.langs().contains(&lang) || script == Script::Mandarin && lang == Lang::Jpn)
}

/// The language of a BCP 47 tag, where `whatlang` knows it.
pub(super) fn known(tag: &str) -> Option<Lang> {
    let primary = tag.split(['-', '_']).next()?;
    let is = |lang: &Lang| lang.code().eq_ignore_ascii_case(primary);
    CODES.iter().find(|(lang, code)| code.eq_ignore_ascii_case(primary) || is(lang)).map(|(lang, _)| *lang)
}

/// ISO 639-1 where one exists, else 639-3.
pub(super) fn code(lang: Lang) -> &'static str {
    CODES.iter().find(|(known, _)| *known == lang).map_or(lang.code(), |(_, code)| code)
}

/// The languages of `whatlang` by their ISO 639-1 codes.
#[rustfmt::skip]
const CODES: &[(Lang, &str)] = &[
    (Lang::Afr, "af"), (Lang::Aka, "ak"), (Lang::Amh, "am"), (Lang::Ara, "ar"), (Lang::Aze, "az"), (Lang::Bel, "be"),
    (Lang::Ben, "bn"), (Lang::Bul, "bg"), (Lang::Cat, "ca"), (Lang::Ces, "cs"), (Lang::Cmn, "zh"), (Lang::Cym, "cy"),
    (Lang::Dan, "da"), (Lang::Deu, "de"), (Lang::Ell, "el"), (Lang::Eng, "en"), (Lang::Epo, "eo"), (Lang::Est, "et"),
    (Lang::Fin, "fi"), (Lang::Fra, "fr"), (Lang::Guj, "gu"), (Lang::Heb, "he"), (Lang::Hin, "hi"), (Lang::Hrv, "hr"),
    (Lang::Hun, "hu"), (Lang::Hye, "hy"), (Lang::Ind, "id"), (Lang::Ita, "it"), (Lang::Jav, "jv"), (Lang::Jpn, "ja"),
    (Lang::Kan, "kn"), (Lang::Kat, "ka"), (Lang::Khm, "km"), (Lang::Kor, "ko"), (Lang::Lat, "la"), (Lang::Lav, "lv"),
    (Lang::Lit, "lt"), (Lang::Mal, "ml"), (Lang::Mar, "mr"), (Lang::Mkd, "mk"), (Lang::Mya, "my"), (Lang::Nep, "ne"),
    (Lang::Nld, "nl"), (Lang::Nob, "no"), (Lang::Ori, "or"), (Lang::Pan, "pa"), (Lang::Pes, "fa"), (Lang::Pol, "pl"),
    (Lang::Por, "pt"), (Lang::Ron, "ro"), (Lang::Rus, "ru"), (Lang::Sin, "si"), (Lang::Slk, "sk"), (Lang::Slv, "sl"),
    (Lang::Sna, "sn"), (Lang::Spa, "es"), (Lang::Srp, "sr"), (Lang::Swe, "sv"), (Lang::Tam, "ta"), (Lang::Tel, "te"),
    (Lang::Tgl, "tl"), (Lang::Tha, "th"), (Lang::Tuk, "tk"), (Lang::Tur, "tr"), (Lang::Ukr, "uk"), (Lang::Urd, "ur"),
    (Lang::Uzb, "uz"), (Lang::Vie, "vi"), (Lang::Yid, "yi"), (Lang::Zul, "zu"),
];
