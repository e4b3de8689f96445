//! Pages: each sort, while others write; cursors that belong elsewhere; brands.

use super::*;

const SORTS: [Sort; 4] = [Sort::Newest, Sort::Relevance, Sort::Reach, Sort::Priority];

fn parse(text: &str) -> Query {
    Query::parse(text).unwrap()
}

fn ask(searcher: &Searcher, query: &Query, page: &Page) -> Result<Hits, Error> {
    searcher.search(query, page, Timestamp::UNIX_EPOCH)
}

/// Of many different ranks and times, some the same.
fn varied(seq: i64) -> Mention {
    let mut mention = mention(seq, &"acme ".repeat(1 + seq as usize % 3));
    let post = &mut mention.post;
    post.created_at = Timestamp::from_second(1_790_000_000 + seq * 7 % 11).unwrap();
    post.title = (seq % 4 == 0).then(|| "refund of acme".into());
    post.reach = (seq % 5 > 0).then_some(seq as u64 % 6);
    mention.scores = (seq % 3 > 0).then(|| scores("en", -(seq as f32 % 8.0) / 8.0, Label::Negative));
    mention.status = Status::ALL[seq as usize % 7 % 5].1;
    mention
}

/// Everything that happens to an index between two pages.
fn disturb(writer: &mut Writer, round: i64) {
    // New ones, which change how frequent each word is, one of them of long ago; one rewritten; one of them gone again.
    for seq in 100 * round..100 * round + 40 {
        let mut new = varied(seq);
        new.post.text = format!("{} refund", new.post.text).into();
        writer.put(&new, "bluesky", false).unwrap();
        if seq % 10 == 0 {
            writer.commit(seq).unwrap();
        }
    }
    writer.put(&mention(100 * round, "something else"), "bluesky", true).unwrap();
    writer.remove(100 * round + 1).unwrap();
    writer.commit(100 * round + 99).unwrap();
}

#[test]
fn pages_neither_repeat_nor_skip_while_others_write() {
    let query = parse("acme OR refund");
    for sort in SORTS {
        let all: Vec<Mention> = (1..=60).map(varied).collect();
        let (_dir, mut writer, searcher) = index(&all);
        let whole = ask(&searcher, &query, &Page { sort, ..page(100) }).unwrap();
        assert_eq!((whole.seqs.len(), whole.total, whole.next), (60, 60, None));
        let mut page = Page { sort, ..page(7) };
        let mut seen = Vec::new();
        for round in 1.. {
            let hits = ask(&searcher, &query, &page).unwrap();
            seen.extend(hits.seqs.iter().copied().filter(|seq| *seq <= 60));
            let Some(next) = hits.next else { break };
            // As it would come back from a caller.
            page.after = Some(next.to_string().parse().unwrap());
            if round <= 5 {
                disturb(&mut writer, round);
            }
            if round == 3 {
                writer.tantivy.take().unwrap().wait_merging_threads().unwrap();
                searcher.reader.load().reload().unwrap();
            }
        }
        assert_eq!(seen, whole.seqs, "{sort:?}");
    }
}

#[test]
fn each_sort_has_its_order() {
    let mut mentions: Vec<Mention> = (1..=6).map(|seq| mention(seq, "acme and others")).collect();
    mentions[0].post.title = Some("Acme".into());
    mentions[1].post.text = "acme acme acme".into();
    (mentions[2].post.reach, mentions[3].post.reach) = (Some(0), Some(1 << 40));
    mentions[4].scores = Some(scores("en", -0.9, Label::Negative));
    mentions[5].status = Status::Done;
    let (_dir, _writer, searcher) = index(&mentions);
    for (sort, expected) in [
        (Sort::Newest, [6, 5, 4, 3, 2, 1]),
        (Sort::Relevance, [1, 2, 6, 5, 4, 3]),
        (Sort::Reach, [4, 3, 6, 5, 2, 1]),
        (Sort::Priority, [5, 4, 3, 2, 1, 6]),
    ] {
        let hits = ask(&searcher, &parse("acme"), &Page { sort, ..page(9) }).unwrap();
        assert_eq!(hits.seqs, expected, "{sort:?}");
    }
}

#[test]
fn a_rare_word_comes_first() {
    let mut mentions: Vec<Mention> = (1..=40).map(|seq| mention(seq, "acme acme")).collect();
    mentions[7].post.text = "refund".into();
    let (_dir, _writer, searcher) = index(&mentions);
    let hits = ask(&searcher, &parse("acme OR refund"), &Page { sort: Sort::Relevance, ..page(2) }).unwrap();
    assert_eq!(hits.seqs, [8, 40]);
}

#[test]
fn a_cursor_fits_its_own_search_only() {
    let (_dir, _writer, searcher) = index(&(1..=9).map(varied).collect::<Vec<_>>());
    let first = |text: &str, page: &Page| ask(&searcher, &parse(text), page).unwrap().next;
    let of = |sort| Page { sort, ..page(2) };
    let after = first("acme", &of(Sort::Reach));
    let bound = Page { brands: Some(vec!["acme".into()]), ..of(Sort::Reach) };
    for (text, page, reason) in [
        ("acme", of(Sort::Priority), "sorted by reach"),
        ("acme*", of(Sort::Reach), "another query"),
        ("acme", bound, "other brands"),
    ] {
        let refused = ask(&searcher, &parse(text), &Page { after: after.clone(), ..page });
        assert!(matches!(&refused, Err(Error::Unfit("cursor", told)) if told.contains(reason)), "{refused:?}");
    }
    let other = Page { facets: vec![By::Lang], limit: 3, ..of(Sort::Reach) };
    assert!(ask(&searcher, &parse("acme"), &Page { after, ..other }).is_ok());
    let mut forged = first("acme", &of(Sort::Relevance)).unwrap();
    forged.weights.clear();
    let refused = ask(&searcher, &parse("acme"), &Page { after: Some(forged), ..of(Sort::Relevance) });
    assert!(matches!(refused, Err(Error::Unfit("cursor", _))));
}

#[test]
fn brands_that_differ_by_case_are_two() {
    let mut other = mention(2, "acme");
    other.brand = "Acme".into();
    let (_dir, _writer, searcher) = index(&[mention(1, "acme"), other]);
    for (brand, expected) in [("acme", vec![1]), ("Acme", vec![2]), ("ACME", vec![])] {
        let page = Page { brands: Some(vec![brand.into()]), ..page(9) };
        assert_eq!(ask(&searcher, &parse(""), &page).unwrap().seqs, expected, "{brand}");
    }
    assert_eq!(ask(&searcher, &parse("brand:ACME"), &page(9)).unwrap().seqs, [2, 1], "written in any case");
}

#[test]
fn too_long_a_time_is_told() {
    let mut old = mention(1, "acme");
    old.post.created_at = Timestamp::from_second(-1).unwrap();
    let (_dir, _writer, searcher) = index(&[old, mention(2, "acme")]);
    let over = |over| ask(&searcher, &parse("acme"), &Page { over: Some(over), ..page(0) });
    assert!(matches!(over(Interval::Week), Err(Error::Unfit("over", _))));
    let narrow = parse("acme created:>2020-01-01");
    let hits = ask(&searcher, &narrow, &Page { over: Some(Interval::Day), ..page(0) }).unwrap();
    assert_eq!((hits.seqs, hits.total, hits.counts.len()), (vec![], 1, 1));
}
