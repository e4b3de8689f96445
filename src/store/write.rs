//! Writes.

use super::*;

/// The only one that writes. Numbers mentions (`seq`) and changes.
pub struct Writer {}

impl Writer {
    /// What is known of each (source, id), one entry a brand; unknown posts are absent.
    pub async fn known(&mut self, _keys: &[(&str, &str)]) -> Result<Vec<((String, String), Known)>, Error> {
        todo!("store")
    }
    /// `seq` of all live mentions by an author of a source, for account deletion.
    pub async fn mentions_of_author(&mut self, _source: &str, _author: &str) -> Result<Vec<i64>, Error> {
        todo!("store")
    }
    /// The cached profile of authors (native ids), for mentions about to be written.
    pub async fn authors(&mut self, _source: &str, _ids: &[&str]) -> Result<Vec<Author<'static>>, Error> {
        todo!("store")
    }
    /// Whom a follow record pointed at: (own account, follower).
    pub async fn follow_record(&mut self, _source: &str, _record: &str) -> Result<Option<(String, String)>, Error> {
        todo!("store")
    }
    /// The next free `seq`; the caller numbers its new mentions from here on, without holes.
    pub fn next_seq(&self) -> i64 {
        todo!("store")
    }
    /// One durable transaction. On an error nothing of it is stored and it can be tried again as it is.
    pub async fn commit(&mut self, _commit: &Commit) -> Result<(), Error> {
        todo!("store")
    }
}
