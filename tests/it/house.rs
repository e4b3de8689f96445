//! The real program in a folder of its own, with peers on loopback: started, asked, stopped, killed.

use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with a configuration; the daemon comes and goes.
pub struct House {
    dir: TempDir,
    client: reqwest::Client,
}

/// A running daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    pub address: SocketAddr,
    pub token: String,
    client: reqwest::Client,
}

impl House {
    /// `config` is completed by a data folder and a free port.
    pub fn new(config: &str, rules: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let house = Self { dir, client: client() };
        house.configure(config);
        house.write("rules.toml", rules);
        house
    }

    /// Another configuration in place of the one before.
    pub fn configure(&self, config: &str) {
        let head = "data_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n[rules]\nfiles = [\"rules.toml\"]\n";
        self.write("reputed.toml", &format!("{head}{config}"));
    }

    /// A file beside the configuration.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// What the daemon has written to standard error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// Until the log holds `text`.
    pub fn until_logged(&self, text: &str) {
        let began = Instant::now();
        while !self.log().contains(text) {
            assert!(began.elapsed() < PATIENCE, "`{text}` is not in the log:\n{}", self.log());
            pause(5);
        }
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a command that succeeds prints.
    pub fn output(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Reads the store beside the daemon.
    pub async fn reader(&self) -> reputed::store::Reader {
        reputed::store::open_read_only(&self.data()).await.unwrap()
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("reputed.toml")
    }

    /// The program with this house's configuration, for a command that ends by itself.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reputed"));
        command.args(args).env("REPUTED_CONFIG", self.config()).env("REPUTED_LOG", "warn");
        command
    }

    /// Starts the daemon and waits until it can be asked.
    pub fn start(&self) -> Daemon {
        let mut child = self.spawn();
        let began = Instant::now();
        let address_file = self.data().join("http.addr");
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the daemon ended at once: {status}\n{}", self.log());
            }
            if let Ok(address) = std::fs::read_to_string(&address_file)
                && let Ok(address) = address.parse()
                && std::net::TcpStream::connect(address).is_ok()
            {
                let token = std::fs::read_to_string(self.data().join("admin.token")).unwrap();
                return Daemon { child, address, token: token.trim().to_owned(), client: self.client.clone() };
            }
            assert!(began.elapsed() < PATIENCE, "the daemon did not come up\n{}", self.log());
            pause(5);
        }
    }

    /// Starts the daemon without waiting for anything.
    pub fn spawn(&self) -> Child {
        // A file of an earlier, killed run must not be taken for this one's.
        drop(std::fs::remove_file(self.data().join("http.addr")));
        let log = OpenOptions::new().create(true).append(true).open(self.path().join("log")).unwrap();
        self.command(&["run"]).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Daemon {
    /// As the admin.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address)).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Value {
        self.request(Method::GET, path).send().await.unwrap().json().await.unwrap()
    }

    /// Pushes posts under the token of a source: the status and what was answered.
    pub async fn push(&self, token: &str, body: String) -> (u16, Value) {
        let url = format!("http://{}/api/v1/posts", self.address);
        let answer = self.client.post(url).bearer_auth(token).body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Pushes one post as the admin: how many watches' brands wanted it.
    pub async fn push_matched(&self, post: &Value) -> u64 {
        let request = self.request(Method::POST, "/api/v1/posts?source=import").body(post.to_string());
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["matched"].as_u64().unwrap()
    }

    /// Until `path` answers with something that `enough` takes.
    pub async fn until(&self, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.get(path).await;
            if enough(&answer) {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "{path} still says {answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// SIGTERM, and how it ended.
    pub fn stop(mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        self.signal("TERM");
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, began.elapsed());
            }
            pause(5);
        }
        panic!("SIGTERM did not stop the daemon");
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits for another process; the clock of the test's own runtime plays no part.
pub fn pause(milliseconds: u64) {
    std::thread::park_timeout(Duration::from_millis(milliseconds));
}

pub fn client() -> reqwest::Client {
    let tls = reputed::wire::tls::client_config().as_ref().clone();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().timeout(PATIENCE).build().unwrap()
}

/// A line of the contract's JSON.
pub fn post(id: &str, text: &str) -> Value {
    let at = jiff::Timestamp::now().to_string();
    serde_json::json!({"id": id, "text": text, "created_at": at, "author": {"id": format!("author of {id}")}})
}
