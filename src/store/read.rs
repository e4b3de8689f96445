//! Reads.

use super::*;

/// Reads committed state; cheap to clone.
#[derive(Clone)]
pub struct Reader {}

impl Reader {
    pub async fn mention(&self, _seq: i64) -> Result<Option<Mention>, Error> {
        todo!("store")
    }
    /// In the order asked for; missing and deleted ones left out.
    pub async fn mentions(&self, _seqs: &[i64]) -> Result<Vec<Mention>, Error> {
        todo!("store")
    }
    /// All brands' mentions of a post; `source` narrows when ids collide across sources.
    pub async fn mentions_by_id(&self, _id: &str, _source: Option<&str>) -> Result<Vec<Mention>, Error> {
        todo!("store")
    }
    /// Rows with `change > after`, ascending.
    pub async fn changes(&self, _after: i64, _limit: usize) -> Result<Vec<Changed>, Error> {
        todo!("store")
    }
    pub async fn last_change(&self) -> Result<i64, Error> {
        todo!("store")
    }
    /// Live mentions with `created_at >= since`, ascending by `seq` from `after_seq`, for warming rules and for export.
    pub async fn mentions_since(
        &self,
        _since: Timestamp,
        _after_seq: i64,
        _limit: usize,
    ) -> Result<Vec<Mention>, Error> {
        todo!("store")
    }
    pub async fn mention_count(&self) -> Result<u64, Error> {
        todo!("store")
    }
    pub async fn cursor(&self, _source: &str) -> Result<Option<String>, Error> {
        todo!("store")
    }
    pub async fn alert(&self, _id: &str) -> Result<Option<Alert>, Error> {
        todo!("store")
    }
    pub async fn open_alerts(&self) -> Result<Vec<Alert>, Error> {
        todo!("store")
    }
    /// Newest first. `state`, `brand`: all when `None`. `before`: `opened_at` and id of the last one of the page before.
    pub async fn alerts(
        &self,
        _state: Option<crate::alert::State>,
        _brands: Option<&[String]>,
        _limit: usize,
        _before: Option<(Timestamp, String)>,
    ) -> Result<Vec<Alert>, Error> {
        todo!("store")
    }
    /// Pending deliveries due at `now`, first in first out per (alert, hook), at most one for each (alert, hook).
    pub async fn due_deliveries(&self, _now: Timestamp, _limit: usize) -> Result<Vec<Delivery>, Error> {
        todo!("store")
    }
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        todo!("store")
    }
    pub async fn deliveries(
        &self,
        _state: Option<DeliveryState>,
        _hook: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        todo!("store")
    }
    pub async fn gaps(&self, _source: &str, _limit: usize) -> Result<Vec<Gap>, Error> {
        todo!("store")
    }
    /// Authors of recent mentions of a source whose profile was never fetched or is older than `stale_before`; newest first.
    pub async fn authors_to_look_up(
        &self,
        _source: &str,
        _stale_before: Timestamp,
        _limit: usize,
    ) -> Result<Vec<String>, Error> {
        todo!("store")
    }
    pub async fn followers(
        &self,
        _source: &str,
        _account: &str,
        _since: Timestamp,
        _limit: usize,
    ) -> Result<Vec<FollowerEvent>, Error> {
        todo!("store")
    }
    /// Numbers of rows, for `/metrics` and the page.
    pub async fn counts(&self) -> Result<Counts, Error> {
        todo!("store")
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub mentions: u64,
    pub alerts_open: u64,
    pub deliveries_pending: u64,
    pub deliveries_dead: u64,
}
