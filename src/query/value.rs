//! What stands behind `field:` to a term: comparisons and ranges of numbers, ages and times; words of closed sets.

use super::field::{KeywordField, NumberField, Unit};
use super::{Bound, Term};
use crate::settings::nearest;
use crate::text::folded;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// What is wrong with a value, and what to write in its place.
pub(super) type Wrong = (String, Option<String>);

/// No number that anybody means is written longer.
const NUMBER_BYTES_MAX: usize = 24;
const DAY_SECONDS: i64 = 86_400;
/// Ages, the longest last, in seconds.
const AGES: [(u8, f64); 6] =
    [(b's', 1.0), (b'm', 60.0), (b'h', 3_600.0), (b'd', 86_400.0), (b'w', 604_800.0), (b'y', 31_536_000.0)];

/// Where a written value begins and ends: a date is a whole day.
#[derive(Clone, Copy)]
struct Span {
    first: f64,
    last: f64,
}

pub(super) fn is_comparison(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_digit() || "<>=.-+".contains(c))
}

/// `<2`, `>=0.5`, `=3`, `3`, `1k..50k`, `..5`, `5..`; bounds of a range inclusive.
pub(super) fn number(field: NumberField, unit: Unit, value: &str) -> Result<Term, Wrong> {
    let at = |inclusive: bool| move |value: f64| Some(Bound { value, inclusive });
    let read = |text: &str| read(unit, text);
    let (min, max) = if let Some((low, high)) = value.split_once("..") {
        if low.is_empty() && high.is_empty() {
            return Err((format!("`{value}` leaves both ends open"), Some(example(unit))));
        }
        let end = |text: &str| if text.is_empty() { Ok(None) } else { read(text).map(Some) };
        (end(low)?.and_then(|low| at(true)(low.first)), end(high)?.and_then(|high| at(true)(high.last)))
    } else if let Some(rest) = value.strip_prefix(">=") {
        (at(true)(read(rest)?.first), None)
    } else if let Some(rest) = value.strip_prefix("<=") {
        (None, at(true)(read(rest)?.last))
    } else if let Some(rest) = value.strip_prefix('>') {
        (at(false)(read(rest)?.last), None)
    } else if let Some(rest) = value.strip_prefix('<') {
        (None, at(false)(read(rest)?.first))
    } else {
        let exact = read(value.strip_prefix('=').unwrap_or(value))?;
        (at(true)(exact.first), at(true)(exact.last))
    };
    match (min, max) {
        (Some(low), Some(high)) if low.value > high.value => {
            Err((format!("`{value}` ends before it begins"), Some("write the lower end first".to_owned())))
        }
        _ => Ok(Term::Number { field, min, max }),
    }
}

fn example(unit: Unit) -> String {
    let form = match unit {
        Unit::Between(low, high) => {
            let step = (high - low) / 4.0;
            return format!(
                "write a number from {low} to {high}, such as `>={}` or `{}..{high}`",
                high - step,
                high - step
            );
        }
        Unit::Count => "`>10k`, `<500` or `1k..50k`",
        Unit::Age => "`<30d`, `>2w` or `1h..1y` (s, m, h, d, w, y)",
        Unit::Time => "`2026-11-22`, `>=2026-11-22T09:00:00Z` or `2026-11-01..2026-11-22`",
    };
    format!("write {form}")
}

fn read(unit: Unit, text: &str) -> Result<Span, Wrong> {
    let wrong = || (format!("`{text}` is not {}", name(unit)), Some(example(unit)));
    if unit == Unit::Time {
        return time(text).ok_or_else(wrong);
    }
    let (digits, factor) = match (unit, text.bytes().last()) {
        (Unit::Count, Some(b'k' | b'K')) => (&text[..text.len() - 1], 1e3),
        (Unit::Count, Some(b'm' | b'M')) => (&text[..text.len() - 1], 1e6),
        (Unit::Age, last) => {
            let known = AGES.iter().find(|(sign, _)| last == Some(*sign));
            let (_, seconds) = known.ok_or_else(wrong)?;
            (&text[..text.len() - 1], *seconds)
        }
        _ => (text, 1.0),
    };
    let mut number = decimal(digits).ok_or_else(wrong)? * factor;
    if unit == Unit::Age {
        // Posts have whole seconds, and so has the index.
        number = number.round();
    }
    if let Unit::Between(low, high) = unit
        && !(low..=high).contains(&number)
    {
        return Err((format!("`{text}` is never reached"), Some(example(unit))));
    }
    Ok(Span { first: number, last: number })
}

