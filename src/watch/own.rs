//! Own accounts: who they are, and what a post has to do with them. Feeds the built-in watches.

use crate::brand::Brand;
use crate::mention::{OWN_MENTION, OWN_POST, OWN_QUOTE, OWN_REPLY};
use crate::post::{LIST_MAX, Post};
use crate::query::eval::is_reply;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// What a post has to do with an own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Relation {
    Post,
    Reply,
    Quote,
    Mention,
}

impl Relation {
    pub fn watch(self) -> &'static str {
        match self {
            Self::Post => OWN_POST,
            Self::Reply => OWN_REPLY,
            Self::Quote => OWN_QUOTE,
            Self::Mention => OWN_MENTION,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Account {
    brand: Arc<str>,
    /// Lower case, without `@`.
    handle: String,
    id: Option<String>,
}

/// The own accounts on one source.
#[derive(Clone, Default)]
struct Accounts {
    all: Vec<Account>,
    /// Ids and handles to places in `all`.
    by_name: HashMap<String, Vec<usize>, RandomState>,
    ids: Arc<[String]>,
}

/// All own accounts, by source.
#[derive(Clone, Default)]
pub(super) struct Own {
    sources: HashMap<String, Accounts, RandomState>,
}

fn plain(handle: &str) -> String {
    handle.trim().trim_start_matches('@').to_lowercase()
}

impl Own {
    pub fn new(brands: &[Brand]) -> Self {
        let mut sources: HashMap<String, Accounts, RandomState> = HashMap::default();
        for brand in brands {
            let name: Arc<str> = brand.id.as_str().into();
            for account in &brand.accounts {
                sources.entry(account.source.clone()).or_default().all.push(Account {
                    brand: name.clone(),
                    handle: plain(&account.handle),
                    id: account.id.clone(),
                });
            }
        }
        let mut own = Self { sources };
        own.sources.values_mut().for_each(Accounts::arrange);
        own
    }

    /// Takes over the ids that were looked up before.
    pub fn inherit(mut self, before: &Self) -> Self {
        for (source, accounts) in &before.sources {
            for account in &accounts.all {
                if let Some(id) = &account.id {
                    self.resolve(source, &account.handle, id);
                }
            }
        }
        self
    }

    /// `false`: nobody asked for it.
    pub fn resolve(&mut self, source: &str, handle: &str, id: &str) -> bool {
        let handle = plain(handle);
        let Some(accounts) = self.sources.get_mut(source) else { return false };
        let mut news = false;
        for account in accounts.all.iter_mut().filter(|account| account.id.is_none() && account.handle == handle) {
            account.id = Some(id.to_owned());
            news = true;
        }
        if news {
            accounts.arrange();
        }
        news
    }

    pub fn ids(&self, source: &str) -> Arc<[String]> {
        self.sources.get(source).map(|accounts| accounts.ids.clone()).unwrap_or_default()
    }

    /// Brand, handle and native id of the accounts on a source whose id is known.
    pub fn named_ids(&self, source: &str) -> Vec<(Arc<str>, String, String)> {
        let accounts = self.sources.get(source).map_or(&[][..], |accounts| &accounts.all);
        let known = accounts.iter().filter_map(|account| {
            account.id.as_ref().map(|id| (account.brand.clone(), account.handle.clone(), id.clone()))
        });
        known.collect()
    }

    pub fn unresolved(&self, source: &str) -> Vec<String> {
        let accounts = self.sources.get(source).map_or(&[][..], |accounts| &accounts.all);
        let mut handles: Vec<String> =
            accounts.iter().filter(|account| account.id.is_none()).map(|account| account.handle.clone()).collect();
        handles.sort();
        handles.dedup();
        handles
    }

    pub fn is_own(&self, source: &str, id: &str) -> bool {
        self.sources.get(source).is_some_and(|accounts| accounts.ids.iter().any(|own| own == id))
    }

    /// Native id (`None` while it is not known) and handle of the account on `source` that is called so.
    pub fn account(&self, source: &str, name: &str) -> Option<(Option<&str>, &str)> {
        let accounts = self.sources.get(source)?;
        let account = accounts.named(name).next().or_else(|| accounts.named(&plain(name)).next())?;
        Some((account.id.as_deref(), &account.handle))
    }

    /// Sources with an account that is called so.
    pub fn sources_of(&self, name: &str) -> Vec<String> {
        self.sources.keys().filter(|source| self.account(source, name).is_some()).cloned().collect()
    }

    /// Calls `found` for every relation of the post to an own account, perhaps more than once.
    pub fn relations(&self, post: &Post<'_>, mut found: impl FnMut(&Arc<str>, Relation)) {
        let Some(accounts) = self.sources.get(&*post.source) else { return };
        accounts.by_author(post, |brand| found(brand, Relation::Post));
        for answered in [&post.reply_to, &post.root].into_iter().flatten() {
            accounts.by_id(owner(answered), |brand| found(brand, Relation::Reply));
        }
        if let Some(quoted) = &post.quote_of {
            accounts.by_id(owner(quoted), |brand| found(brand, Relation::Quote));
        }
        // Where ids do not tell whose post was answered, an answer that names the account counts as one to it.
        let may_answer = is_reply(post) && post.reply_to.as_deref().is_none_or(|id| owner(id).is_none());
        for mentioned in post.mentions.iter().take(LIST_MAX) {
            accounts.by_any_name(mentioned, |brand| {
                found(brand, Relation::Mention);
                if may_answer {
                    found(brand, Relation::Reply);
                }
            });
        }
    }
}

impl Accounts {
    fn arrange(&mut self) {
        self.by_name.clear();
        for (place, account) in self.all.iter().enumerate() {
            for name in account.id.iter().chain([&account.handle]) {
                self.by_name.entry(name.clone()).or_default().push(place);
            }
        }
        let mut ids: Vec<String> = self.all.iter().filter_map(|account| account.id.clone()).collect();
        ids.sort();
        ids.dedup();
        self.ids = ids.into();
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Account> {
        self.by_name.get(name).into_iter().flatten().map(|&place| &self.all[place])
    }

    fn by_id(&self, id: Option<&str>, found: impl FnMut(&Arc<str>)) {
        let Some(id) = id else { return };
        self.named(id)
            .filter(|account| account.id.as_deref() == Some(id))
            .map(|account| &account.brand)
            .for_each(found);
    }

    /// Handles change hands: where both ids are known, they alone count.
    fn by_author(&self, post: &Post<'_>, mut found: impl FnMut(&Arc<str>)) {
        let id = post.author.id.as_deref();
        self.by_id(id, &mut found);
        if let Some(handle) = post.author.handle.as_deref() {
            let same = |account: &&Account| id.is_none() || account.id.is_none();
            self.named(&plain(handle)).filter(same).for_each(|account| found(&account.brand));
        }
    }

    fn by_any_name(&self, name: &str, found: impl FnMut(&Arc<str>)) {
        self.named(name).map(|account| &account.brand).for_each(found);
    }
}

/// Whose record an `at://did/collection/key` is; other ids do not say.
fn owner(id: &str) -> Option<&str> {
    id.strip_prefix("at://")?.split('/').next()
}
