//! `reputed match`: which posts of standard input do these watches want?

use super::line::{self, Work};
use super::{Failure, terminal};
use crate::brand::{Brand, Watch};
use crate::config::names;
use crate::post::Post;
use crate::query::Query;
use crate::query::eval::Subject;
use crate::query::names::Names;
use crate::query::reading::Reading;
use crate::settings::{Problem, Severity};
use crate::source::recorded;
use crate::watch::{Gate, Match as Found, Scratch, WatchSet};
use clap::Args;
use std::io::{Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Prints the posts of standard input (JSON Lines) that match
#[derive(Args)]
#[command(after_help = "\
Examples:
  reputed match --query 'acme AND (refund OR \"money back\")' < posts.jsonl
  reputed match --query 'acme NEAR/5 in:$brands' --lists rules/lists --explain < posts.jsonl
`reputed manual query` tells what a query may say.")]
pub struct Match {
    /// One query
    #[arg(long, value_name = "QUERY", required_unless_present = "watches", conflicts_with = "watches")]
    query: Option<String>,
    /// Many: `id<TAB>query` a line
    #[arg(long, value_name = "FILE")]
    watches: Option<PathBuf>,
    /// One line {"id","watches":[..]} for each match, in place of the post
    #[arg(long)]
    json: bool,
    /// For every post, matching or not: which terms held, failed or could not be told
    #[arg(long)]
    explain: bool,
    /// The folder of the lists that `in:$name` refers to
    #[arg(long, value_name = "DIR")]
    lists: Option<PathBuf>,
}

/// The id that a match of `--query` is listed under.
const QUERY_ID: &str = "query";

impl Match {
    pub(super) fn run(self) -> Result<(), Failure> {
        let names = self.names()?;
        let watches = match (&self.query, &self.watches) {
            (Some(query), _) => vec![read_query(query, &names)?],
            (None, Some(path)) => read_watches(path, &names)?,
            (None, None) => Vec::new(),
        };
        if self.explain {
            return explain(&watches, &names, self.json);
        }
        let brand = Brand { id: "match".into(), name: "match".into(), watches, accounts: Vec::new() };
        let set = WatchSet::compile(&[brand], &[], &names).map_err(|bad| {
            let lines: Vec<String> = bad.iter().map(|bad| format!("watch `{}`: {}", bad.watch, bad.error)).collect();
            Failure::Usage(lines.join("\n"))
        })?;
        let matching = Matching { gate: Gate::new(set), json: self.json, bad: AtomicU64::new(0) };
        line::each(stdin().lock(), &mut stdout(), &matching)?;
        tell_bad(&matching.bad);
        for (_, watch, undecided) in matching.gate.undecided() {
            terminal::note(&format!(
                "`{watch}` could not be decided for {undecided} posts: they lack what it asks for"
            ));
        }
        Ok(())
    }

    fn names(&self) -> Result<Names, Failure> {
        let Some(folder) = &self.lists else { return Ok(Names::default()) };
        let mut problems = Vec::new();
        let lists = names::lists(folder, &mut problems)
            .map_err(|reason| Failure::Usage(format!("{}: {reason}", folder.display())))?;
        if problems.is_empty() { Ok(Names { lists, ..Names::default() }) } else { Err(Failure::BadFile(problems)) }
    }
}

fn tell_bad(bad: &AtomicU64) {
    let bad = bad.load(Relaxed);
    if bad > 0 {
        terminal::note(&format!("{bad} lines were no posts and were passed over"));
    }
}

/// Which terms of each watch held for each post, failed or could not be told.
fn explain(watches: &[Watch], names: &Names, json: bool) -> Result<(), Failure> {
    let mut queries = Vec::new();
    for watch in watches {
        let query = Query::parse_watch(&watch.query, names);
        queries.push((&watch.id, query.map_err(|_| Failure::Usage(format!("watch `{}` is no query", watch.id)))?));
    }
    let explaining = Explaining { queries, json, bad: AtomicU64::new(0) };
    line::each(stdin().lock(), &mut stdout(), &explaining)?;
    tell_bad(&explaining.bad);
    Ok(())
}

struct Explaining<'w> {
    queries: Vec<(&'w String, Query)>,
    json: bool,
    bad: AtomicU64,
}

impl Work for Explaining<'_> {
    type State = Reading;

    fn state(&self) -> Reading {
        Reading::default()
    }

    fn line(&self, reading: &mut Reading, number: u64, line: &[u8], out: &mut Vec<u8>) {
        let Some(post) = read_post(number, line, &self.bad) else { return };
        reading.read(&post);
        let subject = Subject { post: &post, source_kind: "", mention: None, now: None };
        for (id, query) in &self.queries {
            let explanation = query.explain(&subject, reading);
            // Writing into memory cannot fail.
            drop(if self.json {
                writeln!(out, "{}", serde_json::json!({ "id": post.id, "watch": id, "explain": explanation }))
            } else {
                writeln!(out, "{}  {id}\n{explanation}", terminal::plain(&post.id))
            });
        }
    }
}

/// `None`: nothing there, or no post, which is told once and counted.
fn read_post<'l>(number: u64, line: &'l [u8], bad: &AtomicU64) -> Option<Post<'l>> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    let post = recorded::parse_line(line);
    if let Err(error) = &post
        && bad.fetch_add(1, Relaxed) == 0
    {
        terminal::note(&format!("line {number}: {error}"));
    }
    post.ok()
}

struct Matching {
    gate: Gate,
    json: bool,
    bad: AtomicU64,
}

impl Work for Matching {
    type State = Scratch;

    fn state(&self) -> Scratch {
        Scratch::default()
    }

    fn line(&self, scratch: &mut Scratch, number: u64, line: &[u8], out: &mut Vec<u8>) {
        let Some(post) = read_post(number, line, &self.bad) else { return };
        let found = self.gate.matches(&post, scratch);
        if found.is_empty() {
            return;
        }
        if self.json {
            write_json(&post.id, &found, out);
        } else {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
}

fn write_json(id: &str, found: &[Found], out: &mut Vec<u8>) {
    let watches: Vec<&str> = found.iter().flat_map(|found| found.watches.iter().map(|watch| &**watch)).collect();
    // Writing into memory cannot fail.
    drop(writeln!(out, "{}", serde_json::json!({ "id": id, "watches": watches })));
}

fn read_query(text: &str, names: &Names) -> Result<Watch, Failure> {
    match Query::parse_watch(text, names) {
        Ok(_) => Ok(Watch { id: QUERY_ID.into(), query: text.into() }),
        Err(errors) => Err(Failure::BadFile(errors.iter().map(|error| error.problem("--query", 1, 0, text)).collect())),
    }
}

fn read_watches(path: &Path, names: &Names) -> Result<Vec<Watch>, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    let (mut watches, mut problems) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let Some((id, query)) = line.split_once('\t') else {
            let message = "no tab between id and query".to_owned();
            problems.push(Problem {
                severity: Severity::Error,
                file: name.clone(),
                line: number,
                column: 1,
                message,
                hint: None,
            });
            continue;
        };
        match Query::parse_watch(query, names) {
            Ok(_) => watches.push(Watch { id: id.into(), query: query.into() }),
            Err(errors) => {
                let offset = id.chars().count() + 1;
                problems.extend(errors.iter().map(|error| error.problem(&name, number, offset, query)));
            }
        }
    }
    if problems.is_empty() { Ok(watches) } else { Err(Failure::BadFile(problems)) }
}
