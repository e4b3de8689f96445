//! Followers of own accounts, through the real program: whole lists from peers that limit, go in circles and hide, and
//! follows that come in by push and from files.

use crate::house::{Daemon, House};
use crate::listen::{Peer, answer};
use axum::extract::Request;
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OWN: &str = "did:plc:velora";

/// What one network knows, as a test changes it.
#[derive(Default)]
struct Net {
    /// Ids of the followers, newest first; perhaps one of them twice.
    followers: Vec<String>,
    /// By the account's own profile.
    total: usize,
    page: usize,
    /// Where a page says that the next begins, in place of where it does.
    next: Option<fn(usize) -> usize>,
    /// What becomes of the next pages after the first.
    refusals: VecDeque<Option<Refusal>>,
    /// Handles that are not those of the ids.
    handles: BTreeMap<String, String>,
    /// Where the pages that were asked for begin.
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Net>>;

/// Ids, and where the next page begins.
type Page = (Vec<String>, Option<usize>);

/// Status, and seconds to wait.
type Refusal = (u16, &'static str);

impl Net {
    fn new(followers: &[&str]) -> Self {
        let followers: Vec<String> = followers.iter().map(ToString::to_string).collect();
        Self { total: followers.len(), followers, page: 3, ..Self::default() }
    }

    fn handle(&self, id: &str) -> String {
        self.handles.get(id).cloned().unwrap_or_else(|| format!("{}.example", id.rsplit(':').next().unwrap()))
    }

    /// The page that begins there, and where the next does; or with what status it is refused, and for how long.
    fn page(&mut self, from: Option<&String>) -> Result<Page, Refusal> {
        self.asked.push(from.cloned().unwrap_or_default());
        if let Some((status, wait)) = from.and_then(|_| self.refusals.pop_front()).flatten() {
            return Err((status, wait));
        }
        let start: usize = from.map_or(0, |from| from.parse().unwrap());
        let after = self.next.map_or(start + self.page, |next| next(start));
        let page = self.followers.iter().skip(start % 1_000).take(self.page).cloned().collect();
        Ok((page, (self.next.is_some() || after < self.followers.len()).then_some(after)))
    }
}

fn query(request: &Request) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect()
}

fn found(query: &[(String, String)], name: &str) -> Option<String> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

/// A small AppView.
async fn bluesky(net: &Shared) -> Peer {
    let net = net.clone();
    Peer::serve(move |_, request| {
        let (mut net, query) = (net.lock().unwrap(), query(request));
        let profile = |id: &str, net: &Net| {
            let followers = if id == OWN { net.total } else { 7 };
            json!({"did": id, "handle": net.handle(id), "followersCount": followers, "followsCount": 9, "postsCount": 3})
        };
        let body = match request.uri().path() {
            "/xrpc/app.bsky.actor.getProfiles" => {
                let asked = query.iter().filter(|(key, _)| key == "actors");
                json!({"profiles": asked.map(|(_, id)| profile(id, &net)).collect::<Vec<_>>()})
            }
            "/xrpc/app.bsky.graph.getFollowers" => match net.page(found(&query, "cursor").as_ref()) {
                Ok((page, next)) => {
                    let named = page.iter().map(|id| json!({"did": id, "handle": net.handle(id)}));
                    json!({"followers": named.collect::<Vec<_>>(), "cursor": next.map(|next| next.to_string())})
                }
                Err((status, wait)) => return answer(status, &[("retry-after", wait)], "{}"),
            },
            _ => return answer(404, &[], "{}"),
        };
        answer(200, &[("content-type", "application/json")], body.to_string())
    })
    .await
}

/// What a small Mastodon says of accounts; its streaming is away.
async fn mastodon(net: &Shared) -> Peer {
    let net = net.clone();
    Peer::serve(move |_, request| {
        let (mut net, query) = (net.lock().unwrap(), query(request));
        let account = |id: &str, followers: usize, net: &Net| {
            json!({"id": id, "acct": net.handle(id), "followers_count": followers, "following_count": 9, "statuses_count": -1})
        };
        match request.uri().path() {
            "/api/v1/accounts/77" => answer(200, &[], account("77", net.total, &net).to_string()),
            "/api/v1/accounts/77/followers" => match net.page(found(&query, "max_id").as_ref()) {
                Ok((page, next)) => {
                    let named: Vec<Value> = page.iter().map(|id| account(id, 5, &net)).collect();
                    let link = next.map(|next| format!("<http://m.example/followers?max_id={next}>; rel=\"next\""));
                    answer(200, &[("link", &link.unwrap_or_default())], Value::from(named).to_string())
                }
                Err((status, wait)) => answer(status, &[("retry-after", wait)], "{}"),
            },
            _ => answer(404, &[], r#"{"error":"Record not found"}"#),
        }
    })
    .await
}

fn account(source: &str, id: &str) -> String {
    format!("[[brand.account]]\nsource = \"{source}\"\nhandle = \"velora.example\"\nid = \"{id}\"\n")
}

/// A source whose stream is away; only its look-ups answer.
fn sky(id: &str, peer: &Peer) -> String {
    format!(
        "[[source]]\nid = \"{id}\"\nkind = \"bluesky\"\nendpoint = \"ws://127.0.0.1:9/subscribe\"\napi = \"{}\"\n",
        peer.url("")
    )
}

const BRAND: &str = "[[brand]]\nid = \"velora\"\nname = \"Velora\"\n";

const RULES: &str = "schema = 1\n";

/// Until the ledger says so of the list of `own` on `source`.
async fn until_told(daemon: &Daemon, source: &str, own: &str, says: &str) {
    let part = format!("followers of {own}");
    let told = |answer: &Value| {
        let source = crate::whole::source(answer, source)?;
        source["parts"][&part].as_str().map(|told| told.contains(says))
    };
    daemon.until("/api/v1/sources", |answer| told(answer).unwrap_or(false)).await;
}

/// Follower, kind, whether it lies between two lists.
async fn events(house: &House) -> Vec<(String, String, bool)> {
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(house.data().join("reputed.db"));
    let mut store = file.connect().await.unwrap();
    let sql = "SELECT author.id, kind, since IS NOT NULL AND since <= at FROM follower_event \
               JOIN author ON author.number = follower ORDER BY author.id, at";
    let rows = sqlx::query_as(sql).fetch_all(&mut store).await.unwrap();
    store.close().await.unwrap();
    rows
}

/// As if the lists had been read two days before.
async fn two_days_pass(house: &House) {
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(house.data().join("reputed.db"));
    let mut store = file.connect().await.unwrap();
    let sql = "UPDATE snapshot SET began_at = began_at - 172800000000000, ended_at = ended_at - 172800000000000";
    assert!(sqlx::query(sql).execute(&mut store).await.unwrap().rows_affected() > 0);
    store.close().await.unwrap();
}

async fn count(house: &House, source: &str, own: &str) -> usize {
    let mut count = 0;
    house.reader().await.each_follower(source, own, |_, _| count += 1).await.unwrap();
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_goes_on_where_it_stopped_and_two_lists_tell_who_came_and_went() {
    let ids = ["did:plc:a", "did:plc:b", "did:plc:c", "did:plc:d", "did:plc:e", "did:plc:f", "did:plc:g"];
    let net: Shared = Arc::new(Mutex::new(Net::new(&ids)));
    // Too fast, then out of order.
    net.lock().unwrap().refusals = [Some((429, "1")), None, Some((500, ""))].into();
    let peer = bluesky(&net).await;
    let house = House::new(&format!("{BRAND}{}{}", account("sky", OWN), sky("sky", &peer)), RULES);
    let daemon = house.start();
    until_told(&daemon, "sky", OWN, "7 of 7 read, the list is whole").await;
    assert_eq!(net.lock().unwrap().asked, ["", "3", "3", "6", "6"], "no page that was stored is asked for again");
    assert_eq!((count(&house, "sky", OWN).await, events(&house).await.len()), (7, 0), "they were there before");
    daemon.stop();

    two_days_pass(&house).await;
    {
        // One is gone, one is new, one is called otherwise, and one is named on two pages.
        let mut net = net.lock().unwrap();
        net.followers = Net::new(&[ids[0], ids[2], ids[3], ids[3], "did:plc:new", ids[4], ids[5], ids[6]]).followers;
        net.handles.insert(ids[2].to_owned(), "another.example".to_owned());
        net.asked.clear();
    }
    let daemon = house.start();
    until_told(&daemon, "sky", OWN, "7 of 7 read, the list is whole").await;
    let told = events(&house).await;
    let told: Vec<(&str, &str, bool)> =
        told.iter().map(|(who, kind, since)| (who.as_str(), kind.as_str(), *since)).collect();
    assert_eq!(told, [(ids[1], "unfollow", true), ("did:plc:new", "follow", true)]);
    assert_eq!(count(&house, "sky", OWN).await, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_the_middle_of_a_list_loses_and_doubles_nobody() {
    let ids: Vec<String> = (0..75).map(|n| format!("did:plc:f{n:02}")).collect();
    let net: Shared = Arc::new(Mutex::new(Net::new(&ids.iter().map(String::as_str).collect::<Vec<_>>())));
    // Twenty pages of three are stored at once; then it has to wait for a while.
    net.lock().unwrap().refusals = [None; 19].into_iter().chain([Some((429, "600"))]).collect();
    let peer = bluesky(&net).await;
    let house = House::new(&format!("{BRAND}{}{}", account("sky", OWN), sky("sky", &peer)), RULES);
    let daemon = house.start();
    until_told(&daemon, "sky", OWN, "60 of 75 read").await;
    while net.lock().unwrap().asked.last().is_none_or(|page| page != "60") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    daemon.kill();
    net.lock().unwrap().asked.clear();
    let daemon = house.start();
    until_told(&daemon, "sky", OWN, "75 of 75 read, the list is whole").await;
    assert_eq!(net.lock().unwrap().asked, ["60", "63", "66", "69", "72"]);
    assert_eq!((count(&house, "sky", OWN).await, events(&house).await.len()), (75, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_in_circles_or_hides_is_told() {
    let ids = ["did:plc:a", "did:plc:b", "did:plc:c", "did:plc:d"];
    let nets: Vec<Shared> = (0..3).map(|_| Arc::new(Mutex::new(Net::new(&ids)))).collect();
    // Back to the second page; the same page at ever new places; a list that nobody may see.
    nets[0].lock().unwrap().next = Some(|_| 3);
    nets[1].lock().unwrap().next = Some(|start| start + 1_000);
    *nets[2].lock().unwrap() = Net { followers: Vec::new(), ..Net::new(&ids) };
    nets[1].lock().unwrap().total = 90;
    nets[0].lock().unwrap().total = 90;
    let mut config = BRAND.to_owned();
    let mut sources = String::new();
    let mut peers = Vec::new();
    for (place, net) in nets.iter().enumerate() {
        let peer = bluesky(net).await;
        let id = format!("sky{place}");
        config += &account(&id, OWN);
        sources += &sky(&id, &peer);
        peers.push(peer);
    }
    let house = House::new(&format!("{config}{sources}"), RULES);
    let daemon = house.start();
    until_told(&daemon, "sky0", OWN, "4 of 90 read, the server names no more").await;
    until_told(&daemon, "sky1", OWN, "3 of 90 read, the server names no more").await;
    until_told(&daemon, "sky2", OWN, "0 of 4 read, the server keeps the list to itself").await;
    let asked = nets[1].lock().unwrap().asked.len();
    // Two times as many as are stored at once: the second time nobody is new.
    assert!((40..50).contains(&asked), "{asked} pages of a circle");
    let told = house.output(&["follower", "audit", "velora.example", "--source", "sky2"]);
    assert!(
        told.contains("the server keeps the list to itself") && told.contains("no follower's profile is known"),
        "{told}"
    );
    daemon.stop();
    two_days_pass(&house).await;
    nets[0].lock().unwrap().followers.remove(0);
    let daemon = house.start();
    until_told(&daemon, "sky0", OWN, "3 of 90 read, the server names no more").await;
    assert_eq!(events(&house).await.len(), 0, "nothing follows from who is not in a short list");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mastodons_lists_bring_profiles() {
    let net: Shared = Arc::new(Mutex::new(Net::new(&["1", "2", "3", "4", "5"])));
    net.lock().unwrap().refusals = [Some((429, "1"))].into();
    let peer = mastodon(&net).await;
    let source = format!(
        "[[source]]\nid = \"fedi\"\nkind = \"mastodon\"\nurl = \"{}\"\ntoken = {{ file = \"token\" }}\n",
        peer.url("")
    );
    let house = House::new("", RULES);
    house.write("token", crate::fedi::TOKEN);
    house.configure(&format!("{BRAND}{}{source}", account("fedi", "77")));
    let daemon = house.start();
    until_told(&daemon, "fedi", "77", "5 of 5 read, the list is whole").await;
    assert_eq!(net.lock().unwrap().asked, ["", "3", "3"]);
    let mut known = Vec::new();
    house
        .reader()
        .await
        .each_follower("fedi", "77", |author, _| known.push((author.followers, author.posts)))
        .await
        .unwrap();
    assert_eq!(known, [(Some(5), None); 5], "without a look-up; a hidden count is unknown");
}

fn follow(account: &str, author: Value, deleted: bool) -> String {
    let line = json!({"kind": "follow", "account": account, "created_at": "2025-11-21T09:00:00Z", "author": author, "deleted": deleted});
    line.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn follows_are_pushed_and_imported() {
    let house = House::new("", RULES);
    house.write("token", "a-token-of-the-crm");
    let own = "[[brand.account]]\nsource = \"crm\"\nhandle = \"velora.example\"\n";
    house
        .configure(&format!("{BRAND}{own}[[source]]\nid = \"crm\"\nkind = \"push\"\ntoken = {{ file = \"token\" }}\n"));
    let daemon = house.start();
    let ann = json!({"id": "7", "handle": "ann.example", "followers": 3, "following": 4812, "posts": 0});
    let body = [
        follow("@Velora.example", ann.clone(), false),
        follow("velora.example", ann, false),
        follow("another.example", json!({"id": "8"}), false),
        follow("velora.example", json!({"handle": "bob.example"}), false),
        follow("velora.example", json!({}), false),
    ];
    let (status, answer) = daemon.push("a-token-of-the-crm", body.join("\n")).await;
    assert_eq!((status, &answer["accepted"], &answer["matched"]), (200, &3.into(), &3.into()), "{answer}");
    let refused = answer["refused"].to_string();
    assert!(refused.contains("`another.example` on source `crm` is no own account"), "{refused}");
    assert!(refused.contains("neither id nor handle"), "{refused}");
    assert_eq!(events(&house).await.len(), 2, "a follow told twice counts once");

    let export = "Username;Followed at;Fans\r\nBob.example;2025-11-20 08:00:00;5\r\ncem.example;2025-11-20 09:00:00;-1\r\n\
                  dora.example;whenever;1\r\n";
    house.write("export.csv", export);
    let file = house.path().join("export.csv").display().to_string();
    let args = [
        "import",
        &file,
        "--follow",
        "velora.example",
        "--map",
        "author.handle=Username",
        "--map",
        "created_at=Followed at",
        "--map",
        "author.followers=Fans",
    ];
    let mut daemon = Some(daemon);
    for round in ["with the daemon", "without"] {
        let output = house.run(&args);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{round}: {told}");
        assert!(told.contains("0 posts and 2 follows read, 2 of them wanted, 1 lines passed over"), "{round}: {told}");
        assert!(told.contains("export.csv:4: `whenever` of column `Followed at` is no time"), "{round}: {told}");
        assert!(told.contains("1 values taken as unknown"), "{round}: {told}");
        if round == "with the daemon" {
            daemon.take().unwrap().stop();
        }
    }
    assert_eq!(events(&house).await.len(), 3, "bob follows already");
    let unfollow = follow("velora.example", json!({"id": "7"}), true);
    house.write("later.jsonl", &unfollow);
    house.output(&["import", &house.path().join("later.jsonl").display().to_string()]);
    assert_eq!(count(&house, "crm", "velora.example").await, 2);
    let told: Value = serde_json::from_str(&house.output(&["follower", "audit", "velora.example", "--json"])).unwrap();
    assert_eq!((&told["share"]["known"], &told["share"]["unknown"]), (&1.into(), &1.into()), "{told}");
    let at: Timestamp = told["heard_since"].as_str().unwrap().parse().unwrap();
    assert_eq!(at, "2025-11-20T09:00:00Z".parse().unwrap(), "when it happened, not when it was told");

    let output = house.run(&["import", &file, "--follow", "velora.example", "--map", "author.handle=Usernam"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("did you mean `Username`?"), "{told}");
}
