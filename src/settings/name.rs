//! Names that people give: what they are made of, and which one was meant.

/// How alike a mistyped key or value must be before we suggest a known one (Jaro-Winkler, `0..=1`).
const LIKENESS_MIN: f64 = 0.75;

/// What names of ours are made of: [`NAME_SIGNS`], at least one.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// For whoever wrote another name.
pub const NAME_SIGNS: &str = "letters, digits, `-`, `_` and `.`";

/// The known word that `word` most likely stands for, if any is near.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
