//! The simulator: what the estimates are worth where the truth is known. `short` holds what must hold; `tables` takes
//! longer and prints the tables of the card:
//! `cargo test --release --lib follower::tests::simulate::tables -- --ignored --nocapture`

use super::plot::{self, Line};
use super::world::*;
use crate::follower::excess::{Excess, Reading, excess};
use crate::follower::share::Share;
use crate::follower::wave::{Bin, Wave, waves};
use std::fmt::Write;

const SHARES: [f64; 6] = [0.01, 0.05, 0.1, 0.2, 0.4, 0.6];
const STYLES: [(&str, Kind); 4] =
    [("as measured", SPAM), ("empty", EMPTY), ("aged", AGED), ("with bought posts", BOUGHT_POSTS)];
const PEOPLE: [(&str, Kind); 4] =
    [("as measured", GENUINE), ("newcomers", NEWCOMERS), ("who never post", READERS), ("with nothing yet", PACKED)];
const DAY: usize = 24 * BINS_HOUR;

/// What many runs of one estimate add up to.
#[derive(Clone, Copy, Default)]
struct Tally {
    runs: f64,
    covered: f64,
    bias: f64,
    width: f64,
}

impl Tally {
    fn add(&mut self, truth: f64, Share { low, spam, high, .. }: Share) {
        self.runs += 1.0;
        // Ends are rounded to five digits.
        self.covered += f64::from(u8::from((low - 1e-5..=high + 1e-5).contains(&truth)));
        self.bias += spam - truth;
        self.width += high - low;
    }

    fn coverage(&self) -> f64 {
        self.covered / self.runs
    }
}

/// Each run draws another truth and another set.
fn share(dice: &mut Dice, runs: usize, known: usize, share: f64, people: Kind, spam: Kind) -> Tally {
    let (rates, mut tally) = (rates(), Tally::default());
    for _ in 0..runs {
        let (people, spam) = (people.drawn(dice), spam.drawn(dice));
        tally.add(share, rates.share(&set(dice, known, share, people, spam)));
    }
    tally
}

fn share_table(dice: &mut Dice, runs: usize) -> (String, Vec<Line>) {
    let mut table = String::from("| followers are | number | 1 % | 5 % | 10 % | 20 % | 40 % | 60 % |\n");
    table += "|---|---|---|---|---|---|---|---|\n";
    let styles = STYLES.map(|(name, spam)| (name, GENUINE, spam)).into_iter();
    let people = PEOPLE.map(|(name, people)| (name, people, SPAM)).into_iter().skip(1);
    let mut lines = Vec::new();
    for (name, people, spam) in styles.chain(people) {
        for known in [50, 200, 1_000, 10_000] {
            let mut line = Line { name, points: Vec::new() };
            write!(table, "| {name} | {known} |").unwrap();
            for of_spam in SHARES {
                let found = share(dice, runs, known, of_spam, people, spam);
                let [bias, width] = [found.bias, found.width].map(|sum| 100.0 * sum / found.runs);
                write!(table, " {:.0} ({bias:+.1}, {width:.0}) |", 100.0 * found.coverage()).unwrap();
                line.points.push((100.0 * of_spam, 100.0 * found.coverage()));
            }
            table += "\n";
            if known == 1_000 {
                lines.push(line);
            }
        }
    }
    (table, lines)
}

/// False waves a month: in the first week, and after it.
fn false_waves(dice: &mut Dice, runs: usize, stream: &Stream) -> (f64, f64) {
    let (mut first, mut later) = (0.0, 0.0);
    for _ in 0..runs {
        for wave in waves(stream.bins(dice, 60, |_| 0.0)) {
            *(if wave.found < at(7 * DAY) { &mut first } else { &mut later }) += 1.0;
        }
    }
    (first / runs as f64, later / runs as f64 * 30.0 / 53.0)
}

