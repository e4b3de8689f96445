//! Watches: all queries of all brands compiled into one structure that asks them all of a post at once.
//! The gate holds the current set, swapped whole when the config is read again, and the own accounts.

mod filter;
mod hash;
mod key;
mod look;
mod own;
pub mod sample;

#[cfg(test)]
mod tests;

use crate::brand::Brand;
use crate::post::Post;
use crate::query::eval::{Subject, holds};
use crate::query::names::Names;
use crate::query::reading::Reading;
use crate::query::{self, Expr, Query};
use arc_swap::ArcSwap;
use filter::{Buffers, Filter};
use foldhash::fast::RandomState;
use own::Own;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A brand that wants the post, and which of its watches matched (built-in ones included).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub brand: Arc<str>,
    pub watches: Vec<Arc<str>>,
}

/// Buffers of one matching thread, reused from post to post.
#[derive(Default)]
pub struct Scratch {
    buffers: Buffers,
    reading: Reading,
}

/// A compiled watch.
struct Entry {
    brand: Arc<str>,
    id: Arc<str>,
    expr: Expr,
    /// Asks for words or entities, not only for plain fields.
    reads: bool,
    /// Posts for which it could not be decided, since they lack what it asks for.
    undecided: AtomicU64,
}

/// All watches, compiled.
pub struct WatchSet {
    /// Those of one brand stand together.
    entries: Vec<Entry>,
    filter: Filter,
    kinds: HashMap<String, &'static str, RandomState>,
    own: Own,
}

/// A watch whose query cannot be compiled.
#[derive(Clone, Debug)]
pub struct BadWatch {
    pub brand: String,
    pub watch: String,
    pub error: query::Error,
}

impl WatchSet {
    /// `kinds`: the kind of each configured source, for `source:`. `names`: what the watches may refer to.
    ///
    /// # Errors
    /// Every bad query; none of the set is used.
    pub fn compile(brands: &[Brand], kinds: &[(String, &'static str)], names: &Names) -> Result<Self, Vec<BadWatch>> {
        let mut entries = Vec::new();
        let mut bad = Vec::new();
        for brand in brands {
            let name: Arc<str> = brand.id.as_str().into();
            for watch in &brand.watches {
                match Query::parse_watch(&watch.query, names) {
                    Ok(query) => {
                        let id = watch.id.as_str().into();
                        let reads = query::reads(&query.expr);
                        entries.push(Entry {
                            brand: name.clone(),
                            id,
                            expr: query.expr,
                            reads,
                            undecided: AtomicU64::new(0),
                        });
                    }
                    Err(errors) => bad.extend(errors.into_iter().map(|error| BadWatch {
                        brand: brand.id.clone(),
                        watch: watch.id.clone(),
                        error,
                    })),
                }
            }
        }
        if !bad.is_empty() {
            return Err(bad);
        }
        let filter = Filter::new(entries.iter().map(|entry| &entry.expr));
        Ok(Self { entries, filter, kinds: kinds.iter().cloned().collect(), own: Own::new(brands) })
    }

    /// How many watches, built-in ones left out.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The configured watches that match, by brand, in the order of the config. Empty (no allocation) for nearly all.
    pub fn matches(&self, post: &Post<'_>, scratch: &mut Scratch) -> Vec<Match> {
        let source_kind = self.kinds.get(&*post.source).copied().unwrap_or("");
        self.filter.candidates(post, source_kind, &mut scratch.buffers);
        let mut matches = Vec::new();
        let subject = Subject { post, source_kind, mention: None, now: None };
        let mut read = false;
        for &candidate in &scratch.buffers.found.watches {
            let entry = &self.entries[candidate as usize];
            if entry.reads && !read {
                scratch.reading.read(post);
                read = true;
            }
            match holds(&entry.expr, &subject, &scratch.reading) {
                Some(true) => add(&mut matches, &entry.brand, &entry.id),
                Some(false) => {}
                None => drop(entry.undecided.fetch_add(1, Relaxed)),
            }
        }
        matches
    }
}

fn add(matches: &mut Vec<Match>, brand: &Arc<str>, watch: &Arc<str>) {
    match matches.last_mut() {
        Some(last) if last.brand == *brand => last.watches.push(watch.clone()),
        _ => matches.push(Match { brand: brand.clone(), watches: vec![watch.clone()] }),
    }
}

/// As [`add`], for a brand that may stand anywhere, and only once.
fn add_own(matches: &mut Vec<Match>, brand: &Arc<str>, watch: &'static str) {
    match matches.iter_mut().find(|known| known.brand == *brand) {
        Some(known) if known.watches.iter().any(|known| **known == *watch) => {}
        Some(known) => known.watches.push(watch.into()),
        None => matches.push(Match { brand: brand.clone(), watches: vec![watch.into()] }),
    }
}

/// Kinds of sources whose accounts have ids beside their handles, which are looked up.
const LOOKED_UP: [&str; 2] = ["bluesky", "mastodon"];

/// Why a name stands for no own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOwn {
    #[error("is no own account of a brand")]
    Unknown,
    #[error("is an own account whose id is not known yet: give its `id` in the configuration, or try again later")]
    Unresolved,
}

/// Set and own accounts change together, so that matching never sees one without the other.
#[derive(Clone)]
struct State {
    set: Arc<WatchSet>,
    own: Arc<Own>,
}

/// What lets a post in. Shared by all sources; matching takes no lock.
pub struct Gate {
    state: ArcSwap<State>,
}

impl Gate {
    pub fn new(set: WatchSet) -> Self {
        let own = Arc::new(set.own.clone());
        Self { state: ArcSwap::from_pointee(State { set: Arc::new(set), own }) }
    }

