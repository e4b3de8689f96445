//! Measures engines for one small encoder. The driver is `bench.py`: it starts this program once for each engine and asks
//! for short rounds in turn, so that all see the same machine.
//!
//!     reputed-engines ENGINE int8|fp32 FOLDER
//!
//! then on the standard input, one a line:
//!     embed SET FILE            writes the embeddings of all posts of a set as f32
//!     run SET ORDER THREADS SECONDS   posts a second; ORDER is `come` (as they come) or `sorted` (by length)
//!     memory                    the most this process ever took, in MB

#[cfg(feature = "candle")]
mod candle;
#[cfg(feature = "ragged")]
mod encoder;
#[cfg(feature = "rten")]
mod rten_graph;
#[cfg(feature = "tract")]
mod tract;

use std::io::BufRead;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub const WIDTH: usize = 384;
/// The longest post.
pub const TOKENS: usize = 128;
/// Posts of a batch.
const BATCH: usize = 32;

/// One worker of an engine, on one thread.
pub trait Engine: Send {
    /// The mean of the last layer over each post, one after another.
    fn embed(&mut self, posts: &[&[u32]]) -> Vec<f32>;

    /// Another worker over the same weights.
    fn twin(&self) -> Box<dyn Engine>;
}

/// Token ids and mask of a batch, filled up to its longest post.
pub fn padded(posts: &[&[u32]]) -> (usize, Vec<i64>, Vec<i64>) {
    let longest = posts.iter().map(|post| post.len()).max().unwrap_or(0);
    let mut ids = Vec::with_capacity(posts.len() * longest);
    let mut mask = Vec::with_capacity(posts.len() * longest);
    for post in posts {
        ids.extend(post.iter().map(|&id| i64::from(id)));
        mask.extend(post.iter().map(|_| 1));
        ids.resize(ids.len() + longest - post.len(), 0);
        mask.resize(ids.len(), 0);
    }
    (longest, ids, mask)
}

fn open(engine: &str, kind: &str, folder: &Path) -> Box<dyn Engine> {
    match engine {
        #[cfg(feature = "candle")]
        "candle" => Box::new(candle::Candle::open(folder, kind)),
        #[cfg(feature = "ragged")]
        "ragged" => Box::new(encoder::Encoder::open(folder, kind)),
        #[cfg(feature = "rten")]
        "rten" => Box::new(rten_graph::Rten::open(folder, kind)),
        #[cfg(feature = "tract")]
        "tract" => Box::new(tract::Tract::open(folder, kind)),
        _ => panic!("no engine {engine}"),
    }
}

fn read(folder: &Path, set: &str) -> Vec<Vec<u32>> {
    let text = std::fs::read_to_string(folder.join(format!("{set}.tokens"))).expect("tokens");
    text.lines().map(|line| line.split(' ').map(|id| id.parse().expect("id")).collect()).collect()
}

/// Posts a second of `workers`, each on a thread of its own, over whole passes until `time` is over.
fn run(workers: &mut [Box<dyn Engine>], pools: &[rayon::ThreadPool], posts: &[&[u32]], time: Duration) -> f64 {
    let batches: Vec<_> = posts.chunks(BATCH).collect();
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < time {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for (worker, pool) in workers.iter_mut().zip(pools) {
                let (next, batches) = (&next, &batches);
                scope.spawn(move || {
                    pool.install(|| {
                        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                            std::hint::black_box(worker.embed(batch));
                        }
                    })
                });
            }
        });
        done += posts.len();
    }
    done as f64 / start.elapsed().as_secs_f64()
}

fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1000.)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, engine, kind, folder] = &args[..] else { panic!("usage: reputed-engines ENGINE int8|fp32 FOLDER") };
    let folder = Path::new(folder);
    // One thread for each worker: the libraries split their work over the pool they run in.
    let pool = || rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let pools = [pool(), pool()];
    let start = Instant::now();
    let first = pools[0].install(|| open(engine, kind, folder));
    println!("loaded {:.0} ms", start.elapsed().as_secs_f64() * 1000.);
    let mut workers = vec![first];
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["embed", set, file] => {
                let posts = read(folder, set);
                let posts: Vec<_> = posts.iter().map(|post| &post[..]).collect();
                let worker = &mut workers[0];
                let found = pools[0].install(|| posts.chunks(BATCH).flat_map(|b| worker.embed(b)).collect::<Vec<_>>());
                let bytes: Vec<u8> = found.iter().flat_map(|x| x.to_le_bytes()).collect();
                std::fs::write(file, bytes).expect("written");
                println!("done");
            }
            ["run", set, order, threads, seconds] => {
                let posts = read(folder, set);
                let mut posts: Vec<_> = posts.iter().map(|post| &post[..]).collect();
                // Enough batches for two workers.
                while posts.len() < 4 * BATCH {
                    posts.extend_from_within(..);
                }
                if order == "sorted" {
                    posts.sort_by_key(|post| post.len());
                }
                let threads: usize = threads.parse().expect("threads");
                while workers.len() < threads {
                    workers.push(workers[0].twin());
                }
                let time = Duration::from_secs_f64(seconds.parse().expect("seconds"));
                println!("{:.1}", run(&mut workers[..threads], &pools, &posts, time));
            }
            ["memory"] => println!("{:.0}", memory()),
            _ => panic!("what is {line}?"),
        }
    }
}
