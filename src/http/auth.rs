//! Who calls, and what they may: bearer tokens with a role and brands, browser sessions, tokens of push sources.
//! Nothing is decided outside of this file: a handler asks the [`Caller`] that `guard` put into its request.

use super::problem::Problem;
use super::route::{Need, Route};
use super::session;
use super::{Desk, Peer};
use crate::secret::Secret;
use crate::settings::Section;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Shorter ones could be guessed by somebody patient.
const TOKEN_LETTERS_MIN: usize = 16;
const TOKENS_MAX: usize = 1_000;

/// Each may do what the one before may: read, work on mentions and alerts, run the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Viewer,
    Responder,
    Admin,
}

impl Role {
    pub const ALL: [(&'static str, Role); 3] =
        [("viewer", Role::Viewer), ("responder", Role::Responder), ("admin", Role::Admin)];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// A token as configured.
#[derive(Clone, Debug)]
pub struct Token {
    /// Stands as `who` beside what its holder did.
    pub id: String,
    pub secret: Secret,
    pub role: Role,
    /// Only these brands; all when `None`.
    pub brands: Option<Vec<String>>,
}

/// Reads every `[[http.token]]`: `id`, `token` (a secret), `role`, `brands` (all when absent).
pub fn read_tokens(http: &Section<'_>) -> Vec<Token> {
    let sections = http.sections("token");
    if sections.len() > TOKENS_MAX {
        http.error("token", format!("more than {TOKENS_MAX} tokens"), None);
    }
    sections.iter().take(TOKENS_MAX).filter_map(read_token).collect()
}

fn read_token(section: &Section<'_>) -> Option<Token> {
    let (id, secret) = (section.id("id"), section.secret("token"));
    let role = section.one_of("role", &Role::ALL.map(|(name, _)| name));
    let brands = section.has("brands").then(|| section.strings("brands"));
    if !section.has("token") {
        section.missing("token");
    }
    if !section.has("role") {
        section.missing("role");
    }
    let secret = secret?;
    if secret.expose().len() < TOKEN_LETTERS_MIN {
        section.error("token", format!("`token` is shorter than {TOKEN_LETTERS_MIN} letters"), None);
        return None;
    }
    let (_, role) = Role::ALL.into_iter().find(|(name, _)| Some(*name) == role)?;
    Some(Token { id: id?, secret, role, brands })
}

/// Whoever is behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Id of the token, or of the push source.
    pub who: String,
    pub right: Right,
    /// Only these brands; all when `None`.
    pub brands: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// May push posts as the source that `who` names, nothing else.
    Push,
    Person(Role),
}

impl Caller {
    pub fn sees(&self, brand: &str) -> bool {
        self.brands.as_ref().is_none_or(|brands| brands.iter().any(|b| b == brand))
    }

    pub fn is_person(&self) -> bool {
        matches!(self.right, Right::Person(_))
    }

    fn may(&self, need: Need) -> bool {
        match (need, self.right) {
            (Need::Open, _) => true,
            (Need::Page | Need::Role(_) | Need::Whole(_), Right::Push) => false,
            (Need::Push, Right::Push) => true,
            (Need::Push, Right::Person(role)) => role == Role::Admin && self.brands.is_none(),
            (Need::Page, Right::Person(_)) => true,
            (Need::Role(least), Right::Person(role)) => role >= least,
            (Need::Whole(least), Right::Person(role)) => role >= least && self.brands.is_none(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "no token"))
    }
}

/// All tokens that are valid. Holds hashes only: comparing them takes the same time whatever differs, length included.
#[derive(Clone, Default)]
pub struct Tokens {
    entries: Vec<(blake3::Hash, Caller)>,
}

impl Tokens {
    /// `admin`: the token of `data_dir/admin.token`. `sources`: push sources by id.
    pub fn new(admin: &Secret, configured: &[Token], sources: &[(String, Secret)]) -> Self {
        let hash = |secret: &Secret| blake3::hash(secret.expose().as_bytes());
        let right = Right::Person(Role::Admin);
        let mut entries = vec![(hash(admin), Caller { who: "admin".into(), right, brands: None })];
        entries.extend(configured.iter().map(|token| {
            let right = Right::Person(token.role);
            (hash(&token.secret), Caller { who: token.id.clone(), right, brands: token.brands.clone() })
        }));
        entries.extend(
            sources.iter().map(|(source, secret)| {
                (hash(secret), Caller { who: source.clone(), right: Right::Push, brands: None })
            }),
        );
        Self { entries }
    }

    /// The caller who holds this token.
    pub fn find(&self, presented: &str) -> Option<&Caller> {
        let presented = blake3::hash(presented.as_bytes());
        // Every entry is compared, so that time does not tell which one matched.
        self.entries.iter().fold(None, |found, (hash, caller)| if *hash == presented { Some(caller) } else { found })
    }
}

/// Why nobody was recognised.
enum Denied {
    Missing,
    Wrong,
    /// A browser was led here by another site.
    Foreign,
}

/// Stands before every route of the table.
pub(super) async fn guard(
    State((desk, route)): State<(Arc<Desk>, &'static Route)>,
    mut request: Request,
    next: Next,
) -> Response {
    if route.need == Need::Open {
        return next.run(request).await;
    }
    match recognise(&desk, &request) {
        Ok(caller) if caller.may(route.need) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(_) => Problem::new(StatusCode::FORBIDDEN, "this token does not allow that").into_response(),
        Err(Denied::Missing) if route.need == Need::Page => super::ui::ask_to_log_in(request.headers()),
        Err(Denied::Missing) => Problem::new(StatusCode::UNAUTHORIZED, "a token is needed").into_response(),
        Err(Denied::Wrong) if route.need == Need::Page => Redirect::to("/login").into_response(),
        Err(Denied::Wrong) => Problem::new(StatusCode::UNAUTHORIZED, "the token is not valid").into_response(),
        Err(Denied::Foreign) => {
            Problem::new(StatusCode::FORBIDDEN, "changes need the header `X-Reputed: 1` from our own page")
                .into_response()
        }
    }
}

/// A bearer token, when there is one, counts alone; else the session of the cookie.
fn recognise(desk: &Desk, request: &Request) -> Result<Caller, Denied> {
    let headers = request.headers();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(bearer).ok_or(Denied::Wrong)?;
        return desk.door.tokens.find(token).cloned().ok_or(Denied::Wrong);
    }
    let id = session::cookie(headers).ok_or(Denied::Missing)?;
    let caller = desk.sessions.find(id, Timestamp::now()).ok_or(Denied::Wrong)?;
    if changes(request.method()) && !is_from_our_page(headers) {
        return Err(Denied::Foreign);
    }
    Ok(caller)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub fn peer(request: &Request) -> IpAddr {
    // Absent only when the router is driven without a listener.
    request.extensions().get::<ConnectInfo<Peer>>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.0)
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A foreign site can send our cookie along (in old browsers), but neither set this header without our consent
/// (CORS, which we never give) nor forge `Origin`. Rebinding DNS to us gains nothing: cookies belong to a host name.
fn is_from_our_page(headers: &HeaderMap) -> bool {
    is_own_origin(headers) && headers.get("x-reputed").is_some_and(|value| value == "1")
}

/// `false` when the browser says that another site sent this.
pub fn is_own_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let same_site = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let same_origin =
        text("origin").is_none_or(|origin| origin.split_once("://").map(|(_, host)| host) == text("host"));
    same_site && same_origin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn tokens() -> Tokens {
        let token = |id: &str, role, brands: Option<&[&str]>| Token {
            id: id.into(),
            secret: Secret::new(format!("{id}-token-of-some-length")),
            role,
            brands: brands.map(|brands| brands.iter().map(|b| (*b).to_owned()).collect()),
        };
        let configured = [token("ann", Role::Viewer, None), token("bob", Role::Responder, Some(&["acme"]))];
        Tokens::new(&Secret::new("root"), &configured, &[("crm".into(), Secret::new("push"))])
    }

    #[test]
    fn finds_who_holds_a_token() {
        let tokens = tokens();
        assert_eq!(tokens.find("root").map(|c| c.right), Some(Right::Person(Role::Admin)));
        assert_eq!(tokens.find("push").map(|c| (c.who.as_str(), c.right)), Some(("crm", Right::Push)));
        let bob = tokens.find("bob-token-of-some-length").unwrap();
        assert!(bob.sees("acme") && !bob.sees("bolt"));
        for wrong in ["", "roo", "root ", "ROOT", "rootx"] {
            assert_eq!(tokens.find(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_right_goes_so_far_and_no_further() {
        let tokens = tokens();
        let may = |token: &str, need| tokens.find(token).unwrap().may(need);
        let (ann, bob) = ("ann-token-of-some-length", "bob-token-of-some-length");
        assert!(may(ann, Need::Role(Role::Viewer)) && !may(ann, Need::Role(Role::Responder)));
        assert!(may(ann, Need::Whole(Role::Viewer)) && !may(bob, Need::Whole(Role::Viewer)));
        assert!(may("push", Need::Push) && !may("push", Need::Page) && !may("push", Need::Role(Role::Viewer)));
        assert!(may("root", Need::Push) && !may(bob, Need::Push) && !may(ann, Need::Push));
    }

    #[test]
    fn an_origin_must_be_ours() {
        let cases: [(&[(&'static str, &str)], bool); 6] = [
            (&[("host", "a.example:7700"), ("origin", "http://a.example:7700")], true),
            (&[("host", "a.example:7700"), ("origin", "http://a.example")], false),
            (&[("host", "a.example"), ("origin", "null")], false),
            (&[("host", "a.example"), ("origin", "https://evil.example")], false),
            (&[("host", "a.example"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "a.example")], true),
        ];
        for (pairs, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            assert_eq!(is_own_origin(&headers), expected, "{pairs:?}");
            assert!(!is_from_our_page(&headers));
            headers.insert("x-reputed", "1".parse().unwrap());
            assert_eq!(is_from_our_page(&headers), expected, "{pairs:?}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_token() {
        let text = "[[token]]\nid = \"a\"\nrole = \"viewr\"\ntoken = \"plain\"\n[[token]]\nid = \"b\"\n";
        let document = Document::parse("reputed.toml", text);
        assert!(read_tokens(&document.root()).is_empty());
        let problems: Vec<String> = document.into_problems().iter().map(ToString::to_string).collect();
        for part in ["unknown role `viewr`", "must not stand in the file", "lacks `token`", "lacks `role`"] {
            assert!(problems.iter().any(|p| p.contains(part)), "{part}: {problems:?}");
        }
    }
}
