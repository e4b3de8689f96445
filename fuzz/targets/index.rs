//! Lines of queries, an empty line, lines of posts: an index of the posts answers as the evaluator of single posts does.
#![no_main]

mod sample;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use reputed::index::{LIMIT_MAX, Page, Searcher, Writer};
use reputed::mention::Mention;
use reputed::query::Query;
use reputed::query::eval::Subject;
use std::cell::RefCell;
use std::sync::LazyLock;
use tempfile::TempDir;

static NAMES: LazyLock<reputed::query::names::Names> = LazyLock::new(sample::names);

struct Index {
    _folder: TempDir,
    writer: Writer,
    searcher: Searcher,
    change: i64,
}

thread_local! {
    // One for all inputs: each input takes out what the one before put in.
    static INDEX: RefCell<Option<Index>> = const { RefCell::new(None) };
}

fn begin() -> Index {
    let folder = tempfile::tempdir().expect("a folder");
    let (writer, searcher) = reputed::index::open(folder.path()).expect("an index");
    Index { _folder: folder, writer, searcher, change: 0 }
}

fn mention(seq: i64, line: &str) -> Mention {
    Mention::new(sample::post(line).into_owned(), seq, "b", vec!["w".into()], Timestamp::UNIX_EPOCH)
}

fn check(index: &mut Index, queries: &str, posts: &str) {
    let queries: Vec<(&str, Query)> = queries
        .lines()
        .filter_map(|text| Query::parse_with(text, &NAMES).ok().map(|query| (text, query)))
        .collect();
    let mentions: Vec<Mention> = (1..).zip(posts.lines()).map(|(seq, line)| mention(seq, line)).collect();
    if queries.is_empty() || mentions.is_empty() {
        return;
    }
    for mention in &mentions {
        index.writer.put(mention, "mastodon", true).expect("a put");
    }
    index.change += 1;
    index.writer.commit(index.change).expect("a commit");
    let now = Timestamp::UNIX_EPOCH;
    for (text, query) in &queries {
        let matches = |mention: &&Mention| {
            let post = &mention.post;
            query.matches(&Subject { post, source_kind: "mastodon", mention: Some(mention), now: Some(now) })
                == Some(true)
        };
        let mut expected: Vec<i64> = mentions.iter().filter(matches).map(|mention| mention.seq).collect();
        expected.reverse();
        let page = Page { limit: LIMIT_MAX, ..Page::default() };
        let hits = index.searcher.search(query, &page, now).expect("a search");
        assert_eq!(hits.seqs, expected, "{text:?} of {posts:?}");
    }
    for mention in &mentions {
        index.writer.remove(mention.seq).expect("a removal");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((queries, posts)) = text.split_once("\n\n") else { return };
    if text.len() > sample::BYTES_MAX {
        return;
    }
    INDEX.with_borrow_mut(|index| check(index.get_or_insert_with(begin), queries, posts));
});
