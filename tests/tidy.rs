//! The rules of the house, held by a test: floors, openings, sizes, tables, and what files name of each other.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test cannot do without, it may demand")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file before its tests.
const LINES_MAX: usize = 420;

/// Files that are longer, with their size of today: it may shrink and never grow.
const LONGER: &[(&str, usize)] = &[];

/// Where the judgement floor leans on its own: everything reads posts by queries.
const BESIDE: &[(&str, &str)] = &[
    ("watch", "query"),
    ("rule", "query"),
    ("rule", "watch"),
    ("classify", "query"),
    // Words on words: an alert tells of mentions, a mention holds a post.
    ("mention", "post"),
];

/// What must not stand in the program.
const BANNED: &[&str] = &["/tmp/", "todo!(", "dbg!("];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Files below `folder` with one of the endings, as paths from the root, sorted.
fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// The module at the top to which a file belongs: `source` for `src/source/feed/state.rs`.
fn module(path: &str) -> &str {
    path.trim_start_matches("src/").split('/').next().unwrap().trim_end_matches(".rs")
}

/// The program without its tests.
fn program(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Floor of each module by the comments of `src/lib.rs`.
fn floors() -> BTreeMap<String, usize> {
    let mut floors = BTreeMap::new();
    let mut floor = None;
    for line in read("src/lib.rs").lines() {
        if let Some(number) = line.strip_prefix("// Floor ") {
            floor = Some(number.split(':').next().unwrap().parse().unwrap());
        } else if let Some(module) = line.strip_prefix("pub mod ") {
            floors.insert(module.trim_end_matches(';').to_owned(), floor.expect("a floor before the modules"));
        }
    }
    floors
}

/// Modules at the top that `text` names: `crate::a::B`, and `crate::{a, b::C}`.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let word = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let (mut depth, mut start) = (0, true);
        for (n, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && c.is_ascii_alphabetic() => {
                    found.insert(word(&list[n..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn imports_are_read() {
    let found = imports("use crate::a::{self, b};\nuse crate::{c, d::{e, f}, g};\nlet x = crate::h::i();");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "c", "d", "g", "h"]);
}

#[test]
fn imports_go_down_only() {
    let floors = floors();
    assert!(floors.len() > 20 && floors["source"] == 2, "{floors:?}");
    let mut wrong = Vec::new();
    for path in files("src", &[".rs"]) {
        let own = module(&path);
        if is_test(&path) || ["lib", "main"].contains(&own) {
            continue;
        }
        let floor = *floors.get(own).unwrap_or_else(|| panic!("{path} stands on no floor of src/lib.rs"));
        for other in imports(program(&read(&path))) {
            let Some(&under) = floors.get(&other) else { continue };
            let beside = under == floor && other != own;
            // The words lean on each other, the house is one; wire and judgement are two rooms of one floor.
            let allowed = floor == 0 || floor == 5 || BESIDE.contains(&(own, &other));
            if under > floor || (beside && !allowed) {
                wrong.push(format!("{path} (floor {floor}) imports {other} (floor {under})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    for folder in ["src", "tests", "benches"] {
        for path in files(folder, &[".rs"]) {
            assert!(read(&path).starts_with("//! "), "{path} does not open with //!");
        }
    }
}

#[test]
fn files_stay_short() {
    let mut wrong = Vec::new();
    for path in files("src", &[".rs"]).iter().filter(|path| !is_test(path)) {
        let lines = program(&read(path)).lines().count();
        let most = LONGER.iter().find(|(long, _)| long == path).map_or(LINES_MAX, |(_, lines)| *lines);
        if lines > most {
            wrong.push(format!("{path}: {lines} lines, at most {most}"));
        }
        if lines <= LINES_MAX && most > LINES_MAX {
            wrong.push(format!("{path}: {lines} lines, strike it off the list"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kind_stands_in_its_table() {
    for (folder, table, reads) in [
        ("src/source", "src/source/mod.rs", "pub fn read("),
        ("src/hook", "src/hook/mod.rs", "pub fn read("),
        ("src/rule/detect", "src/rule/detect/mod.rs", "pub fn read("),
    ] {
        let rows = read(table);
        let mut kinds = 0;
        for path in files(folder, &[".rs"]).iter().filter(|path| *path != table && !is_test(path)) {
            // Only files of the folder itself are kinds.
            let name = path.trim_start_matches(folder).trim_start_matches('/').trim_end_matches(".rs");
            let is_kind = !name.contains('/') && program(&read(path)).lines().any(|line| line.starts_with(reads));
            if is_kind {
                kinds += 1;
                assert!(rows.contains(&format!("{name}::read")), "{path} has no row in {table}");
            }
        }
        let found =
            rows.matches("::read }").count() + rows.matches("::read)").count() + rows.matches("::read,").count();
        assert!(kinds > 0 || found == 0, "{folder}: {found} rows and no kind");
    }
}

#[test]
fn nothing_of_the_workshop_stands_in_the_program() {
    for path in files("src", &[".rs", ".js", ".css", ".html", ".sql"]) {
        let text = read(&path);
        for word in BANNED {
            assert!(!text.contains(word), "{path} says `{word}`");
        }
    }
}

/// Paths named in backquotes or as targets of links.
fn named_paths(text: &str) -> BTreeSet<String> {
    let folders = ["src/", "tests/", "benches/", "models/", "rules/", "deploy/", "docs/"];
    let quoted = text.split(['`', '(', ')', '"', ' ', '\n', '<', '>', '\'', '|']);
    let path = |word: &str| {
        let word = word.trim_start_matches("./").trim_end_matches(['.', ',', ':', ';']);
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        (plain && folders.iter().any(|folder| word.starts_with(folder))).then(|| word.to_owned())
    };
    quoted.filter_map(path).collect()
}

#[test]
fn the_documents_name_what_is_there() {
    for document in ["README.md", "ARCHITECTURE.md"] {
        let Ok(text) = fs::read_to_string(root().join(document)) else { continue };
        for path in named_paths(&text) {
            assert!(root().join(&path).exists(), "{document} names {path}");
        }
    }
}

#[test]
fn every_recording_is_used() {
    let code: String =
        ["src", "tests", "benches"].iter().flat_map(|folder| files(folder, &[".rs"])).map(|path| read(&path)).collect();
    for path in files("tests/data", &[""]) {
        let path = PathBuf::from(path);
        let name = path.file_name().unwrap().to_str().unwrap();
        // By its name, with or without its ending, or all of its folder at once.
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let folder = path.parent().unwrap().strip_prefix("tests/data").unwrap().display().to_string();
        let used = code.contains(name)
            || code.contains(&format!("\"{stem}\""))
            || code.contains(&format!("tests/data/{folder}\""));
        let is_note = name.ends_with(".md") || name.ends_with(".stderr") || name.ends_with(".txt");
        assert!(used || is_note, "nothing reads {}", path.display());
    }
}

/// `#key = value` becomes a key, `# words` stay words.
fn uncommented(text: &str) -> String {
    let line = |line: &str| {
        let Some(rest) = line.strip_prefix('#') else { return line.to_owned() };
        let key = rest.trim_start();
        let words = rest.starts_with(' ') && !rest.starts_with("  ");
        if words || key.starts_with('#') { line.to_owned() } else { key.to_owned() }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_configuration_is_right_and_known_to_the_last_key() {
    use reputed::config::{EMBEDDED, Overrides, parse};
    let told = |text: &str| match parse("deploy/reputed.toml", text, &Overrides::default()) {
        Ok((_, problems)) | Err(problems) => problems,
    };
    assert_eq!(told(EMBEDDED), []);
    // Its secrets come from an environment that is not here, its files from folders that are not there, and the default
    // engine needs none.
    let expected = |message: &str| {
        ["is not set", "no such file", "No such file", "is no folder", "cannot read", "reads a folder"]
            .iter()
            .any(|told| message.contains(told))
    };
    let text = uncommented(EMBEDDED);
    for key in ["[[http.token]]", "[[brand.account]]", "streams =", "allow =", "speed =", "lists ="] {
        assert!(text.lines().any(|line| line.starts_with(key)), "{key} is not read from\n{text}");
    }
    let wrong: Vec<_> = told(&text).into_iter().filter(|problem| !expected(&problem.message)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
