//! HTML to plain text. Reads tags, attributes and character references as the HTML standard does (WHATWG, sections 13.2.5
//! and 13.5, read 2026-11) but builds no tree: every byte is looked at a fixed number of times and nothing recurses, so
//! that a hostile page of any depth costs no more than its length. Knows nothing of styles.

use crate::post::LIST_MAX;
use markup5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// Elements that stand on lines of their own.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
];

/// Elements whose content is neither markup nor for reading.
const UNREAD: &[&str] = &["iframe", "noembed", "noframes", "script", "style", "title"];

/// The longest name of a character reference, `;` included (`CounterClockwiseContourIntegral;`).
const REFERENCE_BYTES_MAX: usize = 32;

/// The text a person reads, paragraphs and breaks as single line breaks, hidden parts of links kept whole; nothing else of
/// the markup.
pub fn to_text(html: &str) -> String {
    let mut out = Lines::default();
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => decode(text, false, |piece| out.text(piece)),
            Token::Tag(tag) => match tag.name.to_ascii_lowercase().as_str() {
                name if BLOCKS.contains(&name) => {
                    if name == "pre" {
                        out.preformatted = !tag.closing;
                    }
                    out.want(Gap::Line);
                }
                "td" | "th" => out.want(Gap::Space),
                _ => {}
            },
        }
    }
    out.text
}

/// The http(s) addresses that the body links to, each once, in order, at most [`LIST_MAX`]. Links to hashtags and accounts,
/// as Mastodon marks them, are left out: they come as tags and mentions.
pub fn links(html: &str) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for token in Tokens::new(html) {
        let Token::Tag(tag) = token else { continue };
        if tag.closing || !tag.name.eq_ignore_ascii_case("a") {
            continue;
        }
        let class = tag.attribute("class").unwrap_or_default();
        let entity = class.split_ascii_whitespace().any(|name| name == "mention" || name == "hashtag");
        let href = tag.attribute("href").unwrap_or_default();
        let href = href.trim();
        if !entity && super::host_and_path(href).is_some() && !links.iter().any(|known| known == href) {
            links.push(href.to_owned());
        }
        if links.len() == LIST_MAX {
            break;
        }
    }
    links
}

/// What stands between two pieces of text.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Space,
    Line,
}

#[derive(Default)]
struct Lines {
    text: String,
    gap: Gap,
    preformatted: bool,
}

impl Lines {
    fn want(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    fn text(&mut self, piece: &str) {
        for c in piece.chars() {
            match c {
                '\n' if self.preformatted => self.want(Gap::Line),
                ' ' | '\t' | '\n' | '\r' | '\x0c' | '\u{a0}' => self.want(Gap::Space),
                '\0' => {}
                c => {
                    match self.gap {
                        _ if self.text.is_empty() => {}
                        Gap::None => {}
                        Gap::Space => self.text.push(' '),
                        Gap::Line => self.text.push('\n'),
                    }
                    self.gap = Gap::None;
                    self.text.push(c);
                }
            }
        }
    }
}

enum Token<'h> {
    /// Undecoded.
    Text(&'h str),
    Tag(Tag<'h>),
}

struct Tag<'h> {
    name: &'h str,
    closing: bool,
    attributes: &'h str,
}

impl Tag<'_> {
    /// The first of that name, decoded.
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        while let Some((name, value, after)) = attribute(rest) {
            if name.eq_ignore_ascii_case(wanted) {
                let mut decoded = String::with_capacity(value.len());
                decode(value, true, |piece| decoded.push_str(piece));
                return Some(decoded);
            }
            rest = after;
        }
        None
    }
}

