//! The data folder and the store's file before any connection opens it: made, locked against a second daemon, and
//! looked at cheaply. Knows nothing of tables.
//! Source: <https://www.sqlite.org/fileformat2.html#the_database_header>.

use super::Error;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Every file of SQLite begins with these bytes.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Up to this size the whole file is checked at each start: it takes well under a second.
const CHECK_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Up to this size the whole file is checked after a crash. Above, a start would take minutes, and SQLite itself stops
/// at damage as soon as a read meets it.
const CHECK_UNCLEAN_BYTES_MAX: u64 = 1024 * 1024 * 1024;

pub fn store(data_dir: &Path) -> PathBuf {
    data_dir.join("reputed.db")
}

/// The write-ahead log of the file `store`.
pub fn wal(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Length in bytes, 0 when absent. Asks for the metadata only: opening and closing the file here would drop the locks
/// that SQLite holds on it in this process.
pub fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |data| data.len())
}

/// Makes the folder, for its owner only. An existing one keeps its mode.
pub fn create_dir(data_dir: &Path) -> Result<(), Error> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(data_dir)
        .map_err(|e| Error::Stop(format!("cannot create data directory {}: {e}", data_dir.display())))
}

/// Keeps a second daemon out for as long as the file lives; the system lets go of it even after a crash.
pub fn lock(data_dir: &Path) -> Result<File, Error> {
    let path = data_dir.join("lock");
    let refused = |e: std::io::Error| Error::Stop(format!("cannot lock {}: {e}", path.display()));
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the message: the lock itself has already said no.
            if file.read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
                holder = "(unknown)".to_owned();
            }
            let dir = data_dir.display();
            return Err(Error::Stop(format!("data directory {dir} is in use by process {}", holder.trim())));
        }
        Err(TryLockError::Error(e)) => return Err(refused(e)),
    }
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    write(&mut file).map_err(refused)?;
    Ok(file)
}

/// Whether some process holds the lock.
pub fn is_locked(data_dir: &Path) -> bool {
    File::open(data_dir.join("lock")).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// How far the file is to be checked once it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Whole,
    /// Too large for now: its header was sound.
    Header,
}

/// Looks at the header. A log that is left over tells of a crash. To be called before the first connection.
///
/// # Errors
/// [`Error::Stop`] when this is not our file or its end is missing.
pub fn inspect(store: &Path) -> Result<Check, Error> {
    let size = length(store);
    let unclean = length(&wal(store)) > 0;
    if size > 0 {
        let mut header = [0; 100];
        match File::open(store).and_then(|mut file| file.read_exact(&mut header)) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Err(damaged(store, "its header is cut off")),
            Err(e) => return Err(Error::Stop(format!("cannot read {}: {e}", store.display()))),
        }
        if &header[..16] != MAGIC {
            return Err(damaged(store, "its header is not one of SQLite"));
        }
        // After a crash in the middle of a checkpoint the log still holds what the file lacks.
        if !unclean && size < size_by(&header) {
            return Err(damaged(store, "its end is missing"));
        }
    }
    let limit = if unclean { CHECK_UNCLEAN_BYTES_MAX } else { CHECK_BYTES_MAX };
    Ok(if size <= limit { Check::Whole } else { Check::Header })
}

/// The size that the header gives: page size (offset 16, 1 meaning 65,536) times pages (offset 28).
fn size_by(header: &[u8; 100]) -> u64 {
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    page * u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]))
}

/// What to tell the operator of a damaged file.
pub fn damaged(store: &Path, why: &str) -> Error {
    Error::Stop(format!(
        "{} is damaged ({why}): restore a backup, or move the file away and import again; \
         the search index is rebuilt by itself",
        store.display()
    ))
}
