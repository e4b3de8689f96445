//! The one table of routes. The router, the OpenAPI document and the test of who may do what are all made from it, so
//! that none can forget one.

use super::auth::Role;
use super::{
    Desk, alert, author, complete, delivery, follower, health, me, mention, openapi, post, source, stream, ui,
};
use axum::routing::{MethodRouter, get, patch, post as on_post};
use std::sync::Arc;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Open,
    /// Anybody who is logged in; a browser that is not is led to the log-in page.
    Page,
    /// A push source, or an admin of all brands.
    Push,
    /// At least this role; sees the brands of the token only.
    Role(Role),
    /// At least this role over all brands: the answer cannot be split by brand.
    Whole(Role),
}

/// A parameter behind the question mark.
pub struct Param {
    pub name: &'static str,
    pub integer: bool,
    pub meaning: &'static str,
}

pub struct Route {
    pub method: &'static str,
    /// As in OpenAPI: `{name}` for a part that varies.
    pub path: &'static str,
    /// Of the last part: it may hold slashes, escaped or not.
    pub slashes: bool,
    pub need: Need,
    pub summary: &'static str,
    pub params: &'static [Param],
    /// Name of the schema of what is sent, and of what a success returns.
    pub sent: Option<&'static str>,
    pub returned: Option<&'static str>,
    /// Media types beside JSON that a success may have, as asked for.
    pub formats: &'static [&'static str],
    pub(super) handler: fn() -> MethodRouter<Arc<Desk>>,
}

impl Route {
    /// As the router wants it.
    pub fn pattern(&self) -> String {
        match self.path.rsplit_once('{') {
            Some((before, last)) if self.slashes => format!("{before}{{*{last}"),
            _ => self.path.to_owned(),
        }
    }

    const fn new(
        method: &'static str,
        path: &'static str,
        need: Need,
        summary: &'static str,
        handler: fn() -> MethodRouter<Arc<Desk>>,
    ) -> Self {
        Self {
            method,
            path,
            slashes: false,
            need,
            summary,
            params: &[],
            sent: None,
            returned: None,
            formats: &[],
            handler,
        }
    }

    const fn slashes(self) -> Self {
        Self { slashes: true, ..self }
    }

    const fn params(self, params: &'static [Param]) -> Self {
        Self { params, ..self }
    }

    const fn sends(self, schema: &'static str) -> Self {
        Self { sent: Some(schema), ..self }
    }

    const fn returns(self, schema: &'static str) -> Self {
        Self { returned: Some(schema), ..self }
    }

    const fn also(self, formats: &'static [&'static str]) -> Self {
        Self { formats, ..self }
    }
}

const fn text(name: &'static str, meaning: &'static str) -> Param {
    Param { name, integer: false, meaning }
}

const LIMIT: Param = Param { name: "limit", integer: true, meaning: "Entries of one page, 1 to 200; 50 by default" };
const CURSOR: Param = text("cursor", "`cursor` of the page before");
const QUERY: Param = text("q", "An expression of the query language; empty: everything");
const SOURCE: Param = text("source", "Id of a source");
const BRAND: Param = text("brand", "Id of a brand");

const VIEWER: Need = Need::Role(Role::Viewer);
const RESPONDER: Need = Need::Role(Role::Responder);

