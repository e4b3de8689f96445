//! Text as everybody sees it: folding, words, entities, HTML to plain text. One pipeline for queries, index, scores and
//! clusters. Knows nothing of posts.
//!
//! A word is a word of Unicode's UAX #29 with one change: nothing but letters, digits and their marks holds a word together.
//! So `Acme's`, `acme.Great` and `_acme_` all hold the word `acme`, and a query `acme.example` is a phrase of two words.
//! Scripts without spaces give a word a character (katakana: a run), so that any stretch of them is found as a phrase;
//! where the words of their dictionaries begin, `segment` tells beside it.
//! An emoji, with all that its joiners tie to it, is a word. Links, `@handles`, `#tags` and `$TICKERS` are entities: neither they nor
//! anything inside them is a word. They begin only where no word directly precedes them, so `ann@shop.example` is three words.

pub mod csv;
pub mod hash;
pub mod html;
mod letter;
pub mod little;
mod part;
mod place;
mod segment;
mod span;

#[cfg(test)]
pub(crate) mod tests;

pub use letter::as_written;
pub use part::{Kind, Part, Parts, SIGNS, TICKER_SIGN, entity_at};
pub use place::Places;
pub use segment::Begins;
pub use span::{each_span, is_unspaced};

use letter::{Folded, letter, whole};
use span::ascii_length;
use std::borrow::Cow;
use std::ops::Range;

/// Case and accents folded, compatibility forms unified: `Résumé` and `RESUME` give `resume`. Writes into `out` (cleared first).
/// Folding twice changes nothing.
pub fn fold(text: &str, out: &mut String) {
    fold_telling(text, out, |_| {});
}

/// A stretch of text and of what it folds to: where both begin. Told in order; `whole`: many characters may have become
/// many others, so that nothing inside has a place of its own.
#[derive(Clone, Copy)]
struct Stretch {
    folded: usize,
    written: usize,
    whole: bool,
}

#[inline]
fn fold_telling(text: &str, out: &mut String, mut tell: impl FnMut(Stretch)) {
    out.clear();
    // The last character that stands by itself, in `text` and in `out`: what follows may still compose with it.
    let mut base = (0, 0);
    let mut at = 0;
    while at < text.len() {
        let plain = ascii_length(&text.as_bytes()[at..]);
        if plain > 0 {
            let start = out.len();
            tell(Stretch { folded: start, written: at, whole: false });
            out.push_str(&text[at..at + plain]);
            at += plain;
            base = (at - 1, out.len() - 1);
        }
        let Some(c) = text[at..].chars().next() else { break };
        match letter(c).folded() {
            Folded::One(folded) => {
                base = (at, out.len());
                tell(Stretch { folded: base.1, written: at, whole: true });
                out.push(folded);
                at += c.len_utf8();
            }
            Folded::Nothing => at += c.len_utf8(),
            Folded::Run => {
                let run = at;
                at = run_end(text, run);
                out[base.1..].make_ascii_lowercase();
                let kept = out[base.1..].chars().next();
                out.truncate(base.1);
                out.extend(whole(&text[base.0..at]));
                // As a rule what stood before the run is as it was.
                let apart =
                    kept.filter(|&kept| run > base.0 && out[base.1..].starts_with(kept)).map_or(0, char::len_utf8);
                let written = if apart > 0 { run } else { base.0 };
                tell(Stretch { folded: base.1 + apart, written, whole: true });
                base = (at, out.len());
            }
        }
    }
    // All at once, since each stretch is short. What is folded by the tables is lower case already.
    out.make_ascii_lowercase();
}

/// [`fold`] into a new string.
pub fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold(text, &mut out);
    out
}

/// Where the next character stands that neither depends on those before it nor is dropped.
fn run_end(text: &str, start: usize) -> usize {
    text[start..]
        .char_indices()
        .find(|&(_, c)| c.is_ascii() || matches!(letter(c).folded(), Folded::One(_)))
        .map_or(text.len(), |(offset, _)| start + offset)
}

/// Words, tags, handles and links of a text, folded or not, in order.
pub fn parts(text: &str) -> Parts<'_> {
    Parts::new(text)
}

/// The words of an already folded text (UAX #29; emoji count as words; links, `@handles` and `#tags` as described in
/// the module), each with the byte at which it starts.
pub fn words(folded: &str) -> impl Iterator<Item = (usize, &str)> {
    parts(folded).filter(|part| part.kind == Kind::Word).map(|part| (part.range.start, &folded[part.range]))
}

/// The hashtags of a text, without `#`, as written.
pub fn tags(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter(|part| part.kind == Kind::Tag).map(|part| &text[part.range])
}

/// The accounts a text speaks to, without `@`, as written: `ann.example`, `ann@social.example`.
pub fn handles(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter(|part| part.kind == Kind::Handle).map(|part| &text[part.range])
}

/// Where the http(s) links of a plain text stand (bytes), without the punctuation that ends a sentence.
pub fn find_links(text: &str) -> impl Iterator<Item = Range<usize>> {
    parts(text).filter(|part| part.kind == Kind::Link).map(|part| part.range)
}

/// Host (lower case, IDNA as ASCII, without user and port) and the rest from the first `/`, `?` or `#` on (lower case) of
/// an http(s) address. `None` for any other.
pub fn host_and_path(address: &str) -> Option<(String, String)> {
    host_and_rest(address).map(lowered)
}

/// As [`host_and_path`], for an address without its scheme: `shop.example/refund`.
pub fn split_host(rest: &str) -> Option<(String, String)> {
    split_sound_host(rest).map(lowered)
}

/// As [`host_and_path`], with the rest as it is written; borrows what it can.
pub fn host_and_rest(address: &str) -> Option<(Cow<'_, str>, &str)> {
    let address = address.trim();
    let behind = |scheme: &str| {
        let (start, rest) = address.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    split_sound_host(behind("https://").or_else(|| behind("http://"))?)
}

fn lowered((host, rest): (Cow<'_, str>, &str)) -> (String, String) {
    (host.into_owned(), rest.to_lowercase())
}

fn split_sound_host(rest: &str) -> Option<(Cow<'_, str>, &str)> {
    // Nearly every host is as it should be: that shows at one glance.
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    let (host, path) = rest.split_at(rest.bytes().position(|b| !plain(&b)).unwrap_or(rest.len()));
    if path.is_empty() || path.starts_with('/') {
        if host.is_empty() {
            return None;
        }
        if !host.ends_with('.') {
            return Some((host.into(), path));
        }
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => host,
    };
    let host = host.trim_end_matches('.');
    let host: Cow<'_, str> = if !host.is_ascii() {
        // Other scripts have full stops of their own.
        url::Host::parse(host).ok()?.to_string().trim_end_matches('.').to_owned().into()
    } else if host.bytes().any(|b| b.is_ascii_uppercase()) {
        host.to_ascii_lowercase().into()
    } else {
        host.into()
    };
    // Colons stand in addresses of numbers only: `[::1]`.
    let signs: &[u8] = if host.starts_with('[') && host.ends_with(']') { b".[]:" } else { b"-._" };
    let sound = |b: u8| b.is_ascii_alphanumeric() || signs.contains(&b);
    (!host.is_empty() && host.bytes().all(sound)).then_some((host, path))
}
