//! Own accounts of the configuration.

use super::{check_reference, text_of};
use crate::brand::OwnAccount;
use crate::settings::{Document, Problem, Section};
use std::path::Path;

pub(super) fn read(brand: &Section<'_>, sources: &[&str]) -> Vec<OwnAccount> {
    let mut accounts = Vec::new();
    for section in brand.sections("account") {
        if let Some(account) = one(&section) {
            check_reference(&section, "source", "source", &account.source, sources.iter().copied());
            accounts.push(account);
        }
    }
    accounts
}

fn one(section: &Section<'_>) -> Option<OwnAccount> {
    let (source, handle, id) = (section.required_str("source"), section.required_str("handle"), section.str("id"));
    Some(OwnAccount { source: source?, handle: handle?.trim_start_matches('@').to_owned(), id })
}

/// Those of all brands of the config at `path`; like [`super::data_dir`] for commands that only read what is there.
///
/// # Errors
/// The file cannot be read, or an account lacks its source or handle.
pub fn own_accounts(path: Option<&Path>) -> Result<Vec<OwnAccount>, Vec<Problem>> {
    let (name, text) = text_of(path)?;
    let document = Document::parse(&name, &text);
    let accounts = {
        let root = document.root();
        root.ignore_rest();
        let of_brand = |brand: &Section<'_>| {
            brand.ignore_rest();
            brand.sections("account").iter().filter_map(one).collect::<Vec<_>>()
        };
        root.sections("brand").iter().flat_map(of_brand).collect()
    };
    let problems = document.into_problems();
    if problems.is_empty() { Ok(accounts) } else { Err(problems) }
}
