//! What is missing: for which fields of a query a mention may have no value, and which documents of a segment have none.

use super::schema::{self, UNKNOWN};
use crate::query::field::{KeywordField, NumberField};
use crate::query::{Expr, Term};
use tantivy::{DocId, SegmentReader};

/// Whether a document lacks the value.
pub(super) type Gap = Box<dyn Fn(DocId) -> bool + Send + Sync>;

/// Fields that a query asks for and a mention may lack.
#[derive(Default)]
pub(super) struct Gaps {
    numbers: Vec<NumberField>,
    keywords: Vec<KeywordField>,
}

impl Gaps {
    pub fn of(expr: &Expr) -> Self {
        let mut gaps = Self::default();
        gaps.gather(expr);
        gaps
    }

    /// Recursion is bounded by the parser.
    fn gather(&mut self, expr: &Expr) {
        match expr {
            Expr::Not(inner) => self.gather(inner),
            Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| self.gather(part)),
            Expr::Term(Term::Number { field, .. }) if may_lack_number(*field) && !self.numbers.contains(field) => {
                self.numbers.push(*field);
            }
            Expr::Term(Term::Keyword { field, .. }) if may_lack(*field) && !self.keywords.contains(field) => {
                self.keywords.push(*field);
            }
            Expr::All | Expr::Term(_) => {}
        }
    }

    /// Those that some document of the segment has; as a rule there is none.
    pub fn open(&self, segment: &SegmentReader) -> tantivy::Result<Vec<Gap>> {
        let columns = segment.fast_fields();
        let mut gaps: Vec<Gap> = Vec::new();
        for field in &self.numbers {
            let index = columns.f64(schema::number_name(*field))?.index;
            if !index.get_cardinality().is_full() {
                gaps.push(Box::new(move |doc| !index.has_value(doc)));
            }
        }
        for field in &self.keywords {
            let Some(column) = columns.str(schema::keyword_name(*field))? else { continue };
            if let Some(unknown) = column.dictionary().term_ord(UNKNOWN)? {
                gaps.push(Box::new(move |doc| column.ords().first(doc) == Some(unknown)));
            }
        }
        Ok(gaps)
    }
}

/// When a post was made is always known, and so is its age.
fn may_lack_number(field: NumberField) -> bool {
    !matches!(field, NumberField::Created | NumberField::Age)
}

pub(super) fn may_lack(field: KeywordField) -> bool {
    matches!(field, KeywordField::Lang | KeywordField::Sentiment)
}
