//! The page and its log-in: files that stand in the binary, no build step, nothing from elsewhere. The page is a shell
//! without anybody's data; its script asks the API like everybody else.

use super::auth::{is_own_origin, peer};
use super::cursor::Id;
use super::problem::Problem;
use super::{Desk, Shared, limit, session};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use url::form_urlencoded;

const PAGE: &str = include_str!("page.html");
const LOGIN: &str = include_str!("login.html");
/// Leads from a foreign site's link to the page: only now does the browser send the cookie along (`SameSite=Strict`).
const BOUNCE: &str = include_str!("bounce.html");

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: &[(&str, &str, &str)] = &[
    ("page.css", CSS, include_str!("page.css")),
    ("page.js", SCRIPT, include_str!("page.js")),
    ("format.js", SCRIPT, include_str!("format.js")),
    ("mention.js", SCRIPT, include_str!("mention.js")),
    ("alert.js", SCRIPT, include_str!("alert.js")),
    ("ledger.js", SCRIPT, include_str!("ledger.js")),
    ("follower.js", SCRIPT, include_str!("follower.js")),
    ("icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

/// Stands in `login.html` where a message may go.
const MESSAGE: &str = "<!-- message -->";

pub async fn page() -> Response {
    html(StatusCode::OK, PAGE)
}

pub async fn asset(Id(name): Id) -> Result<Response, Problem> {
    let (_, kind, text) = ASSETS.iter().find(|(known, ..)| *known == name).ok_or_else(|| Problem::missing("asset"))?;
    // Asked again each time, since the name stays the same from one version to the next; it is a few kilobytes.
    let headers = [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, *text).into_response())
}

/// For whoever came to the page without a session.
pub fn ask_to_log_in(headers: &HeaderMap) -> Response {
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return html(StatusCode::OK, BOUNCE);
    }
    Redirect::to("/login").into_response()
}

/// The form; or, by the link that the daemon prints, straight in.
pub async fn login(State(desk): Shared, request: Request) -> Response {
    match form_field(request.uri().query().unwrap_or("").as_bytes(), "token") {
        Some(token) => enter(&desk, &request, &token),
        None => form(StatusCode::OK, ""),
    }
}

pub async fn log_in(State(desk): Shared, request: Request) -> Response {
    if !is_own_origin(request.headers()) {
        return form(StatusCode::FORBIDDEN, "This came from another site. Please log in here.");
    }
    let (parts, body) = request.into_parts();
    let bytes = match limit::body(Request::from_parts(parts.clone(), body), limit::BODY_BYTES_MAX).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let request = Request::from_parts(parts, axum::body::Body::empty());
    match form_field(&bytes, "token") {
        Some(token) => enter(&desk, &request, &token),
        None => form(StatusCode::BAD_REQUEST, "Please enter a token."),
    }
}

fn enter(desk: &Desk, request: &Request, token: &str) -> Response {
    if !desk.throttle.admits(peer(request)) {
        return form(StatusCode::TOO_MANY_REQUESTS, "Too many tries from this address. Please wait a minute.");
    }
    let caller = desk.door.tokens.find(token.trim()).filter(|caller| caller.is_person());
    let Some(caller) = caller else {
        return form(StatusCode::UNAUTHORIZED, "This token is not valid.");
    };
    let Some(id) = desk.sessions.begin(caller.clone(), Timestamp::now()) else {
        return form(StatusCode::SERVICE_UNAVAILABLE, "The system has no randomness to give. Please try again.");
    };
    with_cookie(desk, &id, Redirect::to("/").into_response())
}

pub async fn log_out(State(desk): Shared, headers: HeaderMap) -> Response {
    if let Some(id) = session::cookie(&headers) {
        desk.sessions.end(id);
    }
    with_cookie(&desk, "", Redirect::to("/login").into_response())
}

fn with_cookie(desk: &Desk, id: &str, mut response: Response) -> Response {
    let secure = desk.door.base_url.starts_with("https://");
    if let Ok(value) = HeaderValue::from_str(&session::set_cookie(id, secure)) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

fn form_field(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into())
}

/// `message` is one of ours, never what somebody sent.
fn form(status: StatusCode, message: &'static str) -> Response {
    let role =
        if message.is_empty() { String::new() } else { format!("<p role=\"alert\" class=\"fault\">{message}</p>") };
    html(status, LOGIN.replace(MESSAGE, &role))
}

fn html(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(header::CONTENT_TYPE, HTML)], text.into()).into_response()
}
