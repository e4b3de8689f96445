//! What the documents tell people to write: every TOML example is read by the real program.

use crate::house::{House, client};
use std::path::Path;
use std::process::{Command, Output};

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
