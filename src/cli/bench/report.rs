//! The figures, as a table for people or as JSON Lines. Knows nothing of how they came about.

use serde::Serialize;
use std::io::{Write, stdout};

/// What a figure is held against.
#[derive(Clone, Copy)]
pub enum Goal {
    /// The figure itself, at least or at most.
    Least(f64),
    Most(f64),
    /// The figure over its limit, at least or at most.
    LeastOfLimit(f64),
    MostOfLimit(f64),
}

/// One figure.
pub struct Row {
    pub stage: &'static str,
    pub value: f64,
    pub unit: &'static str,
    /// Measured in the same run: what it is, and its value in the same unit.
    pub limit: Option<(&'static str, f64)>,
    pub goal: Option<Goal>,
}

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Line {
    stage: &'static str,
    value: f64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_of: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

impl Row {
    pub fn new(stage: &'static str, value: f64, unit: &'static str) -> Self {
        Self { stage, value, unit, limit: None, goal: None }
    }

    pub fn beside(mut self, limit_of: &'static str, limit: f64) -> Self {
        self.limit = Some((limit_of, limit));
        self
    }

    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.limit.map(|(_, limit)| self.value / limit)
    }

    fn goal_text(&self) -> Option<String> {
        Some(match self.goal? {
            Goal::Least(least) => format!(">= {}", number(least)),
            Goal::Most(most) => format!("<= {}", number(most)),
            Goal::LeastOfLimit(least) => format!(">= {least} x"),
            Goal::MostOfLimit(most) => format!("<= {most} x"),
        })
    }

    fn is_met(&self) -> Option<bool> {
        let ratio = self.ratio().unwrap_or(f64::NAN);
        Some(match self.goal? {
            Goal::Least(least) => self.value >= least,
            Goal::Most(most) => self.value <= most,
            Goal::LeastOfLimit(least) => ratio >= least,
            Goal::MostOfLimit(most) => ratio <= most,
        })
    }

    fn line(&self) -> Line {
        Line {
            stage: self.stage,
            value: rounded(self.value),
            unit: self.unit,
            limit: self.limit.map(|(_, limit)| rounded(limit)),
            limit_of: self.limit.map(|(name, _)| name),
            ratio: self.ratio().map(rounded),
            goal: self.goal_text(),
            met: self.is_met(),
        }
    }
}

impl Report {
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub fn print(&self, json: bool) -> std::io::Result<()> {
        let mut out = stdout().lock();
        if json {
            for row in &self.rows {
                serde_json::to_writer(&mut out, &row.line())?;
                writeln!(out)?;
            }
            return Ok(());
        }
        writeln!(
            out,
            "{:<28} {:>11} {:<11} {:>10} {:>11}  {:<38} {:<11}",
            "stage", "figure", "unit", "ratio", "limit", "of", "goal"
        )?;
        for row in &self.rows {
            let (name, limit) = row.limit.map_or(("", String::new()), |(name, limit)| (name, number(limit)));
            let ratio = row.ratio().map_or(String::new(), |ratio| format!("{ratio:.2} x"));
            let met = row.is_met().map_or("", |met| if met { "met" } else { "missed" });
            let line = format!(
                "{:<28} {:>11} {:<11} {:>10} {:>11}  {:<38} {:<11} {}",
                row.stage,
                number(row.value),
                row.unit,
                ratio,
                limit,
                name,
                row.goal_text().unwrap_or_default(),
                met
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Three digits that matter.
fn rounded(value: f64) -> f64 {
    if value.abs() >= 100.0 { value.round() } else { (value * 1_000.0).round() / 1_000.0 }
}

/// Thousands apart; decimals only where they matter.
fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        let text = format!("{value:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        for (value, expected) in
            [(0.0, "0"), (1.5, "1.5"), (99.994, "99.99"), (1_234_567.8, "1,234,568"), (999.6, "1,000")]
        {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn a_goal_is_met_or_missed() {
        let row = |goal| Row::new("x", 8.0, "u").beside("y", 10.0).goal(goal);
        assert_eq!(row(Goal::LeastOfLimit(0.8)).is_met(), Some(true));
        assert_eq!(row(Goal::LeastOfLimit(0.9)).is_met(), Some(false));
        assert_eq!(row(Goal::MostOfLimit(0.7)).is_met(), Some(false));
        assert_eq!(row(Goal::Least(8.0)).is_met(), Some(true));
        assert_eq!(row(Goal::Most(7.9)).is_met(), Some(false));
    }

    #[test]
    fn a_line_says_what_the_figure_is_held_against() {
        let row = Row::new("decode", 700_000.4, "posts/s").beside("bare", 1e6).goal(Goal::LeastOfLimit(0.7));
        let line = serde_json::to_string(&row.line()).unwrap();
        assert_eq!(
            line,
            r#"{"stage":"decode","value":700000.0,"unit":"posts/s","limit":1000000.0,"limit_of":"bare","ratio":0.7,"goal":">= 0.7 x","met":true}"#
        );
    }
}
