//! Whether a post waits for an answer, by cues: questions, requests, being spoken to. For the languages that the model
//! was not taught this in. A cue score in `0..=1` that only rises with every further cue; NOT a calibrated probability,
//! since no test set in those languages has been labelled.

use super::prepare::{Class, Prepared, hash_word};

/// What each cue adds to the log-odds, and where they start. Set by hand: a bare statement stays under 0.1, a question
/// to an account is over one half.
const START: f32 = -2.8;
const QUESTION_MARK: f32 = 1.6;
const REQUEST: f32 = 1.2;
const QUESTION_WORD: f32 = 0.7;
const SECOND_PERSON: f32 = 0.5;
const HANDLE_FIRST: f32 = 0.9;
const HANDLE: f32 = 0.3;

/// Words as `prepare` folds them: no accents, no apostrophes.
const REQUESTS: [u32; 40] = hashes([
    "please",
    "pls",
    "plz",
    "help",
    "fix",
    "explain",
    "advise",
    "assist",
    "refund",
    "respond",
    "reply",
    "bitte",
    "hilfe",
    "helft",
    "helfen",
    "antworten",
    "erstattung",
    "svp",
    "aidez",
    "aide",
    "repondez",
    "rembourser",
    "favor",
    "ayuda",
    "ayudenme",
    "ayudar",
    "respondan",
    "reembolso",
    "favore",
    "aiuto",
    "aiutate",
    "rispondete",
    "rimborso",
    "ajuda",
    "ajudem",
    "respondam",
    "alstublieft",
    "graag",
    "prosze",
    "pomocy",
]);
const QUESTION_WORDS: [u32; 42] = hashes([
    "how", "why", "when", "where", "what", "who", "which", "can", "could", "does", "wie", "warum", "wann", "wo",
    "wieso", "weshalb", "kann", "koennt", "konnt", "comment", "pourquoi", "quand", "combien", "peut", "pouvez", "como",
    "cuando", "donde", "cuanto", "pueden", "quando", "onde", "quanto", "podem", "come", "perche", "dove", "potete",
    "hoe", "waarom", "wanneer", "dlaczego",
]);
const SECOND_PERSONS: [u32; 26] = hashes([
    "you", "your", "yours", "youre", "u", "ur", "ihr", "euch", "euer", "eure", "ihnen", "vous", "votre", "vos",
    "usted", "ustedes", "vuestro", "vosotros", "voi", "vostro", "vostra", "voce", "voces", "jullie", "wasz", "wam",
]);

const fn hashes<const N: usize>(words: [&str; N]) -> [u32; N] {
    let (mut hashes, mut at) = ([0; N], 0);
    while at < N {
        hashes[at] = hash_word(words[at]);
        at += 1;
    }
    hashes
}

/// In `0..=1`.
pub fn estimate(prepared: &Prepared) -> f32 {
    let says = |words: &[u32]| prepared.tokens.iter().any(|t| t.class == Class::Word && words.contains(&t.hash));
    let question_mark = prepared.has_sign('?');
    let handle_first = prepared.tokens.first().is_some_and(|token| prepared.is_handle(*token));
    let cues = [
        (question_mark, QUESTION_MARK),
        (says(&REQUESTS), REQUEST),
        (says(&QUESTION_WORDS), QUESTION_WORD),
        (says(&SECOND_PERSONS), SECOND_PERSON),
        (handle_first, HANDLE_FIRST),
        (prepared.tokens.iter().any(|token| prepared.is_handle(*token)), HANDLE),
    ];
    let seen: f32 = cues.iter().filter(|(there, _)| *there).map(|(_, weight)| weight).sum();
    super::sigmoid(START + seen)
}
