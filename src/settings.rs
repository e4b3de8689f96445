//! Reads a TOML file key by key and collects *every* problem with its place, instead of stopping at the first.
//! Knows nothing of what the keys mean: each module reads its own [`Section`].
//!
//! A key that nobody asked for is a mistake: it is reported when its section is dropped, with the nearest known key.

mod name;

pub use name::{NAME_SIGNS, is_name, nearest};

use crate::secret::Secret;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warning,
    Error,
}

/// One thing wrong with a file, and where. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}:{}:{}: {word}: {}", self.file, self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// One TOML file while it is being read.
pub struct Document<'t> {
    name: &'t str,
    text: &'t str,
    root: Spanned<DeTable<'t>>,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Document<'t> {
    /// Syntax errors become problems; what could be parsed is still read, so that one run lists them all.
    pub fn parse(name: &'t str, text: &'t str) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let document = Self { name, text, root, problems: RefCell::default() };
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            document.report(Severity::Error, at, error.message().trim().to_owned(), None);
        }
        document
    }

    pub fn root(&self) -> Section<'_> {
        Section::new(self, self.root.get_ref(), self.root.span().start, String::new())
    }

    /// The end of reading: all problems in the order of the file.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|p| (p.line, p.column));
        problems.dedup();
        problems
    }

    fn resolve(&self, path: &str) -> PathBuf {
        Path::new(self.name).parent().unwrap_or(Path::new("")).join(path)
    }

    fn report(&self, severity: Severity, at: usize, message: String, hint: Option<String>) {
        let before = &self.text[..floor_char_boundary(self.text, at)];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        self.problems.borrow_mut().push(Problem { severity, file: self.name.to_owned(), line, column, message, hint });
    }
}

