//! `reputed model rescore`: all mentions by the model of today. The running daemon does it, else we do.

use super::super::daemon::Daemon;
use super::super::{Configured, Failure, terminal};
use crate::app::{App, Parts};
use crate::config::Overrides;
use crate::flow::Clock;
use crate::store::{self, Reader};
use clap::Args;
use reqwest::Method;
use std::time::Duration;

/// Scores all mentions by the model of today, as after an upgrade or `reputed model refit`
#[derive(Args)]
#[command(after_help = "\
Newest first, some hundred a second on two cores. While the daemon runs it does the work, whenever nothing
fresh waits. What is interrupted goes on at the next start. Rules do not judge old mentions again.")]
pub struct Rescore {
    #[command(flatten)]
    configured: Configured,
}

/// How often the bar moves.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Rescore {
    pub(super) fn run(self) -> Result<(), Failure> {
        let data_dir = self.configured.find_data()?;
        let runtime = super::super::runtime()?;
        if let Some(daemon) = Daemon::find(&data_dir)? {
            return runtime.block_on(async {
                daemon.ask(Method::POST, "rescore", None).await?;
                watch(&store::open_read_only(&data_dir).await?).await
            });
        }
        let config = self.configured.read(Overrides::default())?;
        runtime.block_on(async {
            let app = App::start(config, Parts::Ingest, Clock::Real).await?;
            app.rescore().await?;
            let watched = watch(&app.reader).await;
            app.stop();
            app.wait().await?;
            watched
        })
    }
}

/// Until nothing waits.
async fn watch(reader: &Reader) -> Result<(), Failure> {
    let total = reader.count_waiting_for_scores().await?;
    let bar = terminal::count_bar(total);
    loop {
        let left = reader.count_waiting_for_scores().await?;
        bar.set_position(total.saturating_sub(left));
        if left == 0 {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bar.finish_and_clear();
    terminal::note(&format!("{total} mentions looked at"));
    Ok(())
}
