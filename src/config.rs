//! The configuration: gathers what each room reads of its own section, and checks what spans rooms.
//! Every problem is reported at once, with its place. `deploy/reputed.toml` is the manual and holds the defaults.

pub mod account;
pub mod model;
pub mod names;

use crate::brand::{Brand, Watch};
use crate::http::auth;
use crate::query::Query;
use crate::query::names::Names;
use crate::settings::{Document, Problem, Section, Severity, nearest};
use crate::{hook, rule, source};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What runs without a file, and the manual of every key.
pub const EMBEDDED: &str = include_str!("../deploy/reputed.toml");
/// The rules that hold when the config names no file of its own.
pub const EMBEDDED_RULES: &str = include_str!("../rules/default.toml");
/// How the embedded rules are called in messages.
pub const EMBEDDED_RULES_NAME: &str = "rules/default.toml (embedded)";

const DATA_DIR: &str = "data";

/// A config file larger than this is a mistake (a data file given by accident).
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Watches of all brands together; matching is built for 100,000, the margin is for nobody.
const WATCHES_MAX: usize = 200_000;

pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    /// Under which people reach the page; derived from `listen` when absent.
    pub base_url: Option<String>,
    pub tokens: Vec<auth::Token>,
    pub brands: Vec<Brand>,
    /// What watches and searches may refer to.
    pub names: Arc<Names>,
    pub sources: Vec<source::Configured>,
    pub hooks: Vec<hook::Configured>,
    pub rules: rule::RuleSet,
    pub model: model::Model,
    /// What was read for `rules`: warnings included by [`read`].
    pub rule_files: Vec<PathBuf>,
}

/// What the command line adds to the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// A query to listen for (`--watch`, `REPUTED_WATCH`).
    pub watch: Option<String>,
    pub data_dir: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
}

/// Reads the file at `path`, or the embedded defaults.
///
/// # Errors
/// All problems of all files; with warnings only, the config is returned beside them.
pub fn read(path: Option<&Path>, overrides: &Overrides) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
    let (name, text) = text_of(path)?;
    parse(&name, &text, overrides)
}

/// Name and text of the file at `path`, or of the embedded defaults.
fn text_of(path: Option<&Path>) -> Result<(String, String), Vec<Problem>> {
    let Some(path) = path else { return Ok(("reputed.toml".to_owned(), EMBEDDED.to_owned())) };
    let name = path.display().to_string();
    match read_bounded(path, FILE_BYTES_MAX) {
        Ok(text) => Ok((name, text)),
        Err(reason) => Err(vec![whole_file(&name, reason)]),
    }
}

/// Where the data of the config at `path` is; for commands that only read what is there, and so need none of its secrets.
///
/// # Errors
/// The file cannot be read or is no TOML.
pub fn data_dir(path: Option<&Path>) -> Result<PathBuf, Vec<Problem>> {
    if path.is_none() {
        return Ok(PathBuf::from(DATA_DIR));
    }
    let (name, text) = text_of(path)?;
    let document = Document::parse(&name, &text);
    let found = {
        let root = document.root();
        root.ignore_rest();
        read_data_dir(&root)
    };
    let problems = document.into_problems();
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The kind of each source, by its id.
pub type Kinds = BTreeMap<String, String>;

/// The lists, named queries and sources of the config at `path`; like [`data_dir`] for commands that only read.
///
/// # Errors
/// A file cannot be read, or a list holds what is no term.
pub fn names(path: Option<&Path>) -> Result<(Names, Kinds), Vec<Problem>> {
    let (name, text) = text_of(path)?;
    let (document, mut problems) = (Document::parse(&name, &text), Vec::new());
    let (names, kinds) = {
        let root = document.root();
        root.ignore_rest();
        let kind = |section: &Section<'_>| {
            section.ignore_rest();
            section.str("id").zip(section.str("kind"))
        };
        let kinds = root.sections("source").iter().filter_map(kind).collect();
        (names::read(&root, &mut problems).2, kinds)
    };
    problems.extend(document.into_problems().into_iter().filter(|problem| problem.severity == Severity::Error));
    if problems.is_empty() { Ok((names, kinds)) } else { Err(problems) }
}

fn read_data_dir(root: &Section<'_>) -> PathBuf {
    let found = if root.has("data_dir") { root.path("data_dir") } else { None };
    found.unwrap_or_else(|| PathBuf::from(DATA_DIR))
}

