//! Followers of one own account: profiles scored, a whole list of them stored as the daemon does, a second
//! list in which some have changed, and the audit of all.

use super::machine::{self, Folder, Memory};
use super::part::{SOURCE, rate};
use super::report::{Goal, Report, Row};
use crate::brand::{Listed, SnapshotState, SnapshotStep};
use crate::cli::terminal;
use crate::flow::audit;
use crate::flow::follower::PAGES_AT_ONCE;
use crate::follower::audit::profile;
use crate::follower::growth::Step;
use crate::follower::model::Model;
use crate::follower::profile::Profile;
use crate::mention::AuthorSpam;
use crate::post::{Author, Str};
use crate::store::{self, Commit, Fetched, Writer};
use jiff::{SignedDuration, Timestamp};
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

const OWN: &str = "did:plc:bench-own";
/// Networks hand out a hundred on a page; the daemon commits some pages at once.
const COMMITTED: u32 = 100 * PAGES_AT_ONCE as u32;
/// One in so many is another when the list is read again.
const CHANGED: u32 = 100;
const SCORED: u32 = 20_000;
const NAMED: usize = 20;

const SCORE_GOAL: f64 = 200_000.0;
/// A million within a minute, and the audit of a hundred thousand within five seconds.
const LIST_GOAL: f64 = 1_000_000.0 / 60.0;
const AUDIT_GOAL: f64 = 100_000.0 / 5.0;
/// Megabytes, for a million.
const MEMORY_GOAL: f64 = 300.0;

pub async fn measure(folder: &Folder, followers: u32, report: &mut Report) -> anyhow::Result<()> {
    let (model, now) = (Model::load()?, Timestamp::now());
    let profiles: Vec<Profile> = (0..SCORED).map(|n| profile(author(n, now), now)).collect();
    let scored = rate(profiles.len(), || profiles.iter().filter(|profile| model.spam(profile) > 0.5).count());
    let bare = rate(profiles.len(), || profiles.iter().map(|profile| model.likelihood(profile).reasons.len()).sum());
    let row = Row::new("followers, score", scored, "profiles/s").beside("with reasons, one core", bare);
    report.add(row.goal(Goal::Least(SCORE_GOAL)));
    drop(profiles);

    let dir = folder.part("followers")?;
    let bare = append(&dir, followers, now)?;
    machine::forget_peak();
    let before = Memory::now().all;
    let (mut writer, reader) = store::open(&dir).await?;
    let changed = followers / CHANGED;
    for (name, range) in [("followers, list", 0..followers), ("followers, list again", changed..followers + changed)] {
        let listed = list(&mut writer, range, now).await?;
        let row = Row::new(name, listed, "followers/s").beside("the same lines appended and synced", bare);
        report.add(row.goal(Goal::Least(LIST_GOAL)));
        terminal::note(&format!("  {name}: {listed:.0}/s, peak {:.0} MB", Memory::now().peak - before));
    }
    let began = Instant::now();
    let since = now.saturating_sub(SignedDuration::from_hours(24 * 30))?;
    let found = audit::report(&reader, &model, (SOURCE, OWN), (since, now), Step::Day, NAMED).await?;
    let audited = f64::from(followers) / began.elapsed().as_secs_f64();
    let known = found.audit.share.known + found.audit.share.unknown;
    anyhow::ensure!(known == u64::from(followers), "{known} of {followers} followers were audited");
    report.add(
        Row::new("followers, audit", audited, "followers/s")
            .beside("scored alone", scored)
            .goal(Goal::Least(AUDIT_GOAL)),
    );
    report.add(Row::new("followers, peak memory", Memory::now().peak - before, "MB").goal(Goal::Most(MEMORY_GOAL)));
    writer.close().await?;
    machine::remove(&dir);
    Ok(())
}

/// Stores a whole list; followers a second.
async fn list(writer: &mut Writer, range: Range<u32>, at: Timestamp) -> anyhow::Result<f64> {
    let count = f64::from(range.end - range.start);
    let began = Instant::now();
    step(writer, Listed::Began { total: Some(u64::from(range.end - range.start)) }, Vec::new()).await?;
    for first in range.clone().step_by(COMMITTED as usize) {
        let page = first..range.end.min(first + COMMITTED);
        let authors: Vec<Author<'static>> = page.map(|n| author(n, at)).collect();
        let followers = authors.iter().filter_map(|author| author.id.as_deref().map(str::to_owned)).collect();
        step(writer, Listed::Page { followers, next: Some(first.to_string()) }, authors).await?;
    }
    step(writer, Listed::Ended(SnapshotState::Whole), Vec::new()).await?;
    Ok(count / began.elapsed().as_secs_f64())
}

async fn step(writer: &mut Writer, what: Listed, authors: Vec<Author<'static>>) -> anyhow::Result<()> {
    let step = SnapshotStep { source: SOURCE.to_owned(), account: OWN.to_owned(), at: Timestamp::now(), what };
    let fetched = |author| Fetched { source: SOURCE.to_owned(), author, spam: AuthorSpam::default() };
    let authors = authors.into_iter().map(fetched).collect();
    writer.commit(&Commit { authors, snapshots: vec![step], ..Commit::default() }).await?;
    Ok(())
}

/// The least that keeps the same: JSON Lines, synced as often as the store commits.
fn append(dir: &Path, followers: u32, at: Timestamp) -> anyhow::Result<f64> {
    let path = dir.join("lines");
    let mut file = std::fs::File::create(&path)?;
    let began = Instant::now();
    for first in (0..followers).step_by(COMMITTED as usize) {
        let mut lines = Vec::new();
        for n in first..followers.min(first + COMMITTED) {
            serde_json::to_writer(&mut lines, &author(n, at))?;
            lines.push(b'\n');
        }
        file.write_all(&lines)?;
        file.sync_data()?;
    }
    std::fs::remove_file(path)?;
    Ok(f64::from(followers) / began.elapsed().as_secs_f64())
}

/// An invented follower, the same for the same number: ids in no order, one in eight with little to show.
fn author(n: u32, now: Timestamp) -> Author<'static> {
    let text = |text: String| Some(Str::from(text));
    // An odd factor: numbers near each other lie far apart, and none comes twice.
    let mixed = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (poor, some) = (mixed >> 61 == 0, |most: u64| (mixed >> 20) % most);
    let name: String = (0..7).map(|at| char::from(b'a' + ((mixed >> (5 * at)) % 26) as u8)).collect();
    Author {
        id: text(format!("did:plc:{mixed:016x}bench")),
        handle: text(if poor { format!("{name}{}.example", some(100_000)) } else { format!("{name}.example") }),
        name: text(format!("{name} of the sample")),
        bio: (mixed >> 60 > 8).then(|| Str::from(format!("I am {name}, I like {name} and all about {name}"))),
        followers: Some(if poor { some(40) } else { some(900) }),
        following: Some(if poor { 400 + some(4_000) } else { some(700) }),
        posts: Some(if poor { some(3) } else { some(2_000) }),
        has_avatar: Some(!poor || some(2) == 0),
        avatar_hash: (!poor).then_some(mixed),
        created_at: now.checked_sub(SignedDuration::from_secs((some(100_000_000)) as i64)).ok(),
    }
}
