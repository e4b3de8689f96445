//! `reputed health`: does the daemon of this data folder answer? For images without an HTTP client, and for scripts.

use super::{Configured, Failure};
use crate::app::ADDRESS_FILE;
use crate::wire::http::{Client, Reach, Request};
use anyhow::{Context, bail};
use clap::Args;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// Asks the running daemon whether it is alive; exits 0 when it is
#[derive(Args)]
pub struct Health {
    /// Whether it is ready too: everything stored is searchable
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    configured: Configured,
}

/// Who asks for health wants an answer now; a supervisor's own patience is about as long.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Health {
    pub(super) fn run(self) -> Result<(), Failure> {
        let path = if self.ready { "readyz" } else { "healthz" };
        super::runtime()?.block_on(ask(&self.configured.find_data()?, path))?;
        Ok(())
    }
}

async fn ask(data_dir: &Path, path: &str) -> anyhow::Result<()> {
    let address = std::fs::read_to_string(data_dir.join(ADDRESS_FILE))
        .with_context(|| format!("no daemon runs on {}", data_dir.display()))?;
    let request = Request { timeout: TIMEOUT, ..Request::get(Url::parse(&format!("http://{address}/{path}"))?) };
    let response = Client::new(Reach::Configured).send(request).await.context("the daemon does not answer")?;
    if response.status != 200 {
        bail!("the daemon answers {}: {}", response.status, String::from_utf8_lossy(&response.body).trim());
    }
    Ok(())
}
