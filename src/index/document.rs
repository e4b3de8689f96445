//! A mention as a document of the index. What its words, entities and numbers are, the query module says for both
//! evaluators; here they are only laid into fields. What is missing is left out, or marked [`UNKNOWN`] where NOT must be
//! able to tell.

use super::schema::{Fields, UNKNOWN};
use super::tokenizer::{Tokens, cut};
use crate::mention::Mention;
use crate::query::eval::{self, Subject};
use crate::query::field::KeywordField;
use crate::query::piece::Piece;
use crate::query::reading::Reading;
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
        let ids = [(K::Source, &*post.source), (K::Brand, &*mention.brand)];
        for (field, id) in ids.into_iter().chain(mention.watches.iter().map(|watch| (K::Watch, watch.as_str()))) {
            // Asked for in lower case or as it is.
            add(field, id);
            let lower = id.to_lowercase();
            if lower != id {
                add(field, &lower);
            }
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
