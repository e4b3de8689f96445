//! `[let]`: named queries. `let:angry` inside a query stands for the named text in parentheses, put in before parsing.
//! Knows nothing of what queries mean, except that quotes protect.

use crate::query::TEXT_BYTES_MAX;
use crate::settings::nearest;
use std::collections::BTreeMap;
use std::ops::Range;

/// Names inside names inside names: deeper, nobody can read what a rule asks.
const DEPTH_MAX: usize = 8;

/// The mark of a reference.
const MARK: &str = "let:";

/// Whatever the query language takes for a quote.
const QUOTES: [char; 6] = ['"', '“', '”', '„', '«', '»'];

/// Named queries of one file.
pub type Names = BTreeMap<String, String>;

/// A query with its names replaced, and where each piece came from.
#[derive(Debug, PartialEq, Eq)]
pub struct Expanded {
    pub text: String,
    /// The range of `text` that stands for a reference, and the bytes of that reference in the original.
    places: Vec<(Range<usize>, Range<usize>)>,
}

/// A reference that cannot be replaced (bytes of the query).
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    pub span: Range<usize>,
    pub message: String,
    pub hint: Option<String>,
}

impl Expanded {
    /// Where byte `at` of the expanded text stands in what was written. `None`: inside a name, which reports its own errors.
    pub fn origin(&self, at: usize) -> Option<usize> {
        let mut shift = 0;
        for (now, was) in &self.places {
            if at < now.start {
                break;
            }
            if at < now.end {
                return None;
            }
            shift = now.end - was.end;
        }
        Some(at - shift.min(at))
    }
}

/// # Errors
/// Every unknown name; a circle of names; a text that grows over the bound of a query.
pub fn expand(text: &str, names: &Names) -> Result<Expanded, Vec<Mistake>> {
    let mut out = Expanded { text: String::with_capacity(text.len()), places: Vec::new() };
    let mut mistakes = Vec::new();
    let mut copied = 0;
    for span in references(text) {
        out.text.push_str(&text[copied..span.start]);
        copied = span.end;
        let start = out.text.len();
        let mut path = Vec::new();
        match insert(&text[span.start + MARK.len()..span.end], names, &mut path, &mut out.text) {
            Ok(()) => out.places.push((start..out.text.len(), span)),
            Err((message, hint)) => mistakes.push(Mistake { span, message, hint }),
        }
    }
    out.text.push_str(&text[copied..]);
    if mistakes.is_empty() { Ok(out) } else { Err(mistakes) }
}

fn insert<'n>(
    name: &str,
    names: &'n Names,
    path: &mut Vec<&'n str>,
    out: &mut String,
) -> Result<(), (String, Option<String>)> {
    let Some((name, text)) = names.get_key_value(name) else {
        let near = nearest(name, names.keys().map(String::as_str)).map(|near| format!("did you mean `let:{near}`?"));
        return Err((format!("no `{name}` under [let]"), near));
    };
    if path.contains(&name.as_str()) {
        return Err((format!("named queries go in a circle: {} -> {name}", path.join(" -> ")), None));
    }
    if path.len() >= DEPTH_MAX {
        return Err((format!("named queries stand more than {DEPTH_MAX} deep in each other"), None));
    }
    path.push(name);
    out.push('(');
    let mut copied = 0;
    for span in references(text) {
        out.push_str(&text[copied..span.start]);
        copied = span.end;
        insert(&text[span.start + MARK.len()..span.end], names, path, out)?;
    }
    out.push_str(&text[copied..]);
    out.push(')');
    path.pop();
    if out.len() > TEXT_BYTES_MAX {
        return Err((format!("query with its names over {TEXT_BYTES_MAX} bytes"), None));
    }
    Ok(())
}

/// Every `let:name` outside quotes that begins a term. Quotes and their escapes are those of the query language.
fn references(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut quoted, mut escaped, mut begins, mut skip_to) = (false, false, true, 0);
    for (at, c) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if QUOTES.contains(&c) {
            quoted = !quoted;
        } else if begins && !quoted && text[at..].starts_with(MARK) {
            let name = &text[at + MARK.len()..];
            let length = name.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b)).count();
            skip_to = at + MARK.len() + length;
            found.push(at..skip_to);
        }
        begins = c.is_whitespace() || matches!(c, '(' | ')' | '-') || QUOTES.contains(&c);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names() -> Names {
        let pairs = [("angry", "anger OR rage"), ("big", "reach:>10k let:angry"), ("a", "let:b"), ("b", "x let:a")];
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn replaces_outside_quotes() {
        for (text, expected) in [
            ("refund", "refund"),
            ("let:angry", "(anger OR rage)"),
            ("NOT let:angry refund", "NOT (anger OR rage) refund"),
            ("(let:big) -let:angry", "((reach:>10k (anger OR rage))) -(anger OR rage)"),
            ("\"let:angry\" outlet:angry é", "\"let:angry\" outlet:angry é"),
            ("“let:angry” \"\\\" let:angry\" let:angry", "“let:angry” \"\\\" let:angry\" (anger OR rage)"),
        ] {
            assert_eq!(expand(text, &names()).unwrap().text, expected, "{text}");
        }
    }

    #[test]
    fn quotes_are_those_of_the_language() {
        for quote in QUOTES {
            let text = format!("{quote}let:angry{quote}");
            assert_eq!(expand(&text, &names()).unwrap().text, text);
            let phrase = crate::query::Query::parse(&format!("{quote}big anger{quote}")).unwrap().expr;
            assert_eq!(phrase, crate::query::Query::parse("\"big anger\"").unwrap().expr, "{quote}");
        }
    }

    #[test]
    fn names_every_mistake() {
        let mistakes = expand("let:angri AND let:a AND let:", &names()).unwrap_err();
        let messages: Vec<&str> = mistakes.iter().map(|m| m.message.as_str()).collect();
        assert_eq!(
            messages,
            ["no `angri` under [let]", "named queries go in a circle: a -> b -> a", "no `` under [let]"]
        );
        assert_eq!(mistakes[0].hint.as_deref(), Some("did you mean `let:angry`?"));
        assert_eq!(mistakes[1].span, 14..19);
    }

    #[test]
    fn growth_is_bounded() {
        let mut names = Names::new();
        names.insert("n0".into(), "x".repeat(1_000));
        for n in 1..DEPTH_MAX {
            names.insert(format!("n{n}"), format!("let:n{} ", n - 1).repeat(100));
        }
        let mistakes = expand("let:n7", &names).unwrap_err();
        assert!(mistakes[0].message.contains("over"), "{mistakes:?}");
    }

    #[test]
    fn errors_find_their_place() {
        let text = "a let:angry b";
        let expanded = expand(text, &names()).unwrap();
        assert_eq!(expanded.origin(expanded.text.find(" b").unwrap() + 1), Some(12));
        assert_eq!(expanded.origin(0), Some(0));
        assert_eq!(expanded.origin(5), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z:\"\\\\“ ()é-]{0,40}|(let:(angry|a|big|é)?[ \"(]?){0,4}") {
            if let Ok(expanded) = expand(&text, &names()) {
                for at in 0..=expanded.text.len() {
                    prop_assert!(expanded.origin(at).is_none_or(|at| at <= text.len()));
                }
            }
        }
    }
}
