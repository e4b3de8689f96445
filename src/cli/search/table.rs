//! Facets and counts over time as small tables for a person.

use super::plain;
use crate::http::summary::{Step, Summary, Values};
use crate::index::Interval;
use std::fmt::Write as _;

/// Widest bar, in characters.
const BAR: u64 = 40;
/// Longest name of a value that is shown; what is longer is cut.
const NAME_MAX: usize = 40;

/// Empty when nothing was asked for.
pub(super) fn text(summary: &Summary, total: u64, over: Option<Interval>, colour: bool) -> String {
    let mut text = String::new();
    for (name, facet) in &summary.facets {
        heading(&mut text, name, colour);
        facet_rows(&mut text, facet, total);
    }
    if let (Some(counts), Some(interval)) = (&summary.counts, over) {
        heading(&mut text, &format!("by {}", interval.name()), colour);
        step_rows(&mut text, counts, interval);
    }
    text
}

// Writing to a string cannot fail.
fn row(text: &mut String, line: &str) {
    let _written = writeln!(text, "{}", line.trim_end());
}

fn heading(text: &mut String, name: &str, colour: bool) {
    let (bold, off) = if colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    row(text, "");
    row(text, &format!("{bold}{name}{off}"));
}

fn facet_rows(text: &mut String, facet: &Values, total: u64) {
    let mut rows: Vec<(String, u64, String)> = facet
        .values
        .iter()
        .map(|counted| (shown(&counted.value), counted.count, spam(counted.count, counted.without_spam)))
        .collect();
    if facet.none > 0 {
        rows.push(("(none)".to_owned(), facet.none, String::new()));
    }
    let name = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or_default();
    let digits = rows.iter().map(|(_, count, _)| count.to_string().len()).max().unwrap_or_default();
    for (value, count, spam) in rows {
        let share = 100.0 * count as f64 / total.max(1) as f64;
        row(text, &format!("  {value:<name$}  {count:>digits$}  {share:>5.1} %{spam}"));
    }
    let more = facet.distinct.saturating_sub(facet.values.len() as u64);
    if more > 0 {
        row(text, &format!("  and {more} more"));
    }
}

/// What of a count is likely spam, where any is.
fn spam(count: u64, without: u64) -> String {
    if without < count { format!("  ({} likely spam)", count - without) } else { String::new() }
}

fn shown(value: &str) -> String {
    let value = plain(value);
    match value.is_empty() {
        true => "(deleted)".to_owned(),
        false => value.chars().take(NAME_MAX).collect(),
    }
}

fn step_rows(text: &mut String, counts: &[Step], interval: Interval) {
    let most = counts.iter().map(|step| step.count).max().unwrap_or_default().max(1);
    let digits = most.to_string().len();
    let format = if interval == Interval::Hour { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d" };
    for step in counts {
        // At least a trace of what is there.
        let bar = "#".repeat((step.count * BAR).div_ceil(most) as usize);
        let spam = spam(step.count, step.without_spam);
        row(text, &format!("  {}  {:>digits$}  {bar}{spam}", step.at.strftime(format), step.count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::summary::Counted;
    use jiff::Timestamp;

    #[test]
    fn rows_stand_below_each_other() {
        let counted = |value: &str, count: u64| Counted {
            value: value.into(),
            count,
            without_spam: count.min(88),
            name: None,
            source: None,
        };
        let values = vec![counted("sky", 90), counted("\x1b[31mblogs", 9), counted("", 1)];
        let facet = Values { values, distinct: 5, none: 20 };
        let day = |day: i64, count: u64| {
            let at = Timestamp::from_second(day * 86_400).unwrap();
            Step { at, count, without_spam: count.min(88) }
        };
        let summary = Summary {
            facets: [("source", facet)].into_iter().collect(),
            counts: Some(vec![day(0, 100), day(1, 0), day(2, 1)]),
            without_spam: Some(105),
        };
        let bar = "#".repeat(40);
        let expected = format!(
            "\nsource\n  sky        90   75.0 %  (2 likely spam)\n  [31mblogs   9    7.5 %\n  (deleted)   1    0.8 %\n  (none)     20   16.7 %\n  and 2 more\n\
             \nby day\n  1970-01-01  100  {bar}  (12 likely spam)\n  1970-01-02    0\n  1970-01-03    1  #\n"
        );
        assert_eq!(text(&summary, 120, Some(Interval::Day), false), expected);
        assert_eq!(text(&Summary::default(), 120, None, true), "");
        assert!(text(&summary, 120, None, true).starts_with("\n\x1b[1msource\x1b[0m\n"));
    }
}
