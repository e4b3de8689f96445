//! What a person does to alerts, deliveries and hooks from the terminal. Reads the store; changes go through the
//! running daemon, which alone writes.

use super::daemon::Daemon;
use super::terminal::plain;
use super::{Configured, Failure};
use crate::alert::{Alert, Delivery, DeliveryState, News, Priority, State};
use crate::config::Overrides;
use crate::hook::{Message, Outcome};
use crate::store;
use anyhow::Context;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use std::collections::BTreeMap;
use std::io::{Write, stdout};

/// Alerts: list, acknowledge, resolve
#[derive(Subcommand)]
pub enum Alerts {
    /// Newest first
    List {
        /// Resolved ones too
        #[arg(long)]
        all: bool,
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        configured: Configured,
    },
    /// Somebody works on it; the daemon must run
    Ack(One),
    /// It is over; the daemon must run
    Resolve(One),
}

/// Deliveries: list, replay
#[derive(Subcommand)]
pub enum Deliveries {
    /// Newest first
    List {
        /// Only dead letters
        #[arg(long)]
        dead: bool,
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        configured: Configured,
    },
    /// Sends a dead letter again under the same id; the daemon must run
    Replay(One),
}

/// Hooks: test
#[derive(Subcommand)]
pub enum Hook {
    /// Sends one message marked as a test
    Test(One),
}

#[derive(Args)]
pub struct One {
    id: String,
    #[command(flatten)]
    configured: Configured,
}

/// Rows of a listing.
const ROWS: usize = 200;

impl Alerts {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Alerts::Ack(one) => one.ask(|id| format!("alerts/{id}/ack")),
            Alerts::Resolve(one) => one.ask(|id| format!("alerts/{id}/resolve")),
            Alerts::List { all, json, configured } => {
                let data_dir = configured.find_data()?;
                super::runtime()?.block_on(async {
                    let reader = store::open_read_only(&data_dir).await?;
                    let alerts = reader.alerts(None, None, ROWS, None).await?;
                    let mut out = stdout().lock();
                    for alert in alerts.iter().filter(|alert| all || alert.state != State::Resolved) {
                        if json {
                            writeln!(out, "{}", serde_json::to_string(alert)?)?;
                        } else {
                            let at = alert.opened_at.strftime("%Y-%m-%d %H:%M");
                            let (priority, state, id) = (alert.priority.name(), alert.state.name(), &alert.id);
                            // Most titles of many say how many.
                            let count = match alert.count {
                                count if count > 1 && !alert.title.contains(&count.to_string()) => {
                                    format!(" ({count})")
                                }
                                _ => String::new(),
                            };
                            writeln!(out, "{priority}  {state:12}  {at}  {id}  {}{count}", plain(&alert.title))?;
                        }
                    }
                    Ok(())
                })
            }
        }
    }
}

impl Deliveries {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Deliveries::Replay(one) => one.ask(|id| format!("deliveries/{id}/replay")),
            Deliveries::List { dead, json, configured } => {
                let data_dir = configured.find_data()?;
                super::runtime()?.block_on(async {
                    let reader = store::open_read_only(&data_dir).await?;
                    let rows = reader.deliveries(dead.then_some(DeliveryState::Dead), None, ROWS).await?;
                    let mut out = stdout().lock();
                    for row in &rows {
                        if json {
                            writeln!(out, "{}", serde_json::to_string(row)?)?;
                        } else {
                            let error = row.last_error.as_deref().unwrap_or_default();
                            let (id, hook, alert, revision) = (&row.id, &row.hook, &row.alert, row.revision);
                            writeln!(out, "{:10}  {id}  {hook}  {alert}#{revision}  {error}", row.state.name())?;
                        }
                    }
                    Ok(())
                })
            }
        }
    }
}

impl Hook {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Hook::Test(One { id, configured }) = self;
        let config = configured.read(Overrides::default())?;
        let Some(hook) = config.hooks.iter().find(|hook| hook.id == id) else {
            let known: Vec<&str> = config.hooks.iter().map(|hook| hook.id.as_str()).collect();
            return Err(Failure::Usage(format!("no hook `{id}`; configured: {}", known.join(", "))));
        };
        let message = test_message(&id, config.base_url.clone().unwrap_or_else(|| format!("http://{}", config.listen)));
        let outcome = super::runtime()?.block_on(hook.hook.clone().deliver(message));
        match outcome {
            Outcome::Delivered => {
                writeln!(stdout(), "delivered")?;
                Ok(())
            }
            Outcome::Retry { reason, .. } | Outcome::Refused { reason } | Outcome::Halted { reason } => {
                Err(anyhow::anyhow!("hook `{id}`: {reason}").into())
            }
        }
    }
}

fn test_message(hook: &str, base_url: String) -> Message {
    let now = Timestamp::now();
    let id = format!("test-{}", now.as_millisecond());
    let alert = Alert {
        id: id.clone(),
        revision: 1,
        rule: "test".into(),
        title: "A test of this hook: nothing happened".into(),
        priority: Priority::P5,
        priority_why: vec!["a test".into()],
        brand: "test".into(),
        group: BTreeMap::new(),
        state: State::Open,
        opened_at: now,
        updated_at: now,
        resolved_at: None,
        resolved_why: None,
        count: 0,
        spam_left_out: 0,
        ruleset: String::new(),
        mentions: Vec::new(),
        reasons: Vec::new(),
        growth: None,
    };
    let delivery = Delivery::pending(&alert, hook, News::Opened, now);
    Message { delivery, mentions: Vec::new(), base_url, test: true }
}

impl One {
    /// Asks the running daemon.
    fn ask(self, path: impl Fn(&str) -> String) -> Result<(), Failure> {
        let data_dir = self.configured.find_data()?;
        let id = utf8_percent_encode(&self.id, NON_ALPHANUMERIC).to_string();
        let daemon = Daemon::find(&data_dir)?.with_context(|| format!("no daemon runs on {}", data_dir.display()))?;
        super::runtime()?.block_on(daemon.ask(Method::POST, &path(&id), None))?;
        Ok(())
    }
}
