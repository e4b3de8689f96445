//! `reputed search`: over the index, also while the daemon runs.

use super::terminal::plain;
use super::{Configured, Failure};
use crate::app::INDEX_FOLDER;
use crate::index::{self, Page, Searcher};
use crate::mention::Mention;
use crate::query::Query;
use crate::settings::{Problem, Severity};
use crate::store::{self, Reader};
use clap::Args;
use jiff::Timestamp;
use std::io::{IsTerminal, Write, stdout};
use std::path::Path;

/// Searches what was heard, newest first
#[derive(Args)]
#[command(
    after_help = "Examples:\n  reputed search 'refund AND sentiment:negative'\n  reputed search '\"money back\" -source:blogs' --json"
)]
pub struct Search {
    query: String,
    /// How many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// One mention a line as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl Search {
    pub(super) fn run(self) -> Result<(), Failure> {
        let query = parse(&self.query)?;
        let data_dir = self.configured.find_data()?;
        super::runtime()?.block_on(async {
            let store = Store::open(&data_dir).await?;
            let page = Page { limit: self.limit.into(), ..Page::default() };
            let hits = store.searcher.search(&query, &page, Timestamp::now())?;
            let mentions = store.reader.mentions(&hits.seqs).await?;
            let mut out = stdout().lock();
            for mention in &mentions {
                if self.json {
                    writeln!(out, "{}", serde_json::to_string(mention)?)?;
                } else {
                    writeln!(out, "{}", line(mention, stdout().is_terminal()))?;
                }
            }
            if !self.json {
                super::terminal::note(&format!("{} of {}", mentions.len(), hits.total));
            }
            Ok(())
        })
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

pub(super) fn parse(text: &str) -> Result<Query, Failure> {
    Query::parse(text).map_err(|errors| {
        let problems = errors.into_iter().map(|error| Problem {
            severity: Severity::Error,
            file: "query".into(),
            line: 1,
            column: text.get(..error.span.start).map_or(1, |before| before.chars().count() + 1),
            message: error.message,
            hint: error.hint,
        });
        Failure::BadFile(problems.collect())
    })
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
