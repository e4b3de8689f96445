//! Errors as every caller sees them: `application/problem+json` (RFC 9457, 2023), whatever went wrong and wherever.

use crate::{index, query, store};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::ops::Range;

/// Seconds after which a caller may try again when the daemon is busy.
const RETRY_AFTER_SECONDS: &str = "2";

/// One mistake among several, for a request that can be mended.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// Bytes of the query, or of the field's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Range<usize>>,
    /// Name of the field or parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "number")]
    pub status: StatusCode,
    pub detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { kind: "about:blank", title, status, detail: detail.into(), errors: Vec::new() }
    }

    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// A wrong parameter or field.
    pub fn field(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut problem = Self::bad(message.clone());
        problem.errors.push(Fault { span: None, field: Some(field), message, hint: None });
        problem
    }

    pub fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("no such {what}"))
    }

    pub fn busy(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    pub fn query(errors: Vec<query::Error>) -> Self {
        let mut problem = Self::bad("the query cannot be read");
        problem.errors = errors
            .into_iter()
            .map(|error| Fault { span: Some(error.span), field: Some("q"), message: error.message, hint: error.hint })
            .collect();
        problem
    }
}

/// The body of every unknown path.
pub async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path")
}

pub async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method")
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        tracing::warn!(%error, "a request could not be answered");
        match error {
            store::Error::Retry(_) => Self::busy("the store is busy; try again"),
            store::Error::Stop(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the store cannot be read; see the log")
            }
        }
    }
}

impl From<index::Error> for Problem {
    fn from(error: index::Error) -> Self {
        match error {
            index::Error::Refused(reason) => Self::field("q", reason),
            index::Error::Unfit(part, reason) => Self::field(part, reason),
            error => {
                tracing::warn!(%error, "a search could not be answered");
                Self::busy("the search index is not ready; try again")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"reputed\""));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
            }
            _ => {}
        }
        response
    }
}

fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
