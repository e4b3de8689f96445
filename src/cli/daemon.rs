//! The daemon that runs on a data folder, spoken to through its door with the admin's token: it alone writes.

use crate::app::{ADDRESS_FILE, TOKEN_FILE};
use crate::wire::http::{Client, Reach, Request};
use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// A commit of a busy daemon may take its time; a hung one must not hold us for ever.
const TIMEOUT: Duration = Duration::from_secs(60);

pub struct Daemon {
    api: Url,
    token: String,
    client: Client,
}

impl Daemon {
    /// `None` when none runs on the folder.
    pub fn find(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let Ok(address) = std::fs::read_to_string(data_dir.join(ADDRESS_FILE)) else { return Ok(None) };
        // The file outlives a kill -9; the lock does not.
        if !crate::store::is_locked(data_dir) {
            return Ok(None);
        }
        let token = std::fs::read_to_string(data_dir.join(TOKEN_FILE)).context("cannot read the admin token")?;
        let api = Url::parse(&format!("http://{address}/api/v1/")).context("the daemon's address")?;
        Ok(Some(Self { api, token: token.trim().to_owned(), client: Client::new(Reach::Configured) }))
    }

    /// Its answer; `path` is beneath `/api/v1/`, `body` has its media type before it.
    ///
    /// # Errors
    /// It does not answer, or says no: then with its reason.
    pub async fn ask(&self, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> anyhow::Result<Value> {
        let mut headers = vec![("authorization".into(), format!("Bearer {}", self.token))];
        headers.extend(body.iter().map(|(media_type, _)| ("content-type".into(), (*media_type).to_owned())));
        let url = self.api.join(path)?;
        let body = body.map(|(_, body)| body);
        let request = Request { method, headers, body, timeout: TIMEOUT, ..Request::get(url) };
        let response = self.client.send(request).await.context("the daemon does not answer")?;
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if response.status >= 300 {
            let reason = answer["detail"].as_str().or(answer["title"].as_str()).unwrap_or("refused without a reason");
            let first = answer["errors"][0]["message"].as_str().map(|first| format!(": {first}")).unwrap_or_default();
            bail!("the running daemon answered {}: {reason}{first}", response.status);
        }
        Ok(answer)
    }
}
