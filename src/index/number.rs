//! The parts of a query that ask for numbers only, judged from columns as `query::eval` judges a single post: many documents
//! at once where all of the query hangs on them, else one by one. Not by tantivy's ranges: of those an OR would scan each
//! column wholly, whatever stands beside it.

use super::schema;
use super::translate::Wanted;
use crate::query::field::NumberField;
use crate::query::{Expr, Term, eval};
use jiff::Timestamp;
use tantivy::columnar::Column;
use tantivy::query::doc_predicate_query::{DocPredicateQuery, FunctionPredicate};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, SegmentReader};

/// Whether every term of `expr` is a number. Recursion is bounded by the parser.
pub(super) fn are_all(expr: &Expr) -> bool {
    match expr {
        Expr::All => false,
        Expr::Not(inner) => are_all(inner),
        Expr::And(parts) | Expr::Or(parts) => !parts.is_empty() && parts.iter().all(are_all),
        Expr::Term(term) => matches!(term, Term::Number { .. }),
    }
}

/// What all of the query hangs on, apart: all the rest of it, and the numbers if there are any. Both have to hold.
pub(super) fn apart(expr: &Expr) -> (Expr, Option<Expr>) {
    let parts = if let Expr::And(parts) = expr { parts.clone() } else { vec![expr.clone()] };
    let (mut numbers, mut rest): (Vec<Expr>, Vec<Expr>) = parts.into_iter().partition(are_all);
    let rest = if rest.len() == 1 { rest.remove(0) } else { Expr::And(rest) };
    let numbers = if numbers.len() == 1 { numbers.remove(0) } else { Expr::And(numbers) };
    (rest, Some(numbers).filter(are_all))
}

/// The documents of which `expr`, of numbers only, says what is wanted. `now`: for `age:`.
pub(super) fn query(expr: &Expr, wanted: Wanted, now: Timestamp) -> DocPredicateQuery {
    let expr = expr.clone();
    let open = move |segment: &SegmentReader| {
        let columns = Columns::open(&expr, segment)?;
        let expr = expr.clone();
        Ok(move |doc: DocId| wanted.is(says(&expr, now, |field| columns.find(field)?.0.first(doc))))
    };
    FunctionPredicate::from(open).into()
}

/// A document for which `kept` is what the columns hold.
fn says(expr: &Expr, now: Timestamp, kept: impl Fn(NumberField) -> Option<f64>) -> Option<bool> {
    eval::decide(expr, &mut |term| {
        let Term::Number { field, min, max } = term else { return None };
        let kept = kept(*field)?;
        let number = if *field == NumberField::Age { eval::seconds(now) - kept } else { kept };
        Some(eval::is_between(number, *min, *max))
    })
}

type Values = [Option<f64>; COLLECT_BLOCK_BUFFER_LEN];

/// Each column that a query asks for, once, and what was read of it.
struct Columns(Vec<(NumberField, Column<f64>, Values)>);

impl Columns {
    fn open(expr: &Expr, segment: &SegmentReader) -> tantivy::Result<Self> {
        let mut columns = Self(Vec::new());
        columns.gather(expr, segment)?;
        Ok(columns)
    }

    fn gather(&mut self, expr: &Expr, segment: &SegmentReader) -> tantivy::Result<()> {
        match expr {
            Expr::Not(inner) => self.gather(inner, segment),
            Expr::And(parts) | Expr::Or(parts) => parts.iter().try_for_each(|part| self.gather(part, segment)),
            Expr::Term(Term::Number { field, .. }) if self.find(*field).is_none() => {
                // An age grows: when the post was made is kept in its place.
                let kept = if *field == NumberField::Age { NumberField::Created } else { *field };
                let column = segment.fast_fields().f64(schema::number_name(kept))?;
                self.0.push((*field, column, [None; COLLECT_BLOCK_BUFFER_LEN]));
                Ok(())
            }
            Expr::All | Expr::Term(_) => Ok(()),
        }
    }

    fn find(&self, field: NumberField) -> Option<(&Column<f64>, &Values)> {
        self.0.iter().find(|(name, ..)| *name == field).map(|(_, column, values)| (column, values))
    }
}

/// Numbers that all of a query hangs on, in one segment.
pub(super) struct Numbers<'q> {
    expr: &'q Expr,
    columns: Columns,
    now: Timestamp,
}

impl<'q> Numbers<'q> {
    pub fn open(expr: &'q Expr, now: Timestamp, segment: &SegmentReader) -> tantivy::Result<Self> {
        Ok(Self { expr, columns: Columns::open(expr, segment)?, now })
    }

    /// Keeps those of `docs` of which the numbers say yes or nothing: these are handed to `is_hit`, with whether they say
    /// yes. Reads many documents before it judges one, since it is waiting for memory that takes the time.
    pub fn retain(&mut self, docs: &mut Vec<DocId>, mut is_hit: impl FnMut(DocId, bool) -> bool) {
        for (_, column, values) in &mut self.columns.0 {
            values.fill(None);
            column.first_vals(docs, &mut values[..docs.len()]);
        }
        let mut at = 0;
        docs.retain(|doc| {
            let says = says(self.expr, self.now, |field| self.columns.find(field)?.1[at]);
            at += 1;
            says != Some(false) && is_hit(*doc, says == Some(true))
        });
    }
}
