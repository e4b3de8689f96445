//! What the machine says of itself: memory, processor time, how long a sync takes; and the folder that is measured.

use anyhow::Context;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SYNCS: usize = 300;
/// A page of the store.
const SYNC_BYTES: usize = 4_096;

const REMOVALS_MAX: usize = 50;
const REMOVE_AGAIN: Duration = Duration::from_millis(100);

/// A folder of our own, removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(parent: &Path) -> anyhow::Result<Self> {
        let path = parent.join(format!("reputed-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// A new folder within.
    pub fn part(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// A merge of the index may still write for a moment after its daemon has ended: then it is tried again.
pub fn remove(dir: &Path) {
    for _ in 0..REMOVALS_MAX {
        match std::fs::remove_dir_all(dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => std::thread::park_timeout(REMOVE_AGAIN),
            _ => return,
        }
    }
}

/// Resident memory in megabytes; zeros where the system does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// All of it, mapped index files included, which the system takes back when it needs them.
    pub all: f64,
    /// What only we can give back.
    pub own: f64,
    /// The most of all of it since the start, or since [`forget_peak`].
    pub peak: f64,
}

impl Memory {
    pub fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let megabytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            kib.unwrap_or(0.0) * 1_024.0 / 1e6
        };
        Self { all: megabytes("VmRSS:"), own: megabytes("RssAnon:"), peak: megabytes("VmHWM:") }
    }
}

/// From here on the peak is counted anew, where the system lets us. Source: proc(5), `clear_refs`.
pub fn forget_peak() {
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

/// Processor time of this process so far, all threads; in ticks of 10 ms. Zero where the system does not tell.
/// On a busy machine it says more than the clock. Source: proc(5), fields 14 and 15 of `stat`.
pub fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How long single syncs of a page take in `dir`.
pub fn syncs(dir: &Path) -> anyhow::Result<Spread> {
    let path = dir.join("sync");
    let mut file = File::create(&path)?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&[1; SYNC_BYTES])?;
        let began = Instant::now();
        file.sync_data()?;
        took.push(began.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(Spread::of(took))
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread {
    pub p50: f64,
    pub p99: f64,
}

impl Spread {
    pub fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let at = |share: f64| {
            let place = (all.len().saturating_sub(1) as f64 * share).round() as usize;
            all.get(place).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
        };
        Self { p50: at(0.5), p99: at(0.99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let spread = Spread::of((1..=101).map(Duration::from_millis).collect());
        assert_eq!((spread.p50, spread.p99), (51.0, 100.0));
        assert!(Spread::of(Vec::new()).p50.is_nan());
    }
}
