//! What a person sees beside the results: log lines, errors, progress. Colours and bars only on a terminal.

use super::LogForm;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write, stderr};
use tracing_subscriber::EnvFilter;

pub fn start_log(form: LogForm, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|error| {
        note(&format!("--log-level: {error}; logging at `info`"));
        EnvFilter::new("info")
    });
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    // A subscriber that is already there (a test's) is left in place.
    drop(match form {
        LogForm::Human => lines.with_target(false).try_init(),
        LogForm::Json => lines.json().flatten_event(true).with_current_span(true).try_init(),
    });
}

/// A line for the person at the terminal. Standard error may be closed: then nobody reads it.
pub fn note(line: &str) {
    drop(writeln!(stderr(), "{line}"));
}

/// Foreign text on one line without control characters, which a terminal would obey.
pub fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|char| !char.is_control()).collect()
}

pub fn error(line: &str) {
    let (on, off) = if stderr().is_terminal() { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    drop(writeln!(stderr(), "{on}error:{off} {line}"));
}

/// A bar over bytes; hidden when standard error is no terminal.
pub fn bytes_bar(total: u64) -> ProgressBar {
    bar(total, "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}")
}

/// A bar over counted things.
pub fn count_bar(total: u64) -> ProgressBar {
    bar(total, "{wide_bar} {human_pos}/{human_len} {per_sec} {eta} {msg}")
}

fn bar(total: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style)
}
