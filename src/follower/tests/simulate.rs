//! The simulator: what the estimates are worth where the truth is known. `short` holds what must hold; `tables` takes
//! longer and prints the tables of the card:
//! `cargo test --release --lib follower::tests::simulate::tables -- --ignored --nocapture`

use super::world::*;
use crate::follower::excess::{Excess, Reading, excess};
use crate::follower::wave::{Bin, Wave, waves};
use std::fmt::Write;

const SHARES: [f64; 6] = [0.01, 0.05, 0.1, 0.2, 0.4, 0.6];
const STYLES: [(&str, Kind); 4] =
    [("as measured", SPAM), ("empty", EMPTY), ("aged", AGED), ("with bought posts", BOUGHT_POSTS)];
const DAY: usize = 24 * BINS_HOUR;

/// What many runs of one estimate add up to.
#[derive(Clone, Copy, Default)]
struct Tally {
    runs: f64,
    covered: f64,
    bias: f64,
    width: f64,
    strange: f64,
}

impl Tally {
    fn add(&mut self, truth: f64, (low, value, high): (f64, f64, f64), strange: bool) {
        self.runs += 1.0;
        // Ends are rounded to five digits.
        self.covered += f64::from(u8::from((low - 1e-5..=high + 1e-5).contains(&truth)));
        self.bias += value - truth;
        self.width += high - low;
        self.strange += f64::from(u8::from(strange));
    }

    fn coverage(&self) -> f64 {
        self.covered / self.runs
    }
}

/// Each run measures the rates anew, and draws another set.
fn share(dice: &mut Dice, runs: usize, known: usize, share: f64, people: Kind, spam: Kind) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..runs {
        let rates = rates(dice);
        let found = rates.share(&set(dice, &rates, known, share, people, spam));
        tally.add(share, (found.low, found.spam, found.high), found.strange);
    }
    tally
}

fn row(table: &mut String, name: &str, known: usize, share: f64, tally: &Tally) {
    let [covered, bias, width, strange] = [tally.covered, tally.bias, tally.width, tally.strange];
    let [covered, bias, width, strange] = [covered, bias, width, strange].map(|sum| 100.0 * sum / tally.runs);
    let share = 100.0 * share;
    writeln!(table, "| {name} | {known} | {share:.0} | {bias:+.1} | {covered:.0} | {width:.1} | {strange:.0} |")
        .unwrap();
}