/// One table of a document. Reading a key marks it as known; the rest is reported on drop.
pub struct Section<'d> {
    document: &'d Document<'d>,
    table: &'d DeTable<'d>,
    at: usize,
    path: String,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'d> Section<'d> {
    fn new(document: &'d Document<'d>, table: &'d DeTable<'d>, at: usize, path: String) -> Self {
        Self { document, table, at, path, known: RefCell::default() }
    }

    pub fn str(&self, key: &'static str) -> Option<String> {
        let value = self.value(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(text.to_owned()),
            None => self.wrong_type(key, "a string"),
        }
    }

    pub fn required_str(&self, key: &'static str) -> Option<String> {
        match self.str(key) {
            Some(text) if text.trim().is_empty() => {
                self.error(key, format!("`{key}` is empty"), None);
                None
            }
            None if !self.has(key) => {
                self.missing(key);
                None
            }
            text => text,
        }
    }

    /// An id: letters, digits, `-`, `_` and `.`, so that it can stand in paths, metrics and queries as it is.
    pub fn id(&self, key: &'static str) -> Option<String> {
        let id = self.required_str(key)?;
        if id.len() <= 64 && is_name(&id) {
            return Some(id);
        }
        self.error(key, format!("`{id}` is no id"), Some(format!("{NAME_SIGNS}, at most 64")));
        None
    }

    /// A path, relative to the folder of the file it stands in.
    pub fn path(&self, key: &'static str) -> Option<PathBuf> {
        self.required_str(key).map(|path| self.document.resolve(&path))
    }

    pub fn optional_path(&self, key: &'static str) -> Option<PathBuf> {
        self.str(key).map(|path| self.document.resolve(&path))
    }

    pub fn paths(&self, key: &'static str) -> Vec<PathBuf> {
        self.strings(key).iter().map(|path| self.document.resolve(path)).collect()
    }

    /// Reports no unknown keys: what they should be is not known (an unknown `kind`, say).
    pub fn ignore_rest(&self) {
        self.known.borrow_mut().insert("*");
    }

    pub fn bool(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        value.get_ref().as_bool().or_else(|| self.wrong_type(key, "true or false"))
    }

    pub fn integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.value(key)?;
        let Some(number) = value.get_ref().as_integer() else {
            return self.wrong_type(key, "a whole number");
        };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(n) if range.contains(&n) => Some(n),
            _ => {
                self.error(key, format!("`{key}` must lie in {}..={}", range.start(), range.end()), None);
                None
            }
        }
    }

    pub fn float(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.value(key)?.get_ref();
        let number =
            value.as_float().map(|n| n.as_str().to_owned()).or(value.as_integer().map(|n| n.as_str().to_owned()));
        let Some(number) = number else {
            return self.wrong_type(key, "a number");
        };
        match number.parse::<f64>() {
            Ok(n) if range.contains(&n) => Some(n),
            _ => {
                self.error(key, format!("`{key}` must lie in {}..={}", range.start(), range.end()), None);
                None
            }
        }
    }

    /// For keys that take a number or a word.
    pub fn is_number(&self, key: &'static str) -> bool {
        self.value(key).is_some_and(|value| value.get_ref().is_integer() || value.get_ref().is_float())
    }

    /// `500ms`, `30s`, `10m`, `2h`, `7d`, `6w`.
    pub fn duration(&self, key: &'static str) -> Option<Duration> {
        let text = self.str(key)?;
        let parsed = parse_duration(&text);
        if parsed.is_none() {
            self.error(key, format!("`{text}` is no duration"), Some("such as 500ms, 30s, 10m, 2h, 7d".into()));
        }
        parsed
    }

    pub fn strings(&self, key: &'static str) -> Vec<String> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            return self.wrong_type(key, "a list of strings").unwrap_or_default();
        };
        let mut out = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) => out.push(text.to_owned()),
                None => self.error_at(item.span().start, format!("`{key}` holds strings"), None),
            }
        }
        out
    }

    /// A string, or a list of them.
    pub fn string_or_strings(&self, key: &'static str) -> Option<Vec<String>> {
        match self.value(key)?.get_ref() {
            DeValue::String(text) => Some(vec![text.to_string()]),
            DeValue::Array(_) => Some(self.strings(key)),
            _ => self.wrong_type(key, "a string or a list of strings"),
        }
    }

    /// One of a few words, with the nearest suggested.
    pub fn one_of(&self, key: &'static str, choices: &[&'static str]) -> Option<&'static str> {
        let text = self.str(key)?;
        if let Some(choice) = choices.iter().find(|c| **c == text) {
            return Some(choice);
        }
        let hint = nearest(&text, choices.iter().copied())
            .map_or_else(|| format!("one of {}", choices.join(", ")), |near| format!("did you mean `{near}`?"));
        self.error(key, format!("unknown {key} `{text}`"), Some(hint));
        None
    }

    /// `{ env = "NAME" }` or `{ file = "PATH" }`. A plain string is refused: secrets do not belong into a config file.
    pub fn secret(&self, key: &'static str) -> Option<Secret> {
        if self.value(key)?.get_ref().is_str() {
            let hint = format!("write {key} = {{ env = \"NAME\" }} or {key} = {{ file = \"PATH\" }}");
            self.error(key, format!("`{key}` must not stand in the file"), Some(hint));
            return None;
        }
        let section = self.section(key)?;
        let found = match (section.str("env"), section.str("file")) {
            (Some(name), None) => std::env::var(&name).map_err(|_| format!("environment variable `{name}` is not set")),
            (None, Some(path)) => std::fs::read_to_string(self.document.resolve(&path))
                .map_err(|error| format!("cannot read `{path}`: {error}")),
            _ => Err(format!("`{key}` takes either `env` or `file`")),
        };
        match found.map(|text| text.trim().to_owned()) {
            Ok(text) if !text.is_empty() => Some(Secret::new(text)),
            Ok(_) => {
                self.error(key, format!("`{key}` is empty"), None);
                None
            }
            Err(message) => {
                self.error(key, message, None);
                None
            }
        }
    }

    pub fn section(&self, key: &'static str) -> Option<Section<'d>> {
        let value = self.value(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Section::new(self.document, table, value.span().start, self.path_of(key))),
            None => self.wrong_type(key, "a table"),
        }
    }

    /// Every `[[key]]`, in the order of the file.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'d>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            return self.wrong_type(key, "a list of tables").unwrap_or_default();
        };
        let mut out = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref().as_table() {
                Some(table) => out.push(Section::new(self.document, table, item.span().start, self.path_of(key))),
                None => self.error_at(item.span().start, format!("`{key}` holds tables"), None),
            }
        }
        out
    }

    /// Every entry of a table with free names, such as `[let]`.
    pub fn entries(&self) -> Vec<(&'d str, String, usize)> {
        let mut out = Vec::new();
        for (key, value) in self.table.iter() {
            match value.get_ref().as_str() {
                Some(text) => out.push((key.get_ref().as_ref(), text.to_owned(), value.span().start)),
                None => self.error_at(value.span().start, format!("`{}` must be a string", key.get_ref()), None),
            }
        }
        self.ignore_rest();
        out
    }

    pub fn has(&self, key: &'static str) -> bool {
        self.known.borrow_mut().insert(key);
        self.table.contains_key(key)
    }

    /// For a key that takes a short form or a table.
    pub fn is_table(&self, key: &'static str) -> bool {
        self.value(key).is_some_and(|value| value.get_ref().is_table())
    }

    /// A mistake in the value of `key`.
    pub fn error(&self, key: &str, message: String, hint: Option<String>) {
        self.document.report(Severity::Error, self.place(key), message, hint);
    }

    pub fn warning(&self, key: &str, message: String, hint: Option<String>) {
        self.document.report(Severity::Warning, self.place(key), message, hint);
    }

    /// A mistake at `offset` bytes inside the string value of `key` (a query, say). Exact for strings without escapes.
    pub fn error_inside(&self, key: &str, offset: usize, message: String, hint: Option<String>) {
        let start = self.place(key);
        let quotes =
            if self.document.text[start..].starts_with("\"\"\"") || self.document.text[start..].starts_with("'''") {
                3
            } else {
                1
            };
        self.error_at(start + quotes + offset, message, hint);
    }

    /// A mistake of the section as a whole.
    pub fn error_here(&self, message: String, hint: Option<String>) {
        self.error_at(self.at, message, hint);
    }

    pub fn error_at(&self, at: usize, message: String, hint: Option<String>) {
        self.document.report(Severity::Error, at, message, hint);
    }

    pub fn missing(&self, key: &str) {
        let place = if self.path.is_empty() { "the file".to_owned() } else { format!("`{}`", self.path) };
        self.error_here(format!("{place} lacks `{key}`"), None);
    }

    fn value(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.known.borrow_mut().insert(key);
        self.table.get(key)
    }

    fn place(&self, key: &str) -> usize {
        self.table.get(key).map_or(self.at, |value| value.span().start)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn wrong_type<T>(&self, key: &str, wanted: &str) -> Option<T> {
        let found = self.table.get(key).map_or("nothing", |value| value.get_ref().type_str());
        self.error(key, format!("`{key}` must be {wanted}, not {found}"), None);
        None
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        let known = self.known.borrow();
        if known.contains("*") {
            return;
        }
        for (key, _) in self.table.iter() {
            let name = key.get_ref().as_ref();
            if known.contains(name) {
                continue;
            }
            let hint = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            self.error_at(key.span().start, format!("unknown key `{}`", self.path_of(name)), hint);
        }
    }
}

/// `500ms`, `30s`, `10m`, `2h`, `7d`, `6w`; nothing else.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_every_problem_with_its_place() {
        let text = "listen = 7\nlitsen = \"x\"\n[[source]]\nid = \"a b\"\nevery = \"10 minutes\"\n";
        let document = Document::parse("reputed.toml", text);
        {
            let root = document.root();
            assert_eq!(root.str("listen"), None);
            for source in root.sections("source") {
                assert_eq!(source.id("id"), None);
                assert_eq!(source.duration("every"), None);
                assert_eq!(source.required_str("kind"), None);
            }
        }
        let lines: Vec<String> = document.into_problems().iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 5, "{lines:#?}");
        assert_eq!(lines[0], "reputed.toml:1:10: error: `listen` must be a string, not integer");
        assert_eq!(lines[1], "reputed.toml:2:1: error: unknown key `litsen` (did you mean `listen`?)");
        assert!(lines.iter().any(|line| line.contains("`source` lacks `kind`")));
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        for bad in ["", "10", "m", "1.5h", "-3s", "10 m", "99999999999999999999s", "1y"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
