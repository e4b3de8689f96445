//! What the door answers: problems, pages, ids, changes, events.

use super::*;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

#[tokio::test]
async fn every_fault_is_a_problem() {
    let house = House::open(vec![mention(1, "a", "acme", "hello")]).await;
    let request = |method, path: &str| house.request(method, path).bearer_auth(ADMIN);
    let patch = || request("PATCH", "/api/v1/mentions/a");
    let push = || request("POST", "/api/v1/posts?source=x");
    let big = "x".repeat(limit::BODY_BYTES_MAX + 1);
    let huge = "x".repeat(limit::PUSH_BYTES_MAX + 1);
    let cases = [
        (404, request("GET", "/nowhere")),
        (404, request("GET", "/api/v1/mentions/b")),
        (404, request("GET", "/api/v1/mentions/seq:99")),
        (404, request("GET", "/api/v1/alerts/b")),
        (404, request("GET", "/assets/..%2Fauth.rs")),
        (405, request("DELETE", "/api/v1/mentions")),
        (405, request("PUT", "/")),
        (401, house.request("GET", "/api/v1/mentions")),
        (403, house.request("GET", "/api/v1/mentions").bearer_auth(PUSH)),
        (400, request("GET", "/api/v1/mentions?limit=many")),
        (400, request("GET", "/api/v1/mentions?limit=0")),
        (400, request("GET", "/api/v1/mentions?cursor=zzz")),
        (400, request("GET", "/api/v1/alerts?state=gone")),
        (400, request("GET", "/api/v1/mentions/%ff")),
        (404, request("GET", "/api/v1/followers/nobody")),
        (415, patch().body("{}")),
        (400, patch().header("content-type", "application/json").body("{")),
        (400, patch().json(&json!({"stauts": "done"}))),
        (400, patch().json(&json!({}))),
        (413, patch().header("content-type", "application/json").body(big)),
        (415, push().header("content-type", "text/html").body("{}")),
        (415, push().header("content-encoding", "br").body("{}")),
        (400, push().header("content-encoding", "gzip").body("{}")),
        (400, push().body("nonsense")),
        (400, push().body("")),
        (400, push().body(r#"{"id":"a","text":"x","created_at":"2026-11-21T09:00:00Z"}"#)),
        (413, push().body(huge)),
    ];
    for (number, (status, request)) in cases.into_iter().enumerate() {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "case {number}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "case {number}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers().contains_key("allow"), status == 405, "case {number}");
        assert_eq!(response.headers().contains_key("www-authenticate"), status == 401);
        let problem: Value = response.json().await.unwrap();
        assert_eq!(
            (problem["status"].as_u64().map(|n| n as u16), problem["type"].as_str()),
            (Some(status), Some("about:blank"))
        );
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "case {number}: {problem}");
    }
}

#[tokio::test]
async fn a_bad_query_says_where() {
    let house = House::open(vec![]).await;
    for path in ["/api/v1/mentions", "/api/v1/stream"] {
        let (status, problem) = house.get(ADMIN, &format!("{path}?q=caf%C3%A9+sentimnt%3Anegative")).await;
        assert_eq!(status, 400);
        let error = &problem["errors"][0];
        assert_eq!(error["span"]["start"], 6, "bytes, not letters: {problem}");
        assert!(error["message"].is_string() && error["hint"].as_str().unwrap().contains("sentiment"), "{problem}");
    }
}

