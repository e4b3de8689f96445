//! `reputed reindex`: the search index from nothing, out of the store. The daemon must not run.

use super::{Configured, Failure, terminal};
use crate::app::INDEX_FOLDER;
use crate::config::Overrides;
use crate::flow::index::{Fresh, Indexing};
use crate::metric::Metrics;
use crate::{index, store};
use clap::Args;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Builds the search index anew from the store
#[derive(Args)]
pub struct Reindex {
    #[command(flatten)]
    configured: Configured,
}

impl Reindex {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.configured.read(Overrides::default())?;
        super::runtime()?.block_on(async {
            // Taking the writer keeps a daemon out meanwhile.
            let (_writer, reader) = store::open(&config.data_dir).await?;
            let folder = config.data_dir.join(INDEX_FOLDER);
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            let (writer, _searcher) = index::open(&folder)?;
            let bar = terminal::count_bar(u64::try_from(reader.last_change().await?).unwrap_or(0));
            let mut indexing = Indexing {
                writer,
                reader,
                kinds: Arc::new(config.sources.iter().map(|source| (source.id.clone(), source.kind)).collect()),
                stored: watch::channel(0).1,
                fresh: Fresh::new(mpsc::channel(1).1),
                metrics: Arc::new(Metrics::new()),
                caught_up: Arc::default(),
            };
            indexing.catch_up(|change| bar.set_position(u64::try_from(change).unwrap_or(0))).await?;
            bar.finish_and_clear();
            Ok(())
        })
    }
}
