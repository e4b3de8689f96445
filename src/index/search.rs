//! Searching: a page in the order asked for, and in the same pass over the hits their exact number, what they are made of
//! and how they lie in time.

use super::facet::{self, By, Counter, Facet, SHARED_FROM, TOP_DEFAULT, TOP_MAX};
use super::gap::{Gap, Gaps};
use super::number::{self, Numbers};
use super::over::{Interval, Step};
use super::place::{self, Place};
use super::relevance::{self, Weighed};
use super::schema::{self, Fields};
use super::sort::{First, Key, Ranks, Sort};
use super::spam::{OfSpam, Spam, Tallied};
use super::translate::{Translator, Wanted};
use super::{Error, both, survive};
use crate::query::{Expr, Query};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::fmt::Debug;
use std::sync::Arc;
use tantivy::columnar::{Column, ColumnValues, MonotonicallyMappableToU64};
use tantivy::query::{EnableScoring, Query as _, Scorer, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, IndexReader, SegmentReader};

/// Most hits of one page; a larger limit is cut to it. Each hit is a read of the store.
pub const LIMIT_MAX: usize = 1_000;

/// Which page of a search, and what to tell of all its hits.
#[derive(Clone, Debug)]
pub struct Page {
    /// At most [`LIMIT_MAX`]; 0 only counts.
    pub limit: usize,
    pub sort: Sort,
    /// Behind this place: what the page before returned.
    pub after: Option<Place>,
    /// Only these brands; all when `None`.
    pub brands: Option<Vec<String>>,
    /// By what all hits are to be counted, each once.
    pub facets: Vec<By>,
    /// Values of each facet, at most [`TOP_MAX`].
    pub top: usize,
    /// In which steps of time all hits are to be counted.
    pub over: Option<Interval>,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            limit: 0,
            sort: Sort::default(),
            after: None,
            brands: None,
            facets: Vec::new(),
            top: TOP_DEFAULT,
            over: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Hits {
    pub seqs: Vec<i64>,
    /// Of all pages.
    pub total: u64,
    /// Mentions of which nobody can say whether they match, since something asked for is missing. Not among the hits.
    pub undecided: u64,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Place>,
    /// As asked for, over all pages.
    pub facets: Vec<Facet>,
    /// From the first hit to the last, over all pages.
    pub counts: Vec<Step>,
    /// Of all that, what authors wrote who are likely spam: where facets or counts were asked for.
    pub spam: Option<OfSpam>,
}

/// Searches; cheap to clone; sees each commit as soon as it is made.
#[derive(Clone)]
pub struct Searcher {
    /// Replaced when the index is begun anew beneath its searchers.
    pub(super) reader: Arc<ArcSwap<IndexReader>>,
    pub(super) fields: Fields,
}

impl Searcher {
    /// One page of what `query` wholly matches. `now`: for `age:`.
    ///
    /// # Errors
    /// [`Error::Refused`] and [`Error::Unfit`] for the one who asked, [`Error::Rebuild`] when the index proves damaged.
    pub fn search(&self, query: &Query, page: &Page, now: Timestamp) -> Result<Hits, Error> {
        survive(|| self.find(query, page, now))
    }

    /// Mentions in the index.
    pub fn count(&self) -> u64 {
        self.reader.load().searcher().num_docs()
    }

