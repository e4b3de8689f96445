//! The real program in a folder of its own, with peers on loopback: started, asked, stopped, killed.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
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
        let head = "data_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n[rules]\nfiles = [\"rules.toml\"]\n";
        std::fs::write(dir.path().join("reputed.toml"), format!("{head}{config}")).unwrap();
        std::fs::write(dir.path().join("rules.toml"), rules).unwrap();
        Self { dir, client: client() }
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
                panic!("the daemon ended at once: {status}\n{}", rest(&mut child));
            }
            if let Ok(address) = std::fs::read_to_string(&address_file)
                && let Ok(address) = address.parse()
                && std::net::TcpStream::connect(address).is_ok()
            {
                let token = std::fs::read_to_string(self.data().join("admin.token")).unwrap();
                return Daemon { child, address, token: token.trim().to_owned(), client: self.client.clone() };
            }
            assert!(began.elapsed() < PATIENCE, "the daemon did not come up");
            pause(5);
        }
    }

    /// Starts the daemon without waiting for anything.
    pub fn spawn(&self) -> Child {
        // A file of an earlier, killed run must not be taken for this one's.
        drop(std::fs::remove_file(self.data().join("http.addr")));
        self.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Daemon {
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("http://{}{path}", self.address)).bearer_auth(&self.token).send().await;
        answer.unwrap().json().await.unwrap()
    }

    pub async fn post(&self, path: &str, token: &str, body: String) -> (u16, Value) {
        let url = format!("http://{}{path}", self.address);
        let request =
            self.client.post(url).bearer_auth(token).header("content-type", "application/x-ndjson").body(body);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
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

fn rest(child: &mut Child) -> String {
    let Some(stderr) = child.stderr.take() else { return String::new() };
    BufReader::new(stderr).lines().map_while(Result::ok).collect::<Vec<_>>().join("\n")
}
