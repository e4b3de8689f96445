//! The figures of the daemon for Prometheus, in OpenMetrics text. What a ledger already counts is not counted again:
//! it is read off the ledgers at every scrape. Knows nothing of HTTP.

use crate::ledger::{Health, Ledger};
use crate::mention::Tier;
use jiff::Timestamp;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What [`Metrics::render`] returns, as a media type.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PREFIX: &str = "reputed";

type Labels<const N: usize> = [(&'static str, String); N];
type Seconds = Gauge<f64, AtomicU64>;

/// Cheap to count with from any task; counters never go back while the process lives.
pub struct Metrics {
    registry: Registry,
    pub mentions_stored: Counter,
    /// Posts that came again unchanged and were not stored twice.
    pub duplicates: Counter,
    /// Rules that could not tell, since what their `when` asks for was missing.
    pub rules_unknown: Counter,
    /// Seconds of one durable commit.
    pub commit_seconds: Histogram,
    /// Posts that shared one commit.
    pub commit_posts: Histogram,
    /// Batches that wait for ingest.
    pub ingest_queue: Gauge,
    /// Changes of the store that the search index does not hold yet.
    pub index_lag_changes: Gauge,
    /// Seconds from the arrival of a frame to the first answer of a hook for the alert that it raised.
    pub frame_to_delivery_seconds: Histogram,
    scored: Family<Labels<1>, Counter>,
    alerts_opened: Family<Labels<1>, Counter>,
    deliveries: Family<Labels<2>, Counter>,
    task_restarts: Family<Labels<1>, Counter>,
}

impl Metrics {
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            mentions_stored: Counter::default(),
            duplicates: Counter::default(),
            rules_unknown: Counter::default(),
            // 0.5 ms to 4 s: a sync of a good disk to one that is stuck.
            commit_seconds: Histogram::new(exponential_buckets(0.000_5, 2.0, 14)),
            commit_posts: Histogram::new(exponential_buckets(1.0, 4.0, 8)),
            ingest_queue: Gauge::default(),
            index_lag_changes: Gauge::default(),
            // 1 ms to 65 s.
            frame_to_delivery_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 17)),
            scored: Family::default(),
            alerts_opened: Family::default(),
            deliveries: Family::default(),
            task_restarts: Family::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("mentions_stored", "Mentions stored", metrics.mentions_stored.clone());
        registry.register("duplicates", "Posts that came again unchanged", metrics.duplicates.clone());
        registry.register("rules_unknown", "Judgements that could not tell", metrics.rules_unknown.clone());
        registry.register("commit_seconds", "Seconds of one durable commit", metrics.commit_seconds.clone());
        registry.register("commit_posts", "Posts that shared one commit", metrics.commit_posts.clone());
        registry.register("ingest_queue", "Batches that wait for ingest", metrics.ingest_queue.clone());
        registry.register("index_lag_changes", "Changes not searchable yet", metrics.index_lag_changes.clone());
        let help = "Seconds from a frame to the first answer of a hook";
        registry.register("frame_to_delivery_seconds", help, metrics.frame_to_delivery_seconds.clone());
        registry.register(
            "scored",
            "Posts scored, by tier; unknown where the model gave no number",
            metrics.scored.clone(),
        );
        registry.register("alerts_opened", "Alerts opened by each rule", metrics.alerts_opened.clone());
        registry.register("deliveries", "Attempts to deliver, by outcome", metrics.deliveries.clone());
        registry.register("task_restarts", "Tasks started again after a failure", metrics.task_restarts.clone());
        metrics
    }

    /// Posts that were scored together, by tier. `None`: unknown, the model answered what is no number.
    pub fn scored(&self, tiers: impl Iterator<Item = Option<Tier>> + Clone) {
        for tier in [Some(Tier::Encoder), Some(Tier::Fast), None] {
            let count = tiers.clone().filter(|scored| *scored == tier).count();
            if count > 0 {
                let name = tier.map_or("unknown", Tier::name);
                self.scored.get_or_create(&[("tier", name.to_owned())]).inc_by(count as u64);
            }
        }
    }

    pub fn alert_opened(&self, rule: &str) {
        self.alerts_opened.get_or_create(&[("rule", rule.to_owned())]).inc();
    }

    /// One attempt. `outcome` is one of our own few words, such as `delivered`, `retry`, `refused`, `halted`.
    pub fn delivery(&self, hook: &str, outcome: &'static str) {
        self.deliveries.get_or_create(&[("hook", hook.to_owned()), ("outcome", outcome.to_owned())]).inc();
    }

    pub fn task_restarted(&self, task: &str) {
        self.task_restarts.get_or_create(&[("task", task.to_owned())]).inc();
    }

    /// Everything as OpenMetrics text, the ledgers as they are `now`.
    ///
    /// # Errors
    /// Only when a formatter fails, which memory does not.
    pub fn render(&self, ledgers: &[Arc<Ledger>], now: Timestamp) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &of_ledgers(ledgers, now))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn of_ledgers(ledgers: &[Arc<Ledger>], now: Timestamp) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    let mut counter = |name: &str, help: &str| {
        let family = Family::<Labels<1>, Counter>::default();
        registry.register(name, help, family.clone());
        family
    };
    let received = counter("posts_received", "Posts understood");
    let matched = counter("posts_matched", "Posts that some watch wanted");
    let bytes = counter("source_bytes", "Bytes received");
    let reconnects = counter("source_reconnects", "Times the connection was made again");
    let restarts = counter("source_restarts", "Times the source was started again");
    let throttled = counter("source_throttled", "Times the peer asked us to wait");
    let gaps = counter("source_gaps", "Times posts were missed, for certain or perhaps");
    let errors = Family::<Labels<2>, Counter>::default();
    registry.register("errors", "What was bad and dropped, by reason", errors.clone());
    let lag = Family::<Labels<1>, Seconds>::default();
    registry.register("source_lag_seconds", "Age of the latest post when it came", lag.clone());
    let health = Family::<Labels<2>, Gauge>::default();
    registry.register("source_health", "1 for the word that holds", health.clone());

    for snapshot in ledgers.iter().map(|ledger| ledger.snapshot(now)) {
        let source = [("source", snapshot.id.clone())];
        received.get_or_create(&source).inc_by(snapshot.posts);
        matched.get_or_create(&source).inc_by(snapshot.matched);
        bytes.get_or_create(&source).inc_by(snapshot.bytes);
        reconnects.get_or_create(&source).inc_by(snapshot.reconnects);
        restarts.get_or_create(&source).inc_by(snapshot.restarts);
        throttled.get_or_create(&source).inc_by(snapshot.throttled);
        gaps.get_or_create(&source).inc_by(snapshot.gap_count);
        if let Some(seconds) = snapshot.lag_seconds {
            lag.get_or_create(&source).set(seconds);
        }
        for (reason, count) in snapshot.errors {
            errors.get_or_create(&[("source", snapshot.id.clone()), ("reason", reason.to_owned())]).inc_by(count);
        }
        for (word, state) in HEALTH {
            let labels = [("source", snapshot.id.clone()), ("health", word.to_owned())];
            health.get_or_create(&labels).set(i64::from(state == snapshot.health));
        }
    }
    registry
}

