//! What a cell of a table says, in the forms in which spreadsheets and exports write it. Pure; what is not sure is nothing.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use serde_json::Value;

/// How a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Words,
    Count,
    Number,
    Truth,
    Time,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Words => "text",
            Kind::Count => "count",
            Kind::Number => "number",
            Kind::Truth => "yes or no",
            Kind::Time => "time",
        }
    }
}

/// `None`: the cell does not hold such a value.
pub fn read(kind: Kind, cell: &str) -> Option<Value> {
    match kind {
        Kind::Words => Some(cell.into()),
        Kind::Count => count(cell).map(Value::from),
        Kind::Number => cell.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from),
        Kind::Truth => truth(cell).map(Value::from),
        Kind::Time => time(cell).map(|at| at.to_string().into()),
    }
}

/// Enough of a cell to find it by, without signs that would rearrange a terminal.
pub fn beginning(cell: &str) -> String {
    cell.chars().filter(|letter| !letter.is_control()).take(40).collect()
}

/// Digits, perhaps with a comma before each three. A point may stand for thousands or for parts.
fn count(cell: &str) -> Option<u64> {
    let (first, rest) = cell.split_once(',').unwrap_or((cell, ""));
    let grouped = rest.is_empty() || (first.len() <= 3 && rest.split(',').all(|group| group.len() == 3));
    let digits = cell.replace(',', "");
    let plain = !first.is_empty() && grouped && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// The address of a picture says that there is one.
fn truth(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Some(true),
        "false" | "no" | "n" | "0" => Some(false),
        address if address.starts_with("https://") || address.starts_with("http://") => Some(true),
        _ => None,
    }
}

/// ISO 8601 (in UTC where it names no zone), as mails write it, or seconds or milliseconds since 1970. Not `03/04/2026`,
/// which is a day in March for some and in April for others.
fn time(cell: &str) -> Option<Timestamp> {
    if cell.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = cell.parse().ok()?;
        return match cell.len() {
            9 | 10 => Timestamp::from_second(number).ok(),
            12 | 13 => Timestamp::from_millisecond(number).ok(),
            _ => None,
        };
    }
    let cell = cell.strip_suffix(" UTC").unwrap_or(cell);
    let civil = || cell.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    let mail = || rfc2822::parse(cell).ok().map(|at| at.timestamp());
    cell.parse::<Timestamp>().ok().or_else(civil).or_else(mail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (cell, want) in [
            ("0", Some(0)),
            ("1234", Some(1_234)),
            ("1,234", Some(1_234)),
            ("12,345,678", Some(12_345_678)),
            ("1,23", None),
            ("1234,567", None),
            ("1.234", None),
            ("-3", None),
            ("+3", None),
            ("1.2K", None),
            ("many", None),
            ("", None),
            (",123", None),
            ("1e18", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(count(cell), want, "{cell}");
        }
    }

    #[test]
    fn times() {
        for (cell, want) in [
            ("2026-11-21T09:00:00Z", Some("2026-11-21T09:00:00Z")),
            ("2026-11-21T10:00:00+01:00", Some("2026-11-21T09:00:00Z")),
            ("2026-11-21 09:00:00", Some("2026-11-21T09:00:00Z")),
            ("2026-11-21 09:00:00 UTC", Some("2026-11-21T09:00:00Z")),
            ("2026-11-21", Some("2026-11-21T00:00:00Z")),
            ("Sat, 21 Nov 2026 09:00:00 +0000", Some("2026-11-21T09:00:00Z")),
            ("1795251600", Some("2026-11-21T09:00:00Z")),
            ("1795251600000", Some("2026-11-21T09:00:00Z")),
            ("11/21/2026", None),
            ("2026-13-21", None),
            ("2026", None),
            ("yesterday", None),
        ] {
            assert_eq!(time(cell), want.map(|want| want.parse().unwrap()), "{cell}");
        }
    }

    #[test]
    fn yes_and_no() {
        assert_eq!((truth("Yes"), truth("0"), truth("https://m.example/a.png")), (Some(true), Some(false), Some(true)));
        assert_eq!((truth("perhaps"), truth("2")), (None, None));
    }
}
