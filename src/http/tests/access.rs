//! Who may do what: every route of the table with every kind of caller.

use super::super::auth::Role;
use super::super::route::{Need, ROUTES, Route};
use super::*;

fn path(route: &Route) -> String {
    route
        .path
        .replace("{source}", "nowhere")
        .replace("{id}", "nothing")
        .replace("{account}", "nobody")
        .replace("{name}", "page.css")
}

fn is_refused(status: u16) -> bool {
    matches!(status, 401 | 403)
}

/// By the words of the table alone, written down apart from the guard.
fn is_expected(need: Need, role: Role, all_brands: bool) -> bool {
    match need {
        Need::Open | Need::Page => true,
        Need::Push => role == Role::Admin && all_brands,
        Need::Role(least) => role >= least,
        Need::Whole(least) => role >= least && all_brands,
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_valid_token() {
    let house = House::open(vec![]).await;
    for route in ROUTES {
        let expected: &[u16] = match route.need {
            Need::Open => &[200, 400, 503],
            Need::Page => &[303],
            _ => &[401],
        };
        let request = || house.request(route.method, &path(route));
        let attempts = [
            ("no token", request()),
            ("a wrong token", request().bearer_auth("wrong")),
            ("an empty token", request().header("authorization", "Bearer ")),
            ("another scheme", request().header("authorization", format!("Basic {ADMIN}"))),
            ("a part of a token", request().bearer_auth(&ADMIN[..ADMIN.len() - 1])),
            ("a token in the query", house.request(route.method, &format!("{}?access_token={ADMIN}", path(route)))),
            ("an unknown session", request().header("cookie", "reputed_session=guess").header("x-reputed", "1")),
        ];
        for (what, request) in attempts {
            let status = request.send().await.unwrap().status().as_u16();
            assert!(expected.contains(&status), "{} {} with {what}: {status}", route.method, route.path);
        }
    }
}

#[tokio::test]
async fn a_role_goes_so_far() {
    let house = House::open(vec![]).await;
    for route in ROUTES {
        for (name, role) in Role::ALL {
            for (suffix, all_brands) in [("", true), ("-acme", false)] {
                let id = format!("{name}{suffix}");
                let request = house.request(route.method, &path(route)).bearer_auth(token(&id));
                let status = request.send().await.unwrap().status().as_u16();
                let allowed = is_expected(route.need, role, all_brands);
                assert_eq!(!is_refused(status), allowed, "{} {} as {id}: {status}", route.method, route.path);
            }
        }
        let status = house.request(route.method, &path(route)).bearer_auth(PUSH).send().await.unwrap().status();
        let allowed = matches!(route.need, Need::Push | Need::Open);
        assert_eq!(!is_refused(status.as_u16()), allowed, "{} {} as a push source: {status}", route.method, route.path);
    }
}

#[tokio::test]
async fn a_cookie_changes_something_only_from_our_own_page() {
    let house = House::open(vec![]).await;
    let cookie = house.log_in(ADMIN).await;
    // Logging out would end the session; it stands behind the same guard.
    for route in ROUTES.iter().filter(|route| route.need != Need::Open && route.path != "/logout") {
        let request = || house.request(route.method, &path(route)).header("cookie", &cookie);
        let attempts = [
            ("nothing", request(), route.method == "GET"),
            ("a foreign origin", request().header("x-reputed", "1").header("origin", "http://evil.example"), false),
            ("no origin", request().header("x-reputed", "1").header("origin", "null"), false),
            ("a foreign site", request().header("x-reputed", "1").header("sec-fetch-site", "cross-site"), false),
            ("our header", request().header("x-reputed", "1"), true),
            ("our origin", request().header("x-reputed", "1").header("origin", &house.base), true),
        ];
        for (what, request, allowed) in attempts {
            let status = request.send().await.unwrap().status().as_u16();
            // Reading is safe whoever asks: the answer stays hidden from a foreign page.
            let allowed = allowed || route.method == "GET";
            assert_eq!(!is_refused(status), allowed, "{} {} with {what}: {status}", route.method, route.path);
        }
    }
}

#[tokio::test]
async fn a_session_ends_by_logging_out() {
    let house = House::open(vec![]).await;
    let cookie = house.log_in(&token("viewer")).await;
    let me = || read(house.request("GET", "/api/v1/me").header("cookie", &cookie));
    assert_eq!(me().await.1["role"], "viewer");
    let response = house.request("POST", "/logout").header("cookie", &cookie).header("x-reputed", "1").send().await;
    assert!(response.unwrap().headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(me().await.0, 401);
}

#[tokio::test]
async fn guessing_is_throttled() {
    let house = House::open(vec![]).await;
    let mut seen = Vec::new();
    for _ in 0..12 {
        let response = house.request("GET", "/login?token=guess").send().await.unwrap();
        assert!(response.headers().get("set-cookie").is_none());
        seen.push(response.status().as_u16());
    }
    assert_eq!((seen[0], seen[11]), (401, 429), "{seen:?}");
    let right = house.request("GET", &format!("/login?token={ADMIN}")).send().await.unwrap();
    assert_eq!(right.status(), 429, "the right one must wait too, or guessing would pay");
}

#[tokio::test]
async fn a_push_token_opens_no_page() {
    let house = House::open(vec![]).await;
    let response = house.request("GET", &format!("/login?token={PUSH}")).send().await.unwrap();
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn a_foreign_link_leads_to_the_page_all_the_same() {
    let house = House::open(vec![]).await;
    let response = house.request("GET", "/").header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.unwrap().contains("http-equiv=\"refresh\""));
}

#[tokio::test]
async fn other_brands_are_not_there() {
    let mentions = vec![mention(1, "a", "acme", "acme one"), mention(2, "b", "bolt", "bolt one")];
    let house = House::open(mentions).await;
    let admin = token("admin-acme");
    let ids = |page: &Value, name: &str| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
    };
    let (_, page) = house.get(&admin, "/api/v1/mentions").await;
    assert_eq!((ids(&page, "id"), page["total"].as_u64()), (vec!["a".to_owned()], Some(1)));
    let (_, page) = house.get(&admin, "/api/v1/mentions?brand=bolt").await;
    assert_eq!(ids(&page, "id"), Vec::<String>::new());
    let (_, page) = house.get(&admin, "/api/v1/alerts").await;
    assert_eq!(ids(&page, "id"), ["ours"]);
    let (_, page) = house.get(&admin, "/api/v1/deliveries").await;
    assert_eq!(ids(&page, "alert"), ["ours"]);
    let theirs = delivery_id("theirs", "ops", 1);
    for (method, path) in [
        ("GET", "/api/v1/mentions/b".to_owned()),
        ("GET", "/api/v1/mentions/seq:2".to_owned()),
        ("GET", "/api/v1/alerts/theirs".to_owned()),
        ("POST", "/api/v1/alerts/theirs/ack".to_owned()),
        ("POST", "/api/v1/alerts/theirs/resolve".to_owned()),
        ("POST", format!("/api/v1/deliveries/{theirs}/replay")),
        ("GET", "/api/v1/followers/somebody?source=fedi".to_owned()),
    ] {
        let (status, _) = read(house.request(method, &path).bearer_auth(&admin)).await;
        assert_eq!(status, 404, "{method} {path}");
    }
    let change =
        house.request("PATCH", "/api/v1/mentions/b").bearer_auth(&admin).json(&serde_json::json!({"note":"x"}));
    assert_eq!(read(change).await.0, 404);
    assert_eq!(
        house.post(&admin, &format!("/api/v1/deliveries/{}/replay", delivery_id("ours", "ops", 1))).await.0,
        200
    );
}
