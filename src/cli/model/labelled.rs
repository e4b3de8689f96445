//! Reads texts that people labelled: tab-separated, a header line, nothing quoted. Says what is wrong with a row by its
//! line; knows nothing of models.

use crate::classify::head::Head;
use crate::settings::{Problem, Severity};
use std::path::Path;

/// Some million posts, all held in memory: more would not make a figure any surer.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Beyond so many bad rows the file is of another form, and nobody reads on.
const PROBLEMS_MAX: usize = 100;

/// Labels that are named to who gave none of ours.
const SHOWN_LABELS: usize = 5;

const LABEL: &str = "label";
const TEXT: &str = "text";
const LANG: &str = "lang";

#[derive(Debug)]
pub(super) struct Labelled {
    pub head: Head,
    pub rows: Vec<Row>,
    /// Rows with a text and no label: somebody is not done yet.
    pub unlabelled: usize,
}

#[derive(Debug)]
pub(super) struct Row {
    /// Of the head's classes.
    pub class: usize,
    pub text: String,
    /// What a column `lang` declares.
    pub lang: Option<String>,
}

/// `head`: `None` infers it from the header or the labels.
pub(super) fn read(path: &Path, head: Option<Head>) -> Result<Labelled, Vec<Problem>> {
    let name = path.display().to_string();
    let size = path.metadata().map_or(0, |meta| meta.len());
    if size > FILE_BYTES_MAX {
        return Err(vec![problem(&name, 1, format!("over {FILE_BYTES_MAX} bytes"), Some("measure on a part of it"))]);
    }
    match std::fs::read(path) {
        Ok(bytes) => parse(&name, &String::from_utf8_lossy(&bytes), head),
        Err(error) => Err(vec![problem(&name, 1, format!("cannot read: {error}"), None)]),
    }
}

fn problem(file: &str, line: usize, message: String, hint: Option<&str>) -> Problem {
    let hint = hint.map(str::to_owned);
    Problem { severity: Severity::Error, file: file.to_owned(), line, column: 1, message, hint }
}

/// Where things stand in a row.
struct Columns {
    count: usize,
    label: usize,
    text: usize,
    lang: Option<usize>,
    /// The head that the label's column is named after.
    head: Option<Head>,
}

impl Columns {
    fn read(header: &str, head: Option<Head>) -> Result<Self, String> {
        let names: Vec<&str> = header.split('\t').map(str::trim).collect();
        if names.len() < 2 {
            return Err("one column only: a label and a text are needed, with a tab between them".into());
        }
        if Head::ALL.iter().any(|(_, head)| head.class(names[0]).is_some()) {
            return Err(format!("the first line must name the columns; it begins with the label `{}`", names[0]));
        }
        let named = |name: &str| names.iter().position(|known| known.eq_ignore_ascii_case(name));
        let label = head
            .and_then(|head| named(head.name()))
            .or_else(|| named(LABEL))
            .or_else(|| names.iter().position(|name| Head::by_name(name).is_some()));
        let (label, text) = (label.unwrap_or(0), named(TEXT).unwrap_or(names.len() - 1));
        if label == text {
            return Err("label and text are the same column: call them `label` and `text`".into());
        }
        Ok(Self { count: names.len(), label, text, lang: named(LANG), head: Head::by_name(names[label]) })
    }
}

fn parse(name: &str, text: &str, head: Option<Head>) -> Result<Labelled, Vec<Problem>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = (1..).zip(text.split('\n').map(|line| line.trim_end_matches('\r')));
    let header = lines.next().map_or("", |(_, line)| line);
    let columns = Columns::read(header, head)
        .map_err(|wrong| vec![problem(name, 1, wrong, Some("such as a first line `label<TAB>text`"))])?;
    let (mut problems, mut cells, mut unlabelled) = (Vec::new(), Vec::new(), 0);
    for (line, row) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let row: Vec<&str> = row.split('\t').collect();
        if row.len() != columns.count {
            let wrong = format!("{} columns, expected {}", row.len(), columns.count);
            problems.push(problem(name, line, wrong, Some("tabs part columns, and nothing is quoted")));
        } else if row[columns.label].trim().is_empty() {
            unlabelled += 1;
        } else {
            cells.push((line, row));
        }
    }
    let labels = || cells.iter().map(|(_, row)| row[columns.label].trim());
    let head = match head.or(columns.head) {
        Some(head) => head,
        None => infer(labels()).ok_or_else(|| vec![unknown(name, labels())])?,
    };
    let mut rows = Vec::with_capacity(cells.len());
    for (line, row) in &cells {
        let label = row[columns.label].trim();
        match head.class(label) {
            Some(class) => rows.push(Row {
                class,
                text: row[columns.text].to_owned(),
                lang: columns.lang.map(|at| row[at].trim().to_owned()).filter(|lang| !lang.is_empty()),
            }),
            None => {
                let hint = format!("{}: {}", head.name(), head.classes().join(", "));
                problems.push(problem(name, *line, format!("no label `{}`", shown(label)), Some(&hint)));
            }
        }
    }
    if rows.is_empty() && problems.is_empty() {
        problems.push(problem(name, 1, "no labelled text".into(), None));
    }
    if problems.is_empty() { Ok(Labelled { head, rows, unlabelled }) } else { Err(cut(name, problems)) }
}

/// In the order of the file, the first hundred, and how many more.
fn cut(name: &str, mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| problem.line);
    if problems.len() > PROBLEMS_MAX {
        let (more, line) = (problems.len() - PROBLEMS_MAX, problems[PROBLEMS_MAX].line);
        problems.truncate(PROBLEMS_MAX);
        problems.push(problem(name, line, format!("and {more} more rows from here on"), None));
    }
    problems
}

