//! Searching through the door: sorts, facets, counts over time, what is undecided, cursors.

use super::*;
use crate::mention::{Label, Probability, Scores, Tier};
use serde_json::json;

/// Three of acme, the first one scored and far seen, and one of bolt.
async fn house() -> House {
    let mut told = mention(1, "a", "acme", "kettle");
    told.post.reach = Some(5_000);
    told.post.author.id = Some("did:x:ann".into());
    told.post.author.handle = Some("ann.example".into());
    told.post.author.name = Some("Ann".into());
    told.author_spam.spam = Some(0.9);
    told.scores = Some(Scores {
        lang: "en".into(),
        lang_p: 1.0,
        sentiment: -0.8,
        label: Label::Negative,
        p: Probability { negative: 0.9, neutral: 0.05, positive: 0.05 },
        needs_answer: Some(0.9),
        complaint: Some(0.9),
        offensive: None,
        irony: None,
        emotion: None,
        tier: Tier::Fast,
        model: "fast-2".into(),
    });
    let mut other = mention(2, "b", "acme", "kettle kettle");
    other.post.source = "Forum".into();
    let mut late = mention(3, "c", "acme", "a kettle");
    late.post.created_at = at(2 * 86_400);
    House::open(vec![told, other, late, mention(4, "d", "bolt", "kettle")]).await
}

fn seqs(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|item| item["seq"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn all_hits_are_told_with_every_page() {
    let house = house().await;
    let path = "/api/v1/mentions?q=kettle&facets=source,lang,author,source&over=day&limit=1";
    let (status, page) = house.get(&token("viewer-acme"), path).await;
    assert_eq!((status, &page["total"], seqs(&page).len()), (200, &json!(3), 1), "{page}");
    let facets = json!({
        "author": {
            "values": [{"value": "ann.example", "name": "Ann", "source": "blogs", "count": 1, "without_spam": 0}],
            "distinct": 1,
            "none": 2,
        },
        "lang": {"values": [{"value": "en", "count": 1, "without_spam": 0}], "distinct": 1, "none": 2},
        "source": {
            "values": [
                {"value": "blogs", "count": 2, "without_spam": 1},
                {"value": "Forum", "count": 1, "without_spam": 1},
            ],
            "distinct": 2,
            "none": 0,
        },
    });
    assert_eq!(page["facets"], facets);
    let counts = json!([
        {"at": "2026-09-21T00:00:00Z", "count": 2, "without_spam": 1},
        {"at": "2026-09-22T00:00:00Z", "count": 0, "without_spam": 0},
        {"at": "2026-09-23T00:00:00Z", "count": 1, "without_spam": 1},
    ]);
    assert_eq!(page["counts"], counts);
    assert_eq!(page["without_spam"], 2, "Ann is likely spam");

    let (_, plain) = house.get(ADMIN, "/api/v1/mentions?q=kettle").await;
    assert!(
        plain.get("facets").is_none() && plain.get("counts").is_none() && plain.get("without_spam").is_none(),
        "only when asked for"
    );
    let (_, none) = house.get(ADMIN, "/api/v1/mentions?q=nothing&over=day").await;
    assert_eq!((&none["counts"], &none["undecided"]), (&json!([]), &json!(0)));
    let (_, few) = house.get(ADMIN, "/api/v1/mentions?facets=source&top=1").await;
    assert_eq!(few["facets"]["source"]["values"], json!([{"value": "blogs", "count": 3, "without_spam": 2}]));
}

#[tokio::test]
async fn what_nobody_knows_is_undecided() {
    let house = house().await;
    for (query, found, undecided) in [
        ("reach:%3E1k", 1, 3),
        ("-reach:%3E1k", 0, 3),
        ("kettle", 4, 0),
        ("spam:%3E0.8", 1, 3),
        ("sentiment:negative+OR+brand:bolt", 2, 2),
    ] {
        let (_, page) = house.get(ADMIN, &format!("/api/v1/mentions?q={query}")).await;
        assert_eq!((&page["total"], &page["undecided"]), (&json!(found), &json!(undecided)), "{query}");
    }
}

#[tokio::test]
async fn each_sort_has_its_cursor() {
    let house = house().await;
    for (sort, expected) in
        [("newest", [3, 4, 2, 1]), ("relevance", [2, 3, 4, 1]), ("reach", [1, 3, 4, 2]), ("priority", [1, 3, 4, 2])]
    {
        let path = format!("/api/v1/mentions?q=kettle&limit=3&sort={sort}");
        let (_, first) = house.get(ADMIN, &path).await;
        let cursor = first["cursor"].as_str().unwrap();
        let (_, second) = house.get(ADMIN, &format!("{path}&cursor={cursor}")).await;
        assert_eq!([seqs(&first), seqs(&second)].concat(), expected, "{sort}");
        assert_eq!(second["cursor"], Value::Null);
        for other in ["q=kettle&sort=newest&brand=acme", "q=kettle+OR+pot&sort=newest", "q=kettle&sort=reach&limit=1"] {
            let (status, problem) = house.get(ADMIN, &format!("/api/v1/mentions?{other}&cursor={cursor}")).await;
            if (sort, other) == ("reach", "q=kettle&sort=reach&limit=1") {
                assert_eq!(status, 200, "pages may differ in length");
            } else {
                assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("cursor")), "{sort}, {other}");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let house = house().await;
    for (asked, part) in [
        ("facets=source,colour", "`colour`: it is one of source, lang"),
        ("top=0", "`top` must lie in 1..=100"),
        ("top=101", "`top` must lie in 1..=100"),
        ("sort=oldest", "expected one of `newest`"),
        ("over=year", "expected one of `hour`"),
        ("cursor=bmV3ZXN0", "not one of ours"),
    ] {
        let (status, problem) = house.get(ADMIN, &format!("/api/v1/mentions?{asked}")).await;
        assert_eq!(status, 400, "{asked}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{problem}");
    }
    let mut old = mention(1, "a", "acme", "kettle");
    old.post.created_at = Timestamp::UNIX_EPOCH;
    let house = House::open(vec![old, mention(2, "b", "acme", "kettle")]).await;
    let (status, problem) = house.get(ADMIN, "/api/v1/mentions?over=week").await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("over")));
    assert!(problem["detail"].as_str().unwrap().contains("narrow `created:`"), "{problem}");
}
