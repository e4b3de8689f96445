//! The one door of the daemon: JSON API, event stream, metrics and the page. It reads from the store and the index,
//! and asks the one writer for changes by [`Command`]; it never writes itself. Contract: `/api/v1/openapi.json`.

mod alert;
mod audit;
pub mod auth;
mod author;
mod complete;
mod cursor;
mod delivery;
mod follower;
mod health;
mod limit;
mod listener;
mod me;
mod mention;
mod openapi;
mod own;
mod post;
pub mod problem;
mod route;
mod session;
mod source;
mod stream;
pub mod summary;
mod ui;

#[cfg(test)]
mod tests;

use crate::brand::Brand;
use crate::flow::{Command, Event};
use crate::follower::model::Model;
use crate::index::Searcher;
use crate::ledger::Ledger;
use crate::metric::Metrics;
use crate::query::names::Names;
use crate::source::intake::Intake;
use crate::store::Reader;
use arc_swap::ArcSwap;
use audit::Audits;
use auth::Tokens;
use axum::Router;
use axum::middleware;
use listener::{Bounded, Peer};
use problem::Problem;
use session::{Sessions, Throttle};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How long requests under way may go on once the daemon stops; the whole stop has ten seconds.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// A durable commit takes milliseconds; after this long the disk is in trouble and the caller should know.
const COMMIT_TIME_MAX: Duration = Duration::from_secs(10);

/// Opens a way into ingest for pushed posts of a source; `None` when it may not be pushed to.
pub type OpenIntake = dyn Fn(&str) -> Option<Intake> + Send + Sync;

/// What the rest of the daemon gives the door.
pub struct Door {
    pub reader: Reader,
    pub searcher: Searcher,
    /// One for each configured source.
    pub ledgers: Vec<Arc<Ledger>>,
    /// As configured now; for own accounts.
    pub brands: Arc<ArcSwap<Vec<Brand>>>,
    /// Judges followers.
    pub follower_model: Arc<Model>,
    /// As configured now: what a search may refer to.
    pub names: Arc<ArcSwap<Names>>,
    pub metrics: Arc<Metrics>,
    pub commands: mpsc::Sender<Command>,
    pub intake: Arc<OpenIntake>,
    pub events: broadcast::Sender<Event>,
    pub tokens: Tokens,
    /// Why the daemon is not ready, in words without secrets; empty when it is.
    pub unready: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Under which people reach us, without a slash at its end.
    pub base_url: String,
}

/// The door, and what HTTP itself keeps.
struct Desk {
    door: Door,
    sessions: Sessions,
    throttle: Throttle,
    pushes: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    audits: Audits,
    stop: CancellationToken,
}

type Shared = axum::extract::State<Arc<Desk>>;

/// Serves until `stop` is cancelled, then lets requests under way end.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: TcpListener, door: Door, stop: CancellationToken) -> io::Result<()> {
    let service = router(door, stop.clone()).into_make_service_with_connect_info::<Peer>();
    let served = axum::serve(Bounded::new(listener), service)
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_GRACE).await;
    };
    tokio::select! {
        result = served => result,
        () = patience => Ok(()),
    }
}

/// Every route of the table behind its guard, and nothing else.
pub fn router(door: Door, stop: CancellationToken) -> Router {
    let desk = Arc::new(Desk {
        audits: Audits::new(door.reader.clone(), door.follower_model.clone()),
        door,
        sessions: Sessions::default(),
        throttle: Throttle::new(),
        pushes: Arc::new(Semaphore::new(limit::PUSHES_MAX)),
        streams: Arc::new(Semaphore::new(limit::STREAMS_MAX)),
        stop,
    });
    let mut router = Router::new();
    for route in route::ROUTES {
        let guard = middleware::from_fn_with_state((desk.clone(), route), auth::guard);
        router = router.route(&route.pattern(), (route.handler)().route_layer(guard));
    }
    let places = Arc::new(Semaphore::new(limit::REQUESTS_MAX));
    router
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(places, limit::bounded))
        .with_state(desk)
}

impl Desk {
    /// Asks the one writer and waits for the durable commit.
    async fn ask(&self, command: impl FnOnce(oneshot::Sender<bool>) -> Command) -> Result<bool, Problem> {
        let (done, answer) = oneshot::channel();
        let asked = async {
            self.door.commands.send(command(done)).await.map_err(|_| ())?;
            answer.await.map_err(|_| ())
        };
        match tokio::time::timeout(COMMIT_TIME_MAX, asked).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(())) => Err(Problem::busy("the daemon is stopping")),
            Err(_) => Err(Problem::busy("the store did not commit in time; it may still do so")),
        }
    }
}
