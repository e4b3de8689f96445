//! What queries may refer to by name: the lists of the folder that `[rules] lists` names, and the queries that the rules
//! files name under `[let]`.

use super::{EMBEDDED_RULES, EMBEDDED_RULES_NAME, FILE_BYTES_MAX, read_bounded, whole_file};
use crate::query::list::{BYTES_MAX, List, Mistake};
use crate::query::names::Names;
use crate::rule;
use crate::settings::{NAME_SIGNS, Problem, Section, is_name};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most files of the folder: each is kept in memory.
const LISTS_MAX: usize = 1_000;

/// Paths and texts of the rules files, and what watches and searches may refer to.
pub(super) fn read(root: &Section<'_>, problems: &mut Vec<Problem>) -> (Vec<PathBuf>, Vec<(String, String)>, Names) {
    let section = root.section("rules");
    let paths = section.as_ref().map(read_rule_files).unwrap_or_default();
    let texts = read_rule_texts(&paths, problems);
    let lists = section.map(|section| read_lists(&section, problems)).unwrap_or_default();
    let names = all(lists, &rule_files(&texts));
    (paths, texts, names)
}

/// Name and text of each rules file; of the embedded one when the config names none.
fn read_rule_texts(files: &[PathBuf], problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    if files.is_empty() {
        return vec![(EMBEDDED_RULES_NAME.to_owned(), EMBEDDED_RULES.to_owned())];
    }
    let mut texts = Vec::new();
    for path in files {
        let name = path.display().to_string();
        match read_bounded(path, FILE_BYTES_MAX) {
            Ok(text) => texts.push((name, text)),
            Err(reason) => problems.push(whole_file(&name, reason)),
        }
    }
    texts
}

pub(super) fn rule_files(texts: &[(String, String)]) -> Vec<rule::File<'_>> {
    texts.iter().map(|(name, text)| rule::File { name, text }).collect()
}

/// Paths of rules files; `*` may stand in the file's name.
fn read_rule_files(section: &Section<'_>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for pattern in section.paths("files") {
        match expand(&pattern) {
            Ok(found) => files.extend(found),
            Err(reason) => section.error("files", format!("`{}`: {reason}", pattern.display()), None),
        }
    }
    files
}

fn expand(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((before, after)) = name.split_once('*') else {
        return Ok(vec![pattern.to_owned()]);
    };
    let folder = pattern.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        })
        .collect();
    found.sort();
    if found.is_empty() { Err("no such file".into()) } else { Ok(found) }
}

/// The lists of `[rules] lists`.
fn read_lists(section: &Section<'_>, problems: &mut Vec<Problem>) -> BTreeMap<String, Arc<List>> {
    let Some(folder) = section.optional_path("lists") else { return BTreeMap::new() };
    if !folder.is_dir() {
        section.warning("lists", format!("`{}` is no folder", folder.display()), None);
        return BTreeMap::new();
    }
    match lists(&folder, problems) {
        Ok(lists) => lists,
        Err(reason) => {
            section.error("lists", format!("`{}`: {reason}", folder.display()), None);
            BTreeMap::new()
        }
    }
}

/// Every list of a folder, by name: that of its file without the ending. Hidden files and folders are passed over.
///
/// # Errors
/// The folder cannot be read, or holds too many files.
pub fn lists(folder: &Path, problems: &mut Vec<Problem>) -> Result<BTreeMap<String, Arc<List>>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths
        .retain(|path| path.is_file() && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    paths.sort();
    if paths.len() > LISTS_MAX {
        return Err(format!("more than {LISTS_MAX} lists"));
    }
    let mut found = BTreeMap::new();
    for path in paths {
        let file = path.display().to_string();
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        match read_list(&path, &file, &name) {
            Ok(list) if found.contains_key(&name) => {
                problems.push(whole_file(&file, format!("a second file makes a list `{}`", list.name)));
            }
            Ok(list) => drop(found.insert(name, Arc::new(list))),
            Err(wrong) => problems.extend(wrong),
        }
    }
    Ok(found)
}

fn read_list(path: &Path, file: &str, name: &str) -> Result<List, Vec<Problem>> {
    if !is_name(name) {
        let mut problem = whole_file(file, format!("`{name}` is no name of a list"));
        problem.hint = Some(NAME_SIGNS.to_owned());
        return Err(vec![problem]);
    }
    let text = read_bounded(path, BYTES_MAX as u64).map_err(|reason| vec![whole_file(file, reason)])?;
    List::read(name, &text).map_err(|mistakes| {
        let lines: Vec<&str> = text.lines().collect();
        let line = |number: usize| lines.get(number - 1).copied().unwrap_or_default();
        mistakes.iter().map(|Mistake { line: at, error }| error.problem(file, *at, 0, line(*at))).collect()
    })
}

/// What a watch and a search may refer to: the lists, and every query that the rules files name and do not name
/// differently.
fn all(lists: BTreeMap<String, Arc<List>>, files: &[rule::File<'_>]) -> Names {
    let mut queries: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (name, text) in files.iter().flat_map(rule::named) {
        let known = queries.entry(name).or_insert_with(|| Some(text.clone()));
        if known.as_ref().is_some_and(|known| *known != text) {
            *known = None;
        }
    }
    let queries = queries.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
    Names { lists, queries }
}