/// Reads a config from its text; `name` is the file it came from, and relative paths start at its folder.
///
/// # Errors
/// As [`read`].
pub fn parse(name: &str, text: &str, overrides: &Overrides) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
    let document = Document::parse(name, text);
    let (mut found, draft, rule_texts) = {
        let (root, mut found) = (document.root(), Vec::new());
        let (rule_files, rule_texts, names) = names::read(&root, &mut found);
        (found, Draft::read(&root, overrides, rule_files, names), rule_texts)
    };
    let mut problems = document.into_problems();
    problems.append(&mut found);
    let brands: Vec<String> = draft.brands.iter().map(|brand| brand.id.clone()).collect();
    let hooks: Vec<String> = draft.hooks.iter().map(|hook| hook.id.clone()).collect();
    let own = draft.brands.iter().flat_map(|brand| &brand.accounts);
    let accounts: Vec<String> = own.flat_map(|own| own.id.iter().chain([&own.handle])).cloned().collect();
    let rules = match rule::RuleSet::read(&names::rule_files(&rule_texts), &brands, &hooks, &accounts, &draft.names) {
        Ok((rules, warnings)) => {
            problems.extend(warnings);
            Some(rules)
        }
        Err(found) => {
            problems.extend(found);
            None
        }
    };
    let failed = problems.iter().any(|problem| problem.severity == Severity::Error);
    match (rules, draft.finish()) {
        (Some(rules), Some(make)) if !failed => Ok((make(rules), problems)),
        _ => Err(problems),
    }
}

/// What is read so far; complete only when nothing required is missing.
struct Draft {
    data_dir: PathBuf,
    listen: Option<SocketAddr>,
    base_url: Option<String>,
    tokens: Vec<auth::Token>,
    brands: Vec<Brand>,
    sources: Vec<source::Configured>,
    hooks: Vec<hook::Configured>,
    rule_files: Vec<PathBuf>,
    model: model::Model,
    names: Names,
}

impl Draft {
    fn read(root: &Section<'_>, overrides: &Overrides, rule_files: Vec<PathBuf>, names: Names) -> Self {
        let http = root.section("http");
        let configured = read_listen(http.as_ref());
        let listen = overrides.listen.or(configured);
        let base_url = http.as_ref().and_then(|http| read_base_url(http));
        let sources = read_sources(root);
        let source_ids: Vec<&str> = sources.iter().map(|source| source.id.as_str()).collect();
        let mut brands = read_brands(root, &source_ids, &names);
        if let Some(query) = &overrides.watch {
            add_watch(root, &mut brands, query, &names);
        }
        let tokens = http.as_ref().map(auth::read_tokens).unwrap_or_default();
        if let Some(http) = &http {
            check_token_brands(http, &tokens, &brands);
        }
        let hooks = read_hooks(root);
        Self {
            data_dir: overrides.data_dir.clone().unwrap_or_else(|| read_data_dir(root)),
            listen,
            base_url,
            tokens,
            brands,
            sources,
            hooks,
            rule_files,
            model: model::Model::read(root),
            names,
        }
    }

    fn finish(self) -> Option<impl FnOnce(rule::RuleSet) -> Config> {
        let listen = self.listen?;
        Some(move |rules| Config {
            data_dir: self.data_dir,
            listen,
            base_url: self.base_url,
            tokens: self.tokens,
            brands: self.brands,
            names: Arc::new(self.names),
            sources: self.sources,
            hooks: self.hooks,
            rules,
            model: self.model,
            rule_files: self.rule_files,
        })
    }
}

fn read_listen(http: Option<&Section<'_>>) -> Option<SocketAddr> {
    const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7700);
    let Some(text) = http.and_then(|http| http.str("listen")) else { return Some(DEFAULT) };
    let parsed = text.parse().ok();
    if let (None, Some(http)) = (parsed, http) {
        http.error("listen", format!("`{text}` is no address"), Some("such as 127.0.0.1:7700 or [::1]:0".into()));
    }
    parsed
}

fn read_base_url(http: &Section<'_>) -> Option<String> {
    let text = http.str("url")?;
    match url::Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Some(text.trim_end_matches('/').to_owned()),
        _ => {
            http.error("url", format!("`{text}` is no http or https address"), None);
            None
        }
    }
}

fn check_token_brands(http: &Section<'_>, tokens: &[auth::Token], brands: &[Brand]) {
    for brand in tokens.iter().flat_map(|token| token.brands.iter().flatten()) {
        check_reference(http, "token", "brand", brand, brands.iter().map(|brand| brand.id.as_str()));
    }
}

fn read_sources(root: &Section<'_>) -> Vec<source::Configured> {
    let mut ids = BTreeSet::new();
    let mut sources = Vec::new();
    for section in root.sections("source") {
        let id = section.id("id");
        if let Some(id) = &id {
            unique(&section, "id", "source", id, &mut ids);
        }
        let kinds: Vec<&'static str> = source::KINDS.iter().map(|row| row.kind).collect();
        let Some(row) = read_kind(&section, &kinds).and_then(|kind| source::KINDS.iter().find(|row| row.kind == kind))
        else {
            section.ignore_rest();
            continue;
        };
        if let (Some(source), Some(id)) = ((row.read)(&section), id) {
            sources.push(source::Configured { id, kind: row.kind, source });
        }
    }
    sources
}

