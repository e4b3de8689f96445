//! A mention as a document of the index. What its words, entities and numbers are, the query module says for both
//! evaluators; here they are only laid into fields. What is missing is left out, or marked [`UNKNOWN`] where NOT must be
//! able to tell.

use super::schema::{Fields, UNKNOWN};
use super::tokenizer::{Tokens, cut};
use crate::mention::Mention;
use crate::post::Post;
use crate::query::eval::{self, Subject};
use crate::query::field::KeywordField;
use crate::query::piece::Piece;
use crate::query::reading::Reading;
use std::collections::BTreeSet;
use tantivy::TantivyDocument;
use tantivy::schema::Field;

/// Deepest host whose parents are all indexed; deeper ones exist only in attacks.
const HOST_LABELS_MAX: usize = 16;

/// Most bytes of a path that are kept for the search by prefix.
const PATH_BYTES_MAX: usize = 1024;

/// Builds documents; keeps its buffers from one to the next.
#[derive(Default)]
pub(super) struct Builder {
    reading: Reading,
    tokens: Tokens,
}

impl Builder {
    pub fn document(&mut self, fields: &Fields, seq: u64, mention: &Mention, source_kind: &str) -> TantivyDocument {
        let post = &mention.post;
        self.reading.read(post);
        let mut document = TantivyDocument::default();
        document.add_u64(fields.seq, seq);
        document.add_i64(fields.created, post.created_at.as_microsecond());
        document.add_u64(fields.priority, mention.priority().into());
        document.add_text(fields.source_id, &*post.source);
        document.add_text(fields.brand_id, &mention.brand);
        if let Some(key) = author_key(post) {
            document.add_u64(fields.author_key, key);
        }
        self.words(fields, &mut document);
        for tag in &self.reading.tags {
            document.add_text(fields.tag, tag);
        }
        for account in &self.reading.handles {
            document.add_text(fields.account, account);
        }
        for ticker in &self.reading.tickers {
            document.add_text(fields.ticker, ticker);
        }
        for (host, path) in &self.reading.addresses {
            address(fields, &mut document, host, path);
        }
        let subject = Subject { post, source_kind, mention: Some(mention), now: None };
        self.keywords(fields, &mut document, &subject, mention);
        for (number, field) in fields.numbers() {
            if let Some(value) = eval::number(number, &subject).filter(|value| !value.is_nan()) {
                // -0.0 would sort below 0.0 in the column.
                document.add_f64(field, value + 0.0);
            }
        }
        document
    }

    fn words(&mut self, fields: &Fields, document: &mut TantivyDocument) {
        let Reading { title, text, handle, name, bio, .. } = &self.reading;
        let pieces: [(Field, &Piece); 5] = [
            (fields.title, title),
            (fields.text, text),
            (fields.handle, handle),
            (fields.name, name),
            (fields.bio, bio),
        ];
        for (field, piece) in pieces {
            let tokens = self.tokens.of(piece);
            if !tokens.is_empty() {
                document.add_text(field, tokens);
            }
        }
    }

    fn keywords(&self, fields: &Fields, document: &mut TantivyDocument, subject: &Subject<'_>, mention: &Mention) {
        use KeywordField as K;
        let post = subject.post;
        let mut add = |field: KeywordField, value: &str| document.add_text(fields.keyword(field), value);
        // Asked for in lower case only: so reads the parser whatever stands behind the colon.
        add(K::Source, &post.source.to_lowercase());
        add(K::Brand, &mention.brand.to_lowercase());
        // Two that differ by case count as one.
        let watches: BTreeSet<String> = mention.watches.iter().map(|watch| watch.to_lowercase()).collect();
        for watch in &watches {
            add(K::Watch, watch);
        }
        add(K::Source, subject.source_kind);
        add(K::Kind, post.kind.name());
        add(K::Status, mention.status.name());
        add(K::Sentiment, eval::label(mention).map_or(UNKNOWN, |label| label.name()));
        add(K::Lang, eval::language(subject).as_deref().unwrap_or(UNKNOWN));
        let flags = [
            (K::Is, "reply", eval::is_reply(post)),
            (K::Is, "quote", eval::is_quote(post)),
            (K::Is, "edited", post.edited_at.is_some()),
            (K::Has, "link", self.reading.has_link),
            (K::Has, "question", self.reading.has_question),
            (K::From, "own", mention.is_own()),
        ];
        for (field, name, _) in flags.into_iter().filter(|(_, _, is)| *is) {
            add(field, name);
        }
    }
}

/// Tells an author from every other: by id, where there is none by handle, within the source. `None`: nobody is named.
fn author_key(post: &Post<'_>) -> Option<u64> {
    let who = post.author.id.as_deref().or(post.author.handle.as_deref())?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(post.source.as_bytes()).update(b"\0").update(who.as_bytes());
    let hash = hasher.finalize();
    Some(u64::from_le_bytes(std::array::from_fn(|n| hash.as_bytes()[n])))
}

fn address(fields: &Fields, document: &mut TantivyDocument, host: &str, path: &str) {
    let path = cut(path, PATH_BYTES_MAX);
    for domain in domains(host) {
        document.add_text(fields.host, domain);
        if !path.is_empty() {
            document.add_text(fields.path, format!("{domain}{path}"));
        }
    }
}

/// The host and each of its parents: `a.b.example`, `b.example`, `example`.
fn domains(host: &str) -> impl Iterator<Item = &str> {
    let too_deep = host.split('.').count().saturating_sub(HOST_LABELS_MAX);
    let parents = std::iter::successors(Some(host), |domain| domain.split_once('.').map(|(_, parent)| parent));
    let kept = parents.enumerate().filter(move |(depth, _)| *depth == 0 || *depth >= too_deep);
    kept.map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}