const HEALTH: [(&str, Health); 6] = [
    ("starting", Health::Starting),
    ("live", Health::Live),
    ("quiet", Health::Quiet),
    ("throttled", Health::Throttled),
    ("broken", Health::Broken),
    ("ended", Health::Ended),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_counters_and_ledgers_once_each() {
        let metrics = Metrics::new();
        metrics.mentions_stored.inc_by(3);
        metrics.alert_opened("angry \"quoted\" rule");
        metrics.delivery("ops", "retry");
        let ledger = Ledger::new("blogs", "feed");
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        ledger.understood(now, 5, 2, Some(now));
        ledger.error(now, "not_xml", "no feed");
        let text = metrics.render(&[Arc::new(ledger)], now).unwrap();
        for line in [
            "reputed_mentions_stored_total 3",
            "reputed_alerts_opened_total{rule=\"angry \\\"quoted\\\" rule\"} 1",
            "reputed_deliveries_total{hook=\"ops\",outcome=\"retry\"} 1",
            "reputed_posts_received_total{source=\"blogs\"} 5",
            "reputed_posts_matched_total{source=\"blogs\"} 2",
            "reputed_errors_total{source=\"blogs\",reason=\"not_xml\"} 1",
            "reputed_source_health{source=\"blogs\",health=\"starting\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
        assert_eq!(text.matches("# EOF").count(), 1);
        assert!(text.ends_with("# EOF\n"));
    }
}
