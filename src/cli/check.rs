//! `reputed check`: every error of config, rules and watches at once.

use super::{Configured, Failure, terminal};
use crate::config::{self, Overrides};
use crate::ledger::{Ledger, Phase};
use crate::source::Context;
use crate::source::intake::{self, Intake};
use crate::watch::{Gate, WatchSet};
use clap::Args;
use jiff::Timestamp;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long `--online` listens to each source before it gives it up.
const LISTEN_FOR: Duration = Duration::from_secs(10);

/// Lists everything that is wrong with a configuration: keys, watches, rules, models
#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    configured: Configured,
    /// Fail on warnings too
    #[arg(long)]
    deny_warnings: bool,
    /// Also listen to every source for a moment
    #[arg(long)]
    online: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let overrides = Overrides { data_dir: self.configured.data_dir.clone(), ..Overrides::default() };
        let (config, warnings) =
            config::read(self.configured.config.as_deref(), &overrides).map_err(Failure::BadFile)?;
        config.model.open(Some(&config.data_dir))?;
        for warning in &warnings {
            terminal::note(&warning.to_string());
        }
        if self.online {
            super::runtime()?.block_on(online(&config))?;
        }
        if self.deny_warnings && !warnings.is_empty() {
            return Err(Failure::Usage(format!("{} warnings, denied by --deny-warnings", warnings.len())));
        }
        let watches: usize = config.brands.iter().map(|brand| brand.watches.len()).sum();
        let mut out = std::io::stdout();
        writeln!(
            out,
            "good: brands {}, watches {watches}, sources {}, hooks {}, rules {}",
            config.brands.len(),
            config.sources.len(),
            config.hooks.len(),
            config.rules.ids().len()
        )?;
        Ok(())
    }
}

/// Lets every source listen for a moment, into the void, and says what its ledger says.
async fn online(config: &config::Config) -> Result<(), Failure> {
    let mut failed = 0;
    let kinds: Vec<_> = config.sources.iter().map(|source| (source.id.clone(), source.kind)).collect();
    for source in &config.sources {
        let set = WatchSet::compile(&config.brands, &kinds, &config.names)
            .map_err(|_| anyhow::anyhow!("watches do not compile"))?;
        let (gate, ledger) = (Arc::new(Gate::new(set)), Arc::new(Ledger::new(&source.id, source.kind)));
        let (to, mut from) = intake::channel();
        let intake = Intake::new(&source.id, gate.clone(), ledger.clone(), to);
        let stop = CancellationToken::new();
        let context = Context { intake, cursor: None, ledger: ledger.clone(), gate, stop: stop.clone() };
        let listening = tokio::spawn(source.source.clone().run(context));
        let drain = async { while from.recv().await.is_some() {} };
        drop(
            tokio::time::timeout(LISTEN_FOR, async {
                tokio::select! { () = drain => {}, () = is_live(&ledger) => {} }
            })
            .await,
        );
        stop.cancel();
        listening.abort();
        let found = ledger.snapshot(Timestamp::now());
        failed += u32::from(!matches!(found.phase, Phase::Live | Phase::Ended));
        let error = found.last_error.map(|error| format!(": {error}")).unwrap_or_default();
        terminal::note(&format!("source `{}` ({}): {}{error}", found.id, found.kind, found.says));
    }
    if failed > 0 {
        return Err(anyhow::anyhow!("{failed} of {} sources could not be heard", config.sources.len()).into());
    }
    Ok(())
}

async fn is_live(ledger: &Ledger) {
    while !matches!(ledger.snapshot(Timestamp::now()).phase, Phase::Live | Phase::Ended) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
