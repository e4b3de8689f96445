//! CSV for `import`, as other networks and spreadsheets write it: each row becomes a line of the contract's JSON. Which
//! column is which field, the headers say or `--map` does. A value that cannot be true is unknown, with a word.

use super::value::{self, Kind};
use crate::follower::profile::{Disbelieved, Profile};
use crate::post::Author;
use crate::settings::nearest;
use crate::source::line::LINE_BYTES_MAX;
use crate::source::recorded::block::unpacked;
use anyhow::{Context, bail};
use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Looked at to tell what separates cells; the header is in it.
const HEAD_BYTES: usize = 64 * 1024;

/// What columns may hold; with `--follow` only those of [`OF_FOLLOW`] and the author's.
const FIELDS: [(&str, Kind); 26] = [
    ("id", Kind::Words),
    ("source", Kind::Words),
    ("created_at", Kind::Time),
    ("deleted", Kind::Truth),
    ("kind", Kind::Words),
    ("url", Kind::Words),
    ("title", Kind::Words),
    ("text", Kind::Words),
    ("lang", Kind::Words),
    ("edited_at", Kind::Time),
    ("reply_to", Kind::Words),
    ("root", Kind::Words),
    ("quote_of", Kind::Words),
    ("rating", Kind::Number),
    ("reach", Kind::Count),
    ("likes", Kind::Count),
    ("reposts", Kind::Count),
    ("author.id", Kind::Words),
    ("author.handle", Kind::Words),
    ("author.name", Kind::Words),
    ("author.bio", Kind::Words),
    ("author.followers", Kind::Count),
    ("author.following", Kind::Count),
    ("author.posts", Kind::Count),
    ("author.has_avatar", Kind::Truth),
    ("author.created_at", Kind::Time),
];
const OF_FOLLOW: [&str; 4] = ["id", "source", "created_at", "deleted"];

/// `FIELD=HEADER` of `--map`.
#[derive(Clone, Debug)]
pub struct Mapping {
    field: &'static str,
    header: String,
}

impl Mapping {
    pub fn parse(text: &str) -> Result<Self, String> {
        let (field, header) = text.split_once('=').ok_or("expected FIELD=HEADER")?;
        let names = FIELDS.iter().map(|(name, _)| *name);
        match names.clone().find(|name| *name == field.trim()) {
            Some(field) => Ok(Self { field, header: header.trim().to_owned() }),
            None => {
                let hint = hint(field, names.clone());
                Err(format!("no field `{field}`{hint}; fields: {}", names.collect::<Vec<_>>().join(" ")))
            }
        }
    }
}

fn hint<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(word, known).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default()
}

/// Whether a file is read as CSV, by its name.
pub fn is_table(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    name.ends_with(".csv") || name.ends_with(".tsv")
}

/// How rows are read.
pub struct Wish<'a> {
    pub maps: &'a [Mapping],
    /// The own account that each row is a follow of.
    pub follow: Option<&'a str>,
    /// No account was made after it.
    pub now: Timestamp,
}

pub struct Table<'a> {
    rows: Reader<Bounded>,
    headers: Vec<String>,
    /// Column, field, how it is read.
    columns: Vec<(usize, &'static str, Kind)>,
    wish: &'a Wish<'a>,
}

/// A line of the contract's JSON, or why the row is none.
pub struct Row {
    /// On which it begins, from 1.
    pub line: u64,
    /// Bytes before it.
    pub byte: u64,
    pub json: Result<Vec<u8>, String>,
    /// What is taken as unknown.
    pub doubts: Vec<Disbelieved>,
}

