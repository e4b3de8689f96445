//! `/api/v1/openapi.json` (OpenAPI 3.1.0), made from the table of routes and the schemas below.

mod follower;

use super::auth::Role;
use super::route::{Need, Param, ROUTES, Route};
use axum::Json;
use serde_json::{Map, Value, json};

pub async fn document() -> Json<Value> {
    Json(build())
}

pub fn build() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "reputed",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Times are RFC 3339. Errors are application/problem+json (RFC 9457).",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "reputed_session"},
            },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    parameters.extend(route.params.iter().map(|Param { name, integer, meaning }| {
        let kind = if *integer { "integer" } else { "string" };
        json!({"name": name, "in": "query", "description": meaning, "schema": {"type": kind}})
    }));
    let mut success = json!({"description": "Done"});
    if let Some(schema) = route.returned {
        success["content"] = json!({"application/json": {"schema": reference(schema)}});
    }
    for format in route.formats {
        success["content"][format] = json!({"schema": {"type": "string"}});
    }
    let problem = json!({
        "description": "What went wrong",
        "content": {"application/problem+json": {"schema": reference("Problem")}},
    });
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": {"200": success, "default": problem},
    });
    if let Some(schema) = route.sent {
        operation["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": reference(schema)}},
        });
    }
    let (security, need) = match route.need {
        Need::Open => (json!([]), "anybody"),
        Need::Page => (json!([{"session": []}]), "anybody who is logged in"),
        Need::Push => (json!([{"token": []}]), "a push source, or an admin of all brands"),
        Need::Role(role) => (json!([{"token": []}, {"session": []}]), needs(role, false)),
        Need::Whole(role) => (json!([{"token": []}, {"session": []}]), needs(role, true)),
    };
    operation["security"] = security;
    operation["x-needs"] = need.into();
    operation
}

fn needs(role: Role, whole: bool) -> &'static str {
    match (role, whole) {
        (Role::Viewer, false) => "viewer",
        (Role::Responder, false) => "responder",
        (Role::Admin, false) => "admin",
        (Role::Viewer, true) => "viewer of all brands",
        (Role::Responder, true) => "responder of all brands",
        (Role::Admin, true) => "admin of all brands",
    }
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// A schema with these properties, each of a type such as `string`, `integer?` (may be null), `[string]`, `Mention`.
fn object(properties: &[(&str, &str)]) -> Value {
    let kinds: Map<String, Value> = properties.iter().map(|(name, kind)| ((*name).to_owned(), typed(kind))).collect();
    json!({"type": "object", "properties": kinds})
}

fn typed(kind: &str) -> Value {
    if kind == "[string]?" {
        return json!({"type": ["array", "null"], "items": {"type": "string"}});
    }
    if let Some(item) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
        return json!({"type": "array", "items": typed(item)});
    }
    if let Some(kind) = kind.strip_suffix('?') {
        return if is_schema(kind) {
            json!({"oneOf": [typed(kind), {"type": "null"}]})
        } else {
            json!({"type": [base(kind), "null"]})
        };
    }
    match kind {
        "time" => json!({"type": "string", "format": "date-time"}),
        kind if is_schema(kind) => reference(kind),
        kind => json!({"type": kind}),
    }
}

fn base(kind: &str) -> &str {
    if kind == "time" { "string" } else { kind }
}

fn is_schema(kind: &str) -> bool {
    kind.starts_with(|letter: char| letter.is_ascii_uppercase())
}

const POST: &[(&str, &str)] = &[
    ("id", "string"),
    ("source", "string"),
    ("kind", "string"),
    ("url", "string?"),
    ("title", "string?"),
    ("text", "string"),
    ("lang", "string?"),
    ("created_at", "time"),
    ("edited_at", "time?"),
    ("author", "object"),
    ("reply_to", "string?"),
    ("root", "string?"),
    ("links", "[string]"),
    ("tags", "[string]"),
    ("mentions", "[string]"),
    ("rating", "number?"),
    ("reach", "integer?"),
    ("likes", "integer?"),
    ("reposts", "integer?"),
    ("deleted", "boolean"),
];