/// Hours until a wave of six hours was found, sorted; infinite if it never was.
fn detection(dice: &mut Dice, runs: usize, stream: &Stream, history: usize, factor: f64) -> Vec<f64> {
    let mut hours: Vec<f64> = (0..runs)
        .map(|_| {
            let from = history * DAY + (dice.uniform() * DAY as f64) as usize;
            let during = from..from + 6 * BINS_HOUR;
            let bins = stream.bins(dice, history + 2, |bin| if during.contains(&bin) { factor - 1.0 } else { 0.0 });
            let found = waves(bins).into_iter().find(|wave| wave.found > at(from) && wave.from < at(during.end));
            found.map_or(f64::INFINITY, |wave| (wave.found.as_second() - at(from).as_second()) as f64 / 3_600.0)
        })
        .collect();
    hours.sort_by(f64::total_cmp);
    hours
}

fn within(hours: &[f64], most: f64) -> f64 {
    hours.iter().filter(|hour| **hour <= most + 1e-9).count() as f64 / hours.len() as f64
}

fn wave_tables(dice: &mut Dice, runs: usize) -> (String, Vec<Line>) {
    let mut table =
        String::from("| follows an hour | steady | CV 0.32 | CV 0.5 | CV 0.32, +1 % a day, quiet days, outages |\n");
    table += "|---|---|---|---|---|\n";
    for rate in [0.1, 1.0, 10.0, 100.0, 1_000.0, 100_000.0] {
        write!(table, "| {rate} |").unwrap();
        for stream in streams(rate) {
            let (first, later) = false_waves(dice, runs, &stream);
            write!(table, " {first:.2}, then {later:.2} |").unwrap();
        }
        table += "\n";
    }
    table += "\n| history, days | times the usual | follows an hour | within an hour % | within three % | never % | median, hours |\n";
    table += "|---|---|---|---|---|---|---|\n";
    let mut lines = Vec::new();
    for history in [1, 3, 7, 28] {
        for (factor, name) in [(4.0, "four times"), (10.0, "ten times")] {
            let mut line = Line { name, points: Vec::new() };
            for rate in [0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 1_000.0] {
                let hours = detection(dice, 2 * runs, &Stream::calm(rate), history, factor);
                let [hour, three, ever] = [1.0, 3.0, f64::MAX].map(|most| 100.0 * within(&hours, most));
                let (never, median) = (100.0 - ever, hours[hours.len() / 2]);
                line.points.push((rate, hour));
                writeln!(
                    table,
                    "| {history} | {factor} | {rate} | {hour:.0} | {three:.0} | {never:.0} | {median:.1} |"
                )
                .unwrap();
            }
            if history == 28 {
                lines.push(line);
            }
        }
    }
    (table, lines)
}

fn streams(rate: f64) -> [Stream; 4] {
    let calm = Stream::calm(rate);
    [
        Stream { shape: 1e6, ..calm },
        calm,
        Stream { shape: 4.0, ..calm },
        Stream { trend: 0.01, quiet_days: true, outages: true, ..calm },
    ]
}

/// A month of 20 follows an hour after four weeks of history, with extra followers from its third day on.
struct Month {
    bins: Vec<Bin>,
    came: Vec<Came>,
    /// The bin after the last of the extra followers.
    ends: usize,
}

const MONTH: usize = 28 * DAY;
const BEGINS: usize = MONTH + 2 * DAY + 20 * BINS_HOUR;

impl Month {
    /// `extra` followers over so many bins.
    fn new(dice: &mut Dice, extra: f64, over: usize) -> Self {
        let stream = Stream { quiet_days: true, ..Stream::calm(20.0) };
        let mut bins = stream.bins(dice, 60, |_| 0.0);
        let mut came = Vec::new();
        for (n, bin) in bins.iter_mut().enumerate() {
            let more = if (BEGINS..BEGINS + over).contains(&n) { extra / over as f64 } else { 0.0 };
            let extra = u64::from(dice.poisson(more));
            came.push(Came { own: bin.count, extra });
            bin.count += extra;
        }
        Self { bins, came, ends: BEGINS + over }
    }