    fn find(&self, query: &Query, page: &Page, now: Timestamp) -> Result<Hits, Error> {
        let searcher = self.reader.load().searcher();
        let asked = place::asked(query, page);
        let words = if page.sort == Sort::Relevance { relevance::words(&query.expr) } else { Vec::new() };
        let weights = match &page.after {
            Some(place) => {
                place.check(asked, page.sort, words.len())?;
                place.weights.clone()
            }
            None => relevance::weights(&words, &self.fields, &searcher)?,
        };
        let translator = Translator { fields: &self.fields, searcher: &searcher, now };
        let brands = page.brands.as_deref();
        let (rest, numbers) = number::apart(&query.expr);
        let weight = |wanted| {
            let tree = translator.query(&rest, wanted, brands)?;
            Ok::<_, Error>(tree.weight(EnableScoring::disabled_from_searcher(&searcher))?)
        };

        let gaps = Gaps::of(&rest);
        let mut segments = Vec::with_capacity(searcher.segment_readers().len());
        for reader in searcher.segment_readers() {
            let ranks = match page.sort {
                Sort::Newest => Ranks::Same,
                Sort::Reach => Ranks::reach(reader)?,
                Sort::Priority => Ranks::priority(reader)?,
                Sort::Relevance => Ranks::Words(Weighed::open(&words, &weights, &self.fields, reader)?),
            };
            let numbers = numbers.as_ref().map(|numbers| Numbers::open(numbers, now, reader)).transpose()?;
            segments.push(Segment::open(reader, ranks, numbers, gaps.open(reader)?)?);
        }
        // The first hits first, so that most other segments need only be counted.
        segments.sort_by_key(|segment| Reverse(segment.greatest));

        let question = Question {
            matching: weight(Wanted::True)?,
            possible: segments
                .iter()
                .any(|segment| !segment.gaps.is_empty())
                .then(|| weight(Wanted::Possible))
                .transpose()?,
            is_plain: matches!(rest, Expr::All | Expr::Term(_)),
        };
        let looks_at_all = !page.facets.is_empty() || page.over.is_some();
        let found = || Found::new(page, looks_at_all);
        let found = if looks_at_all && searcher.num_docs() >= SHARED_FROM as u64 && segments.len() > 1 {
            let (some, others) = halves(segments);
            let [some, others] = both(|| found().gather(some, &question), || found().gather(others, &question));
            some?.and(others?)
        } else {
            found().gather(segments, &question)?
        };
        let (keys, more) = found.first.finish();
        let next = keys.last().filter(|_| more).map(|key| Place { key: *key, sort: page.sort, asked, weights });
        let (total, facets, counts) = found.all.finish(page.top.min(TOP_MAX))?;
        let spam = found.spam.map(|spam| spam.finish(usize::MAX)).transpose()?;
        let spam = spam.map(|(total, facets, counts)| OfSpam { total, facets, counts });
        Ok(Hits {
            seqs: keys.iter().map(|key| key.seq.cast_signed()).collect(),
            total,
            undecided: found.undecided,
            next,
            facets,
            counts,
            spam,
        })
    }
}

/// What is gathered of the hits.
struct Found {
    first: First,
    all: Tallied,
    /// Of all, those by likely spam.
    spam: Option<Tallied>,
    undecided: u64,
}

/// What is asked of each document, beside the numbers that all hangs on.
struct Question {
    matching: Box<dyn Weight>,
    /// Matches or may: only where something asked for is missing.
    possible: Option<Box<dyn Weight>>,
    is_plain: bool,
}

impl Found {
    fn new(page: &Page, looks_at_all: bool) -> Self {
        let facets = || page.facets.iter().copied();
        let of_spam = || Tallied::new(facets().filter(|by| *by != By::Author), page.over);
        Self {
            first: First::new(page.limit.min(LIMIT_MAX), page.after.as_ref().map(|place| place.key)),
            all: Tallied::new(facets(), page.over),
            spam: looks_at_all.then(of_spam),
            undecided: 0,
        }
    }

    fn gather(mut self, segments: Vec<Segment<'_>>, question: &Question) -> tantivy::Result<Self> {
        for mut segment in segments {
            segment.collect(question, &mut self)?;
        }
        Ok(self)
    }

    /// Both together; of the same search.
    fn and(mut self, other: Self) -> Self {
        self.first.take_in(other.first);
        self.all.take_in(other.all);
        if let (Some(spam), Some(other)) = (&mut self.spam, other.spam) {
            spam.take_in(other);
        }
        self.undecided += other.undecided;
        self
    }
}

/// The segments in two parts of about as many documents, each in the order that they were in.
fn halves(segments: Vec<Segment<'_>>) -> (Vec<Segment<'_>>, Vec<Segment<'_>>) {
    let (mut some, mut others) = (Vec::new(), Vec::new());
    let mut ahead = 0_i64;
    for segment in segments {
        let documents = i64::from(segment.reader.max_doc());
        if ahead <= 0 {
            ahead += documents;
            some.push(segment);
        } else {
            ahead -= documents;
            others.push(segment);
        }
    }
    (some, others)
}

/// How many documents match. A plain query, of one term, tantivy counts without a look at each; others it counts block by
/// block, for which it judges the numbers of every document: much slower than hit by hit.
fn count(weight: &dyn Weight, reader: &SegmentReader, is_plain: bool) -> tantivy::Result<u64> {
    if is_plain {
        return weight.count(reader).map(u64::from);
    }
    let mut count = 0;
    let alive = reader.alive_bitset();
    weight.for_each_no_score(reader, &mut |docs: &[DocId]| {
        count += alive.map_or(docs.len(), |alive| docs.iter().filter(|doc| alive.is_alive(**doc)).count());
    })?;
    Ok(count as u64)
}

struct Segment<'a> {
    reader: &'a SegmentReader,
    created: Arc<dyn ColumnValues<i64>>,
    seq: Arc<dyn ColumnValues<u64>>,
    ranks: Ranks,
    numbers: Option<Numbers<'a>>,
    /// Of what is asked for beside the numbers.
    gaps: Vec<Gap>,
    /// Between these all of its keys lie.
    least: Key,
    greatest: Key,
}