const FOLLOW: &[(&str, &str)] = &[
    ("kind", "string"),
    ("id", "string?"),
    ("source", "string"),
    ("account", "string"),
    ("created_at", "time"),
    ("author", "object"),
    ("deleted", "boolean"),
];

const OF_MENTION: &[(&str, &str)] = &[
    ("seq", "integer"),
    ("brand", "string"),
    ("watches", "[string]"),
    ("seen_at", "time"),
    ("scores", "object?"),
    ("author_spam", "object"),
    ("cluster", "string?"),
    ("cluster_size", "integer?"),
    ("status", "string"),
    ("assignee", "string?"),
    ("note", "string?"),
    ("correction", "string?"),
];

const ALERT: &[(&str, &str)] = &[
    ("id", "string"),
    ("revision", "integer"),
    ("rule", "string"),
    ("title", "string"),
    ("priority", "string"),
    ("priority_why", "[string]"),
    ("brand", "string"),
    ("group", "object"),
    ("state", "string"),
    ("opened_at", "time"),
    ("updated_at", "time"),
    ("resolved_at", "time?"),
    ("resolved_why", "string?"),
    ("count", "integer"),
    ("spam_left_out", "integer"),
    ("ruleset", "string"),
    ("reasons", "[string]"),
    ("growth", "Surge?"),
];

const SURGE: &[(&str, &str)] = &[
    ("from", "time"),
    ("until", "time?"),
    ("counted", "integer"),
    ("expected", "number"),
    ("spam", "number"),
    ("low", "number"),
    ("high", "number"),
    ("known", "integer"),
    ("unknown", "integer"),
    ("strange", "boolean"),
];

const DELIVERY: &[(&str, &str)] = &[
    ("id", "string"),
    ("hook", "string"),
    ("alert", "string"),
    ("revision", "integer"),
    ("news", "string"),
    ("body", "Alert"),
    ("state", "string"),
    ("attempts", "integer"),
    ("created_at", "time"),
    ("due_at", "time"),
    ("finished_at", "time?"),
    ("last_error", "string?"),
];

const SOURCE: &[(&str, &str)] = &[
    ("id", "string"),
    ("kind", "string"),
    ("health", "string"),
    ("phase", "string"),
    ("says", "string"),
    ("started_at", "time?"),
    ("last_seen", "time?"),
    ("last_event_at", "time?"),
    ("lag_seconds", "number?"),
    ("posts_per_minute", "integer"),
    ("bytes_per_minute", "integer"),
    ("frames", "integer"),
    ("bytes", "integer"),
    ("posts", "integer"),
    ("matched", "integer"),
    ("reconnects", "integer"),
    ("restarts", "integer"),
    ("throttled", "integer"),
    ("throttled_until", "time?"),
    ("gap_count", "integer"),
    ("gaps", "[object]"),
    ("errors", "object"),
    ("last_error", "string?"),
    ("last_error_at", "time?"),
    ("parts", "object"),
];