/// The head that most rows are labelled for, at least half of them. `yes` and `no` may be of any.
fn infer<'t>(labels: impl Iterator<Item = &'t str> + Clone) -> Option<Head> {
    let heads = Head::ALL.iter().map(|(_, head)| *head).filter(|head| *head != Head::NeedsAnswer);
    let own = |head: Head, label: &str| head.classes().iter().any(|class| class.eq_ignore_ascii_case(label));
    let counted = heads.map(|head| (labels.clone().filter(|label| own(head, label)).count(), head));
    let (count, head) = counted.max_by_key(|(count, _)| *count)?;
    (count > 0 && 2 * count >= labels.count()).then_some(head)
}

fn unknown<'t>(name: &str, labels: impl Iterator<Item = &'t str> + Clone) -> Problem {
    let mut met: Vec<String> = Vec::new();
    for label in labels {
        let label = format!("`{}`", shown(label));
        if met.len() < SHOWN_LABELS && !met.contains(&label) {
            met.push(label);
        }
    }
    let message = match &met[..] {
        [] => "no labelled text".to_owned(),
        met => format!("labels such as {} tell of no head which it is", met.join(", ")),
    };
    problem(name, 1, message, Some("--head names it; its labels then are those of the head, or yes and no"))
}

/// A foreign word within a message.
fn shown(label: &str) -> String {
    const CHARS_MAX: usize = 40;
    super::super::terminal::plain(label).chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str, head: Option<Head>) -> Labelled {
        parse("f.tsv", text, head).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn bad(text: &str, head: Option<Head>) -> Vec<String> {
        parse("f.tsv", text, head).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_head_is_told_by_the_labels() {
        for (text, head, classes) in [
            ("label\ttext\nnegative\ta\nPositive\tb\n", Head::Sentiment, vec![0, 2]),
            ("label\ttext\njoy\ta\nsadness\tb", Head::Emotion, vec![1, 3]),
            ("label\tdomain\ttext\r\ncomplaint\tshoes\ta\r\nnot_complaint\tshoes\tb\r\n", Head::Complaint, vec![1, 0]),
            ("\u{feff}text\tlabel\na\tironic\nb\tnot_ironic", Head::Irony, vec![1, 0]),
            ("what\tsays\noffensive\ta", Head::Offensive, vec![1]),
            ("needs_answer\ttext\nyes\ta\nno\tb", Head::NeedsAnswer, vec![1, 0]),
        ] {
            let found = good(text, None);
            assert_eq!(found.head, head, "{text}");
            assert_eq!(found.rows.iter().map(|row| row.class).collect::<Vec<_>>(), classes);
            assert_eq!(found.rows[0].text, "a");
        }
        let asked = good("label\ttext\nyes\ta", Some(Head::Irony));
        assert_eq!((asked.head, asked.rows[0].class), (Head::Irony, 1));
        // Of several labels, the one that is asked for.
        let several = "label\tcomplaint\ttext\nnegative\tyes\ta";
        assert_eq!(good(several, Some(Head::Complaint)).rows[0].class, 1);
        assert_eq!(good(several, None).head, Head::Sentiment);
    }

    #[test]
    fn quotes_are_text_and_what_is_not_labelled_is_counted() {
        let found = good("label\tlang\ttext\nneutral\tde\t\"so\" \nneutral\t\tb\n \tde\tlater\n\n", None);
        assert_eq!((found.rows.len(), found.unlabelled), (2, 1));
        assert_eq!((found.rows[0].text.as_str(), found.rows[0].lang.as_deref()), ("\"so\" ", Some("de")));
        assert_eq!(found.rows[1].lang, None);
    }

    #[test]
    fn every_bad_row_is_named_by_its_line() {
        let text = "label\ttext\nnegative\ta\nnegative a\n\npostive\tb\nneutral\tc\td\n";
        assert_eq!(
            bad(text, None),
            [
                "f.tsv:3:1: error: 1 columns, expected 2 (tabs part columns, and nothing is quoted)",
                "f.tsv:5:1: error: no label `postive` (sentiment: negative, neutral, positive)",
                "f.tsv:6:1: error: 3 columns, expected 2 (tabs part columns, and nothing is quoted)",
            ]
        );
        let many = format!("label\ttext\n{}", "x\n".repeat(PROBLEMS_MAX + 5));
        let found = bad(&many, Some(Head::Irony));
        assert_eq!(found.len(), PROBLEMS_MAX + 1);
        assert!(found[PROBLEMS_MAX].starts_with("f.tsv:102:1: error: and 5 more rows"), "{found:?}");
    }

    #[test]
    fn a_file_without_labels_of_ours_is_refused() {
        for (text, part) in [
            ("", "one column only"),
            ("label\ttext\n", "no labelled text"),
            ("label\ttext\n\ta\n", "no labelled text"),
            ("negative\tso sad\nneutral\tb", "must name the columns"),
            ("label\ttext\nyes\ta\nno\tb", "labels such as `yes`, `no` tell of no head"),
            ("labels\ttext\nneutral\ta\nfear\tb\nfear,joy\tc", "labels such as `neutral`, `fear`, `fear,joy`"),
            ("text\nbad", "one column only"),
            ("a\ttext\tb\nneutral\tx", "1:1"),
        ] {
            let found = bad(text, None);
            assert!(found.len() == 1 && found[0].contains(part) || part == "1:1", "{text:?}: {found:?}");
        }
    }
}
