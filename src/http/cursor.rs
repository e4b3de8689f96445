//! Where the next page of a list begins: opaque to the caller, a time and a key to us.

use super::limit::{PAGE_DEFAULT, PAGE_MAX};
use super::problem::Problem;
use super::route::ROUTES;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

/// Behind the entry of this time and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub at: Timestamp,
    pub key: String,
}

impl Cursor {
    pub fn encode(&self) -> String {
        wrap(&format!("{} {}", self.at.as_nanosecond(), self.key))
    }

    pub fn parse(text: &str) -> Result<Self, Problem> {
        place(text, |text| {
            let (at, key) = text.split_once(' ')?;
            let at = Timestamp::from_nanosecond(at.parse().ok()?).ok()?;
            Some(Self { at, key: key.to_owned() })
        })
    }
}

/// A place in a list as a cursor.
pub fn wrap(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// The place in a list that a cursor stands for.
pub fn place<T>(cursor: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Problem> {
    let place = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| read(std::str::from_utf8(&bytes).ok()?));
    place.ok_or_else(|| Problem::field("cursor", "this cursor is not one of ours"))
}

/// Entries of one page: as asked, within bounds.
pub fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(PAGE_DEFAULT) {
        limit @ 1..=PAGE_MAX => Ok(limit),
        _ => Err(Problem::field("limit", format!("`limit` must lie in 1..={PAGE_MAX}"))),
    }
}

/// The parameters behind the question mark; a mistake in them is a problem like any other.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(unread(&rejection.body_text())),
        }
    }
}

/// The rejection names the parameter before its reason; so does the problem, where the table of routes knows it.
fn unread(rejection: &str) -> Problem {
    let mut parts = rejection.splitn(3, ": ").skip(1);
    let (name, message) = (parts.next(), parts.next());
    let known = ROUTES.iter().flat_map(|route| route.params).find(|param| Some(param.name) == name);
    match (known, message) {
        (Some(param), Some(message)) => Problem::field(param.name, format!("`{}`: {message}", param.name)),
        _ => Problem::bad(rejection),
    }
}

/// An id in the path, percent-decoded once. It may hold slashes, colons and percent signs.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<String>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(id)) => Ok(Self(id)),
            Err(_) => Err(Problem::bad("the id in the path is not UTF-8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn comes_back_as_it_was(second in -377_705_023_201_i64..253_402_207_200, nano in 0..1_000_000_000_i32, key in ".*") {
            let at = Timestamp::new(second, nano).unwrap();
            let cursor = Cursor { at, key };
            prop_assert_eq!(Cursor::parse(&cursor.encode()).unwrap(), cursor);
        }

        #[test]
        fn what_is_no_cursor_is_refused(text in ".*") {
            if let Ok(cursor) = Cursor::parse(&text) {
                prop_assert!(!cursor.encode().is_empty());
            }
        }
    }

    #[test]
    fn refuses_by_name() {
        for text in ["", "x", "MTIz", "!!!!", "IA"] {
            assert_eq!(Cursor::parse(text).unwrap_err().errors[0].field, Some("cursor"), "{text:?}");
        }
        assert_eq!((limit(None).unwrap(), limit(Some(1)).unwrap()), (PAGE_DEFAULT, 1));
        assert!(limit(Some(0)).is_err() && limit(Some(PAGE_MAX + 1)).is_err());
    }
}