    /// Puts a new set in place; matching goes on meanwhile. Ids of own accounts that were looked up before stay known.
    pub fn swap(&self, set: WatchSet) {
        let set = Arc::new(set);
        self.state.rcu(|old| State { set: set.clone(), own: Arc::new(set.own.clone().inherit(&old.own)) });
    }

    /// The brands that want this post; empty (no allocation) for nearly all.
    pub fn matches(&self, post: &Post<'_>, scratch: &mut Scratch) -> Vec<Match> {
        let state = self.state.load();
        let mut matches = state.set.matches(post, scratch);
        state.own.relations(post, |brand, relation| add_own(&mut matches, brand, relation.watch()));
        matches
    }

    /// Brand and id of the watches that could not be decided for some posts since they were compiled, and for how many:
    /// those posts lack what the watch asks for, such as a rating.
    pub fn undecided(&self) -> Vec<(Arc<str>, Arc<str>, u64)> {
        let state = self.state.load();
        let each = state.set.entries.iter().map(|entry| (entry, entry.undecided.load(Relaxed)));
        let some = each.filter(|(_, count)| *count > 0);
        some.map(|(entry, count)| (entry.brand.clone(), entry.id.clone(), count)).collect()
    }

    /// Native ids of the own accounts on a source: those configured and those looked up since.
    pub fn own_accounts(&self, source: &str) -> Arc<[String]> {
        self.state.load().own.ids(source)
    }

    /// Brand, handle and native id of the own accounts on a source whose id is known.
    pub fn named_accounts(&self, source: &str) -> Vec<(Arc<str>, String, String)> {
        self.state.load().own.named_ids(source)
    }

    /// Handles of own accounts on a source whose native id is not known yet.
    pub fn unresolved_handles(&self, source: &str) -> Vec<String> {
        self.state.load().own.unresolved(source)
    }

    /// A source found out the native id of an own account.
    pub fn resolve(&self, source: &str, handle: &str, id: &str) {
        self.state.rcu(|old| {
            let mut own = (*old.own).clone();
            if own.resolve(source, handle, id) {
                State { set: old.set.clone(), own: Arc::new(own) }
            } else {
                (**old).clone()
            }
        });
    }

    /// Native id of the own account that is called so, by id or handle. On sources that look no ids up, the handle of an
    /// account that is configured by it alone.
    ///
    /// # Errors
    /// Why there is none.
    pub fn own_account(&self, source: &str, name: &str) -> Result<String, NotOwn> {
        let state = self.state.load();
        let (id, handle) = state.own.account(source, name).ok_or(NotOwn::Unknown)?;
        let looked_up = state.set.kinds.get(source).is_some_and(|kind| LOOKED_UP.contains(kind));
        let id = id.or((!looked_up).then_some(handle)).ok_or(NotOwn::Unresolved)?;
        Ok(id.to_owned())
    }

    /// Sources with an own account that is called so.
    pub fn sources_of(&self, name: &str) -> Vec<String> {
        self.state.load().own.sources_of(name)
    }

    /// Whether `account` (native id) on `source` is an own account of anybody.
    pub fn is_own(&self, source: &str, account: &str) -> bool {
        self.state.load().own.is_own(source, account)
    }
}
