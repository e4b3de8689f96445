//! `/api/v1/stream`: what happens, as it happens, as server-sent events (WHATWG HTML, section 9.2).
//! Nothing is replayed: a client that was away asks the lists again, and is told (`lagged`) when it was too slow.

use super::auth::Caller;
use super::cursor::Params;
use super::problem::Problem;
use super::{Desk, Shared};
use crate::flow::Event as Happening;
use crate::query::Query;
use crate::query::eval::Subject;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// A comment this often keeps proxies and our own idle limit from closing a silent stream.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Then the client connects again and is asked who it is again: tokens and sessions end.
const LIFE: Duration = Duration::from_secs(3_600);
/// How long a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
}

struct Watching {
    desk: Arc<Desk>,
    caller: Caller,
    query: Query,
    events: Receiver<Happening>,
    ends_at: Instant,
    greeted: bool,
    _place: OwnedSemaphorePermit,
}

pub async fn open(
    State(desk): Shared,
    caller: Caller,
    Params(asked): Params<Asked>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let query = Query::parse_with(&asked.q, &desk.door.names.load()).map_err(Problem::query)?;
    let place = desk.streams.clone().try_acquire_owned().map_err(|_| Problem::busy("too many open streams"))?;
    let events = desk.door.events.subscribe();
    let ends_at = Instant::now() + LIFE;
    let watching = Watching { desk, caller, query, events, ends_at, greeted: false, _place: place };
    let stream = unfold(watching, |mut watching| async {
        let event = watching.next().await?;
        Some((Ok(event), watching))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("still here")))
}

impl Watching {
    /// The next event that this caller wants; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(Event::default().retry(RETRY).comment("open"));
        }
        loop {
            let received = tokio::select! {
                received = self.events.recv() => received,
                () = self.desk.stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.ends_at) => return None,
            };
            match received {
                Ok(happening) => {
                    if let Some(event) = self.tell(&happening) {
                        return Some(event);
                    }
                }
                Err(RecvError::Lagged(missed)) => {
                    return Some(Event::default().event("lagged").data(format!("{{\"missed\":{missed}}}")));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn tell(&self, happening: &Happening) -> Option<Event> {
        let event = match happening {
            Happening::Mention(mention) => {
                let ledger = self.desk.door.ledgers.iter().find(|ledger| ledger.source == *mention.post.source);
                let source_kind = ledger.map_or("", |ledger| ledger.kind);
                let subject = Subject {
                    post: &mention.post,
                    source_kind,
                    mention: Some(mention),
                    now: Some(jiff::Timestamp::now()),
                };
                // A deletion concerns everybody who may show the mention; its text is gone, so no query finds it.
                let wanted = mention.post.deleted || self.query.matches(&subject) == Some(true);
                if !self.caller.sees(&mention.brand) || !wanted {
                    return None;
                }
                Event::default().event("mention").json_data(&**mention)
            }
            Happening::Alert(alert) if self.caller.sees(&alert.brand) => {
                Event::default().event("alert").json_data(&**alert)
            }
            Happening::Delivery(delivery) if self.caller.sees(&delivery.body.brand) => {
                Event::default().event("delivery").json_data(&**delivery)
            }
            Happening::Alert(_) | Happening::Delivery(_) => return None,
        };
        event.ok()
    }
}
