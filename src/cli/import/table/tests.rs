//! Exports as people have them: other headers, other separators, nonsense in cells.

use super::*;
use crate::source::line::{Line, parse};
use std::io::Write;

fn wish<'a>(maps: &'a [Mapping], follow: Option<&'a str>) -> Wish<'a> {
    Wish { maps, follow, now: "2026-11-22T00:00:00Z".parse().unwrap() }
}

fn maps(texts: &[&str]) -> Vec<Mapping> {
    texts.iter().map(|text| Mapping::parse(text).unwrap()).collect()
}

/// What each row says, `name: problem` or the name of the line and its doubts; or why the table cannot be read.
fn told(text: &[u8], wish: &Wish<'_>) -> Result<Vec<String>, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    let mut table = Table::open(file.path(), wish).map_err(|error| error.to_string())?;
    let mut told = Vec::new();
    while let Some(row) = table.next_row().map_err(|error| error.to_string())? {
        let doubts: Vec<String> = row.doubts.iter().map(ToString::to_string).collect();
        let says = match &row.json {
            Ok(json) => {
                parse(json).map_or_else(|bad| bad.to_string(), |line| format!("{} {}", line.name(), line.created_at()))
            }
            Err(why) => why.clone(),
        };
        told.push([vec![format!("{}: {says}", row.line)], doubts].concat().join("; "));
    }
    Ok(told)
}

#[test]
fn a_list_of_followers_with_headers_of_its_own() {
    let maps = maps(&["author.handle=Username", "created_at=Followed at", "author.followers=Fans"]);
    let text = "\u{feff}\"Username\";\"Followed at\";\"Fans\"\r\n\"@Ann\";\"2026-11-21 09:00:00\";\"1,234\"\r\n\
                bob;2026-11-20;-3\r\n\r\n\"c;d\ne\";1795251600;many\r\ndora;2026-11-21T09:00:00Z;99999999999\r\n";
    let wish = wish(&maps, Some("velora.example"));
    assert_eq!(
        told(text.as_bytes(), &wish).unwrap(),
        [
            "2: ann 2026-11-21T09:00:00Z",
            "3: bob 2026-11-20T00:00:00Z; author.followers taken as unknown: `-3` of column `Fans` is no count",
            "5: author has neither id nor handle; author.followers taken as unknown: `many` of column `Fans` is no count; \
             handle taken as unknown: it holds U+000A",
            "7: dora 2026-11-21T09:00:00Z; followers taken as unknown: 99999999999 is more than there can be",
        ]
    );
}

#[test]
fn the_line_that_comes_of_a_row() {
    let maps = maps(&["author.created_at=Joined"]);
    let text = "handle,created_at,Joined,has_avatar,bio,posts\nann,2026-11-21,2031-01-01,https://a.example/a.png,,12\n";
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let wish = wish(&maps, Some("velora.example"));
    let row = Table::open(file.path(), &wish).unwrap().next_row().unwrap().unwrap();
    assert_eq!(row.doubts.len(), 1, "{:?}: nobody joins in the future", row.doubts);
    let json = row.json.unwrap();
    let Ok(Line::Follow(follow)) = parse(&json) else { panic!("{}", String::from_utf8_lossy(&json)) };
    assert_eq!((follow.account.as_str(), follow.author.posts), ("velora.example", Some(12)));
    assert_eq!((follow.author.has_avatar, follow.author.created_at, follow.author.bio), (Some(true), None, None));
}

#[test]
fn posts_by_the_names_that_they_have() {
    let text = b"id\ttext\tcreated_at\tauthor.handle\tlikes\na\t\"he said \"\"hi\"\"\"\t2026-11-21\tann\t3\nb\tx\tnever\tann\t3\n\
                 c\tx\t2026-11-21\tann\n\xff\tx\t2026-11-21\tann\t1\nd\t\t2026-11-21\tann\t1";
    assert_eq!(
        told(text, &wish(&[], None)).unwrap(),
        [
            "2: a 2026-11-21T00:00:00Z",
            "3: `never` of column `created_at` is no time",
            "4: 4 cells where the header has 5",
            "5: `id` is not UTF-8",
            "6: neither text nor title",
        ]
    );
}

#[test]
fn a_wrong_map_says_what_is_there() {
    let text = b"Username,Followed at\nann,2026-11-21\n";
    let says = |texts: &[&str], follow| told(text, &wish(&maps(texts), follow)).unwrap_err();
    let own = Some("velora.example");
    assert_eq!(
        says(&["author.handle=Usernam", "created_at=Followed at"], own),
        "no column `Usernam`, did you mean `Username`?; its columns: `Username`, `Followed at`"
    );
    let missing = says(&["author.handle=Username"], own);
    assert!(missing.starts_with("no column for `created_at`: say which by --map created_at=HEADER"), "{missing}");
    assert!(says(&["created_at=Followed at"], own).contains("`author.handle` or `author.id`"));
    assert!(says(&["text=Username"], own).contains("is of posts"));
    assert!(says(&["id=Username", "created_at=Followed at"], None).contains("`text` or `title`"));
    let bad = Mapping::parse("author.handel=Username").unwrap_err();
    assert!(bad.starts_with("no field `author.handel`, did you mean `author.handle`?"), "{bad}");
    assert!(Mapping::parse("author.handle").is_err());
    assert!(told(b"\xff\xfeU\0s\0", &wish(&[], own)).unwrap_err().contains("UTF-16"));
    assert!(told(b"", &wish(&[], own)).is_err());
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_file() {
    let text = format!("handle,created_at\nann,2026-11-21\n\"bob,{}", "x".repeat(2 * LINE_BYTES_MAX));
    let why = told(text.as_bytes(), &wish(&[], Some("velora.example"))).unwrap_err();
    assert!(why.contains("is a quote not closed?"), "{why}");
}

#[test]
fn which_files_are_tables() {
    for (name, table) in [("a.csv", true), ("A.CSV.GZ", true), ("a.tsv.zst", true), ("a.jsonl", false), ("csv", false)]
    {
        assert_eq!(is_table(Path::new(name)), table, "{name}");
    }
}
