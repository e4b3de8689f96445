//! Gathers what is stored of an own account's followers and has it judged: for the door and for the command line.

use crate::brand::Snapshot;
use crate::follower::audit::{Audit, Auditor, Suspect, Told, spam_of, told_waves};
use crate::follower::growth::{Event, Gap, Point, Step, series};
use crate::follower::model::Model;
use crate::store::{Error, Reader};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Gaps of a source that are looked at, the latest: more than a source has in a year of bad days.
const GAPS_MAX: usize = 5_000;

/// What is usual at an hour of the week is learnt from so far back: it remembers eight weeks.
pub(super) const LEARNT: SignedDuration = SignedDuration::from_hours(8 * 7 * 24);

#[derive(Clone, Serialize)]
pub struct Report {
    /// Of the followers that there are now.
    #[serde(flatten)]
    pub audit: Audit,
    /// The latest whole list, or the one that is being read.
    pub snapshot: Option<Snapshot>,
    /// Since when follows are heard; before that nothing is known of growth.
    pub heard_since: Option<Timestamp>,
    pub growth: Vec<Point>,
    pub waves: Vec<Told>,
}

/// `since`: where growth and waves begin, if follows were heard by then. At most `most` followers are named.
pub async fn report(
    reader: &Reader,
    model: &Model,
    (source, account): (&str, &str),
    (since, now): (Timestamp, Timestamp),
    step: Step,
    most: usize,
) -> Result<Report, Error> {
    let mut auditor = Auditor::new(model, now);
    reader.each_follower(source, account, |author, said| auditor.see(author, said)).await?;
    let heard_since = reader.followed_since(source, account).await?;
    let from = heard_since.map_or(now, |heard| heard.max(since));
    let learnt_from =
        heard_since.map_or(now, |heard| heard.max(since.saturating_sub(LEARNT).unwrap_or(Timestamp::MIN)));
    let mut events = Vec::new();
    reader
        .each_heard(source, account, learnt_from, |at, kind, follower| {
            events.push(Event { at, kind, likelihood: spam_of(model, follower, now) });
        })
        .await?;
    let gaps = gaps(reader, source).await?;
    let mut waves = told_waves(&events, model.rates(), (learnt_from, now), &gaps);
    waves.retain(|told| told.wave.until.is_none_or(|until| until > from));
    let growth = series(events, model.rates(), (whole(from, step), now), step, &gaps);
    let snapshot = reader.snapshot(source, account).await?;
    Ok(Report { audit: auditor.finish(most), snapshot, heard_since, growth, waves })
}

/// Everybody who follows and whose profile is known, the likeliest to be spam first; at most `most`.
pub async fn everybody(
    reader: &Reader,
    model: &Model,
    (source, account): (&str, &str),
    now: Timestamp,
    most: usize,
) -> Result<Vec<Suspect>, Error> {
    let mut auditor = Auditor::new(model, now);
    reader.each_follower(source, account, |author, said| auditor.see(author, said)).await?;
    Ok(auditor.everybody(most))
}

/// The beginning of the hour or day (UTC) that holds `at`.
fn whole(at: Timestamp, step: Step) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(step.seconds())).unwrap_or(at)
}

/// When a source was not heard, oldest first; overlapping gaps as one.
pub(super) async fn gaps(reader: &Reader, source: &str) -> Result<Vec<Gap>, Error> {
    let mut gaps = reader.gaps(source, GAPS_MAX).await?;
    gaps.sort_by_key(|gap| gap.from);
    let mut joined: Vec<Gap> = Vec::with_capacity(gaps.len());
    for gap in gaps {
        match joined.last_mut() {
            Some(last) if gap.from <= last.until => last.until = last.until.max(gap.to),
            _ => joined.push(Gap { from: gap.from, until: gap.to }),
        }
    }
    Ok(joined)
}