fn name(unit: Unit) -> &'static str {
    match unit {
        Unit::Between(..) => "a number",
        Unit::Count => "a count",
        Unit::Age => "an age",
        Unit::Time => "a date or time",
    }
}

/// Digits, at most one point, perhaps a sign; no exponents, no infinities.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && digits.bytes().any(|b| b.is_ascii_digit());
    if !plain || text.len() > NUMBER_BYTES_MAX {
        return None;
    }
    text.parse().ok()
}

/// Seconds; a date is all seconds of its day, UTC.
fn time(text: &str) -> Option<Span> {
    // Seconds of any year jiff knows are exact in f64.
    let seconds = |first: i64, last: i64| Span { first: first as f64, last: last as f64 };
    if let Ok(date) = text.parse::<Date>()
        && text.len() == "2026-11-22".len()
    {
        let first = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
        return Some(seconds(first, first + DAY_SECONDS - 1));
    }
    let at = text.parse::<Timestamp>().ok()?.as_second();
    Some(seconds(at, at))
}

impl Unit {
    /// A number as a person would write it.
    pub(super) fn write(self, value: f64) -> String {
        match self {
            Unit::Between(..) | Unit::Count => value.to_string(),
            Unit::Age => {
                let fits = |&&(_, seconds): &&(u8, f64)| value % seconds == 0.0;
                let (sign, seconds) = AGES.iter().rfind(fits).copied().unwrap_or(AGES[0]);
                format!("{}{}", value / seconds, char::from(sign))
            }
            // Whole seconds, as `time` made them.
            Unit::Time => Timestamp::from_second(value as i64).map_or_else(|_| value.to_string(), |at| at.to_string()),
        }
    }
}

/// How [`number`] would be written.
pub(super) fn write_number(unit: Unit, min: Option<Bound>, max: Option<Bound>) -> String {
    let one = |value| unit.write(value);
    match (min, max) {
        (Some(low), Some(high)) => format!("{}..{}", one(low.value), one(high.value)),
        (Some(low), None) => format!("{}{}", if low.inclusive { ">=" } else { ">" }, one(low.value)),
        (None, Some(high)) => format!("{}{}", if high.inclusive { "<=" } else { "<" }, one(high.value)),
        (None, None) => "..".to_owned(),
    }
}

pub(super) fn keyword(field: KeywordField, value: &str) -> Result<Term, Wrong> {
    let mut value = value.trim().to_lowercase();
    let known = field.values();
    if !known.is_empty() && !known.contains(&value.as_str()) {
        let hint = nearest(&value, known.iter().copied())
            .map_or_else(|| format!("one of {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        return Err((format!("`{}:` knows no `{value}`", field.name()), Some(hint)));
    }
    if field == KeywordField::Lang {
        value = primary_subtag(&value);
        if !(2..=3).contains(&value.len()) || !value.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err((format!("`{value}` is no language code"), Some("such as `lang:en` or `lang:de`".to_owned())));
        }
    }
    if value.is_empty() {
        return Err((format!("`{}:` lacks a value", field.name()), None));
    }
    Ok(Term::Keyword { field, value })
}

/// `de` of `de-AT`.
pub(crate) fn primary_subtag(lang: &str) -> String {
    lang.split(['-', '_']).next().unwrap_or(lang).to_ascii_lowercase()
}

/// A tag as it is kept and compared: folded, without `#` and outer spaces.
pub(super) fn tag(value: &str) -> String {
    bare_tag(&folded(value)).to_owned()
}

/// As [`tag`], of what is folded already.
pub(crate) fn bare_tag(folded: &str) -> &str {
    folded.trim_start_matches(|c: char| c == '#' || c.is_whitespace()).trim_end()
}