impl<'a> Segment<'a> {
    fn open(
        reader: &'a SegmentReader,
        ranks: Ranks,
        numbers: Option<Numbers<'a>>,
        gaps: Vec<Gap>,
    ) -> tantivy::Result<Self> {
        let columns = reader.fast_fields();
        let created = whole(columns.i64(schema::CREATED)?);
        let seq = whole(columns.u64(schema::SEQ)?);
        let (low, high) = ranks.span();
        let least = Key { rank: low, created: created.min_value(), seq: seq.min_value() };
        let greatest = Key { rank: high, created: created.max_value(), seq: seq.max_value() };
        Ok(Self { reader, created, seq, ranks, numbers, gaps, least, greatest })
    }

    /// Offers every hit to `found`. What is possible is a hit unless it lacks something: then the query decides.
    fn collect(&mut self, question: &Question, found: &mut Found) -> tantivy::Result<()> {
        let Found { first, all: Tallied { total, tallies, over }, spam, undecided } = found;
        let (weight, mut matching) = match &question.possible {
            Some(possible) if !self.gaps.is_empty() => (possible, Some(question.matching.scorer(self.reader, 1.0)?)),
            _ => (&question.matching, None),
        };
        let pages = first.wants(self.least, self.greatest);
        let is_sure = matching.is_none() && self.numbers.is_none();
        if !pages && tallies.is_empty() && over.is_none() && is_sure {
            *total += count(weight.as_ref(), self.reader, question.is_plain)?;
            return Ok(());
        }
        let mut counters =
            tallies.iter_mut().map(|tally| tally.open(self.reader)).collect::<tantivy::Result<Vec<_>>>()?;
        let mut spam = spam.as_mut().map(|spam| Spam::open(spam, self.reader)).transpose()?.flatten();
        let needs_seqs = counters.iter().any(|counter| matches!(counter, Counter::Authors { .. }));
        let alive = self.reader.alive_bitset();
        let mut living = Vec::with_capacity(COLLECT_BLOCK_BUFFER_LEN);
        let (mut times, mut seqs, mut ranks) =
            ([0; COLLECT_BLOCK_BUFFER_LEN], [0; COLLECT_BLOCK_BUFFER_LEN], [0; COLLECT_BLOCK_BUFFER_LEN]);
        weight.for_each_no_score(self.reader, &mut |docs: &[DocId]| {
            let mut docs = docs;
            if alive.is_some() || !is_sure {
                living.clear();
                living.extend(docs.iter().copied().filter(|doc| alive.is_none_or(|alive| alive.is_alive(*doc))));
                let mut is_hit = |doc, by_numbers| {
                    let lacks = || self.gaps.iter().any(|lacks| lacks(doc));
                    let hit = by_numbers && matching.as_mut().is_none_or(|matching| !lacks() || is_in(matching, doc));
                    *undecided += u64::from(!hit);
                    hit
                };
                match &mut self.numbers {
                    Some(numbers) => numbers.retain(&mut living, is_hit),
                    None => living.retain(|doc| is_hit(*doc, true)),
                }
                docs = &living;
            }
            *total += docs.len() as u64;
            let (times, seqs, ranks) = (&mut times[..docs.len()], &mut seqs[..docs.len()], &mut ranks[..docs.len()]);
            if pages || over.is_some() || spam.is_some() {
                facet::read(self.created.as_ref(), docs, times);
            }
            if let Some(over) = over {
                over.add(times);
            }
            if needs_seqs {
                facet::read(self.seq.as_ref(), docs, seqs);
            }
            for counter in &mut counters {
                counter.add(docs, seqs);
            }
            if let Some(spam) = &mut spam {
                spam.add(docs, times);
            }
            if pages {
                self.ranks.read(docs, ranks);
                for ((&doc, &created), &rank) in docs.iter().zip(times.iter()).zip(ranks.iter()) {
                    let key = |seq| Key { rank, created, seq };
                    if first.wants(key(0), key(u64::MAX)) {
                        first.push(key(self.seq.get_val(doc)));
                    }
                }
            }
        })?;
        counters.into_iter().chain(spam.into_iter().flat_map(|spam| spam.counters)).try_for_each(Counter::finish)
    }
}

/// Of a column in which each document has a value.
fn whole<T: MonotonicallyMappableToU64 + Default + Debug>(column: Column<T>) -> Arc<dyn ColumnValues<T>> {
    if column.get_cardinality().is_full() { column.values } else { column.first_or_default_col(T::default()) }
}

/// Documents must be asked about in order.
fn is_in(scorer: &mut Box<dyn Scorer>, doc: DocId) -> bool {
    scorer.doc() <= doc && scorer.seek(doc) == doc
}