fn schemas() -> Value {
    let page = |item: &str, more: &[(&str, &str)]| {
        let items = format!("[{item}]");
        object(&[&[("items", items.as_str())], more].concat())
    };
    let mention = [POST, OF_MENTION].concat();
    let mut post = object(POST);
    post["required"] = json!(["id", "created_at"]);
    let mut follow = object(FOLLOW);
    follow["required"] = json!(["kind", "account", "created_at", "author"]);
    follow["properties"]["kind"]["const"] = "follow".into();
    let mut schemas = json!({
        "Post": post,
        "Follow": follow,
        "PostOrFollow": {"oneOf": [reference("Post"), reference("Follow")]},
        "Taken": object(&[("accepted", "integer"), ("matched", "integer"), ("refused", "[object]")]),
        "Mention": object(&mention),
        "MentionPage": page("Mention", &[
            ("total", "integer"),
            ("undecided", "integer"),
            ("cursor", "string?"),
            ("facets", "object"),
            ("counts", "[Step]"),
            ("without_spam", "integer"),
        ]),
        "Facet": object(&[("values", "[FacetValue]"), ("distinct", "integer"), ("none", "integer")]),
        "FacetValue": object(&[
            ("value", "string"),
            ("count", "integer"),
            ("without_spam", "integer"),
            ("name", "string"),
            ("source", "string"),
        ]),
        "Step": object(&[("at", "time"), ("count", "integer"), ("without_spam", "integer")]),
        "MentionPatch": object(&OF_MENTION[7..]),
        "AuthorPatch": object(&[("spam", "string?")]),
        "AuthorCorrection": object(&[
            ("source", "string"),
            ("id", "string"),
            ("spam", "string?"),
            ("who", "string"),
            ("at", "time"),
        ]),
        "Alert": object(&[ALERT, &[("mentions", "[integer]")]].concat()),
        "AlertWithMentions": object(&[ALERT, &[("mentions", "[Mention]")]].concat()),
        "Surge": object(SURGE),
        "AlertPage": page("Alert", &[("cursor", "string?")]),
        "Delivery": object(DELIVERY),
        "DeliveryPage": page("Delivery", &[]),
        "Rescoring": object(&[("waiting", "integer")]),
        "Replayed": object(&[("id", "string"), ("state", "string")]),
        "Source": object(SOURCE),
        "SourcePage": page("Source", &[]),
        "Completions": object(&[("start", "integer"), ("items", "[object]")]),
        "Me": object(&[("who", "string"), ("role", "string?"), ("brands", "[string]?")]),
        "Readiness": object(&[("ready", "boolean"), ("reasons", "[string]")]),
        "Problem": object(&[
            ("type", "string"),
            ("title", "string"),
            ("status", "integer"),
            ("detail", "string"),
            ("errors", "[object]"),
        ]),
    });
    if let (Value::Object(all), Value::Object(followers)) = (&mut schemas, follower::schemas()) {
        all.extend(followers);
    }
    // By the name of the facet.
    schemas["MentionPage"]["properties"]["facets"]["additionalProperties"] = reference("Facet");
    schemas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_route_and_only_schemas_that_exist() {
        let document = build();
        let count: usize = document["paths"].as_object().unwrap().values().map(|p| p.as_object().unwrap().len()).sum();
        assert_eq!(count, ROUTES.len());
        let text = document.to_string();
        let names: Vec<&str> =
            text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.len() > 10);
        for name in names {
            assert!(document["components"]["schemas"].get(name).is_some(), "no schema {name}");
        }
    }

    /// What the daemon writes and what the document promises have the same names.
    #[test]
    fn a_mention_is_as_described() {
        let post = crate::post::Post::new("a", "b", jiff::Timestamp::UNIX_EPOCH);
        let written = serde_json::to_value(&post).unwrap();
        let described: Vec<&str> = POST.iter().map(|(name, _)| *name).collect();
        for name in written.as_object().unwrap().keys() {
            assert!(described.contains(&name.as_str()), "{name} is not described");
        }
    }

    #[test]
    fn a_wave_of_followers_is_as_described() {
        let (from, until) = (jiff::Timestamp::UNIX_EPOCH, None);
        let (spam, low, high, strange) = (0.5, 0.0, 1.0, false);
        let surge = crate::brand::Surge {
            from,
            until,
            counted: 9,
            expected: 1.0,
            spam,
            low,
            high,
            known: 0,
            unknown: 9,
            strange,
        };
        let written = serde_json::to_value(surge).unwrap();
        let mut described: Vec<&str> = SURGE.iter().map(|(name, _)| *name).collect();
        described.sort_unstable();
        assert_eq!(written.as_object().unwrap().keys().collect::<Vec<_>>(), described);
    }
}