pub static ROUTES: &[Route] = &[
    Route::new(
        "POST",
        "/api/v1/posts",
        Need::Push,
        "Push posts and follows: an object, an array or JSON Lines; gzip allowed",
        || on_post(post::push),
    )
    .params(&[text("source", "By which an admin's posts come in; those that name a source of their own keep it")])
    .sends("PostOrFollow")
    .returns("Taken"),
    Route::new("GET", "/api/v1/mentions", VIEWER, "Search mentions", || get(mention::list))
        .params(&[
            QUERY,
            text("sort", "newest (by default), relevance, reach or priority"),
            text(
                "facets",
                "What all hits are counted by: source, lang, sentiment, author, watch, brand, kind; commas between",
            ),
            Param {
                name: "top",
                integer: true,
                meaning: "Values of each facet, the most frequent; 1 to 100, 10 by default",
            },
            text("over", "Count all hits over time: hour, day or week, in UTC"),
            LIMIT,
            CURSOR,
            BRAND,
        ])
        .returns("MentionPage"),
    Route::new(
        "GET",
        "/api/v1/mentions/{id}",
        VIEWER,
        "One mention, by its native id or `seq:` and its number",
        || get(mention::one),
    )
    .slashes()
    .params(&[SOURCE, BRAND])
    .returns("Mention"),
    Route::new("PATCH", "/api/v1/mentions/{id}", RESPONDER, "Set status, assignee, note or correction", || {
        patch(mention::change)
    })
    .slashes()
    .params(&[SOURCE, BRAND])
    .sends("MentionPatch")
    .returns("Mention"),
    Route::new(
        "PATCH",
        "/api/v1/authors/{source}/{id}",
        Need::Whole(Role::Responder),
        "Say that an author or follower is spam, or not, or take that back",
        || patch(author::correct),
    )
    .slashes()
    .sends("AuthorPatch")
    .returns("AuthorCorrection"),
    Route::new("GET", "/api/v1/alerts", VIEWER, "Alerts, newest first", || get(alert::list))
        .params(&[text("state", "open, acknowledged or resolved"), LIMIT, CURSOR, BRAND])
        .returns("AlertPage"),
    Route::new("GET", "/api/v1/alerts/{id}", VIEWER, "One alert with its most telling mentions", || get(alert::one))
        .returns("AlertWithMentions"),
    Route::new("POST", "/api/v1/alerts/{id}/ack", RESPONDER, "Somebody works on it", || on_post(alert::acknowledge))
        .returns("Alert"),
    Route::new("POST", "/api/v1/alerts/{id}/resolve", RESPONDER, "It is dealt with", || on_post(alert::resolve))
        .returns("Alert"),
    Route::new("GET", "/api/v1/deliveries", VIEWER, "Deliveries to hooks", || get(delivery::list))
        .params(&[text("state", "pending, delivered, superseded or dead"), text("hook", "Id of a hook"), LIMIT])
        .returns("DeliveryPage"),
    Route::new(
        "POST",
        "/api/v1/deliveries/{id}/replay",
        Need::Role(Role::Admin),
        "Send a dead delivery again, under the same id",
        || on_post(delivery::replay),
    )
    .returns("Replayed"),
    Route::new(
        "POST",
        "/api/v1/rescore",
        Need::Whole(Role::Admin),
        "Score all mentions by the best model, in the background",
        || on_post(mention::rescore),
    )
    .returns("Rescoring"),
    Route::new("GET", "/api/v1/sources", VIEWER, "The ledger of every source", || get(source::list))
        .returns("SourcePage"),
    Route::new("GET", "/api/v1/followers", VIEWER, "The own accounts and how many follow them", || get(follower::list))
        .returns("OwnAccountPage"),
    Route::new(
        "GET",
        "/api/v1/followers/{account}",
        VIEWER,
        "Who follows an own account: how many are likely spam, growth, waves, who came and went",
        || get(follower::one),
    )
    .slashes()
    .params(&[
        SOURCE,
        Param { name: "days", integer: true, meaning: "How far growth, waves and items go back; 30 by default" },
        text("since", "In place of `days`: RFC 3339"),
        Param {
            name: "limit",
            integer: true,
            meaning: "Items and named followers, 1 to 200, 50 by default; rows of a table, up to 100,000",
        },
        text("format", "json (by default), csv, or svg for a picture of growth"),
        text("of", "Which table csv gives: followers (by default), the likeliest to be spam first, or growth"),
    ])
    .returns("FollowerPage")
    .also(&["text/csv", "image/svg+xml"]),
    Route::new("GET", "/api/v1/stream", VIEWER, "Server-sent events: mention, alert, delivery, lagged", || {
        get(stream::open)
    })
    .params(&[text("q", "Only mentions that match")]),
    Route::new("GET", "/api/v1/completions", VIEWER, "What may be written next in a query", || get(complete::list))
        .params(&[text("q", "The query up to where it is being written")])
        .returns("Completions"),
    Route::new("GET", "/api/v1/me", VIEWER, "Who the caller is and what they may do", || get(me::one)).returns("Me"),
    Route::new("GET", "/api/v1/openapi.json", VIEWER, "This document", || get(openapi::document)),
    Route::new("GET", "/healthz", Need::Open, "Alive", || get(health::alive)),
    Route::new("GET", "/readyz", Need::Open, "Ready, or why not", || get(health::ready)).returns("Readiness"),
    Route::new("GET", "/metrics", Need::Whole(Role::Viewer), "Figures for Prometheus", || get(health::metrics)),
    Route::new("GET", "/", Need::Page, "The page", || get(ui::page)),
    Route::new("GET", "/login", Need::Open, "Log in, by a form or a link that carries the token", || get(ui::login))
        .params(&[text("token", "A bearer token")]),
    Route::new("POST", "/login", Need::Open, "Log in", || on_post(ui::log_in)),
    Route::new("POST", "/logout", Need::Page, "Log out", || on_post(ui::log_out)),
    Route::new("GET", "/assets/{name}", Need::Open, "Style and script of the pages; nothing of anybody's", || {
        get(ui::asset)
    }),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_route_stands_once() {
        let mut seen = BTreeSet::new();
        for route in ROUTES {
            assert!(seen.insert((route.method, route.path)), "{} {} twice", route.method, route.path);
            assert!(route.path.starts_with('/') && !route.summary.is_empty() && !route.summary.ends_with('.'));
        }
    }

    #[test]
    fn only_what_must_be_is_open() {
        let open: Vec<&str> = ROUTES.iter().filter(|route| route.need == Need::Open).map(|route| route.path).collect();
        assert_eq!(open, ["/healthz", "/readyz", "/login", "/login", "/assets/{name}"]);
    }
}