#[tokio::test]
async fn a_panic_ends_one_request_only() {
    async fn panics() -> &'static str {
        panic!("a defect")
    }
    let places = Arc::new(tokio::sync::Semaphore::new(1));
    let router = axum::Router::new()
        .route("/panic", axum::routing::get(panics))
        .layer(axum::middleware::from_fn_with_state(places, limit::bounded));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/panic", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    for _ in 0..2 {
        let response = client().get(&url).send().await.unwrap();
        assert_eq!(response.status(), 500, "the place is free again after a panic");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_a_hole() {
    let mentions = (1..=7).map(|seq| mention(seq, &format!("p{seq}"), "acme", "kettle")).collect();
    let house = House::open(mentions).await;
    let (mut seen, mut path) = (Vec::new(), "/api/v1/mentions?q=kettle&limit=3".to_owned());
    loop {
        let (status, page) = house.get(ADMIN, &path).await;
        assert_eq!((status, page["total"].as_u64()), (200, Some(7)));
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["seq"].as_i64().unwrap()));
        let Some(cursor) = page["cursor"].as_str() else { break };
        path = format!("/api/v1/mentions?q=kettle&limit=3&cursor={cursor}");
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    let (_, page) = house.get(ADMIN, "/api/v1/alerts?limit=1").await;
    let (_, next) =
        house.get(ADMIN, &format!("/api/v1/alerts?limit=1&cursor={}", page["cursor"].as_str().unwrap())).await;
    assert_ne!(page["items"][0]["id"], next["items"][0]["id"]);
}

const ODD_IDS: [&str; 8] = [
    "at://did:plc:x/app.bsky.feed.post/3k",
    "https://a.example/?p=1&q=%2F#top",
    "100%",
    "%252F",
    "a b+c",
    "é/../x",
    "seq:x",
    "\"quoted\" <b>",
];

