//! Source kind `recorded`: posts and follows of the contract's JSON Lines from a file, as fast as they are taken or at a factor
//! of real time. Packed files are told by their first bytes.

pub mod block;

use super::intake::Intake;
pub use super::line::{Bad, parse, parse_line};
use super::{Context, Source, Stop};
use crate::ledger::{Ledger, Phase};
use crate::settings::Section;
use block::{Block, Blocks, Position, Shorter};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A jump of the recorded clock by more than this, forth or back, is a cut in the recording or a wrong date and is
/// not waited for.
const CUT: SignedDuration = SignedDuration::from_hours(24);

/// The same where the file says when its clock starts: then silence is part of the recording, and several recordings
/// keep in step by it.
const CUT_WITH_FROM: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Blocks that are unpacked ahead.
const BLOCKS_AHEAD: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Speed {
    Max,
    /// Recorded seconds in a second.
    Factor(f64),
}

struct Recorded {
    path: PathBuf,
    speed: Speed,
    /// When the recorded clock starts; `None`: at the first post.
    from: Option<Timestamp>,
    again: bool,
}

/// Keys: `path` (required), `speed` (`"max"`, the default, or a factor of real time), `from` (when the recorded clock
/// starts, so that several recordings keep in step), `loop` (begin again at the end).
pub fn read(section: &Section<'_>) -> Option<Arc<dyn Source>> {
    let path = section.path("path");
    let again = section.bool("loop").unwrap_or(false);
    let speed = read_speed(section);
    let from = read_from(section);
    Some(Arc::new(Recorded { path: path?, speed: speed?, from: from?, again }))
}

/// Outer `None`: it is there and wrong, and said.
fn read_from(section: &Section<'_>) -> Option<Option<Timestamp>> {
    if !section.has("from") {
        return Some(None);
    }
    let text = section.str("from")?;
    match text.parse() {
        Ok(from) => Some(Some(from)),
        Err(_) => {
            let hint = "a time such as \"2026-11-16T00:00:00Z\"".to_owned();
            section.error("from", format!("`{text}` is no time"), Some(hint));
            None
        }
    }
}

fn read_speed(section: &Section<'_>) -> Option<Speed> {
    const FACTORS: std::ops::RangeInclusive<f64> = 0.001..=1_000_000.0;
    if !section.has("speed") {
        return Some(Speed::Max);
    }
    if section.is_number("speed") {
        return section.float("speed", FACTORS).map(Speed::Factor);
    }
    let text = section.str("speed")?;
    match text.parse::<f64>() {
        _ if text == "max" => Some(Speed::Max),
        Ok(factor) if FACTORS.contains(&factor) => Some(Speed::Factor(factor)),
        _ => {
            let hint = "\"max\" or a factor of real time, such as 60".to_owned();
            section.error("speed", format!("`{text}` is no speed"), Some(hint));
            None
        }
    }
}

impl Source for Recorded {
    fn run(self: Arc<Self>, cx: Context) -> BoxFuture<'static, Result<(), Stop>> {
        Box::pin(async move { self.play(cx).await })
    }
}

impl Recorded {
    async fn play(&self, mut cx: Context) -> Result<(), Stop> {
        let mut at = cx.cursor.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut pace = self.pace(at);
        cx.ledger.phase(Phase::Connecting, Timestamp::now());
        loop {
            let mut blocks = self.open(at);
            while let Some(block) = blocks.recv().await {
                let block = match block {
                    Ok(block) => block,
                    Err(error) if error.get_ref().is_some_and(|why| why.is::<Shorter>()) => {
                        cx.ledger.error(
                            Timestamp::now(),
                            "recording_changed",
                            format!("{error}: from the start again"),
                        );
                        at = Position::default();
                        pace = self.pace(at);
                        blocks = self.open(at);
                        continue;
                    }
                    Err(error) => return self.unreadable(&mut cx.intake, &cx.ledger, at, &error).await,
                };
                cx.ledger.phase(Phase::Live, Timestamp::now());
                match play_block(&block, &mut pace, &mut cx.intake, &cx.ledger, &cx.stop).await? {
                    Some(end) => at = end,
                    None => return Ok(()),
                }
            }
            if !self.again || at == Position::default() {
                break;
            }
            at = Position::default();
            pace = self.pace(at);
        }
        cx.intake.commit(Some(cursor(at))).await?;
        cx.ledger.phase(Phase::Ended, Timestamp::now());
        Err(Stop::Ended)
    }