fn share_table(dice: &mut Dice, runs: usize) -> String {
    let mut table = String::from("| spam | followers | share % | bias | coverage % | width | called strange % |\n");
    table += "|---|---|---|---|---|---|---|\n";
    for (name, spam) in STYLES {
        for known in [50, 200, 1_000, 10_000] {
            for of_spam in SHARES {
                row(&mut table, name, known, of_spam, &share(dice, runs, known, of_spam, GENUINE, spam));
            }
        }
    }
    for known in [50, 200, 1_000, 10_000] {
        for of_spam in SHARES {
            row(&mut table, "newcomers as people", known, of_spam, &share(dice, runs, known, of_spam, NEWCOMERS, SPAM));
        }
    }
    table
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

fn wave_tables(dice: &mut Dice, runs: usize) -> String {
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
    for history in [1, 3, 7, 28] {
        for factor in [4.0, 10.0] {
            for rate in [0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 1_000.0] {
                let hours = detection(dice, 2 * runs, &Stream::calm(rate), history, factor);
                let [hour, three, ever] = [1.0, 3.0, f64::MAX].map(|most| 100.0 * within(&hours, most));
                let (never, median) = (100.0 - ever, hours[hours.len() / 2]);
                writeln!(
                    table,
                    "| {history} | {factor} | {rate} | {hour:.0} | {three:.0} | {never:.0} | {median:.1} |"
                )
                .unwrap();
            }
        }
    }
    table
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
    /// `extra` followers over so many bins; spam or people.
    fn new(dice: &mut Dice, extra: f64, over: usize, is_spam: bool) -> Self {
        let stream = Stream { quiet_days: true, ..Stream::calm(20.0) };
        let mut bins = stream.bins(dice, 60, |_| 0.0);
        let mut came = Vec::new();
        for (n, bin) in bins.iter_mut().enumerate() {
            let more = if (BEGINS..BEGINS + over).contains(&n) { extra / over as f64 } else { 0.0 };
            let more = u64::from(dice.poisson(more));
            let (people, spam) = if is_spam { (bin.count, more) } else { (bin.count + more, 0) };
            came.push(Came { people, spam });
            bin.count += more;
        }
        Self { bins, came, ends: BEGINS + over }
    }

    fn between(&self, from: usize, until: usize) -> Came {
        let came = self.came.iter().take(until).skip(from);
        came.fold(Came::default(), |sum, came| Came { people: sum.people + came.people, spam: sum.spam + came.spam })
    }

    /// The first wave since the extra followers came, when it was found, and what came beyond the usual in the end.
    fn judged(&self, dice: &mut Dice, people: Kind, spam: Kind) -> Option<(f64, Excess)> {
        let during = |wave: &Wave| wave.found > at(BEGINS) && wave.from < at(self.ends);
        let wave = waves(self.bins.iter().copied()).into_iter().find(during)?;
        let bin = |time: jiff::Timestamp| ((time.as_second() - BEGIN) / 600) as usize;
        let (from, until) = (bin(wave.from), wave.until.map_or(self.came.len(), bin));
        let rates = rates(dice);
        let mut of = |came: Came, people| rates.share(&came.set(dice, &rates, people, spam));
        let (of_wave, usual) = (of(self.between(from, until), people), of(self.between(0, from), GENUINE));
        let hours = (wave.found.as_second() - at(BEGINS).as_second()) as f64 / 3_600.0;
        Some((hours, excess(&wave, &of_wave, &usual)))
    }
}

fn month_table(dice: &mut Dice, runs: usize) -> String {
    let mut table = String::from(
        "| spam | share % of a month | within | share: bias | coverage % | wave found % | median, hours | called spam % | people % |\n",
    );
    table += "|---|---|---|---|---|---|---|---|---|\n";
    for (name, spam) in STYLES {
        for of_spam in SHARES {
            for (speed, over) in [("an hour", BINS_HOUR), ("a day", DAY), ("the month", 28 * DAY)] {
                let (mut tally, mut hours, mut called) = (Tally::default(), Vec::new(), [0.0; 2]);
                for _ in 0..runs {
                    let month = Month::new(dice, 20.0 * 24.0 * 30.0 * of_spam / (1.0 - of_spam), over, true);
                    let came = month.between(MONTH, month.came.len());
                    let rates = rates(dice);
                    let found = rates.share(&came.set(dice, &rates, GENUINE, spam));
                    tally.add(came.share(), (found.low, found.spam, found.high), found.strange);
                    let Some((found, excess)) = month.judged(dice, GENUINE, spam) else { continue };
                    hours.push(found);
                    called[0] += f64::from(u8::from(excess.reading == Reading::Spam));
                    called[1] += f64::from(u8::from(excess.reading == Reading::People));
                }
                hours.sort_by(f64::total_cmp);
                let percent = |sum: f64| 100.0 * sum / runs as f64;
                let median = hours.get(hours.len() / 2).map_or("-".to_owned(), |hours| format!("{hours:.1}"));
                writeln!(
                    table,
                    "| {name} | {:.0} | {speed} | {:+.1} | {:.0} | {:.0} | {median} | {:.0} | {:.0} |",
                    100.0 * of_spam,
                    percent(tally.bias),
                    percent(tally.covered),
                    percent(hours.len() as f64),
                    percent(called[0]),
                    percent(called[1])
                )
                .unwrap();
            }
        }
    }
    table
}

/// A success with real people: ten times the usual for a day.
fn viral(dice: &mut Dice, runs: usize, people: Kind) -> Vec<Option<Excess>> {
    let run = |_| Month::new(dice, 20.0 * 24.0 * 9.0, DAY, false).judged(dice, people, SPAM).map(|(_, excess)| excess);
    (0..runs).map(run).collect()
}

fn viral_table(dice: &mut Dice, runs: usize, people: Kind) -> String {
    let found: Vec<Excess> = viral(dice, runs, people).into_iter().flatten().collect();
    let (count, mean) = (found.len() as f64, |of: &dyn Fn(&Excess) -> f64| {
        100.0 * found.iter().map(of).sum::<f64>() / found.len() as f64
    });
    let called = |reading| mean(&|excess| f64::from(u8::from(excess.reading == reading)));
    format!(
        "Found as a wave: {:.0} %. Share of spam given, on average: {:.1} % ({:.1} to {:.1}). Called people {:.0} %, spam {:.0} %, \
         unclear {:.0} %.\n",
        100.0 * count / runs as f64,
        mean(&|excess| excess.spam),
        mean(&|excess| excess.low),
        mean(&|excess| excess.high),
        called(Reading::People),
        called(Reading::Spam),
        called(Reading::Unclear)
    )
}

#[test]
#[ignore = "takes minutes; prints the tables of the card"]
#[allow(clippy::print_stdout, reason = "the tables are what it is for")]
fn tables() {
    let runs = std::env::var("REPUTED_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(400);
    let mut dice = Dice(1);
    println!("### Share\n\n{}", share_table(&mut dice, runs));
    println!("### False waves, detection\n\n{}", wave_tables(&mut dice, runs / 4));
    println!("### Injected spam\n\n{}", month_table(&mut dice, runs / 10));
    println!("### Success with real people\n\n{}", viral_table(&mut dice, runs / 4, GENUINE));
    println!("### Success with newcomers\n\n{}", viral_table(&mut dice, runs / 4, NEWCOMERS));
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
    for _ in 0..3 {
        let month = Month::new(&mut dice, 1_600.0, 4 * BINS_HOUR, true);
        let (hours, found) = month.judged(&mut dice, GENUINE, SPAM).expect("a wave");
        assert!(hours <= 1.0 && found.reading == Reading::Spam && found.high > 0.9, "{hours} {found:?}");
    }
    for found in viral(&mut dice, 3, GENUINE) {
        let found = found.expect("a wave");
        assert!(found.reading != Reading::Spam && found.low < 0.05 && found.spam < 0.15, "{found:?}");
    }
}
