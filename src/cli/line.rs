//! Lines in, lines out, in order, on every core; the first answers come before the last lines are read.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Read at once, where the work does not ask for less; a block is what one worker takes.
pub const BLOCK_BYTES: usize = 256 * 1024;

/// A longer line is no post: refused, so that a file without line breaks does not fill the memory.
pub const LINE_BYTES_MAX: usize = 4 << 20;

/// Blocks waiting for each worker.
const QUEUE: usize = 2;

/// What a worker does with a line (without its line break): append to `out` what is to be printed.
/// `number` counts from 1 within the whole input.
pub trait Work: Sync {
    type State;

    fn state(&self) -> Self::State;

    fn line(&self, state: &mut Self::State, number: u64, line: &[u8], out: &mut Vec<u8>);

    /// The same for several, for whom it is worth to look at them together. `number` is that of the first.
    fn lines<'l>(
        &self,
        state: &mut Self::State,
        number: u64,
        lines: impl Iterator<Item = &'l [u8]>,
        out: &mut Vec<u8>,
    ) {
        for (number, line) in (number..).zip(lines) {
            self.line(state, number, line, out);
        }
    }

    /// Bytes read at once: less where each takes long, so that answers come soon.
    fn block_bytes(&self) -> usize {
        BLOCK_BYTES
    }
}

struct Block {
    order: u64,
    first_line: u64,
    bytes: Vec<u8>,
}

/// Puts every line of `input` through `work`.
///
/// # Errors
/// Reading or writing failed. A reader that went away (`head`) is no error: we just stop.
pub fn each(mut input: impl Read, output: &mut (impl Write + Send), work: &impl Work) -> io::Result<()> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (blocks, queue) = sync_channel::<Block>(QUEUE * workers);
    let (answers, done) = sync_channel::<(u64, Vec<u8>)>(QUEUE * workers);
    let queue = Mutex::new(queue);
    let result = std::thread::scope(|scope| {
        for _ in 0..workers {
            let answers = answers.clone();
            let queue = &queue;
            scope.spawn(move || run(work, queue, &answers));
        }
        drop(answers);
        let writer = scope.spawn(move || write(&done, output));
        let read = feed(&mut input, &blocks, work.block_bytes());
        drop(blocks);
        let written = writer.join().unwrap_or_else(|_| Err(io::Error::other("the writing thread panicked")));
        written.and(read)
    });
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn feed(input: &mut impl Read, blocks: &SyncSender<Block>, block_bytes: usize) -> io::Result<()> {
    let mut rest: Vec<u8> = Vec::new();
    let (mut order, mut line) = (0, 1);
    loop {
        let start = rest.len();
        rest.resize(start + block_bytes, 0);
        let got = match input.read(&mut rest[start..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
            Ok(0) => {
                rest.truncate(start);
                if !rest.is_empty() {
                    // The receiver is gone only when writing failed, which is reported there.
                    drop(blocks.send(Block { order, first_line: line, bytes: rest }));
                }
                return Ok(());
            }
            Ok(got) => got,
        };
        rest.truncate(start + got);
        if let Some(end) = memchr::memrchr(b'\n', &rest) {
            let tail = rest.split_off(end + 1);
            let lines = memchr::memchr_iter(b'\n', &rest).count() as u64;
            if blocks.send(Block { order, first_line: line, bytes: std::mem::replace(&mut rest, tail) }).is_err() {
                return Ok(());
            }
            (order, line) = (order + 1, line + lines);
        } else if rest.len() > LINE_BYTES_MAX {
            return Err(io::Error::other(format!("line {line} is longer than {LINE_BYTES_MAX} bytes")));
        }
    }
}

fn run<W: Work>(work: &W, queue: &Mutex<Receiver<Block>>, answers: &SyncSender<(u64, Vec<u8>)>) {
    let mut state = work.state();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(block) = next else { return };
        let mut out = Vec::new();
        let body = block.bytes.strip_suffix(b"\n").unwrap_or(&block.bytes);
        let lines = body.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        work.lines(&mut state, block.first_line, lines, &mut out);
        if answers.send((block.order, out)).is_err() {
            return;
        }
    }
}

fn write(done: &Receiver<(u64, Vec<u8>)>, output: &mut impl Write) -> io::Result<()> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (order, out) in done {
        early.insert(order, out);
        while let Some(out) = early.remove(&next) {
            output.write_all(&out)?;
            next += 1;
        }
        output.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Number;
    impl Work for Number {
        type State = ();
        fn state(&self) {}
        fn line(&self, (): &mut (), number: u64, line: &[u8], out: &mut Vec<u8>) {
            assert_eq!(line, format!("line {number}").as_bytes());
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }

    #[test]
    fn keeps_order_over_many_blocks() {
        let input: String = (1..=100_000).map(|n| format!("line {n}\n")).collect();
        let mut out = Vec::new();
        each(input.as_bytes(), &mut out, &Number).unwrap();
        assert!(out == input.as_bytes());
    }

    #[test]
    fn the_last_line_needs_no_break_and_cr_is_dropped() {
        let mut out = Vec::new();
        each(&b"line 1\r\nline 2"[..], &mut out, &Number).unwrap();
        assert_eq!(out, b"line 1\nline 2\n");
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let endless = vec![b'x'; LINE_BYTES_MAX + BLOCK_BYTES + 1];
        let error = each(&endless[..], &mut Vec::new(), &Number).unwrap_err();
        assert!(error.to_string().contains("line 1 is longer"), "{error}");
    }
}
