//! A mention as a document of the index. Each field holds what the evaluator of single posts would test, so that both
//! answer alike. What is missing is left out, or marked [`UNKNOWN`] where NOT must be able to tell.

use super::schema::{Fields, UNKNOWN};
use super::tokenizer::cut;
use crate::mention::{Mention, Scores};
use crate::post::{Kind, Post};
use crate::query::field::{KeywordField, NumberField};
use crate::text;
use tantivy::TantivyDocument;

/// Deepest host whose parents are all indexed; deeper ones exist only in attacks.
const HOST_LABELS_MAX: usize = 16;

/// Most bytes of a path that are kept for the search by prefix.
const PATH_BYTES_MAX: usize = 1024;

const SECONDS_PER_DAY: f64 = 86_400.0;

pub(super) fn document(fields: &Fields, seq: u64, mention: &Mention, source_kind: &str) -> TantivyDocument {
    let mut builder = Builder { fields, document: TantivyDocument::default(), folded: String::new() };
    builder.document.add_u64(fields.seq, seq);
    builder.document.add_i64(fields.created, mention.post.created_at.as_microsecond());
    builder.post(&mention.post);
    builder.keyword(KeywordField::Source, source_kind);
    builder.judgement(mention);
    builder.document
}

struct Builder<'a> {
    fields: &'a Fields,
    document: TantivyDocument,
    /// Reused for each folded value.
    folded: String,
}

impl Builder<'_> {
    fn post(&mut self, post: &Post<'_>) {
        let fields = self.fields;
        let author = &post.author;
        for (field, text) in [
            (fields.title, post.title.as_deref()),
            (fields.text, Some(post.text.as_str())),
            (fields.author, author.handle.as_deref()),
            (fields.author, author.name.as_deref()),
            (fields.bio, author.bio.as_deref()),
        ] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                self.document.add_text(field, text);
            }
        }
        for tag in &post.tags {
            text::fold(tag, &mut self.folded);
            self.document.add_text(fields.tag, &self.folded);
        }
        for account in [&author.handle, &author.id].into_iter().flatten().chain(&post.mentions) {
            text::fold(account, &mut self.folded);
            self.document.add_text(fields.account, self.folded.trim_start_matches('@'));
        }
        for link in post.url.iter().chain(&post.links) {
            self.link(link);
        }
        self.keyword(KeywordField::Source, &post.source);
        self.keyword(KeywordField::Kind, post.kind.name());
        for flag in flags(post) {
            self.keyword(KeywordField::Is, flag);
        }
        if !post.links.is_empty() {
            self.keyword(KeywordField::Has, "link");
        }
        if asks(post) {
            self.keyword(KeywordField::Has, "question");
        }
        self.number(NumberField::Rating, post.rating);
        self.number(NumberField::Reach, count(post.reach));
        self.number(NumberField::Likes, count(post.likes));
        self.number(NumberField::Reposts, count(post.reposts));
        self.number(NumberField::AuthorFollowers, count(author.followers));
        self.number(NumberField::AuthorAgeDays, author_age_days(post));
    }

    fn judgement(&mut self, mention: &Mention) {
        self.keyword(KeywordField::Brand, &mention.brand);
        for watch in &mention.watches {
            self.keyword(KeywordField::Watch, watch);
        }
        if mention.is_own() {
            self.keyword(KeywordField::From, "own");
        }
        self.keyword(KeywordField::Status, mention.status.name());
        let scores = mention.scores.as_ref();
        let label = mention.correction.or(scores.map(|scores| scores.label));
        self.keyword(KeywordField::Sentiment, label.map_or(UNKNOWN, |label| label.name()));
        let lang = lang(scores, &mention.post);
        self.keyword(KeywordField::Lang, lang.as_deref().unwrap_or(UNKNOWN));
        let probability = |read: fn(&Scores) -> Option<f32>| scores.and_then(read).map(f64::from);
        self.number(NumberField::Sentiment, probability(|scores| Some(scores.sentiment)));
        self.number(NumberField::NeedsAnswer, probability(|scores| scores.needs_answer));
        self.number(NumberField::Complaint, probability(|scores| scores.complaint));
        self.number(NumberField::Offensive, probability(|scores| scores.offensive));
        self.number(NumberField::Irony, probability(|scores| scores.irony));
        self.number(NumberField::Spam, mention.author_spam.spam.map(f64::from));
    }

    fn keyword(&mut self, field: KeywordField, value: &str) {
        self.document.add_text(self.fields.keyword(field), value);
    }

    fn number(&mut self, field: NumberField, value: Option<f64>) {
        if let Some(value) = value.filter(|value| !value.is_nan()) {
            // -0.0 would sort below 0.0 in the column.
            self.document.add_f64(self.fields.number(field), value + 0.0);
        }
    }

    fn link(&mut self, link: &str) {
        let Some((host, path)) = text::host_and_path(link) else { return };
        let path = cut(&path, PATH_BYTES_MAX);
        for domain in domains(&host) {
            self.document.add_text(self.fields.host, domain);
            if !path.is_empty() {
                self.document.add_text(self.fields.path, format!("{domain}{path}"));
            }
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

fn flags(post: &Post<'_>) -> impl Iterator<Item = &'static str> {
    let is_reply = post.kind == Kind::Reply || post.reply_to.is_some();
    let is_quote = post.kind == Kind::Quote || (post.quote_of.is_some() && post.kind != Kind::Repost);
    let is_edited = post.edited_at.is_some();
    [(is_reply, "reply"), (is_quote, "quote"), (is_edited, "edited")]
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, name)| name)
}

fn asks(post: &Post<'_>) -> bool {
    let asks = |text: &str| text.contains(['?', '？', '؟']);
    asks(&post.text) || post.title.as_deref().is_some_and(asks)
}

/// The detected language, else the declared one; primary subtag, lower case.
fn lang(scores: Option<&Scores>, post: &Post<'_>) -> Option<String> {
    let detected = scores.map(|scores| scores.lang.as_str()).filter(|lang| !matches!(*lang, "" | "und"));
    let tag = detected.or(post.lang.as_deref())?;
    let primary = tag.split(['-', '_']).next().filter(|primary| !matches!(*primary, "" | "und"))?;
    Some(primary.to_lowercase())
}

#[expect(clippy::cast_precision_loss, reason = "the evaluator of single posts compares as f64 too")]
fn count(value: Option<u64>) -> Option<f64> {
    value.map(|value| value as f64)
}

fn author_age_days(post: &Post<'_>) -> Option<f64> {
    let since = post.author.created_at?;
    Some(post.created_at.duration_since(since).as_secs_f64() / SECONDS_PER_DAY)
}
