//! Looks every few minutes at who follows own accounts, sooner when many come at once, and tells the rules of waves. What
//! is told goes through ingest like everything else: alerts are of the transaction that it shares with nobody's mention.
//!
//! The new followers of the last weeks are kept counted by ten minutes, so that a look reads only what was stored since
//! the one before, and takes the same time for an account with a million followers. A restart counts them anew.

use super::audit::{LEARNT, gaps};
use super::{Clock, Found, Told};
use crate::brand::{Burst, FollowKind, Influx};
use crate::follower::audit::{likelihood, profile, spam_of};
use crate::follower::inflow::{self, Inflow};
use crate::follower::model::Model;
use crate::ledger::{Ledger, Phase};
use crate::post::Author;
use crate::rule::RuleSet;
use crate::store::{Error, Reader};
use crate::watch::Gate;
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// How often we ask for new followers: one short query an account.
const POLL: Duration = Duration::from_secs(20);
/// The hours of a replay pass in seconds.
const POLL_REPLAY: Duration = Duration::from_millis(250);
/// A look at least so often, and so soon once `BURST` followers have come since the last.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(3);
const LOOK_SOON: SignedDuration = SignedDuration::from_mins(1);
const BURST: usize = 10;
/// Waves that ended longer ago are no news to any rule: none looks back further.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What is stored so long after it happened is not counted before the next start.
const LATE: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Followers without a known profile that are asked for again, the newest, and at one look.
const WAITING_MAX: usize = 100_000;
const AGAIN_MAX: usize = 10_000;
/// A person's word is stored so long after it was said, at most: a look in between does not see it.
const UNHEEDED: SignedDuration = SignedDuration::from_mins(1);
/// A source that is so far behind catches up: what it has not told yet is no silence.
const LAG_MAX: f64 = 600.0;
/// Polls in a row at which a source must be heard.
const SETTLED: u32 = 3;

pub struct Watching {
    pub sources: Vec<(String, Arc<Ledger>)>,
    pub rules: Arc<ArcSwap<RuleSet>>,
    pub gate: Arc<Gate>,
    pub reader: Reader,
    pub model: Arc<Model>,
    pub found: mpsc::Sender<Told>,
    pub clock: Clock,
    /// When all own accounts were last looked at.
    pub looked: watch::Sender<Option<Timestamp>>,
}

/// What was counted of an own account's new followers.
struct Account {
    inflow: Inflow,
    /// Number of the last event that was read.
    after: i64,
    /// What people said since then may not be counted.
    heeded_until: Timestamp,
    /// When who came whose profile is not known yet.
    waiting: VecDeque<(Timestamp, String)>,
    /// Followers since the last look, and when that was.
    fresh: usize,
    looked_at: Option<Timestamp>,
    /// The rules know of no wave.
    is_quiet: bool,
}