fn read_hooks(root: &Section<'_>) -> Vec<hook::Configured> {
    let mut ids = BTreeSet::new();
    let mut hooks = Vec::new();
    for section in root.sections("hook") {
        let id = section.id("id");
        if let Some(id) = &id {
            unique(&section, "id", "hook", id, &mut ids);
        }
        let kinds: Vec<&'static str> = hook::KINDS.iter().map(|row| row.kind).collect();
        let Some(row) = read_kind(&section, &kinds).and_then(|kind| hook::KINDS.iter().find(|row| row.kind == kind))
        else {
            section.ignore_rest();
            continue;
        };
        if let (Some(hook), Some(id)) = ((row.read)(&section), id) {
            hooks.push(hook::Configured { id, kind: row.kind, hook });
        }
    }
    hooks
}

fn read_kind(section: &Section<'_>, kinds: &[&'static str]) -> Option<&'static str> {
    if !section.has("kind") {
        section.missing("kind");
        return None;
    }
    section.one_of("kind", kinds)
}

fn read_brands(root: &Section<'_>, sources: &[&str], names: &Names) -> Vec<Brand> {
    let mut ids = BTreeSet::new();
    let mut brands = Vec::new();
    let mut count = 0;
    for section in root.sections("brand") {
        let id = section.id("id");
        if let Some(id) = &id {
            unique(&section, "id", "brand", id, &mut ids);
        }
        let name = section.str("name").or_else(|| id.clone());
        let watches = read_watches(&section, names);
        count += watches.len();
        let accounts = account::read(&section, sources);
        if watches.is_empty() && accounts.is_empty() && !section.has("watch") {
            section.warning("id", "the brand has neither a watch nor an account: nothing is listened for".into(), None);
        }
        if let (Some(id), Some(name)) = (id, name) {
            brands.push(Brand { id, name, watches, accounts });
        }
    }
    if count > WATCHES_MAX {
        root.error("brand", format!("{count} watches, at most {WATCHES_MAX}"), None);
    }
    brands
}

fn read_watches(brand: &Section<'_>, names: &Names) -> Vec<Watch> {
    let mut ids = BTreeSet::new();
    let mut watches = Vec::new();
    for section in brand.sections("watch") {
        let (id, query) = (section.id("id"), section.required_str("query"));
        if let Some(id) = &id {
            unique(&section, "id", "watch", id, &mut ids);
        }
        let Some(query) = query else { continue };
        match Query::parse_watch(&query, names) {
            Ok(_) => watches.extend(id.map(|id| Watch { id, query })),
            Err(errors) => {
                for error in errors {
                    section.error_inside("query", error.span.start, error.message, error.hint);
                }
            }
        }
    }
    watches
}

/// `--watch QUERY`: a watch of the only brand, or of one made for it.
fn add_watch(root: &Section<'_>, brands: &mut Vec<Brand>, query: &str, names: &Names) {
    if let Err(errors) = Query::parse_watch(query, names) {
        for error in errors {
            let message = format!("--watch, column {}: {}", error.span.start + 1, error.message);
            root.error_here(message, error.hint);
        }
        return;
    }
    if brands.is_empty() {
        brands.push(Brand { id: "brand".into(), name: "Brand".into(), watches: Vec::new(), accounts: Vec::new() });
    }
    if let Some(brand) = brands.first_mut() {
        brand.watches.push(Watch { id: "command-line".into(), query: query.to_owned() });
    }
}

fn unique(section: &Section<'_>, key: &str, what: &str, id: &str, seen: &mut BTreeSet<String>) {
    if !seen.insert(id.to_owned()) {
        section.error(key, format!("{what} `{id}` is there twice"), None);
    }
}

fn check_reference<'a>(
    section: &Section<'_>,
    key: &str,
    what: &str,
    id: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) {
    if !known.clone().any(|candidate| candidate == id) {
        let hint = nearest(id, known).map(|near| format!("did you mean `{near}`?"));
        section.error(key, format!("no {what} `{id}`"), hint);
    }
}

fn read_bounded(path: &Path, bytes_max: u64) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > bytes_max {
        return Err(format!("{size} bytes, at most {bytes_max}"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn whole_file(name: &str, reason: String) -> Problem {
    let message = format!("cannot be read: {reason}");
    Problem { severity: Severity::Error, file: name.to_owned(), line: 1, column: 1, message, hint: None }
}
