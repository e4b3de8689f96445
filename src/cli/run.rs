//! `reputed run`: the daemon.

use super::{Configured, Failure, terminal};
use crate::app::{App, Parts};
use crate::config::{Config, Overrides};
use crate::flow::Clock;
use clap::Args;
use std::net::SocketAddr;
use tokio::signal::unix::{SignalKind, signal};

/// Listens, stores, judges, alerts, until it is stopped
#[derive(Args)]
#[command(
    after_help = "Signals: SIGTERM and SIGINT stop cleanly within 10 s; SIGHUP reads brands, watches and rules again."
)]
pub struct Run {
    #[command(flatten)]
    configured: Configured,
    /// A query to listen for, beside those of the file
    #[arg(long, env = "REPUTED_WATCH", value_name = "QUERY")]
    watch: Option<String>,
    /// In place of the file's `[http] listen`
    #[arg(long, env = "REPUTED_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

impl Run {
    pub(super) fn run(self) -> Result<(), Failure> {
        let overrides = Overrides { watch: self.watch.clone(), listen: self.listen, data_dir: None };
        let config = self.configured.read(overrides.clone())?;
        if config.brands.iter().all(|brand| brand.watches.is_empty() && brand.accounts.is_empty()) {
            return Err(Failure::Usage(
                "nothing to listen for: name it with --watch 'acme OR \"acme corp\"', or write [[brand]] sections into a \
                 file and give it with -c; `reputed manual config` prints one to start from"
                    .into(),
            ));
        }
        super::runtime()?.block_on(serve(config, || self.configured.read(overrides.clone())))
    }
}

/// Runs the daemon until a signal stops it; `again` reads the configuration for SIGHUP.
async fn serve(config: Config, again: impl Fn() -> Result<Config, Failure>) -> Result<(), Failure> {
    let (mut terminate, mut hangup) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let app = App::start(config, Parts::All, Clock::Real).await?;
    if let Some(url) = &app.login_url {
        terminal::note(&format!("reputed {} is listening; open {url}", env!("CARGO_PKG_VERSION")));
    }
    let stopped = app.stopped();
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = stopped.cancelled() => break,
            _ = hangup.recv() => reload(&app, &again).await,
        }
    }
    tracing::info!("stopping");
    app.stop();
    app.wait().await?;
    tracing::info!("stopped");
    Ok(())
}

/// On any error the old set stays live, and the log says why.
async fn reload(app: &App, again: &impl Fn() -> Result<Config, Failure>) {
    match again() {
        Ok(config) => match app.reload(config).await {
            Ok(()) => {
                tracing::info!("brands, watches and rules were read again; sources, hooks and http need a restart")
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "not reloaded, the old configuration holds"),
        },
        Err(Failure::BadFile(problems)) => {
            for problem in &problems {
                tracing::error!("{problem}");
            }
            tracing::error!("not reloaded, the old configuration holds");
        }
        Err(Failure::Usage(reason)) => tracing::error!(reason, "not reloaded, the old configuration holds"),
        Err(Failure::Work(error)) => tracing::error!(%error, "not reloaded, the old configuration holds"),
    }
}