impl Watching {
    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! { () = self.work() => {}, () = stop.cancelled() => {} }
    }

    async fn work(&self) {
        let poll = if matches!(self.clock, Clock::Real) { POLL } else { POLL_REPLAY };
        let mut accounts: HashMap<(usize, String), Account> = HashMap::new();
        let mut settled = vec![0_u32; self.sources.len()];
        loop {
            tokio::time::sleep(poll).await;
            let began = self.clock.now();
            if !self.rules.load().watches_followers() {
                accounts.clear();
            } else if !self.look_at_all(&mut accounts, &mut settled).await {
                continue;
            }
            self.looked.send_replace(Some(began));
        }
    }

    /// `false`: of some nothing can be said yet.
    async fn look_at_all(&self, accounts: &mut HashMap<(usize, String), Account>, settled: &mut [u32]) -> bool {
        let mut all = true;
        for (place, (source, ledger)) in self.sources.iter().enumerate() {
            let own = self.gate.own_accounts(source);
            accounts.retain(|(at, id), _| *at != place || own.contains(id));
            settled[place] = if self.is_heard(ledger) { settled[place].saturating_add(1) } else { 0 };
            if settled[place] < SETTLED {
                all &= own.is_empty();
                continue;
            }
            for id in own.iter() {
                let account = accounts.entry((place, id.clone())).or_insert_with(Account::new);
                match self.look(account, (source, id), self.clock.now()).await {
                    Ok(Some(influx)) => self.tell(influx).await,
                    Ok(None) => {}
                    Err(error) => {
                        all = false;
                        tracing::warn!(%error, source, account = id, "followers cannot be looked at");
                    }
                }
            }
        }
        all
    }

    /// Whether what a source does not tell did not happen.
    fn is_heard(&self, ledger: &Ledger) -> bool {
        let told = ledger.snapshot(Timestamp::now());
        let is_behind = told.posts_per_minute > 0 && told.lag_seconds.is_some_and(|lag| lag > LAG_MAX);
        matches!(told.phase, Phase::Live | Phase::Ended) && !(is_behind && matches!(self.clock, Clock::Real))
    }

    /// Takes in what is new; what to tell each brand of the account, if it is time and there is anything.
    async fn look(
        &self,
        account: &mut Account,
        (source, id): (&str, &str),
        now: Timestamp,
    ) -> Result<Option<Vec<Influx>>, Error> {
        self.read(account, (source, id), now).await?;
        let since = account.looked_at.map(|at| now.duration_since(at));
        let soon = if account.fresh >= BURST { LOOK_SOON } else { LOOK_EVERY };
        if since.is_some_and(|since| since < soon) {
            return Ok(None);
        }
        if self.reader.follower_corrected_since(source, id, account.heeded_until).await? {
            let (looked_at, is_quiet) = (account.looked_at, account.is_quiet);
            *account = Account { looked_at, is_quiet, ..Account::new() };
            self.read(account, (source, id), now).await?;
        }
        self.ask_again(account, source, now).await?;
        let Some(heard) = self.reader.followed_since(source, id).await? else { return Ok(None) };
        let from = heard.max(before(now, LEARNT));
        let mut gaps = gaps(&self.reader, source).await?;
        gaps.retain(|gap| gap.until > from);
        account.inflow.forget(from);
        let found = account.inflow.waves(self.model.rates(), (from, now), before(now, RECENT), &gaps);
        let bursts: Vec<Burst> = found.into_iter().map(inflow::Found::burst).collect();
        (account.fresh, account.looked_at) = (0, Some(now));
        // Once more when there is none any longer: an alert may still be open.
        let is_news = !bursts.is_empty() || !account.is_quiet;
        account.is_quiet = bursts.is_empty();
        let each = self.gate.named_accounts(source).into_iter().filter(|(.., own)| own == id);
        let each = each.map(|(brand, handle, account)| Influx {
            brand: brand.to_string(),
            source: source.to_owned(),
            account,
            handle,
            at: now,
            bursts: bursts.clone(),
        });
        Ok(is_news.then(|| each.collect()))
    }

    /// Counts the followers that were stored since the last time.
    async fn read(&self, account: &mut Account, (source, id): (&str, &str), now: Timestamp) -> Result<(), Error> {
        let since = before(now, if account.after == 0 { LEARNT } else { LATE });
        let after = account.after;
        let see = |seq, at, kind, (author, said): (Author<'static>, Option<bool>)| {
            account.after = account.after.max(seq);
            if kind == FollowKind::Unfollow {
                return;
            }
            let follower = author.id.as_deref().map(str::to_owned);
            let spam = spam_of(&self.model, (author, said), now);
            // An account that is gone has no profile to come.
            if let (None, Some(follower)) = (spam, follower) {
                account.waiting.push_back((at, follower));
            }
            account.inflow.see(at, spam, self.model.rates());
            account.fresh += 1;
        };
        self.reader.each_heard_after(source, id, since, after, see).await
    }

    /// Asks the store for profiles that were not known when their owners followed.
    async fn ask_again(&self, account: &mut Account, source: &str, now: Timestamp) -> Result<(), Error> {
        let old = before(now, LATE);
        account.waiting.retain(|(at, _)| *at >= old);
        let too_many = account.waiting.len().saturating_sub(WAITING_MAX);
        account.waiting.drain(..too_many);
        let newest: Vec<&str> = account.waiting.iter().rev().take(AGAIN_MAX).map(|(_, id)| id.as_str()).collect();
        let authors = self.reader.authors(source, &newest).await?;
        let known = authors.into_iter().filter_map(|author| {
            let id = author.id.as_deref()?.to_owned();
            Some((id, likelihood(&self.model, &profile(author, now))?))
        });
        let known: HashMap<String, f64> = known.collect();
        account.waiting.retain(|(at, id)| match known.get(id) {
            Some(spam) => {
                account.inflow.learn(*at, *spam, self.model.rates());
                false
            }
            None => true,
        });
        Ok(())
    }

    async fn tell(&self, all: Vec<Influx>) {
        for influx in all {
            let (done, taken) = oneshot::channel();
            if self.found.send((Found::Influx(influx), done)).await.is_ok() {
                // Given up with what was under way: the next look tells it again.
                drop(taken.await);
            }
        }
    }
}

impl Account {
    fn new() -> Self {
        Self {
            inflow: Inflow::default(),
            after: 0,
            heeded_until: before(Timestamp::now(), UNHEEDED),
            waiting: VecDeque::new(),
            fresh: 0,
            looked_at: None,
            is_quiet: false,
        }
    }
}

fn before(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
