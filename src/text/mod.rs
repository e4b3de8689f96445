//! Text as everybody sees it: folding, words, HTML to plain text. One pipeline for queries, index, scores and clusters.

pub mod html;

/// Case and accents folded, compatibility forms unified: `Résumé` and `RESUME` give `resume`. Writes into `out` (cleared first).
pub fn fold(_text: &str, _out: &mut String) {
    todo!("text")
}

/// The words of an already folded text (UAX #29; emoji count as words; links, `@handles` and `#` signs as described in
/// the module), each with its byte range.
pub fn words(_folded: &str) -> impl Iterator<Item = (usize, &str)> {
    std::iter::empty()
}
