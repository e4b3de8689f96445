//! The fields of the index and how each is kept. Nothing is stored: hits are read from the store by `seq`.

use super::tokenizer::Words;
use crate::query::field::{KeywordField, NumberField};
use tantivy::Index;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};

/// Raise it whenever a document would be indexed otherwise than before (fields, folding, words): older folders are
/// then built again from the store.
pub(super) const VERSION: u32 = 4;

/// In place of a keyword that is missing, so that NOT can tell "another" from "unknown". No query can spell it.
pub(super) const UNKNOWN: &str = "\0";

const TOKENIZER: &str = "words";
pub(super) const SEQ: &str = "seq";
pub(super) const CREATED: &str = "created";
pub(super) const PRIORITY: &str = "priority";
pub(super) const SOURCE_ID: &str = "source_id";
pub(super) const BRAND_ID: &str = "brand_id";
pub(super) const AUTHOR_KEY: &str = "author_key";

const KEYWORDS: [(KeywordField, &str); 10] = [
    (KeywordField::Source, "source"),
    (KeywordField::Kind, "kind"),
    (KeywordField::Lang, "lang"),
    (KeywordField::Brand, "brand"),
    (KeywordField::Watch, "watch"),
    (KeywordField::Is, "is"),
    (KeywordField::Has, "has"),
    (KeywordField::From, "from"),
    (KeywordField::Status, "status"),
    (KeywordField::Sentiment, "label"),
];

/// Keywords that hits are counted by, as columns beside.
const COUNTED: [KeywordField; 4] =
    [KeywordField::Kind, KeywordField::Lang, KeywordField::Watch, KeywordField::Sentiment];

const NUMBERS: [(NumberField, &str); 14] = [
    (NumberField::Sentiment, "sentiment"),
    (NumberField::NeedsAnswer, "needs_answer"),
    (NumberField::Complaint, "complaint"),
    (NumberField::Offensive, "offensive"),
    (NumberField::Irony, "irony"),
    (NumberField::Spam, "spam"),
    (NumberField::ClusterSize, "cluster_size"),
    (NumberField::Rating, "rating"),
    (NumberField::Reach, "reach"),
    (NumberField::Likes, "likes"),
    (NumberField::Reposts, "reposts"),
    (NumberField::AuthorFollowers, "author_followers"),
    (NumberField::AuthorAge, "author_age"),
    (NumberField::Created, "created_second"),
];

#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub seq: Field,
    /// Microseconds since 1970, for the order of hits.
    pub created: Field,
    pub title: Field,
    pub text: Field,
    pub handle: Field,
    pub name: Field,
    pub bio: Field,
    pub tag: Field,
    pub account: Field,
    pub ticker: Field,
    /// Every host of the post's links with each of its parent domains.
    pub host: Field,
    /// The same, with the path behind: `shop.example/a`. A column, not indexed: see [`column`].
    pub path: Field,
    /// [`crate::mention::Mention::priority`], a column.
    pub priority: Field,
    /// The id of the source alone, a column; the keyword holds its kind, too.
    pub source_id: Field,
    /// The brand exactly as it is called: who may see what hangs on it, so that `Acme` and `acme` stay two.
    pub brand_id: Field,
    /// Tells authors apart: see `document`. A column.
    pub author_key: Field,
    keywords: [Field; KEYWORDS.len()],
    numbers: [Field; NUMBERS.len()],
}

impl Fields {
    pub fn keyword(&self, field: KeywordField) -> Field {
        KEYWORDS.iter().zip(self.keywords).find(|((name, _), _)| *name == field).map_or(self.seq, |(_, field)| field)
    }

    pub fn numbers(&self) -> impl Iterator<Item = (NumberField, Field)> {
        NUMBERS.iter().zip(self.numbers).map(|((name, _), field)| (*name, field))
    }
}

/// The name of a keyword's field, and of its column if it is counted.
pub(super) fn keyword_name(field: KeywordField) -> &'static str {
    KEYWORDS.iter().find(|(name, _)| *name == field).map_or("", |(_, name)| name)
}

pub(super) fn number_name(field: NumberField) -> &'static str {
    NUMBERS.iter().find(|(name, _)| *name == field).map_or("", |(_, name)| name)
}

pub(super) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let fields = Fields {
        seq: schema.add_u64_field(SEQ, NumericOptions::default() | FAST | INDEXED),
        created: schema.add_i64_field(CREATED, FAST),
        title: words(&mut schema, "title"),
        text: words(&mut schema, "text"),
        handle: words(&mut schema, "handle"),
        name: words(&mut schema, "name"),
        bio: words(&mut schema, "bio"),
        tag: exact(&mut schema, "tag", false),
        account: exact(&mut schema, "account", false),
        ticker: exact(&mut schema, "ticker", false),
        host: exact(&mut schema, "host", false),
        path: column(&mut schema, "path"),
        priority: schema.add_u64_field(PRIORITY, FAST),
        source_id: column(&mut schema, SOURCE_ID),
        brand_id: exact(&mut schema, BRAND_ID, true),
        author_key: schema.add_u64_field(AUTHOR_KEY, FAST),
        keywords: KEYWORDS.map(|(field, name)| exact(&mut schema, name, COUNTED.contains(&field))),
        numbers: NUMBERS.map(|(_, name)| schema.add_f64_field(name, FAST)),
    };
    (schema.build(), fields)
}

/// Words with positions. No norms: lengths play no part in the order of hits.
fn words(schema: &mut SchemaBuilder, name: &str) -> Field {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(false);
    schema.add_text_field(name, TextOptions::default().set_indexing_options(indexing))
}

/// A whole text as one term; `counted`: a column, too.
fn exact(schema: &mut SchemaBuilder, name: &str, counted: bool) -> Field {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let options = TextOptions::default().set_indexing_options(indexing);
    schema.add_text_field(name, if counted { options.set_fast("raw") } else { options })
}

/// Whole texts, not indexed: a range of them is found by a scan over the column of their ranks. For texts that are only
/// counted, and for those of which nearly each is the only one of its kind: as terms, these made a quarter of the work of
/// indexing and merging.
fn column(schema: &mut SchemaBuilder, name: &str) -> Field {
    schema.add_text_field(name, TextOptions::default().set_fast("raw"))
}

pub(super) fn register(index: &Index) {
    index.tokenizers().register(TOKENIZER, Words::default());
}
