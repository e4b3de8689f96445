//! Where posts come from. A source is one file: its `read` (config), its pure `parse`, its `run`; and one row of [`KINDS`].
//! Sources never import each other, nor the store, the index or a hook.

pub mod account;
pub mod intake;
pub mod line;

pub mod bluesky;
pub mod feed;
pub mod hackernews;
pub mod mastodon;
pub mod push;
pub mod recorded;

use crate::ledger::Ledger;
use crate::post::Author;
use crate::secret::Secret;
use crate::settings::Section;
use crate::watch::Gate;
use futures_util::future::BoxFuture;
use intake::Intake;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// One configured place to listen.
pub trait Source: Send + Sync {
    /// Listens until `cx.stop` is cancelled. Called again after a panic or an error, from the last committed cursor.
    ///
    /// # Errors
    /// [`Stop::Ended`] when there is nothing more to come; [`Stop::Failed`] when trying again later may help:
    /// the caller waits and calls again. What the source itself can mend (a reconnect) never gets here.
    fn run(self: Arc<Self>, cx: Context) -> BoxFuture<'static, Result<(), Stop>>;

    /// The token under which posts may be pushed to this source over HTTP.
    fn push_token(&self) -> Option<&Secret> {
        None
    }

    /// Can look up accounts by native id, at most [`Source::profiles_max`] in one call. Absent accounts are left out.
    fn profiles(self: Arc<Self>, _ids: Vec<String>) -> BoxFuture<'static, Result<Vec<Author<'static>>, Stop>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// 0: this source needs no look-up of authors.
    fn profiles_max(&self) -> usize {
        0
    }

    /// Can list the followers of own accounts.
    fn lists_followers(&self) -> bool {
        false
    }

    /// A page of the followers of an own account (native id): the first, or the one that begins `from` there.
    fn followers(
        self: Arc<Self>,
        _account: String,
        _from: Option<String>,
    ) -> BoxFuture<'static, Result<FollowerPage, Stop>> {
        Box::pin(async { Ok(FollowerPage::default()) })
    }
}

/// Some of an account's followers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FollowerPage {
    pub followers: Vec<Author<'static>>,
    /// Where the next page begins, in words that only the source understands; `None` after the last.
    pub next: Option<String>,
    /// The account itself, with the first page: what it counts tells whether the list is whole.
    pub own: Option<Author<'static>>,
}

/// What a source is given to run.
pub struct Context {
    pub intake: Intake,
    /// As last committed by [`Intake::flush`]; `None` on the first start. Free text that only the source understands.
    pub cursor: Option<String>,
    pub ledger: Arc<Ledger>,
    /// Watches and own accounts, for servers that can filter on their side (hashtags, account ids).
    pub gate: Arc<Gate>,
    pub stop: CancellationToken,
}

#[derive(Debug, thiserror::Error)]
pub enum Stop {
    #[error("came to its end")]
    Ended,
    #[error("{0}")]
    Failed(String),
    /// Ingest is gone: the daemon stops.
    #[error("stopped")]
    Closed,
}

/// A source as configured, ready to run.
#[derive(Clone)]
pub struct Configured {
    pub id: String,
    pub kind: &'static str,
    pub source: Arc<dyn Source>,
}

/// One kind of source: its name in `kind = "..."` and how its keys are read.
pub struct KindRow {
    pub kind: &'static str,
    /// Reads the kind's own keys (`id` and `kind` are already read). `None` after reporting a problem.
    pub read: fn(&Section<'_>) -> Option<Arc<dyn Source>>,
}

pub const KINDS: &[KindRow] = &[
    KindRow { kind: "bluesky", read: bluesky::read },
    KindRow { kind: "feed", read: feed::read },
    KindRow { kind: "hackernews", read: hackernews::read },
    KindRow { kind: "mastodon", read: mastodon::read },
    KindRow { kind: "push", read: push::read },
    KindRow { kind: "recorded", read: recorded::read },
];
