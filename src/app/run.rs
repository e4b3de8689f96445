//! The loops side by side until all have ended.

use super::{ADDRESS_FILE, Build, STOP_WITHIN};
use crate::flow::deliver::Delivering;
use crate::flow::index::Indexing;
use crate::flow::pipeline::Pipeline;
use crate::flow::supervise;
use crate::http::{self, Door};
use crate::store::Writer;
use anyhow::Context;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Runs the loops; when told to stop, stops them downward: doors, sources and deliveries, ingest, index.
pub async fn supervise_all(
    build: Build,
    pipeline: Pipeline,
    writer: Writer,
    indexing: Indexing,
    delivering: Option<Delivering>,
    door: Option<(TcpListener, Door)>,
) -> anyhow::Result<()> {
    let (stop, metrics) = (build.stop.clone(), build.metrics.clone());
    let index_stop = CancellationToken::new();
    let indexing = Arc::new(Mutex::new(indexing));
    let index = supervise::keep("index", &metrics, &index_stop, || {
        let (indexing, stop) = (indexing.clone(), index_stop.clone());
        async move { indexing.lock().await.run(stop).await }
    });
    let delivering = delivering.map(|delivering| Arc::new(Mutex::new(delivering)));
    let delivered = pipeline.delivered.clone();
    let deliver = async {
        let _done = delivered.drop_guard();
        if let Some(delivering) = &delivering {
            supervise::keep("deliver", &metrics, &stop, || {
                let (delivering, stop) = (delivering.clone(), stop.clone());
                async move { delivering.lock().await.run(stop).await }
            })
            .await;
        }
    };
    let serve = async {
        tokio::select! { () = build.entrance.opened() => {}, () = stop.cancelled() => {} }
        match door {
            Some((listener, door)) => http::serve(listener, door, stop.clone()).await.context("HTTP failed"),
            None => Ok(()),
        }
    };
    let ingest = async {
        let ended = pipeline.run(writer).await;
        // Ingest ended: by `stop`, or because it cannot go on. Either way nothing new comes.
        stop.cancel();
        index_stop.cancel();
        ended.map_err(anyhow::Error::from)
    };
    let serve = async {
        let served = serve.await;
        if served.is_err() {
            stop.cancel();
        }
        served
    };
    let all = async { tokio::join!(ingest, serve, deliver, index) };
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_WITHIN).await;
    };
    let ended = tokio::select! {
        (ingested, served, (), ()) = all => ingested.and(served),
        () = late => {
            tracing::warn!("stopping took too long; what was under way is taken up at the next start");
            Ok(())
        }
    };
    drop(std::fs::remove_file(build.data_dir.join(ADDRESS_FILE)));
    ended
}
