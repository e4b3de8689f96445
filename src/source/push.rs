//! Source kind `push`: posts and follows that somebody else sends to `POST /api/v1/posts` under this source's token.
//! Nothing is fetched here: the door reads bodies with [`parse_body`] and offers them under this source's id.

use super::line::{Bad, Line, parse};
use super::{Context, Source, Stop};
use crate::ledger::Phase;
use crate::secret::Secret;
use crate::settings::Section;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// The most posts and follows that one call may bring: as many as share one commit without holding others up.
pub const POSTS_MAX: usize = 1_000;

struct Push {
    token: Secret,
}

/// Keys: `token` (required secret).
pub fn read(section: &Section<'_>) -> Option<Arc<dyn Source>> {
    if !section.has("token") {
        section.missing("token");
        return None;
    }
    Some(Arc::new(Push { token: section.secret("token")? }))
}

impl Source for Push {
    fn run(self: Arc<Self>, cx: Context) -> BoxFuture<'static, Result<(), Stop>> {
        Box::pin(async move {
            cx.ledger.phase(Phase::Live, Timestamp::now());
            cx.stop.cancelled().await;
            Ok(())
        })
    }

    fn push_token(&self) -> Option<&Secret> {
        Some(&self.token)
    }
}

/// What a body holds. Places count from 1: lines of JSON Lines, elements of an array.
#[derive(Debug, Default, PartialEq)]
pub struct Parsed<'a> {
    pub lines: Vec<Line<'a>>,
    pub bad: Vec<(usize, Bad)>,
}

impl<'a> Parsed<'a> {
    /// Whether there is room for more.
    fn take(&mut self, place: usize, json: &'a [u8]) -> bool {
        if place_count(self) >= POSTS_MAX {
            self.bad.push((place, Bad::TooMany(POSTS_MAX)));
            return false;
        }
        match parse(json) {
            Ok(line) => self.lines.push(line),
            Err(bad) => self.bad.push((place, bad)),
        }
        true
    }
}

fn place_count(parsed: &Parsed<'_>) -> usize {
    parsed.lines.len() + parsed.bad.len()
}

/// Reads one JSON object, an array of them, or JSON Lines. What comes after [`POSTS_MAX`] posts is not read: the last
/// entry of `bad` says from where on.
pub fn parse_body(body: &[u8]) -> Parsed<'_> {
    let mut parsed = Parsed::default();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    if body.first() == Some(&b'[') {
        parse_array(body, &mut parsed);
    } else if serde_json::from_slice::<&RawValue>(body).is_ok() {
        parsed.take(1, body);
    } else {
        for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if !line.is_empty() && !parsed.take(index + 1, line) {
                break;
            }
        }
    }
    parsed
}

fn parse_array<'a>(body: &'a [u8], parsed: &mut Parsed<'a>) {
    struct Elements<'p, 'a>(&'p mut Parsed<'a>, usize);
    impl<'a> Visitor<'a> for &mut Elements<'_, 'a> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of posts")
        }
        fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<(), A::Error> {
            while let Some(element) = elements.next_element::<&'a RawValue>()? {
                self.1 += 1;
                if !self.0.take(self.1, element.get().as_bytes()) {
                    while elements.next_element::<IgnoredAny>()?.is_some() {}
                    break;
                }
            }
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut elements = Elements(parsed, 0);
    let read = deserializer.deserialize_seq(&mut elements).and_then(|()| deserializer.end());
    let place = elements.1 + 1;
    if let Err(error) = read {
        parsed.bad.push((place, Bad::Malformed(error.to_string())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn post(id: &str) -> String {
        format!(r#"{{"id":"{id}","text":"hello","created_at":"2026-11-21T09:00:00Z"}}"#)
    }

    fn told(body: &[u8]) -> (Vec<String>, Vec<(usize, &'static str)>) {
        let parsed = parse_body(body);
        let ids = parsed.lines.iter().map(Line::name).collect();
        (ids, parsed.bad.iter().map(|(place, bad)| (*place, bad.reason())).collect())
    }

    #[test]
    fn an_object_an_array_or_lines() {
        let (a, b) = (post("a"), post("b"));
        let spread = a.replace(',', ",\n ");
        for (body, ids, bad) in [
            (a.clone(), vec!["a"], vec![]),
            (format!(" {spread}\n"), vec!["a"], vec![]),
            (format!("\u{feff}[{a},\n{b}]"), vec!["a", "b"], vec![]),
            (format!("{a}\n\n{b}\r\n"), vec!["a", "b"], vec![]),
            (format!("{a}\nnonsense\n{b}"), vec!["a", "b"], vec![(2, "malformed")]),
            (format!("[{a},{{\"id\":\"\"}},{b}]"), vec!["a", "b"], vec![(2, "no_id")]),
            (format!("[{a},{b}"), vec!["a", "b"], vec![(3, "malformed")]),
            (format!("[{a}] {b}"), vec!["a"], vec![(2, "malformed")]),
            ("[]".into(), vec![], vec![]),
            (String::new(), vec![], vec![]),
            ("7".into(), vec![], vec![(1, "malformed")]),
        ] {
            let want: Vec<String> = ids.iter().map(ToString::to_string).collect();
            assert_eq!(told(body.as_bytes()), (want, bad), "{body}");
        }
    }

    #[test]
    fn a_call_is_bounded() {
        let many = vec![post("a"); POSTS_MAX + 5];
        for body in [many.join("\n"), format!("[{}]", many.join(","))] {
            let (ids, bad) = told(body.as_bytes());
            assert_eq!((ids.len(), bad), (POSTS_MAX, vec![(POSTS_MAX + 1, "too_many_posts")]));
        }
    }

    proptest! {
        #[test]
        fn any_body_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let parsed = parse_body(&bytes);
            prop_assert!(place_count(&parsed) <= POSTS_MAX + 1);
        }

        #[test]
        fn nearly_json_is_survived(body in "[\\[\\]{},:\"a-c0-9\\n ]{0,200}") {
            parse_body(body.as_bytes());
        }
    }
}