/// The next attribute of a tag: name, value, what follows. `None` at the end of the tag.
fn attribute(text: &str) -> Option<(&str, &str, &str)> {
    let text = text.trim_start_matches(|c: char| is_space(c) || c == '/');
    if text.is_empty() || text.starts_with('>') {
        return None;
    }
    // A name may begin with `=`, strangely, but not hold one.
    let first = text.chars().next().map_or(0, char::len_utf8);
    let end = text[first..].find(|c: char| is_space(c) || "/>=".contains(c)).map_or(text.len(), |end| first + end);
    let (name, rest) = text.split_at(end);
    let Some(rest) = rest.trim_start_matches(is_space).strip_prefix('=') else {
        return Some((name, "", rest));
    };
    let rest = rest.trim_start_matches(is_space);
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (value, rest) = rest[1..].split_once(quote).unwrap_or((&rest[1..], ""));
            Some((name, value, rest))
        }
        _ => {
            let (value, rest) = rest.split_at(rest.find(|c: char| is_space(c) || c == '>').unwrap_or(rest.len()));
            Some((name, value, rest))
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

struct Tokens<'h> {
    rest: &'h str,
}

impl<'h> Tokens<'h> {
    fn new(html: &'h str) -> Self {
        Self { rest: html }
    }

    /// A tag, a comment or a declaration at the `<` where `rest` begins; `None`: it is none of these, but text.
    fn markup(&mut self) -> Option<Option<Tag<'h>>> {
        let rest = &self.rest[1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            // `<!-->` and `<!--->` are whole comments.
            let short = ["->", ">"].iter().find_map(|end| comment.strip_prefix(end));
            self.rest = short.unwrap_or_else(|| {
                let (inside, after) = comment.split_once("-->").unwrap_or((comment, ""));
                inside.find("--!>").map_or(after, |end| &comment[end + "--!>".len()..])
            });
            return Some(None);
        }
        let (closing, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            if !closing && !rest.starts_with(['!', '?']) {
                return None;
            }
            self.rest = rest.split_once('>').map_or("", |(_, after)| after);
            return Some(None);
        }
        let name_end = rest.find(|c: char| is_space(c) || "/>".contains(c)).unwrap_or(rest.len());
        let (name, attributes) = rest.split_at(name_end);
        let mut after = attributes;
        while let Some((_, _, next)) = attribute(after) {
            after = next;
        }
        let attributes = &attributes[..attributes.len() - after.len()];
        self.rest = after.split_once('>').map_or("", |(_, after)| after);
        if !closing {
            self.skip_unread(name);
        }
        Some(Some(Tag { name, closing, attributes }))
    }

    /// Goes to the end tag of an element whose content is not for reading.
    fn skip_unread(&mut self, name: &str) {
        if !UNREAD.iter().any(|unread| unread.eq_ignore_ascii_case(name)) {
            return;
        }
        let ends = |at: &usize| {
            let tail = &self.rest.as_bytes()[at + 2..];
            tail.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
                && !tail.get(name.len()).is_some_and(u8::is_ascii_alphanumeric)
        };
        self.rest = self.rest.match_indices("</").map(|(at, _)| at).find(ends).map_or("", |at| &self.rest[at..]);
    }
}

impl<'h> Iterator for Tokens<'h> {
    type Item = Token<'h>;

    fn next(&mut self) -> Option<Token<'h>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let mut text_start = 0;
            if self.rest.starts_with('<') {
                match self.markup() {
                    Some(Some(tag)) => return Some(Token::Tag(tag)),
                    Some(None) => continue,
                    None => text_start = 1,
                }
            }
            let end = self.rest[text_start..].find('<').map_or(self.rest.len(), |end| text_start + end);
            let (text, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(Token::Text(text));
        }
    }
}

/// Gives `take` the text piece by piece with its character references resolved.
fn decode(text: &str, in_attribute: bool, mut take: impl FnMut(&str)) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        take(&rest[..at]);
        rest = &rest[at + 1..];
        let mut buffer = [0; 4];
        match reference(rest, in_attribute) {
            Some((characters, length)) => {
                characters.into_iter().flatten().for_each(|c| take(c.encode_utf8(&mut buffer)));
                rest = &rest[length..];
            }
            None => take("&"),
        }
    }
    take(rest);
}