    /// Whoever goes on in the middle goes on at once: `from` is for the start.
    fn pace(&self, at: Position) -> Pace {
        Pace::new(self.speed, self.from.filter(|_| at == Position::default()))
    }

    async fn unreadable(
        &self,
        intake: &mut Intake,
        ledger: &Ledger,
        at: Position,
        error: &io::Error,
    ) -> Result<(), Stop> {
        let message = format!("{} after line {}: {error}", self.path.display(), at.line);
        ledger.error(Timestamp::now(), "recording_unreadable", message.clone());
        ledger.phase(Phase::Failing, Timestamp::now());
        intake.flush(Some(cursor(at))).await?;
        Err(Stop::Failed(message))
    }

    /// Reads and unpacks on a thread of its own.
    fn open(&self, from: Position) -> mpsc::Receiver<io::Result<Block>> {
        let (to, blocks) = mpsc::channel(BLOCKS_AHEAD);
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            let mut source = match Blocks::open(&path, from) {
                Ok(source) => source,
                // Nobody listening any more is how this thread is told to stop.
                Err(error) => return drop(to.blocking_send(Err(error))),
            };
            while let Some(block) = source.next_block().transpose() {
                let failed = block.is_err();
                if to.blocking_send(block).is_err() || failed {
                    return;
                }
            }
        });
        blocks
    }
}

/// The position behind the block; `None` when told to stop (everything before is flushed).
async fn play_block(
    block: &Block,
    pace: &mut Pace,
    intake: &mut Intake,
    ledger: &Ledger,
    stop: &CancellationToken,
) -> Result<Option<Position>, Stop> {
    let now = Timestamp::now();
    let mut at = block.start;
    let mut lines = 0;
    if block.skipped {
        let bad = Bad::TooLong;
        ledger.error(now, bad.reason(), format!("line {}: {bad}", block.start.line));
    }
    for (end, line) in block.lines() {
        lines += 1;
        if !line.is_empty() {
            match parse(line) {
                Ok(line) => {
                    let created_at = line.created_at();
                    if let Some(due) = pace.due(created_at) {
                        intake.flush(Some(cursor(at))).await?;
                        tokio::select! {
                            () = stop.cancelled() => return Ok(None),
                            () = tokio::time::sleep_until(due) => {}
                        }
                    }
                    // A refusal is already counted.
                    intake.take(line, created_at).ok();
                }
                Err(bad) => {
                    ledger.error(now, bad.reason(), format!("line {}: {bad}", end.line));
                }
            }
        }
        at = end;
        if intake.is_full() {
            intake.flush(Some(cursor(at))).await?;
        }
    }
    ledger.received(now, lines, block.bytes.len() as u64);
    intake.flush(Some(cursor(at))).await?;
    Ok((!stop.is_cancelled()).then_some(at))
}

fn cursor(at: Position) -> String {
    format!("{{\"line\":{},\"byte\":{}}}", at.line, at.byte)
}

/// When each line is due, by the recorded clock run at a factor.
struct Pace {
    speed: Speed,
    cut: SignedDuration,
    /// The latest recorded time, and when it was played.
    last: Option<(Timestamp, Instant)>,
}

impl Pace {
    fn new(speed: Speed, from: Option<Timestamp>) -> Self {
        let cut = if from.is_some() { CUT_WITH_FROM } else { CUT };
        Self { speed, cut, last: from.map(|from| (from, Instant::now())) }
    }

    /// `None`: at once.
    fn due(&mut self, at: Timestamp) -> Option<Instant> {
        let Speed::Factor(factor) = self.speed else { return None };
        let (last, played) = *self.last.get_or_insert_with(|| (at, Instant::now()));
        let passed = at.duration_since(last);
        if passed.abs() > self.cut {
            self.last = Some((at, played.max(Instant::now())));
            return None;
        }
        let wait = Duration::try_from(passed).ok().filter(|wait| !wait.is_zero())?;
        let due = played + wait.div_f64(factor);
        self.last = Some((at, due));
        (due > Instant::now()).then_some(due)
    }
}

#[cfg(test)]
mod tests;
