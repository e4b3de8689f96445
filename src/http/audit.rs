//! Audits of followers for whoever asks: one at a time, away from the threads that answer, and kept for a minute or until
//! a person corrects one. A page, its picture and its tables so read a hundred thousand followers once.

use super::limit::PAGE_MAX;
use super::problem::Problem;
use crate::flow::audit::{self, Report};
use crate::follower::audit::Suspect;
use crate::follower::growth::Step;
use crate::follower::model::Model;
use crate::store::{Error, Reader};
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

/// A page asks for all that it shows within a second or two, and people reload.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// Each may hold some megabytes of growth.
const KEPT_MAX: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub source: String,
    /// Native id of the own account.
    pub account: String,
    pub back: Back,
}

/// How far growth and waves go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    Days(u16),
    Since(Timestamp),
}

/// A report with what it goes over; it names [`PAGE_MAX`] followers at most.
pub struct Audited {
    pub since: Timestamp,
    pub step: Step,
    pub report: Report,
}

struct Kept {
    of: Question,
    at: Instant,
    /// Words of people by then.
    words: u64,
    audited: Arc<Audited>,
}

pub struct Audits {
    reader: Reader,
    model: Arc<Model>,
    /// Who holds the lock audits.
    kept: Arc<Mutex<Vec<Kept>>>,
    /// How often people said something of an author: what is older than the last is told no more.
    words: Arc<AtomicU64>,
}

impl Audits {
    pub fn new(reader: Reader, model: Arc<Model>) -> Self {
        Self { reader, model, kept: Arc::default(), words: Arc::default() }
    }

    /// A person said something of an author.
    pub fn corrected(&self) {
        self.words.fetch_add(1, Relaxed);
    }

    pub async fn report(&self, of: Question) -> Result<Arc<Audited>, Problem> {
        let words = self.words.clone();
        self.apart(move |reader, model, kept| {
            let words = words.load(Relaxed);
            kept.retain(|known| known.at.elapsed() < KEPT_FOR && known.words == words);
            if let Some(known) = kept.iter().find(|known| known.of == of) {
                return Ok(known.audited.clone());
            }
            let now = Timestamp::now();
            let since = match of.back {
                Back::Days(days) => now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(now),
                Back::Since(since) => since,
            };
            let (whose, step) = ((of.source.as_str(), of.account.as_str()), Step::over(now.duration_since(since)));
            let report =
                Handle::current().block_on(audit::report(reader, model, whose, (since, now), step, PAGE_MAX))?;
            let audited = Arc::new(Audited { since, step, report });
            kept.truncate(KEPT_MAX - 1);
            kept.insert(0, Kept { of, at: Instant::now(), words, audited: audited.clone() });
            Ok(audited)
        })
        .await
    }

    /// What `tell` makes of everybody whose profile is known, the likeliest to be spam first; at most `most`.
    pub async fn everybody<T: Send + 'static>(
        &self,
        source: String,
        account: String,
        most: usize,
        tell: impl FnOnce(Vec<Suspect>) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.apart(move |reader, model, _| {
            let all = audit::everybody(reader, model, (&source, &account), Timestamp::now(), most);
            Handle::current().block_on(all).map(tell)
        })
        .await
    }

    /// The work goes on when its caller leaves, and holds the lock until it is done.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader, &Model, &mut Vec<Kept>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let mut kept = self.kept.clone().lock_owned().await;
        let (reader, model) = (self.reader.clone(), self.model.clone());
        let done = tokio::task::spawn_blocking(move || work(&reader, &model, &mut kept)).await;
        match done {
            Ok(done) => done.map_err(Problem::from),
            Err(error) => {
                tracing::error!(%error, "an audit broke off");
                Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a defect of the daemon; see its log"))
            }
        }
    }
}
