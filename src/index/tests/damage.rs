//! Whatever happens to the folder, opening gives a working index: the old one whole, or an empty one.

use super::*;
use std::fs;
use std::path::PathBuf;

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A fresh copy of the files of an index of three mentions.
fn copy(of: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files(of) {
        fs::copy(&file, dir.path().join(file.file_name().unwrap())).unwrap();
    }
    dir
}

/// Opens, and checks that it works: whole, or empty and ready to be fed.
fn check(dir: &Path, why: &str) -> i64 {
    let (mut writer, searcher) = open(dir).unwrap();
    let change = writer.last_change();
    let expected = if change == 0 { vec![] } else { vec![3, 2, 1] };
    assert_eq!(found(&searcher, Expr::All), expected, "{why}");
    writer.put(&mention(4, "acme"), "bluesky", true).unwrap();
    writer.commit(9).unwrap();
    assert!(found(&searcher, word("acme")).contains(&4), "{why}");
    change
}

#[test]
fn each_file_missing_cut_or_flipped() {
    let (dir, writer, _) = index(&three());
    drop(writer);
    for file in files(dir.path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let content = fs::read(&file).unwrap();
        let flipped = |at: usize| {
            let mut bytes = content.clone();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x15;
            }
            bytes
        };
        let damages = [
            ("cut", content[..content.len() / 2].to_vec()),
            ("emptied", vec![]),
            ("garbage", b"{\"x\": [1, 2".to_vec()),
            ("flipped first", flipped(0)),
            ("flipped middle", flipped(content.len() / 2)),
            ("flipped last", flipped(content.len().saturating_sub(1))),
        ];
        let is_lock = name.ends_with(".lock");
        for (damage, bytes) in damages {
            let dir = copy(dir.path());
            fs::write(dir.path().join(name), &bytes).unwrap();
            let why = format!("{name} {damage}");
            drop(
                open_read_only(dir.path())
                    .map(|searcher| searcher.search(&query(word("acme")), &page(9), Timestamp::UNIX_EPOCH)),
            );
            let change = check(dir.path(), &why);
            // Some of what stands in the lists may change without harm.
            let is_list = name.ends_with(".json") && damage.starts_with("flipped");
            assert!(is_list || bytes == content || change == i64::from(is_lock), "{why}: change {change}");
        }
        let dir = copy(dir.path());
        fs::remove_file(dir.path().join(name)).unwrap();
        assert_eq!(check(dir.path(), name), i64::from(is_lock), "{name} missing");
    }
}

#[test]
fn another_version_or_other_fields_begin_anew() {
    let (dir, writer, _) = index(&three());
    drop(writer);
    let meta = dir.path().join("meta.json");
    let content = fs::read_to_string(&meta).unwrap();
    let payload = folder::payload(1);
    assert!(content.contains(&payload));
    for (from, to) in [
        (payload.as_str(), "0 1 0123456789abcdef"),
        (payload.as_str(), "nonsense"),
        (payload.as_str(), &payload.replacen(" 1 ", " 3 ", 1)),
        ("\"bio\"", "\"boi\""),
    ] {
        let dir = copy(dir.path());
        fs::write(dir.path().join("meta.json"), content.replace(from, to)).unwrap();
        assert!(matches!(open_read_only(dir.path()), Err(Error::Rebuild(_))), "{to}");
        assert_eq!(check(dir.path(), to), 0, "{to}");
    }
}

#[test]
fn only_a_writer_builds() {
    let dir = tempfile::tempdir().unwrap();
    for missing in [dir.path().to_owned(), dir.path().join("none")] {
        assert!(matches!(open_read_only(&missing), Err(Error::Rebuild(_))));
    }
    assert!(!dir.path().join("none").exists());
    assert_eq!(check(&dir.path().join("new/index"), "new"), 0);
}

#[test]
fn a_folder_that_cannot_be_made_is_for_later() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(matches!(open(&file), Err(Error::Retry(_))));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn an_error_forgets_what_was_not_committed() {
    let (_dir, mut writer, searcher) = index(&three());
    writer.put(&mention(4, "acme"), "bluesky", false).unwrap();
    let failed: Result<(), _> = writer.attempt(|_| Err(TantivyError::ErrorInThread("disk full".into())));
    assert!(matches!(failed, Err(Error::Retry(_))));
    assert_eq!(writer.last_change(), 1);
    writer.put(&mention(5, "acme"), "bluesky", false).unwrap();
    writer.commit(2).unwrap();
    assert_eq!(found(&searcher, Expr::All), [5, 3, 2, 1]);
}

#[test]
fn searchers_see_an_index_that_was_begun_anew_beneath_them() {
    let (dir, mut writer, searcher) = index(&three());
    assert_eq!(searcher.count(), 3);
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "idx") {
            std::fs::remove_file(path).unwrap();
        }
    }
    writer.begin_anew().unwrap();
    assert_eq!((writer.last_change(), searcher.count()), (0, 0));
    writer.put(&three()[0], "bluesky", false).unwrap();
    writer.commit(1).unwrap();
    assert_eq!(searcher.count(), 1);
}

#[test]
fn an_index_whose_folder_is_lost_is_begun_anew() {
    let (dir, mut writer, searcher) = index(&three());
    fs::remove_dir_all(dir.path()).unwrap();
    let lost = writer.put(&mention(4, "acme"), "bluesky", true).and_then(|()| writer.commit(9));
    assert!(matches!(lost, Err(Error::Rebuild(_))), "{lost:?}");
    writer.begin_anew().unwrap();
    writer.put(&mention(5, "acme"), "bluesky", false).unwrap();
    writer.commit(9).unwrap();
    assert_eq!(found(&searcher, Expr::All), [5]);
}
