//! A recording read in blocks of whole lines, plain or packed (gzip with any number of members, zstd). Blocking;
//! what a line means is not known here.

use crate::source::line::LINE_BYTES_MAX;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Read at once: large enough that handing blocks between threads costs nothing, small enough for the cache.
const BLOCK_BYTES: usize = 256 * 1024;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Where a line begins: lines from 0, bytes of the unpacked text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    pub line: u64,
    pub byte: u64,
}

/// Whole lines (the last of a file may lack its end).
#[derive(Debug)]
pub struct Block {
    pub start: Position,
    pub bytes: Vec<u8>,
    /// The line just before this block was longer than may be read and was skipped.
    pub skipped: bool,
}

impl Block {
    /// Each line without its end, and the position behind it. `end.line` is its number for a person, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (Position, &[u8])> {
        let mut at = self.start;
        let ends = memchr::memchr_iter(b'\n', &self.bytes).map(|end| end + 1);
        let rest = (self.bytes.last().is_some_and(|last| *last != b'\n')).then_some(self.bytes.len());
        let mut from = 0;
        ends.chain(rest).map(move |end| {
            let line = &self.bytes[from..end];
            at = Position { line: at.line + 1, byte: at.byte + line.len() as u64 };
            from = end;
            (at, line.trim_ascii())
        })
    }
}

pub struct Blocks {
    input: Box<dyn Read + Send>,
    at: Position,
    /// The begin of a line whose end was not read yet.
    carry: Vec<u8>,
}

impl Blocks {
    /// From the first line on, or from where an earlier reading stopped.
    ///
    /// # Errors
    /// What the file system says; with [`Shorter`] inside when the recording is shorter than `from`.
    pub fn open(path: &Path, from: Position) -> io::Result<Self> {
        let mut input = BufReader::with_capacity(BLOCK_BYTES, File::open(path)?);
        let head = input.fill_buf()?;
        if !head.starts_with(&GZIP) && !head.starts_with(&ZSTD) {
            if input.get_ref().metadata()?.len() < from.byte {
                return Err(shorter(from));
            }
            input.seek(SeekFrom::Start(from.byte))?;
            return Ok(Self { input: Box::new(input), at: from, carry: Vec::new() });
        }
        let mut blocks = Self::new(input)?;
        let passed = io::copy(&mut blocks.input.as_mut().take(from.byte), &mut io::sink())?;
        if passed < from.byte {
            return Err(shorter(from));
        }
        blocks.at = from;
        Ok(blocks)
    }

    /// From anything that can be read, standard input say.
    ///
    /// # Errors
    /// What reading the first bytes says.
    pub fn new(input: impl BufRead + Send + 'static) -> io::Result<Self> {
        Ok(Self { input: unpacked(input)?, at: Position::default(), carry: Vec::new() })
    }

    /// The next lines, `None` at the end.
    ///
    /// # Errors
    /// A recording that is cut off or damaged; what was read before stands.
    pub fn next_block(&mut self) -> io::Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.carry);
        let mut start = self.at;
        let mut skipped = false;
        loop {
            let known = bytes.len();
            let read = self.input.as_mut().take(BLOCK_BYTES as u64).read_to_end(&mut bytes)?;
            if read == 0 {
                self.at.byte = start.byte + bytes.len() as u64;
                return Ok((skipped || !bytes.is_empty()).then_some(Block { start, bytes, skipped }));
            }
            if let Some(end) = memchr::memrchr(b'\n', &bytes[known..]) {
                self.carry = bytes.split_off(known + end + 1);
                let lines = memchr::memchr_iter(b'\n', &bytes).count() as u64;
                self.at = Position { line: start.line + lines, byte: start.byte + bytes.len() as u64 };
                return Ok(Some(Block { start, bytes, skipped }));
            }
            if bytes.len() > LINE_BYTES_MAX {
                start = self.skip_line(Position { line: start.line, byte: start.byte + bytes.len() as u64 })?;
                bytes = std::mem::take(&mut self.carry);
                skipped = true;
            }
        }
    }

    /// Reads on until a line ends; what follows it goes to `carry`.
    fn skip_line(&mut self, mut at: Position) -> io::Result<Position> {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES);
        loop {
            bytes.clear();
            let read = self.input.as_mut().take(BLOCK_BYTES as u64).read_to_end(&mut bytes)?;
            let end = memchr::memchr(b'\n', &bytes);
            at.byte += end.map_or(read, |end| end + 1) as u64;
            if read == 0 || end.is_some() {
                at.line += 1;
                self.carry = end.map_or_else(Vec::new, |end| bytes.split_off(end + 1));
                return Ok(at);
            }
        }
    }
}

/// Told to be packed by its first bytes.
///
/// # Errors
/// What reading these says.
pub fn unpacked(mut input: impl BufRead + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let head = input.fill_buf()?;
    Ok(if head.starts_with(&GZIP) {
        Box::new(flate2::bufread::MultiGzDecoder::new(input))
    } else if head.starts_with(&ZSTD) {
        Box::new(zstd::stream::read::Decoder::with_buffer(input)?)
    } else {
        Box::new(input)
    })
}

/// The recording is not the one that was read before.
#[derive(Debug, thiserror::Error)]
#[error("shorter than the {0} bytes read before")]
pub struct Shorter(u64);

fn shorter(from: Position) -> io::Error {
    io::Error::other(Shorter(from.byte))
}
