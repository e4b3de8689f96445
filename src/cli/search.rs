//! `reputed search`: over the index, also while the daemon runs.

mod table;

use super::terminal::plain;
use super::{Configured, Failure};
use crate::app::INDEX_FOLDER;
use crate::config::Kinds;
use crate::http::summary::Summary;
use crate::index::{self, By, Hits, Interval, Page, Searcher, Sort, TOP_DEFAULT, TOP_MAX};
use crate::mention::Mention;
use crate::query::Query;
use crate::query::eval::Subject;
use crate::query::explain::Explanation;
use crate::query::names::Names;
use crate::query::reading::Reading;
use crate::store::{self, Reader};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use serde::Serialize;
use std::io::{IsTerminal, Write, stdout};
use std::path::Path;

/// Searches what was heard
#[derive(Args)]
#[command(after_help = "\
Examples:
  reputed search 'refund AND sentiment:negative'
  reputed search 'acme -from:own' --sort priority --limit 50
  reputed search '\"money back\" -source:blogs' --sort relevance --json
  reputed search 'acme created:2026-11-01..2026-11-30' --facets source,sentiment,author --over day
  reputed search 'acme NEAR/5 (late OR broken)' --limit 3 --explain
  reputed search 'status:new' --facets watch,lang --top 100 --limit 1 --json | tail -n 1

--sort priority puts first what asks most for somebody: what waits for an answer, complaints, angry ones.
--sort relevance puts first what holds the words asked for most often, in titles above all, rare words above others.")]
pub struct Search {
    query: String,
    /// How many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// What comes first
    #[arg(long, value_name = "ORDER", default_value = Sort::Newest.name(), value_parser = of(&Sort::ALL))]
    sort: Sort,
    /// By what all hits are counted, commas between
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = of(&By::ALL))]
    facets: Vec<By>,
    /// Values of each facet, the most frequent
    #[arg(long, value_name = "N", default_value_t = TOP_DEFAULT as u16, value_parser = clap::value_parser!(u16).range(1..=TOP_MAX as i64))]
    top: u16,
    /// Counts all hits over time, in UTC
    #[arg(long, value_name = "STEP", value_parser = of(&Interval::ALL))]
    over: Option<Interval>,
    /// One mention a line as JSON; facets and counts on a last line of their own
    #[arg(long)]
    json: bool,
    /// Beneath each hit: which terms of the query held, failed or could not be told
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    configured: Configured,
}

/// One of these names.
pub(super) fn of<T: Copy + Send + Sync + 'static>(
    names: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names.iter().map(|(name, _)| *name)).try_map(|given| {
        let found = names.iter().find(|(name, _)| *name == given);
        found.map(|(_, value)| *value).ok_or("not one of them")
    })
}

/// What the query says of a hit, as the index asked it: now.
fn explanation(query: &Query, mention: &Mention, kinds: &Kinds) -> Explanation {
    let source_kind = kinds.get(mention.post.source.as_str()).map_or("", String::as_str);
    let subject = Subject { post: &mention.post, source_kind, mention: Some(mention), now: Some(Timestamp::now()) };
    query.explain(&subject, &Reading::of(&mention.post))
}

/// A line of `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    mention: &'a Mention,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Explanation>,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Last<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    total: u64,
    undecided: u64,
}

impl Search {
    pub(super) fn run(mut self) -> Result<(), Failure> {
        let (names, kinds) = self.configured.names()?;
        let query = parse(&self.query, &names)?;
        let data_dir = self.configured.find_data()?;
        let mut facets = Vec::new();
        for by in std::mem::take(&mut self.facets) {
            if !facets.contains(&by) {
                facets.push(by);
            }
        }
        super::runtime()?.block_on(async {
            let store = Store::open(&data_dir).await?;
            let page = Page {
                limit: self.limit.into(),
                sort: self.sort,
                facets,
                top: self.top.into(),
                over: self.over,
                ..Page::default()
            };
            let hits = store.searcher.search(&query, &page, Timestamp::now())?;
            let mentions = store.reader.mentions(&hits.seqs).await?;
            let summary = Summary::of(&hits, &page, &store.reader).await?;
            let explain = |mention: &Mention| self.explain.then(|| explanation(&query, mention, &kinds));
            self.print(&mentions, explain, &hits, &summary)
        })
    }

    fn print(
        &self,
        mentions: &[Mention],
        explain: impl Fn(&Mention) -> Option<Explanation>,
        hits: &Hits,
        summary: &Summary,
    ) -> Result<(), Failure> {
        let mut out = stdout().lock();
        let colour = stdout().is_terminal();
        for mention in mentions {
            let explanation = explain(mention);
            if self.json {
                let shown = Shown { mention, explain: explanation };
                writeln!(out, "{}", serde_json::to_string(&shown)?)?;
            } else {
                writeln!(out, "{}", line(mention, colour))?;
                explanation.map_or(Ok(()), |explanation| writeln!(out, "{explanation}"))?;
            }
        }
        if !self.json {
            write!(out, "{}", table::text(summary, hits.total, self.over, colour))?;
            let undecided = match hits.undecided {
                0 => String::new(),
                undecided => format!(", {undecided} undecided"),
            };
            super::terminal::note(&format!("{} of {}{undecided}", mentions.len(), hits.total));
        } else if !summary.facets.is_empty() || summary.counts.is_some() {
            let last = Last { summary, total: hits.total, undecided: hits.undecided };
            writeln!(out, "{}", serde_json::to_string(&last)?)?;
        }
        Ok(())
    }
}

/// Store and index, for reading.
pub(super) struct Store {
    pub reader: Reader,
    pub searcher: Searcher,
}

impl Store {
    pub async fn open(data_dir: &Path) -> Result<Self, Failure> {
        let reader = store::open_read_only(data_dir).await?;
        let searcher = index::open_read_only(&data_dir.join(INDEX_FOLDER))?;
        Ok(Self { reader, searcher })
    }
}

pub(super) fn parse(text: &str, names: &Names) -> Result<Query, Failure> {
    Query::parse_with(text, names)
        .map_err(|errors| Failure::BadFile(errors.iter().map(|error| error.problem("query", 1, 0, text)).collect()))
}

fn line(mention: &Mention, colour: bool) -> String {
    let post = &mention.post;
    let author = &post.author;
    let author = match (author.handle.as_deref(), author.name.as_deref()) {
        (Some(handle), _) => format!("@{}", plain(handle)),
        (None, name) => plain(name.unwrap_or("somebody")),
    };
    let (dim, bold, off) = if colour { ("\x1b[2m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
    let mood =
        mention.scores.as_ref().map_or_else(|| "unscored".to_owned(), |scores| format!("{:+.2}", scores.sentiment));
    let stars = post.rating.map_or_else(String::new, |rating| format!(" ({rating} of 5 stars)"));
    let title = post.title.as_deref().map(plain).filter(|title| !title.is_empty());
    let title = title.map_or_else(String::new, |title| format!("{bold}{title}{off} | "));
    let text = plain(&post.text);
    let at = post.created_at.strftime("%Y-%m-%d %H:%M");
    format!("{dim}{at}  {}  {}{off}  {mood}  {bold}{author}{off}{stars}: {title}{text}", mention.brand, post.source)
}