    fn between(&self, from: usize, until: usize) -> Came {
        let came = self.came.iter().take(until).skip(from);
        came.fold(Came::default(), |sum, came| Came { own: sum.own + came.own, extra: sum.extra + came.extra })
    }

    /// The first wave since the extra followers came, when it was found, and what came beyond the usual in the end.
    fn judged(&self, dice: &mut Dice, own: Kind, extra: Kind) -> Option<(f64, Excess)> {
        let during = |wave: &Wave| wave.found > at(BEGINS) && wave.from < at(self.ends);
        let wave = waves(self.bins.iter().copied()).into_iter().find(during)?;
        let bin = |time: jiff::Timestamp| ((time.as_second() - BEGIN) / 600) as usize;
        let (from, until) = (bin(wave.from), wave.until.map_or(self.came.len(), bin));
        let (own, extra) = (own.drawn(dice), extra.drawn(dice));
        let mut of = |came: Came| rates().share(&came.set(dice, own, extra));
        let (of_wave, usual) = (of(self.between(from, until)), of(self.between(0, from)));
        let hours = (wave.found.as_second() - at(BEGINS).as_second()) as f64 / 3_600.0;
        Some((hours, excess(&wave, &of_wave, &usual)))
    }
}

fn month_table(dice: &mut Dice, runs: usize) -> String {
    let mut table = String::from("| spam | share of the month % | within an hour | within a day | over the month |\n");
    table += "|---|---|---|---|---|\n";
    for (name, spam) in STYLES {
        for of_spam in SHARES {
            write!(table, "| {name} | {:.0} |", 100.0 * of_spam).unwrap();
            for over in [BINS_HOUR, DAY, 28 * DAY] {
                let (mut hours, mut called) = (Vec::new(), [0.0; 3]);
                for _ in 0..runs {
                    let month = Month::new(dice, 20.0 * 24.0 * 30.0 * of_spam / (1.0 - of_spam), over);
                    let Some((found, excess)) = month.judged(dice, GENUINE, spam) else { continue };
                    hours.push(found);
                    called[excess.reading as usize] += 100.0 / runs as f64;
                }
                hours.sort_by(f64::total_cmp);
                let found = 100.0 * hours.len() as f64 / runs as f64;
                let median = hours.get(hours.len() / 2).map_or("-".to_owned(), |hours| format!("{hours:.1}"));
                let [spam, people, _] = called;
                write!(table, " {found:.0}, {median} h; {spam:.0} / {people:.0} |").unwrap();
            }
            table += "\n";
        }
    }
    table
}

/// A success with real people: ten times the usual for a day.
fn viral(dice: &mut Dice, runs: usize, own: Kind, people: Kind) -> Vec<Option<Excess>> {
    let run = |_| Month::new(dice, 20.0 * 24.0 * 9.0, DAY).judged(dice, own, people).map(|(_, excess)| excess);
    (0..runs).map(run).collect()
}

fn viral_table(dice: &mut Dice, runs: usize) -> String {
    let mut table = String::from(
        "| own followers | who came | found % | share of spam given | called people % | spam % | unclear % |\n",
    );
    table += "|---|---|---|---|---|---|---|\n";
    for (of_own, own) in PEOPLE {
        for (of_people, people) in PEOPLE.into_iter().filter(|(name, _)| of_own == "as measured" || *name == of_own) {
            let found: Vec<Excess> = viral(dice, runs, own, people).into_iter().flatten().collect();
            let mean = |of: &dyn Fn(&Excess) -> f64| 100.0 * found.iter().map(of).sum::<f64>() / found.len() as f64;
            let called = |reading| mean(&|excess| f64::from(u8::from(excess.reading == reading)));
            writeln!(
                table,
                "| {of_own} | {of_people} | {:.0} | {:.1} ({:.1} to {:.1}) | {:.0} | {:.1} | {:.0} |",
                100.0 * found.len() as f64 / runs as f64,
                mean(&|excess| excess.spam),
                mean(&|excess| excess.low),
                mean(&|excess| excess.high),
                called(Reading::People),
                called(Reading::Spam),
                called(Reading::Unclear)
            )
            .unwrap();
        }
    }
    table
}

