//! Where to go on listening. Jetstream's `time_us` is not monotone (neighbours go backwards by up to a third of a second),
//! sequence numbers mean something on one host only, and a cursor that is too old is moved forward in silence. So the
//! position is the smallest of the last few events, it is rewound when used, and the first event after a resume is
//! compared with what was asked for. Pure: the clock is an argument.
//! Source: Jetstream's documentation and code, August 2026.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How far a timestamp cursor is rewound. Fifteen times the disorder seen in recordings (318 ms), and what the operators
/// advise between hosts. What comes twice is known by its id.
pub const REWIND_US: i64 = 5_000_000;

/// The first event after a resume may lie this far behind the position without being called a gap: the network is
/// never silent for so long.
pub const SILENCE_US: i64 = 60_000_000;

/// The position is the smallest of this many last events, so that single wild clocks do not move it.
const WINDOW: usize = 16;

/// Jetstream reads smaller cursors as sequence numbers: no timestamp below (September 2001) is believed or sent.
const TIME_US_MIN: i64 = 1_000_000_000_000_000;

/// As stored: free text to everybody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub time_us: i64,
    /// Host and port that `seq` belongs to.
    pub host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
}

impl Cursor {
    /// `None` for what is no cursor of ours: the source starts at the live end.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|cursor: &Self| cursor.time_us >= TIME_US_MIN)
    }

    /// A cursor for a host that was never listened to: the time alone.
    pub fn at(time_us: i64) -> Self {
        Self { time_us, host: String::new(), seq: None }
    }

    pub fn at_timestamp(at: Timestamp) -> Self {
        Self::at(at.as_microsecond())
    }

    pub fn text(&self) -> String {
        serde_json::json!(self).to_string()
    }

    pub fn timestamp(&self) -> Timestamp {
        timestamp(self.time_us)
    }

    /// What to send to `host`: its own sequence number when there is one, else the time, rewound.
    pub fn resume(&self, host: &str) -> i64 {
        match self.seq {
            Some(seq) if self.host == host => seq,
            _ => (self.time_us - REWIND_US).max(TIME_US_MIN),
        }
    }
}

pub fn timestamp(time_us: i64) -> Timestamp {
    Timestamp::from_microsecond(time_us).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Follows the events of one connection.
#[derive(Debug)]
pub struct Tracker {
    host: String,
    /// Where the connection resumed; `None` at the live end.
    resumed: Option<Cursor>,
    first_seen: bool,
    times: VecDeque<i64>,
    seqs: VecDeque<i64>,
}

impl Tracker {
    pub fn new(host: &str, resumed: Option<Cursor>) -> Self {
        Self {
            host: host.to_owned(),
            resumed,
            first_seen: false,
            times: VecDeque::with_capacity(WINDOW),
            seqs: VecDeque::with_capacity(WINDOW),
        }
    }

    /// An event came. Returns the span that is missing before it when it is the first one and lies too far behind what
    /// was asked for: the peer no longer had the rest and does not say so.
    pub fn observe(&mut self, time_us: i64, seq: Option<i64>) -> Option<(Timestamp, Timestamp)> {
        if time_us < TIME_US_MIN {
            return None;
        }
        keep(&mut self.times, time_us);
        if let Some(seq) = seq {
            keep(&mut self.seqs, seq);
        }
        if std::mem::replace(&mut self.first_seen, true) {
            return None;
        }
        let asked = self.resumed.as_ref()?.time_us;
        (time_us > asked.saturating_add(SILENCE_US)).then(|| (timestamp(asked), timestamp(time_us)))
    }

    /// Whether any event has come.
    pub fn moved(&self) -> bool {
        self.first_seen
    }

    /// Where to go on: all that was not observed lies behind it or within the rewind. Never before where we resumed,
    /// since all before that was observed earlier.
    pub fn cursor(&self) -> Option<Cursor> {
        let Some(time_us) = self.times.iter().min().copied() else { return self.resumed.clone() };
        let seq = self.seqs.iter().min().copied();
        let before = self.resumed.as_ref();
        Some(Cursor {
            time_us: before.map_or(time_us, |before| before.time_us.max(time_us)),
            host: self.host.clone(),
            seq: seq.map(|seq| {
                before.filter(|before| before.host == self.host).map_or(seq, |b| b.seq.unwrap_or(seq).max(seq))
            }),
        })
    }
}

fn keep(window: &mut VecDeque<i64>, value: i64) {
    if window.len() == WINDOW {
        window.pop_front();
    }
    window.push_back(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: i64 = 1_795_000_000_000_000;

    #[test]
    fn survives_text_and_refuses_foreign_ones() {
        let cursor = Cursor { time_us: START, host: "a.example".into(), seq: Some(7) };
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        for bad in ["", "17", "{}", r#"{"time_us":12,"host":"a"}"#, r#"{"time_us":"x","host":"a"}"#] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn sequence_numbers_do_not_travel() {
        let cursor = Cursor { time_us: START, host: "a.example".into(), seq: Some(7) };
        assert_eq!(cursor.resume("a.example"), 7);
        assert_eq!(cursor.resume("b.example"), START - REWIND_US);
        assert_eq!(Cursor::at(TIME_US_MIN).resume("a.example"), TIME_US_MIN);
    }

    #[test]
    fn a_cursor_moved_forward_in_silence_is_a_gap() {
        let mut tracker = Tracker::new("a", Some(Cursor::at(START)));
        let late = START + 3_600_000_000;
        assert_eq!(tracker.observe(late, None), Some((timestamp(START), timestamp(late))));
        assert_eq!(tracker.observe(late + SILENCE_US * 2, None), None, "only the first event tells");
        assert_eq!(Tracker::new("a", Some(Cursor::at(START))).observe(START - REWIND_US, None), None);
        assert_eq!(Tracker::new("a", None).observe(late, None), None, "nothing was asked for");
    }

    #[test]
    fn a_wild_clock_does_not_move_the_position() {
        let mut tracker = Tracker::new("a", None);
        tracker.observe(START, None);
        tracker.observe(START * 2, None);
        tracker.observe(3, None);
        assert_eq!(tracker.cursor().map(|cursor| cursor.time_us), Some(START));
    }

    proptest! {
        /// Whatever the disorder within the rewind and wherever the connection is cut, every event comes at least once.
        #[test]
        fn nothing_is_skipped(
            steps in prop::collection::vec((0_i64..400_000, 0_i64..REWIND_US / 2), 1..200),
            cuts in prop::collection::vec(1_usize..40, 1..20),
        ) {
            let mut clock = START;
            let events: Vec<i64> = steps.iter().map(|(step, back)| { clock += step; clock - back }).collect();
            let mut seen = vec![false; events.len()];
            let mut cursor: Option<Cursor> = Some(Cursor::at(START));
            for cut in cuts.iter().copied().chain([usize::MAX]) {
                let from = cursor.as_ref().map_or(i64::MIN, |cursor| cursor.resume("a"));
                let mut tracker = Tracker::new("a", cursor.clone());
                // The peer plays all from the cursor on, in its own order, and is cut somewhere.
                for (n, time_us) in events.iter().enumerate().filter(|(_, time_us)| **time_us >= from).take(cut) {
                    seen[n] = true;
                    tracker.observe(*time_us, None);
                }
                cursor = tracker.cursor();
            }
            prop_assert!(seen.iter().all(|seen| *seen));
        }
    }
}
