//! The matcher at growing numbers of watches, beside the fastest automaton that scans for the same names: in texts folded
//! beforehand, without word borders, with nothing evaluated. And what changing one watch among many takes.

use super::frame::Frames;
use super::machine::Memory;
use super::part::{FILTER_GOAL_MANY, MANY_WATCHES, SHARE, SOURCE, decode, rate, rate_on_all};
use super::report::{Goal, Report, Row};
use crate::brand::Brand;
use crate::post::Post;
use crate::query::Query;
use crate::query::eval::Subject;
use crate::query::names::Names;
use crate::query::reading::Reading;
use crate::text::folded;
use crate::watch::sample::Sample;
use crate::watch::{Gate, Scratch, WatchSet};
use daachorse::DoubleArrayAhoCorasick;
use std::time::Instant;

/// Few enough to stay in the processor's cache, as a post does that has just been decoded.
const POSTS: usize = 2_000;
/// Enough to keep threads busy far longer than it takes to start them.
const FRAMES: usize = 20_000;
/// Asking every watch in turn takes a millisecond a post.
const POSTS_IN_TURN: usize = 50;

/// How many watches, the name of the row and the least share of the bare scan.
const SIZES: [(usize, &str, f64); 4] = [
    (100, "matcher, 100 watches", 0.5),
    (1_000, "matcher, 1,000 watches", 0.5),
    (MANY_WATCHES, "matcher, 10,000 watches", 0.5),
    (100_000, "matcher, 100,000 watches", 0.25),
];
/// At most so much longer may a post take with ten times the watches.
const GROWTH_MAX: f64 = 1.5;
const COMPILE_SECONDS_MAX: f64 = 5.0;
const COMPILE_MB_MAX: f64 = 300.0;
const SWAP_SECONDS_MAX: f64 = 1.0;

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    // The largest first: what smaller ones leave behind would be taken for its memory.
    let (largest, ..) = SIZES[SIZES.len() - 1];
    let mut brands = Sample::new(0, largest).brands();
    let (before, began) = (Memory::now(), Instant::now());
    let gate = compile(&brands)?;
    let (took, grown) = (began.elapsed().as_secs_f64(), Memory::now().own - before.own);
    report.add(Row::new("matcher, compile 100,000", took, "s").goal(Goal::Most(COMPILE_SECONDS_MAX)));
    report.add(Row::new("matcher, memory of 100,000", grown, "MB").goal(Goal::Most(COMPILE_MB_MAX)));
    report
        .add(Row::new("matcher, change one watch", swap(&gate, &mut brands)?, "s").goal(Goal::Most(SWAP_SECONDS_MAX)));
    drop((gate, brands));

    let (mut last, mut growth) = (None, 0.0_f64);
    for (watches, name, share) in SIZES {
        let mut sample = Sample::new(0, watches);
        let gate = compile(&sample.brands())?;
        let posts: Vec<Post<'_>> = (0..POSTS).map(|_| sample.post(SHARE)).collect();
        let ours = matched(&gate, &posts);
        let row = Row::new(name, ours, "posts/s").beside("daachorse, folded text, one core", bare(&sample, &posts)?);
        report.add(row.goal(Goal::LeastOfLimit(share)));
        growth = growth.max(last.map_or(0.0, |last: f64| last / ours));
        last = Some(ours);
        if watches == MANY_WATCHES {
            let row = Row::new("matcher, 10,000 watches", ours, "posts/s");
            let row = row.beside("every watch in turn, one core", in_turn(&sample, &posts));
            report.add(row.goal(Goal::LeastOfLimit(1_000.0)));
            let frames = Frames::new(watches, SHARE, FRAMES);
            let decided = rate_on_all(frames.all(), |part| {
                let mut scratch = Scratch::default();
                part.iter().filter_map(decode).filter(|post| !gate.matches(post, &mut scratch).is_empty()).count()
            });
            let row = Row::new("frame to decision, all cores", decided, "posts/s");
            report.add(row.goal(Goal::Least(FILTER_GOAL_MANY)));
        }
    }
    report.add(Row::new("matcher, ten times watches", growth, "x a post").goal(Goal::Most(GROWTH_MAX)));
    Ok(())
}

fn compile(brands: &[Brand]) -> anyhow::Result<Gate> {
    let set = WatchSet::compile(brands, &[(SOURCE.to_owned(), SOURCE)], &Names::default());
    Ok(Gate::new(set.map_err(|_| anyhow::anyhow!("the sample's watches are bad"))?))
}

fn matched(gate: &Gate, posts: &[Post<'_>]) -> f64 {
    let mut scratch = Scratch::default();
    rate(posts.len(), || posts.iter().filter(|post| !gate.matches(post, &mut scratch).is_empty()).count())
}

fn bare(sample: &Sample, posts: &[Post<'_>]) -> anyhow::Result<f64> {
    let names = DoubleArrayAhoCorasick::<u32>::new(sample.literals());
    let names = names.map_err(|_| anyhow::anyhow!("the sample's names are no automaton"))?;
    let texts: Vec<String> = posts.iter().map(|post| folded(&post.text)).collect();
    Ok(rate(texts.len(), || texts.iter().filter(|text| names.find_iter(text).next().is_some()).count()))
}

fn in_turn(sample: &Sample, posts: &[Post<'_>]) -> f64 {
    let watches = sample.brands().into_iter().flat_map(|brand| brand.watches);
    let queries: Vec<Query> =
        watches.filter_map(|watch| Query::parse_watch(&watch.query, &Names::default()).ok()).collect();
    let posts = &posts[..POSTS_IN_TURN.min(posts.len())];
    let held = |post: &Post<'_>| {
        let reading = Reading::of(post);
        let subject = Subject { post, source_kind: SOURCE, mention: None, now: None };
        queries.iter().filter(|query| query.matches_reading(&subject, &reading) == Some(true)).count()
    };
    rate(posts.len(), || posts.iter().map(held).sum())
}

/// Seconds from the wish to change one watch until a post meets it.
fn swap(gate: &Gate, brands: &mut [Brand]) -> anyhow::Result<f64> {
    const WORD: &str = "newlywatched";
    let post = Post::new("1", WORD, jiff::Timestamp::UNIX_EPOCH);
    let watch = brands.last_mut().and_then(|brand| brand.watches.last_mut());
    watch.ok_or_else(|| anyhow::anyhow!("the sample has no watches"))?.query = WORD.to_owned();
    let began = Instant::now();
    let set = WatchSet::compile(brands, &[(SOURCE.to_owned(), SOURCE)], &Names::default());
    gate.swap(set.map_err(|_| anyhow::anyhow!("the sample's watches are bad"))?);
    anyhow::ensure!(!gate.matches(&post, &mut Scratch::default()).is_empty(), "the changed watch took no effect");
    Ok(began.elapsed().as_secs_f64())
}