/// What the reference behind an `&` stands for, and its length.
fn reference(text: &str, in_attribute: bool) -> Option<([Option<char>; 2], usize)> {
    if let Some(number) = text.strip_prefix('#') {
        let (digits, radix) = number.strip_prefix(['x', 'X']).map_or((number, 10), |digits| (digits, 16));
        let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        let prefix = text.len() - digits.len();
        let semicolon = usize::from(digits[length..].starts_with(';'));
        let code = digits[..length]
            .chars()
            .try_fold(0_u32, |code, digit| code.checked_mul(radix)?.checked_add(digit.to_digit(radix)?));
        let c = code.and_then(numbered).unwrap_or(char::REPLACEMENT_CHARACTER);
        return (length > 0).then_some(([Some(c), None], prefix + length + semicolon));
    }
    let name_end = text.bytes().take(REFERENCE_BYTES_MAX).position(|b| !b.is_ascii_alphanumeric());
    let name_end = name_end.unwrap_or(text.len().min(REFERENCE_BYTES_MAX));
    let longest = name_end + usize::from(text.as_bytes().get(name_end) == Some(&b';'));
    // Some old names go without `;` and may be followed by more letters: the longest name counts.
    let (length, &(first, second)) = (2..=longest).rev().find_map(|length| {
        let found = NAMED_ENTITIES.get(text.get(..length)?)?;
        (found.0 != 0).then_some((length, found))
    })?;
    let bare = !text[..length].ends_with(';');
    if bare && in_attribute && text[length..].starts_with(|c: char| c == '=' || c.is_ascii_alphanumeric()) {
        return None;
    }
    Some(([char::from_u32(first), (second != 0).then(|| char::from_u32(second)).flatten()], length))
}

fn numbered(code: u32) -> Option<char> {
    match code {
        0 => None,
        0x80..=0x9f => C1_REPLACEMENTS[(code - 0x80) as usize].or_else(|| char::from_u32(code)),
        _ => char::from_u32(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_as_a_person_does() {
        for (html, text) in [
            ("<p>a</p><p>b<br>c<br/>d</p>", "a\nb\nc\nd"),
            ("ac<span>me</span> <b>x</b>y", "acme xy"),
            ("<ul><li>one<li>two</ul>three", "one\ntwo\nthree"),
            (" a \n\t b&nbsp; c ", "a b c"),
            ("<td>a</td><td>b</td>", "a b"),
            ("<pre>a\n  b</pre>", "a\nb"),
            (
                "&lt;b&gt; &amp;amp; &copy &notit; &#x41;&#66; &#128; &#0; &#xD800; &; &#; &nosuch;",
                "<b> &amp; © ¬it; AB € \u{fffd} \u{fffd} &; &#; &nosuch;",
            ),
            ("a<script>alert('</p>')</script >b<STYLE>p{}</style>c<title>t</title>", "abc"),
            ("a<!-- <b> -->b<!-->c<!--->d<!doctype x><?php ?>e</>f<!-- x --!>g", "abcdefg"),
            ("1 < 2 <3 a<b", "1 < 2 <3 a"),
            ("<a title='>' href=\"x\">l</a>", "l"),
            (
                r#"<p><a href="https://a.example/long"><span class="invisible">https://</span><span class="ellipsis">a.example/lo</span><span class="invisible">ng</span></a></p>"#,
                "https://a.example/long",
            ),
            ("<script>never closed", ""),
            ("<p class=", ""),
            ("plain", "plain"),
        ] {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn finds_links() {
        let html = r##"<a class="mention hashtag" href="https://m.example/tags/x">#x</a> <A HREF=https://a.example/?a=1&amp;b=2>x</A>
            <a href='https://b.example'>y</a><a href="javascript:x">z</a><a href="https://b.example">y</a><a>"##;
        assert_eq!(links(html), ["https://a.example/?a=1&b=2", "https://b.example"]);
    }

    #[test]
    fn depth_and_size_are_only_length() {
        let deep = format!("{}x{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
        assert_eq!(to_text(&deep), "x");
        for unit in ["<!---->", "<!--", "<a b=", "<", "</", "&", "&#", "<script>", "<p a='", "\"'>", "<!"] {
            let _ = to_text(&unit.repeat(100_000));
            let _ = links(&unit.repeat(100_000));
        }
    }

    proptest! {
        #[test]
        fn never_panics(html in r#"([<>&;#/!?='"a -]|<p|<!--|-->|&amp|script|é|\PC){0,60}"#) {
            let text = to_text(&html);
            prop_assert!(text.len() <= html.len() * 3);
            let _ = links(&html);
        }
    }
}
