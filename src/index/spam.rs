//! What of the hits is likely spam, counted beside all of them: figures are told with it and without.

use super::Error;
use super::facet::{By, Counter, Facet, Tally};
use super::over::{Interval, Over, Step};
use super::schema;
use crate::mention::AuthorSpam;
use crate::query::eval;
use crate::query::field::NumberField;
use tantivy::columnar::Column;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, SegmentReader};

/// Hits by authors who are likely spam ([`AuthorSpam::is_likely`]), over all pages.
#[derive(Clone, Debug, Default)]
pub struct OfSpam {
    pub total: u64,
    /// As asked for, with every value; authors are left out, since each is spam or not.
    pub facets: Vec<Facet>,
    pub counts: Vec<Step>,
}

/// Hits while they are counted.
pub(super) struct Tallied {
    pub total: u64,
    pub tallies: Vec<Tally>,
    pub over: Option<Over>,
}

impl Tallied {
    pub fn new(facets: impl Iterator<Item = By>, over: Option<Interval>) -> Self {
        Self { total: 0, tallies: facets.map(Tally::new).collect(), over: over.map(Over::new) }
    }

    pub fn take_in(&mut self, other: Self) {
        self.tallies.iter_mut().zip(other.tallies).for_each(|(tally, other)| tally.take_in(other));
        if let (Some(over), Some(other)) = (&mut self.over, other.over) {
            over.take_in(other);
        }
        self.total += other.total;
    }

    /// Total, facets with the most frequent values, steps.
    ///
    /// # Errors
    /// As [`Over::finish`].
    pub fn finish(self, top: usize) -> Result<(u64, Vec<Facet>, Vec<Step>), Error> {
        let facets = self.tallies.into_iter().map(|tally| tally.finish(top)).collect();
        Ok((self.total, facets, self.over.map(Over::finish).transpose()?.unwrap_or_default()))
    }
}

/// Counts likely spam in one segment.
pub(super) struct Spam<'a> {
    column: Column<f64>,
    from: f64,
    pub counters: Vec<Counter<'a>>,
    total: &'a mut u64,
    over: Option<&'a mut Over>,
    values: [Option<f64>; COLLECT_BLOCK_BUFFER_LEN],
    docs: Vec<DocId>,
    times: Vec<i64>,
}

impl<'a> Spam<'a> {
    /// `None`: the segment holds none, as most do.
    pub fn open(tallied: &'a mut Tallied, segment: &SegmentReader) -> tantivy::Result<Option<Self>> {
        let from = eval::decimal(AuthorSpam::LIKELY_FROM);
        let column = segment.fast_fields().f64(schema::number_name(NumberField::Spam))?;
        if column.max_value() < from {
            return Ok(None);
        }
        let Tallied { total, tallies, over } = tallied;
        let counters = tallies.iter_mut().map(|tally| tally.open(segment)).collect::<tantivy::Result<_>>()?;
        let (values, over) = ([None; COLLECT_BLOCK_BUFFER_LEN], over.as_mut());
        Ok(Some(Self { column, from, counters, total, over, values, docs: Vec::new(), times: Vec::new() }))
    }

    /// Looks through hits, which were posted at `times`.
    pub fn add(&mut self, docs: &[DocId], times: &[i64]) {
        let values = &mut self.values[..docs.len()];
        values.fill(None);
        self.column.first_vals(docs, values);
        self.docs.clear();
        self.times.clear();
        for ((doc, time), value) in docs.iter().zip(times).zip(values) {
            if value.is_some_and(|spam| spam >= self.from) {
                self.docs.push(*doc);
                self.times.push(*time);
            }
        }
        *self.total += self.docs.len() as u64;
        if let Some(over) = &mut self.over {
            over.add(&self.times);
        }
        // Authors, who are counted by the numbers of their mentions, are not among them.
        for counter in &mut self.counters {
            counter.add(&self.docs, &[]);
        }
    }
}
