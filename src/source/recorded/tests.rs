//! What the section of a recording takes, and files that are packed, cut or long.

use super::*;
use crate::settings::Document;
use crate::source::line::LINE_BYTES_MAX;
use std::io::Write;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Every line with its number and the byte behind it.
fn lines(path: &std::path::Path, from: Position) -> io::Result<Vec<(u64, u64, String)>> {
    let mut blocks = Blocks::open(path, from)?;
    let mut out = Vec::new();
    while let Some(block) = blocks.next_block()? {
        out.extend(block.lines().map(|(end, line)| (end.line, end.byte, String::from_utf8(line.to_vec()).unwrap())));
    }
    Ok(out)
}

#[test]
fn plain_and_packed_read_alike_and_resume_anywhere() {
    // Some blocks long, with an empty line, CRLF, and no end at the end.
    let text =
        (0..40_000).map(|n| format!("line {n}\r\n{}", if n % 9 == 0 { "\n" } else { "" })).collect::<String>() + "last";
    let (head, tail) = text.as_bytes().split_at(text.len() / 3);
    let members = [gzip(head), gzip(tail)].concat();
    let frames = [zstd::encode_all(head, 1).unwrap(), zstd::encode_all(tail, 1).unwrap()].concat();
    let plain = lines(file(text.as_bytes()).path(), Position::default()).unwrap();
    assert_eq!(plain.len(), text.lines().count());
    assert_eq!(plain.last(), Some(&(plain.len() as u64, text.len() as u64, "last".to_owned())));
    for bytes in [text.as_bytes(), &members, &frames] {
        let file = file(bytes);
        assert!(lines(file.path(), Position::default()).unwrap() == plain);
        for cut in [0, 1, 20_000, plain.len() - 1] {
            let (line, byte, _) = plain[cut];
            assert!(lines(file.path(), Position { line, byte }).unwrap() == plain[cut + 1..]);
        }
        let beyond = lines(file.path(), Position { line: 1, byte: text.len() as u64 + 1 }).unwrap_err();
        assert!(beyond.get_ref().unwrap().is::<Shorter>());
    }
    assert!(lines(file(&members[..members.len() - 9]).path(), Position::default()).is_err());
    assert!(lines(file(b"").path(), Position::default()).unwrap().is_empty());
}

#[test]
fn a_line_without_end_is_skipped() {
    let long = "x".repeat(2 * LINE_BYTES_MAX);
    let file = file(format!("first\n{long}\nafter\n").as_bytes());
    let mut blocks = Blocks::open(file.path(), Position::default()).unwrap();
    let (mut seen, mut skipped) = (Vec::new(), 0);
    while let Some(block) = blocks.next_block().unwrap() {
        skipped += usize::from(block.skipped);
        seen.extend(block.lines().map(|(end, line)| (end.line, line.len())));
    }
    assert_eq!((seen, skipped), (vec![(1, 5), (3, 5)], 1));
}

#[tokio::test(start_paused = true)]
async fn a_factor_keeps_the_distances() {
    let start = Instant::now();
    let mut pace = Pace::new(Speed::Factor(60.0), None);
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    for (second, due) in [(0, None), (60, Some(1)), (60, None), (30, None), (180, Some(3)), (10_000_000, None)] {
        let got = pace.due(at(second));
        assert_eq!(got, due.map(|seconds| start + Duration::from_secs(seconds)), "{second}");
    }
    // The wrong date does not hold up what follows.
    assert_eq!(pace.due(at(181)), None);
    assert_eq!(pace.due(at(241)), Some(start + Duration::from_secs(4)));
    assert_eq!(Pace::new(Speed::Max, None).due(at(0)), None);
}

#[tokio::test(start_paused = true)]
async fn recordings_with_the_same_start_keep_in_step() {
    let start = Instant::now();
    let from = Timestamp::from_second(1_800_000_000).unwrap();
    let at = |hour: i64| from + SignedDuration::from_hours(hour);
    // An hour in a second: one source speaks often, one seldom, and each is heard when it spoke.
    for hours in [vec![1, 2, 3, 80, 81], vec![-5, 70, 81], vec![81]] {
        let mut pace = Pace::new(Speed::Factor(3_600.0), Some(from));
        for hour in hours {
            let due = u64::try_from(hour).ok().map(|hour| start + Duration::from_secs(hour));
            assert_eq!(pace.due(at(hour)), due, "{hour}");
        }
        assert_eq!(pace.due(at(24 * 3_650)), None, "nobody waits ten years for a wrong date");
    }
}

#[test]
fn keys() {
    for (toml, problems) in [
        ("path = 'a'", 0),
        ("path = 'a'\nspeed = 'max'\nloop = true", 0),
        ("path = 'a'\nspeed = 60", 0),
        ("path = 'a'\nspeed = '0.5'", 0),
        ("path = 'a'\nspeed = 60\nfrom = '2026-11-16T00:00:00Z'", 0),
        ("path = 'a'\nfrom = 'monday'", 1),
        ("path = 'a'\nfrom = 7", 1),
        ("path = 'a'\nspeed = 'fast'", 1),
        ("path = 'a'\nspeed = 0", 1),
        ("path = 'a'\nspeed = '-1'", 1),
        ("speed = 'NaN'", 2),
        ("path = 'a'\nsped = 'max'", 1),
    ] {
        let document = Document::parse("t", toml);
        let read = read(&document.root()).is_some();
        let found = document.into_problems();
        assert_eq!(found.len(), problems, "{toml}: {found:?}");
        assert!(read || problems > 0);
    }
}
