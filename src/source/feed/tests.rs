//! What the section of a feed takes, and what of its keys is shown.

use super::*;
use crate::settings::Document;

#[test]
fn keys() {
    for (toml, problems, read_anyway) in [
        ("urls = ['https://a.example/feed']", 0, true),
        ("urls = ['https://a.example/feed']\nevery = '30m'\nhost_every = '2s'", 0, true),
        ("urls = ['https://a.example/feed']\nevery = '5s'", 1, true),
        ("urls = ['https://a.example/feed', 'https://a.example/feed']", 1, true),
        ("urls = ['https://a.example/feed']\nevery = '10ms'", 1, false),
        ("urls = ['https://a.example/feed']\nhost_every = '0s'", 1, false),
        ("urls = ['https://a.example/feed']\nevery = '99999999w'", 1, false),
        ("urls = ['ftp://a.example/feed']", 1, false),
        ("urls = []", 1, false),
        ("url = 'https://a.example/feed'", 2, false),
    ] {
        let document = Document::parse("t", toml);
        assert_eq!(read(&document.root()).is_some(), read_anyway, "{toml}");
        let found = document.into_problems();
        assert_eq!(found.len(), problems, "{toml}: {found:?}");
    }
}

#[test]
fn the_ledger_shows_no_key() {
    let url = Url::parse("https://ann:pass@a.example:8443/feed?key=canary#x").unwrap();
    assert_eq!(shown(&url), "https://a.example:8443/feed");
}
