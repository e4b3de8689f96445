//! Own accounts of the configuration.

use super::{check_reference, text_of};
use crate::brand::OwnAccount;
use crate::settings::{Document, Problem, Section};
use std::path::Path;

pub(super) fn read(brand: &Section<'_>, sources: &[&str]) -> Vec<OwnAccount> {
    let accounts = each(brand);
    for (section, account) in brand.sections("account").iter().zip(&accounts) {
        if let Some(OwnAccount { source, .. }) = account {
            check_reference(section, "source", "source", source, sources.iter().copied());
        }
    }
    accounts.into_iter().flatten().collect()
}

fn each(brand: &Section<'_>) -> Vec<Option<OwnAccount>> {
    let account = |section: &Section<'_>| {
        let (source, handle, id) = (section.required_str("source"), section.required_str("handle"), section.str("id"));
        Some(OwnAccount { source: source?, handle: handle?.trim_start_matches('@').to_owned(), id })
    };
    brand.sections("account").iter().map(account).collect()
}

/// Those of all brands of the config at `path`; like [`super::data_dir`] for commands that only read what is there.
///
/// # Errors
/// The file cannot be read or is no TOML.
pub fn own_accounts(path: Option<&Path>) -> Result<Vec<OwnAccount>, Vec<Problem>> {
    let (name, text) = text_of(path)?;
    let document = Document::parse(&name, &text);
    let accounts = {
        let root = document.root();
        root.ignore_rest();
        root.sections("brand")
            .iter()
            .flat_map(|brand| {
                brand.ignore_rest();
                each(brand)
            })
            .flatten()
            .collect()
    };
    let problems = document.into_problems();
    if problems.is_empty() { Ok(accounts) } else { Err(problems) }
}