impl<'a> Table<'a> {
    /// # Errors
    /// The file cannot be read, or its header lacks what is asked for.
    pub fn open(file: &Path, wish: &'a Wish<'a>) -> anyhow::Result<Self> {
        let mut input = BufReader::with_capacity(HEAD_BYTES, unpacked(BufReader::new(File::open(file)?))?);
        let head = input.fill_buf()?;
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            bail!("is UTF-16: save it as UTF-8");
        }
        let mut reading = ReaderBuilder::new();
        // A carriage return before it is trimmed: taken as an end, it would put lines off by one.
        reading.delimiter(delimiter(head)).terminator(Terminator::Any(b'\n')).flexible(true);
        let mut rows = reading.from_reader(Bounded { input, left: LINE_BYTES_MAX });
        let headers: Vec<String> =
            rows.headers().context("cannot read the header")?.iter().map(|header| header.trim().to_owned()).collect();
        let columns = columns(&headers, wish)?;
        Ok(Self { rows, headers, columns, wish })
    }

    /// `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read on; what was read before stands.
    pub fn next_row(&mut self) -> anyhow::Result<Option<Row>> {
        let mut record = ByteRecord::new();
        loop {
            self.rows.get_mut().left = LINE_BYTES_MAX;
            if !self.rows.read_byte_record(&mut record)? {
                return Ok(None);
            }
            // Spreadsheets leave rows of nothing behind.
            if record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                break;
            }
        }
        let (mut line, byte) = record.position().map_or((0, 0), |place| (place.line(), place.byte()));
        // Empty lines before it count as part of it.
        let within = 1 + memchr::memchr_iter(b'\n', record.as_slice()).count() as u64;
        line += (self.rows.position().line() - line).saturating_sub(within);
        let mut doubts = Vec::new();
        let json = self.line(&record, &mut doubts);
        Ok(Some(Row { line, byte, json, doubts }))
    }

    fn line(&self, record: &ByteRecord, doubts: &mut Vec<Disbelieved>) -> Result<Vec<u8>, String> {
        let (cells, headers) = (record.len(), self.headers.len());
        if cells != headers {
            return Err(format!("{cells} cells where the header has {headers}"));
        }
        let (mut line, mut author) = (Map::new(), Map::new());
        for (column, field, kind) in &self.columns {
            let header = &self.headers[*column];
            let cell = str::from_utf8(&record[*column]).map_err(|_| format!("`{header}` is not UTF-8"))?.trim();
            if cell.is_empty() {
                continue;
            }
            let wrong = || format!("`{}` of column `{header}` is no {}", value::beginning(cell), kind.name());
            match (value::read(*kind, cell), field.strip_prefix("author.")) {
                (Some(value), Some(field)) => drop(author.insert(field.to_owned(), value)),
                (Some(value), None) => drop(line.insert((*field).to_owned(), value)),
                // When it happened, and whether it was undone, is what a line is about.
                (None, _) if matches!(*field, "created_at" | "deleted") => return Err(wrong()),
                (None, _) => doubts.push(Disbelieved { field, why: wrong() }),
            }
        }
        line.insert("author".to_owned(), self.believed(author, doubts)?);
        if let Some(account) = self.wish.follow {
            line.insert("kind".to_owned(), "follow".into());
            line.insert("account".to_owned(), account.into());
        }
        serde_json::to_vec(&line).map_err(|error| error.to_string())
    }

    /// Without what cannot be true, as with any profile.
    fn believed(&self, author: Map<String, Value>, doubts: &mut Vec<Disbelieved>) -> Result<Value, String> {
        let author = Value::from(author);
        let author = Author::deserialize(&author).map_err(|error| error.to_string())?;
        let mut profile = Profile {
            handle: author.handle.as_ref().map(ToString::to_string),
            followers: author.followers,
            following: author.following,
            posts: author.posts,
            created_at: author.created_at,
            ..Profile::default()
        };
        doubts.extend(profile.check(self.wish.now));
        let Profile { handle, followers, following, posts, created_at, .. } = profile;
        Ok(json!(Author { handle: handle.map(Into::into), followers, following, posts, created_at, ..author }))
    }
}

/// What separates cells: whatever stands most often in the header, outside of quotes.
fn delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    // Of equally many the last counts.
    let mut counts = [(b'\t', 0), (b';', 0), (b',', 0)];
    for byte in head.iter().take_while(|byte| **byte != b'\n') {
        quoted ^= *byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += usize::from(byte == delimiter && !quoted);
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| delimiter)
}

/// Which column holds which field.
fn columns(headers: &[String], wish: &Wish<'_>) -> anyhow::Result<Vec<(usize, &'static str, Kind)>> {
    let list = || headers.iter().map(|header| format!("`{header}`")).collect::<Vec<_>>().join(", ");
    let mut columns = Vec::new();
    for (name, kind) in FIELDS {
        let own = name.strip_prefix("author.");
        let takes = wish.follow.is_none() || own.is_some() || OF_FOLLOW.contains(&name);
        let column = match wish.maps.iter().find(|map| map.field == name) {
            Some(_) if !takes => bail!("`{name}` is of posts: --map cannot name it beside --follow"),
            Some(Mapping { header, .. }) => match headers.iter().position(|other| other == header) {
                Some(column) => Some(column),
                None => {
                    let near = hint(header, headers.iter().map(String::as_str));
                    bail!("no column `{header}`{near}; its columns: {}", list())
                }
            },
            None => {
                // A list of followers has no need to say whose handle it is; whose time it is, is less clear.
                let short = own.filter(|own| wish.follow.is_some() && !["id", "created_at"].contains(own));
                let named = |header: &String| {
                    header.eq_ignore_ascii_case(name) || short.is_some_and(|short| header.eq_ignore_ascii_case(short))
                };
                headers.iter().position(named)
            }
        };
        columns.extend(column.filter(|_| takes).map(|column| (column, name, kind)));
    }
    let needed: &[&[&str]] = match wish.follow {
        Some(_) => &[&["created_at"], &["author.handle", "author.id"]],
        None => &[&["created_at"], &["id"], &["text", "title"]],
    };
    for one_of in needed {
        if !columns.iter().any(|(_, name, _)| one_of.contains(name)) {
            let (names, first) = (one_of.join("` or `"), one_of[0]);
            bail!("no column for `{names}`: say which by --map {first}=HEADER; its columns: {}", list());
        }
    }
    Ok(columns)
}

/// Gives no more than a row may have, so that a quote that is never closed does not swallow the file.
struct Bounded {
    input: BufReader<Box<dyn Read + Send>>,
    left: usize,
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other(format!("a row of over {LINE_BYTES_MAX} bytes: is a quote not closed?")));
        }
        let most = into.len().min(self.left);
        let read = self.input.read(&mut into[..most])?;
        self.left -= read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
