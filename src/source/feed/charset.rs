//! The bytes of a feed as text: byte-order mark, then the HTTP charset, then the XML declaration, then UTF-8.
//! Source: RFC 7303 and the WHATWG Encoding Standard (as encoding_rs has it), read in November 2026.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::borrow::Cow;

/// The XML declaration stands at the very beginning; one that is longer than this is none.
const DECLARATION_BYTES_MAX: usize = 512;

/// Decodes and makes ready for an XML parser: no declaration (it names a charset that no longer holds), nothing before
/// the first `<` or `{`, no control characters. Never fails: what cannot be decoded becomes U+FFFD.
pub fn decode(bytes: &[u8], content_type: Option<&str>) -> String {
    let encoding = choose(bytes, content_type);
    let (text, _, _) = encoding.decode(bytes);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
    without_control(without_declaration(text)).into_owned()
}

fn choose(bytes: &[u8], content_type: Option<&str>) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    match bytes {
        [b'<', 0, ..] => return UTF_16LE,
        [0, b'<', ..] => return UTF_16BE,
        _ => {}
    }
    // Text beyond ASCII that is sound UTF-8 is UTF-8 whatever is declared: many servers add a charset of their own.
    let sound = std::str::from_utf8(bytes).is_ok();
    if sound && !bytes.is_ascii() {
        return UTF_8;
    }
    let declared = content_type.and_then(charset_of).or_else(|| declared(bytes));
    match declared.and_then(|label| Encoding::for_label(label.as_bytes())) {
        // Declared as UTF-8 and is not: in practice Windows text.
        Some(encoding) if encoding == UTF_8 && !sound => WINDOWS_1252,
        Some(encoding) => encoding,
        None if sound => UTF_8,
        None => WINDOWS_1252,
    }
}

/// `text/xml; charset="koi8-r"` gives `koi8-r`.
fn charset_of(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}

/// `encoding` of the XML declaration. The declaration is ASCII in every charset that is left here.
fn declared(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.trim_ascii_start();
    let head = &bytes[..bytes.len().min(DECLARATION_BYTES_MAX)];
    let end = memchr::memmem::find(head, b"?>")?;
    let head = std::str::from_utf8(&head[..end]).ok()?.strip_prefix("<?xml")?;
    let value = head.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split(quote).next()
}

fn without_declaration(text: &str) -> &str {
    match text.strip_prefix("<?xml").filter(|rest| rest.starts_with(char::is_whitespace)) {
        Some(rest) => rest.find("?>").map_or(text, |end| rest[end + 2..].trim_start()),
        None => text,
    }
}

/// XML 1.0 allows no control characters but tab and line ends; generators paste them in nevertheless.
fn without_control(text: &str) -> Cow<'_, str> {
    let bad = |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(bad) { text.replace(bad, " ").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{KOI8_R, SHIFT_JIS, WINDOWS_1251};
    use proptest::prelude::*;

    fn utf_16(text: &str, big: bool) -> Vec<u8> {
        let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn charsets() {
        let xml = |label: &str, text: &str| format!("<?xml version='1.0' encoding='{label}'?>\n<rss>{text}</rss>");
        let encoded = |encoding: &'static Encoding, text: &str| encoding.encode(text).0.into_owned();
        let bom = |bytes: &[u8], mark: &[u8]| [mark, bytes].concat();
        for (bytes, content_type, want) in [
            (encoded(WINDOWS_1252, &xml("windows-1252", "caf\u{e9} \u{20ac}9")), None, "caf\u{e9} \u{20ac}9"),
            (encoded(WINDOWS_1252, &xml("utf-8", "caf\u{e9}")), Some("text/xml; charset=utf-8"), "caf\u{e9}"),
            (encoded(WINDOWS_1252, "<rss>caf\u{e9}</rss>"), None, "caf\u{e9}"),
            (encoded(KOI8_R, &xml("koi8-r", "кофе")), Some("text/xml"), "кофе"),
            (encoded(KOI8_R, "<rss>кофе</rss>"), Some("application/rss+xml; charset=\"KOI8-R\""), "кофе"),
            // The header wins over the declaration.
            (
                encoded(WINDOWS_1251, &xml("koi8-r", "кофейня у дома")),
                Some("a/b;charset=windows-1251"),
                "кофейня у дома",
            ),
            (encoded(SHIFT_JIS, &xml("Shift_JIS", "珈琲")), None, "珈琲"),
            (xml("iso-8859-1", "caf\u{e9}").into_bytes(), Some("text/xml; charset=ISO-8859-1"), "caf\u{e9}"),
            (bom(xml("utf-8", "caf\u{e9}").as_bytes(), b"\xef\xbb\xbf"), Some("text/xml; charset=latin1"), "caf\u{e9}"),
            (bom(&utf_16(&xml("utf-16", "caf\u{e9}"), false), &[0xff, 0xfe]), None, "caf\u{e9}"),
            (bom(&utf_16(&xml("utf-16", "caf\u{e9}"), true), &[0xfe, 0xff]), None, "caf\u{e9}"),
            (utf_16(&xml("utf-16", "caf\u{e9}"), false), None, "caf\u{e9}"),
            (xml("klingon", "tea").into_bytes(), Some("text/xml; charset=none"), "tea"),
            (b" \n\0<?xml version='1.0'?><rss>te\x0ba</rss>".to_vec(), None, "te a"),
        ] {
            assert_eq!(decode(&bytes, content_type), format!("<rss>{want}</rss>"), "{content_type:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), head in ".{0,40}") {
            decode(&bytes, Some(&head));
            decode(format!("<?xml {head}?>").as_bytes(), None);
        }
    }
}
