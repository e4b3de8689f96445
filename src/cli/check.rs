//! `reputed check`: every error of config, rules and watches at once.

use super::{Configured, Failure, terminal};
use crate::config::{self, Overrides};
use clap::Args;
use std::io::Write;

/// Lists everything that is wrong with a configuration: keys, watches, rules, models
#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    configured: Configured,
    /// Fail on warnings too
    #[arg(long)]
    deny_warnings: bool,
    /// Also try every source and hook over the network, without sending anything
    #[arg(long)]
    online: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let overrides = Overrides { data_dir: self.configured.data_dir.clone(), ..Overrides::default() };
        let (config, warnings) = config::read(self.configured.config.as_deref(), &overrides).map_err(Failure::BadFile)?;
        crate::classify::Classifier::load()?;
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
            "good: {} brands, {watches} watches, {} sources, {} hooks, {} rules",
            config.brands.len(),
            config.sources.len(),
            config.hooks.len(),
            config.rules.ids().len()
        )?;
        Ok(())
    }
}

/// Asks every source whether it can be reached.
async fn online(config: &config::Config) -> Result<(), Failure> {
    let mut failed = 0;
    for source in &config.sources {
        match source.source.clone().probe().await {
            Ok(found) => terminal::note(&format!("source `{}`: {found}", source.id)),
            Err(reason) => {
                failed += 1;
                terminal::note(&format!("source `{}`: {reason}", source.id));
            }
        }
    }
    if failed > 0 {
        return Err(anyhow::anyhow!("{failed} of {} sources cannot be reached", config.sources.len()).into());
    }
    Ok(())
}
