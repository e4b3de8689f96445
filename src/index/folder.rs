//! The folder of the index: opened when whole and of our version, else emptied and begun anew. Nothing is lost by that:
//! the store feeds it again.

use super::schema::{self, Fields, VERSION};
use super::{Error, survive};
use std::path::Path;
use std::{fs, io};
use tantivy::directory::error::LockError;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::store::Compressor;
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, TantivyError};

/// tantivy's list of its own files.
const MANAGED_FILE: &str = ".managed.json";
const META_FILE: &str = "meta.json";

/// Bytes of the payload's check, in hex digits: against a flipped bit, not against a forger.
const CHECK_DIGITS: usize = 16;

/// What a commit carries beside its documents.
pub(super) fn payload(change: i64) -> String {
    let text = format!("{VERSION} {change}");
    let check = blake3::hash(text.as_bytes()).to_hex();
    format!("{text} {}", &check[..CHECK_DIGITS])
}

/// The last change that a payload tells of.
///
/// # Errors
/// [`Error::Rebuild`] when it is of another version or damaged.
fn change(found: Option<&str>) -> Result<i64, Error> {
    // An index that was never committed.
    let Some(found) = found else { return Ok(0) };
    let change = found.split(' ').nth(1).and_then(|change| change.parse().ok());
    change
        .filter(|change| payload(*change) == found)
        .ok_or_else(|| Error::Rebuild(format!("payload `{}` is not of version {VERSION}", found.escape_debug())))
}

/// An index, its fields and the last change that it holds.
pub(super) struct Opened {
    pub index: Index,
    pub fields: Fields,
    pub change: i64,
}

/// # Errors
/// [`Error::Retry`] when the folder cannot be written or another process writes to it.
pub(super) fn open_or_begin(dir: &Path) -> Result<Opened, Error> {
    fs::create_dir_all(dir)?;
    // Before anything is deleted: the folder may be in use. The lock is the system's (flock), so it dies with its holder.
    let directory = MmapDirectory::open(dir).map_err(TantivyError::from)?;
    let lock = directory.acquire_lock(&INDEX_WRITER_LOCK).map_err(|error| match error {
        LockError::LockBusy => Error::Retry(format!("another process writes to {}", dir.display())),
        LockError::IoError(error) => Error::Retry(format!("{}: {error}", dir.display())),
    })?;
    if is_begun(dir) || dir.join(MANAGED_FILE).exists() {
        match open_whole(dir) {
            Err(Error::Rebuild(reason)) => {
                tracing::warn!(reason, dir = %dir.display(), "the search index is built anew from the store");
            }
            opened => return opened,
        }
    }
    empty(dir)?;
    let (schema, fields) = schema::schema();
    // No document is stored, so there is nothing to compress.
    let settings = IndexSettings {
        docstore_compression: Compressor::None,
        docstore_compress_dedicated_thread: false,
        ..Default::default()
    };
    let index = Index::create(directory, schema, settings)?;
    schema::register(&index);
    drop(lock);
    Ok(Opened { index, fields, change: 0 })
}

/// Whether an index lies in `dir`, whole or damaged.
pub(super) fn is_begun(dir: &Path) -> bool {
    dir.join(META_FILE).exists()
}

/// Opens and reads every byte once: tantivy trusts its files, and would panic later or answer wrongly.
fn open_whole(dir: &Path) -> Result<Opened, Error> {
    survive(|| {
        let opened = open(dir)?;
        check(dir, &opened.index)?;
        Ok(opened)
    })
}

/// Opens what is there and changes nothing.
///
/// # Errors
/// [`Error::Rebuild`] when it is missing, damaged or of another version.
pub(super) fn open(dir: &Path) -> Result<Opened, Error> {
    let index = Index::open_in_dir(dir).map_err(Error::damage)?;
    let (schema, fields) = schema::schema();
    if index.schema() != schema {
        return Err(Error::Rebuild("it has other fields".into()));
    }
    let metas = index.load_metas().map_err(Error::damage)?;
    let change = change(metas.payload.as_deref())?;
    schema::register(&index);
    Ok(Opened { index, fields, change })
}

fn check(dir: &Path, index: &Index) -> Result<(), Error> {
    // A file that tantivy does not know of would escape the checksums below, and never be deleted.
    let known = index.directory().list_managed_files();
    for entry in fs::read_dir(dir)? {
        let file = entry?.file_name();
        if !file.to_string_lossy().starts_with('.') && !known.contains(Path::new(&file)) {
            return Err(Error::Rebuild(format!("file {} is in no list", file.display())));
        }
    }
    let damaged = index.validate_checksum().map_err(Error::damage)?;
    if let Some(file) = damaged.iter().next() {
        return Err(Error::Rebuild(format!("file {} is damaged", file.display())));
    }
    for segment in reader(index).map_err(Error::damage)?.searcher().segment_readers() {
        let columns = segment.fast_fields();
        let held = columns.u64(schema::SEQ).map_err(Error::damage)?.num_docs();
        if held != segment.max_doc() {
            return Err(Error::Rebuild(format!("a segment of {} documents holds {held}", segment.max_doc())));
        }
    }
    Ok(())
}

pub(super) fn reader(index: &Index) -> tantivy::Result<IndexReader> {
    // Reloaded by the writer after each commit: sooner than by watching the folder, and without a thread.
    index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(0).try_into()
}

/// Deletes the files of `dir`, but not its locks: another process may be waiting at one.
fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let is_lock = entry.path().extension().is_some_and(|extension| extension == "lock");
        if !is_lock && !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
