//! What the documents tell people to write: every TOML example is read by the real program.

use crate::house::{House, client};
use reputed::post::{Kind, Post};
use reputed::query::Query;
use reputed::query::eval::Subject;
use reputed::query::list::List;
use reputed::query::names::Names;
use reputed::query::reading::Reading;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

/// Blocks of the language `toml` in a document, in order.
fn examples(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let blocks = text.split("```toml\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn check(dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reputed"));
    command.args(["check", "--deny-warnings", "-c"]).arg(dir.join("reputed.toml"));
    command.env("CRM_TOKEN", "0123456789abcdef0123456789abcdef").output().unwrap()
}

fn assert_good(what: &str, output: &Output) {
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_configuration_of_the_readme_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let found = examples("README.md");
    assert_eq!(found.len(), 1);
    std::fs::write(dir.path().join("reputed.toml"), &found[0]).unwrap();
    assert_good("README.md", &check(dir.path()));
}

#[test]
fn the_rules_of_the_manual_are_right() {
    let dir = tempfile::tempdir().unwrap();
    let found = examples("docs/rules.md");
    assert_eq!(found.len(), 1);
    std::fs::write(dir.path().join("rules.toml"), &found[0]).unwrap();
    let config = "[rules]\nfiles = [\"rules.toml\"]\n[[brand]]\nid = \"acme\"\n[[brand.watch]]\nid = \"name\"\n\
                  query = \"acme\"\n[[hook]]\nid = \"ops\"\nkind = \"webhook\"\nurl = \"https://ops.example/\"\n";
    std::fs::write(dir.path().join("reputed.toml"), config).unwrap();
    assert_good("docs/rules.md", &check(dir.path()));
}

/// The blocks of a language in a document, with what stands behind the language's name.
fn blocks<'d>(document: &'d str, language: &str) -> Vec<(&'d str, &'d str)> {
    let mut found = Vec::new();
    let mut rest = document;
    while let Some((_, block)) = rest.split_once("```") {
        let (body, behind) = block.split_once("```").unwrap();
        let (head, text) = body.split_once('\n').unwrap_or((body, ""));
        if head.split(' ').next() == Some(language) {
            found.push((head[language.len()..].trim(), text));
        }
        rest = behind;
    }
    found
}

/// A post as the manual writes one: `[lang de] the text`.
fn post(written: &str) -> Post<'static> {
    let now = jiff::Timestamp::now();
    let mut post = Post::new("1", "", now);
    let mut rest = written.trim();
    while let Some((head, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let (key, value) = head.split_once(' ').unwrap_or((head, ""));
        let text = || Some(value.to_owned().into());
        match key {
            "lang" => post.lang = text(),
            "kind" => post.kind = Kind::ALL.iter().find(|(name, _)| *name == value).unwrap().1,
            "rating" => post.rating = value.parse().ok(),
            "reply" => post.reply_to = Some("0".into()),
            "link" => post.links.push(value.to_owned().into()),
            "tag" => post.tags.push(value.to_owned().into()),
            "author" => post.author.name = text(),
            "followers" => post.author.followers = value.parse().ok(),
            "age" => {
                let days: i64 = value.trim_end_matches('d').parse().unwrap();
                post.author.created_at = Some(now - jiff::SignedDuration::from_hours(24 * days));
            }
            key => panic!("what is `{key}`?"),
        }
        rest = behind.trim();
    }
    post.text = rest.to_owned().into();
    post
}

#[test]
fn the_watches_of_the_manual_find_what_they_say() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/query.md")).unwrap();
    let list = |(name, text): (&str, &str)| (name.to_owned(), Arc::new(List::read(name, text).unwrap()));
    let names = Names { lists: blocks(&text, "list").into_iter().map(list).collect(), ..Names::default() };
    let watches = blocks(&text, "watch");
    assert_eq!(watches.len(), 20);
    for (_, watch) in watches {
        let mut lines = watch.lines();
        let query =
            Query::parse_watch(lines.next().unwrap(), &names).unwrap_or_else(|errors| panic!("{watch}{errors:?}"));
        let (mut finds, mut passes) = (0, 0);
        for line in lines {
            let (expected, written) = line.split_once(':').unwrap();
            let expected = match expected.trim() {
                "finds" => true,
                "not" => false,
                other => panic!("what is `{other}`?"),
            };
            let post = post(written);
            let subject = Subject { post: &post, source_kind: "", mention: None, now: None };
            let explanation = query.explain(&subject, &Reading::of(&post));
            assert_eq!(query.matches(&subject) == Some(true), expected, "{line}\n{explanation}");
            *if expected { &mut finds } else { &mut passes } += 1;
        }
        assert!(finds > 0 && passes > 0, "{watch}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_whether_a_daemon_answers() {
    let house =
        House::new("[[brand]]\nid = \"acme\"\n[[brand.watch]]\nid = \"name\"\nquery = \"acme\"\n", "schema = 1\n");
    let health = |args: &[&str]| house.command(&[&["health"], args].concat()).output().unwrap();
    let before = health(&[]);
    assert_eq!(before.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&before.stderr).contains("no daemon runs"), "{before:?}");
    let daemon = house.start();
    assert_good("health", &health(&[]));
    let ready = client().get(format!("http://{}/readyz", daemon.address)).send().await.unwrap().status();
    assert!(!ready.is_success() || health(&["--ready"]).status.success());
    daemon.stop();
    assert_eq!(health(&[]).status.code(), Some(1));
}