#[test]
#[ignore = "takes minutes; prints the tables of the card"]
#[allow(clippy::print_stdout, reason = "the tables are what it is for")]
fn tables() {
    let runs = std::env::var("REPUTED_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(400);
    let mut dice = Dice(1);
    let (shares, coverage) = share_table(&mut dice, runs);
    println!("### Share\n\n{shares}");
    let (waves, found) = wave_tables(&mut dice, runs / 4);
    println!("### False waves, detection\n\n{waves}");
    println!("### Injected spam\n\n{}", month_table(&mut dice, runs / 10));
    println!("### Success with real people\n\n{}", viral_table(&mut dice, runs));
    let svg = plot::svg([
        ("Coverage of the 90 % interval in %, of 1,000 followers, by true share in %", &coverage),
        ("Waves found within an hour in %, by follows an hour, after 28 days", &found),
    ]);
    std::fs::write("models/follower-1/simulation.svg", svg).unwrap();
}

#[test]
fn the_interval_covers_what_it_says() {
    let mut dice = Dice(2);
    let mut all = Tally::default();
    for (known, of_spam) in [(50, 0.1), (200, 0.4), (1_000, 0.05), (1_000, 0.2), (10_000, 0.6)] {
        let found = share(&mut dice, 24, known, of_spam, GENUINE, SPAM);
        assert!(found.bias.abs() / found.runs < 0.06, "{known} {of_spam}: bias {}", found.bias / found.runs);
        assert!(found.width / found.runs < 0.45, "{known} {of_spam}: width {}", found.width / found.runs);
        (all.runs, all.covered) = (all.runs + found.runs, all.covered + found.covered);
    }
    // Of 120 runs, 90 % plus and minus three standard deviations.
    assert!((0.82..=0.98).contains(&all.coverage()), "{}", all.coverage());
}

#[test]
fn a_wave_is_found_within_the_hour_and_chance_makes_none() {
    let mut dice = Dice(3);
    for rate in [0.1, 10.0, 100_000.0] {
        for stream in streams(rate) {
            let (_, later) = false_waves(&mut dice, 2, &stream);
            assert!(later <= 1.5, "{later} false waves a month at {rate}");
        }
    }
    for rate in [100.0, 1_000.0] {
        let hours = detection(&mut dice, 12, &Stream::calm(rate), 28, 4.0);
        assert!(within(&hours, 1.0) >= 0.9, "{rate}: {hours:?}");
    }
}

#[test]
fn bought_followers_are_spam_and_a_success_is_not() {
    let mut dice = Dice(4);
    for spam in [SPAM, EMPTY, SPAM, EMPTY] {
        let month = Month::new(&mut dice, 1_600.0, 4 * BINS_HOUR);
        let (hours, found) = month.judged(&mut dice, GENUINE, spam).expect("a wave");
        assert!(hours <= 1.0 && found.reading == Reading::Spam && found.high > 0.9, "{hours} {found:?}");
    }
    for found in viral(&mut dice, 3, GENUINE, GENUINE) {
        let found = found.expect("a wave");
        assert!(found.reading == Reading::People && found.low < 0.05 && found.spam < 0.1, "{found:?}");
    }
    let mut called = 0;
    for people in [NEWCOMERS, READERS] {
        for own in [GENUINE, people] {
            let found = viral(&mut dice, 20, own, people).into_iter().flatten();
            called += found.filter(|found| found.reading == Reading::Spam).count();
        }
    }
    // Of 80; that many in seven of a thousand runs, if one in 25 were called spam.
    assert!(called <= 8, "{called} of 80 successes are called spam");
}