#[tokio::test]
async fn an_odd_id_finds_its_mention() {
    let mentions = ODD_IDS.iter().zip(1..).map(|(id, seq)| mention(seq, id, "acme", "hello")).collect();
    let house = House::open(mentions).await;
    for (id, seq) in ODD_IDS.iter().zip(1..) {
        let (status, found) =
            house.get(ADMIN, &format!("/api/v1/mentions/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))).await;
        assert_eq!((status, found["id"].as_str(), found["seq"].as_i64()), (200, Some(*id), Some(seq)), "{found}");
    }
    let (status, found) = house.get(ADMIN, &format!("/api/v1/mentions/{}", ODD_IDS[0])).await;
    assert_eq!((status, found["seq"].as_i64()), (200, Some(1)), "slashes may stand as they are");
}

#[tokio::test]
async fn an_ambiguous_id_is_a_conflict() {
    let mut other = mention(3, "a", "acme", "hello");
    other.post.source = "fedi".into();
    let house = House::open(vec![mention(1, "a", "acme", "hello"), mention(2, "a", "bolt", "hello"), other]).await;
    let (status, problem) = house.get(ADMIN, "/api/v1/mentions/a").await;
    assert_eq!((status, problem["errors"].as_array().map(Vec::len)), (409, Some(3)));
    for (query, seq) in [("source=fedi", 3), ("brand=bolt", 2), ("source=blogs&brand=acme", 1)] {
        let (status, found) = house.get(ADMIN, &format!("/api/v1/mentions/a?{query}")).await;
        assert_eq!((status, found["seq"].as_i64()), (200, Some(seq)), "{query}");
    }
}

#[tokio::test]
async fn a_change_is_there_when_it_is_answered() {
    let house = House::open(vec![mention(1, "a", "acme", "hello")]).await;
    let change = json!({"status": "answered", "note": "called her", "correction": "negative"});
    let patch = house.request("PATCH", "/api/v1/mentions/a").bearer_auth(token("responder")).json(&change);
    let (status, changed) = read(patch).await;
    assert_eq!((status, &changed["status"], &changed["note"]), (200, &json!("answered"), &json!("called her")));
    assert_eq!(house.get(ADMIN, "/api/v1/mentions/a").await.1["correction"], "negative");

    let responder = token("responder");
    let (status, told) = house.post(&responder, "/api/v1/alerts/ours/ack").await;
    assert_eq!((status, &told["state"]), (200, &json!("acknowledged")));
    assert_eq!(house.post(&responder, "/api/v1/alerts/ours/ack").await.0, 409);
    let (status, told) = house.post(&responder, "/api/v1/alerts/ours/resolve").await;
    assert_eq!((status, &told["resolved_why"]), (200, &json!("responder")));
    let (_, one) = house.get(ADMIN, "/api/v1/alerts/ours").await;
    assert_eq!(one["mentions"][0]["note"], "called her");
}

#[tokio::test]
async fn a_push_is_taken_post_by_post() {
    let house = House::open(vec![]).await;
    let post = |id: &str, source: &str, text: &str| {
        json!({"id": id, "source": source, "text": text, "created_at": "2026-11-21T09:00:00Z"}).to_string()
    };
    // A push source speaks for itself, whatever its posts claim.
    let lines = format!("{}\nnonsense\n{}\n", post("a", "blogs", "a kettle"), post("b", "", "a spoon"));
    let (status, taken) = read(house.request("POST", "/api/v1/posts").bearer_auth(PUSH).body(lines)).await;
    assert_eq!((status, &taken["accepted"], &taken["matched"]), (200, &json!(2), &json!(1)), "{taken}");
    assert_eq!(taken["refused"][0]["line"], 2);
    // An admin may speak for several, each of which must take posts.
    let body = format!("[{},{}]", post("a", "crm", "kettle"), post("c", "blogs", "kettle"));
    let (status, taken) = read(house.request("POST", "/api/v1/posts").bearer_auth(ADMIN).body(body)).await;
    assert_eq!((status, &taken["accepted"], &taken["matched"]), (200, &json!(1), &json!(1)), "{taken}");
    assert_eq!(taken["refused"][0]["id"], "c");
    // By a way in that is named, posts of any source come in under their own name.
    let body = format!("[{},{}]", post("b", "", "kettle"), post("c", "never heard of", "kettle"));
    let push = house.request("POST", "/api/v1/posts?source=import").bearer_auth(ADMIN).body(body);
    let (status, taken) = read(push).await;
    assert_eq!((status, &taken["accepted"], &taken["matched"]), (200, &json!(2), &json!(2)), "{taken}");
}

#[tokio::test]
async fn sources_readiness_and_figures_speak() {
    let house = House::open(vec![]).await;
    assert_eq!(house.get(ADMIN, "/api/v1/sources").await.1["items"][0]["says"], "listening, no post yet");
    let (status, ready) = house.get("", "/readyz").await;
    assert_eq!((status, &ready["ready"], ready["reasons"].as_array().map(Vec::len)), (503, &json!(false), Some(1)));
    let metrics = house.request("GET", "/metrics").bearer_auth(token("viewer")).send().await.unwrap();
    assert!(metrics.text().await.unwrap().contains("reputed_posts_received_total{source=\"blogs\"} 0"));
    let (status, followers) = house.get(&token("viewer-acme"), "/api/v1/followers/@acme.example").await;
    assert_eq!((status, &followers["account"]), (200, &json!("42/7")));
    assert_eq!(house.get(&token("viewer-acme"), "/api/v1/followers/42/7").await.0, 200);
}

/// Reads until `enough` or the end.
async fn heard(response: &mut reqwest::Response, enough: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    while !enough(&text) {
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(10), response.chunk()).await;
        match chunk.expect("the stream is silent").unwrap() {
            Some(bytes) => text.push_str(std::str::from_utf8(&bytes).unwrap()),
            None => break,
        }
    }
    text
}

#[tokio::test]
async fn events_come_framed_and_filtered() {
    let house = House::open(vec![]).await;
    let open = |token: String, query: &str| house.request("GET", &format!("/api/v1/stream{query}")).bearer_auth(token);
    let mut ours = open(token("viewer-acme"), "").send().await.unwrap();
    let mut searched = open(token("viewer"), "?q=kettle").send().await.unwrap();
    assert_eq!(ours.headers()["content-type"], "text/event-stream");
    for stream in [&mut ours, &mut searched] {
        heard(stream, |text| text.contains("retry: 2000\n")).await;
    }
    for event in [
        Event::Mention(Arc::new(mention(1, "a", "bolt", "a kettle\nof bolt"))),
        Event::Mention(Arc::new(mention(2, "b", "acme", "hello"))),
        Event::Alert(Arc::new(alert("ours", "acme", vec![]))),
    ] {
        house.events.send(event).unwrap();
    }
    let ended = |text: &str| text.contains("event: alert\n") && text.ends_with("\n\n");
    let text = heard(&mut ours, ended).await;
    let frames: Vec<&str> = text.trim().split("\n\n").filter(|frame| frame.starts_with("event:")).collect();
    assert_eq!(frames.len(), 2, "{text}");
    let (name, data) = frames[0].split_once("\ndata: ").unwrap();
    assert_eq!(name, "event: mention");
    assert_eq!(serde_json::from_str::<Value>(data).unwrap()["seq"], 2);
    let text = heard(&mut searched, ended).await;
    assert!(text.contains(r"a kettle\nof bolt") && !text.contains("hello"), "{text}");
}

#[tokio::test]
async fn a_slow_stream_is_told_what_it_missed() {
    let house = House::open(vec![]).await;
    let mut stream = house.request("GET", "/api/v1/stream").bearer_auth(ADMIN).send().await.unwrap();
    heard(&mut stream, |text| text.contains("retry")).await;
    // One thread: nobody reads in between.
    for _ in 0..EVENTS + 3 {
        house.events.send(Event::Mention(Arc::new(mention(1, "a", "acme", "hello")))).unwrap();
    }
    let text = heard(&mut stream, |text| text.contains("\n\nevent: mention")).await;
    assert!(text.contains("event: lagged\ndata: {\"missed\":3}\n\n"), "{text}");
}

#[tokio::test]
async fn the_page_and_its_files_are_served_under_a_strict_policy() {
    let house = House::open(vec![]).await;
    let page = house.request("GET", "/").bearer_auth(ADMIN).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let html = page.text().await.unwrap();
    let login = house.request("GET", "/login").send().await.unwrap().text().await.unwrap();
    for text in [&html, &login] {
        assert!(!text.contains("style=") && !text.contains("onclick=") && !text.contains("<style"));
        for path in text.split('"').filter(|part| part.starts_with("/assets/")) {
            let asset = house.request("GET", path).send().await.unwrap();
            assert_eq!(asset.status(), 200, "{path}");
            let body = asset.text().await.unwrap();
            for module in body.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next()) {
                let module = house.request("GET", &format!("/assets/{module}")).send().await.unwrap();
                assert_eq!(module.status(), 200, "{path} needs it");
            }
            assert!(!body.contains("innerHTML") && !body.contains("eval("), "{path}");
        }
    }
}

#[tokio::test]
async fn a_person_says_whether_an_author_is_spam() {
    let mut known = mention(1, "a", "acme", "kettle");
    (known.post.source, known.post.author.id) = ("fedi".into(), Some("42/7".into()));
    let house = House::open(vec![known]).await;
    let ask = |body: &'static str, path: &'static str| {
        read(
            house
                .request("PATCH", path)
                .bearer_auth(token("responder"))
                .json(&serde_json::from_str::<Value>(body).unwrap()),
        )
    };
    let path = "/api/v1/authors/fedi/42%2F7";
    let (status, said) = ask(r#"{"spam":"no"}"#, path).await;
    assert_eq!(
        (status, &said["spam"], &said["who"], &said["id"]),
        (200, &"no".into(), &"responder".into(), &"42/7".into())
    );
    let (status, said) = ask(r#"{"spam":null}"#, path).await;
    assert_eq!((status, &said["spam"]), (200, &Value::Null));
    assert_eq!(ask(r#"{"spam":"no"}"#, "/api/v1/authors/fedi/nobody").await.0, 404);
    for bad in ["{}", r#"{"spam":true}"#, r#"{"spam":"no","why":1}"#] {
        assert_eq!(ask(bad, path).await.0, 400, "{bad}");
    }
}
