//! `reputed export`: mentions out, also while the daemon runs.

use super::search::Store;
use super::{Configured, Failure, terminal};
use crate::index::{Page, Place};
use crate::mention::Mention;
use crate::query::Query;
use crate::text::csv::row;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use std::io::{BufWriter, Write, stdout};

/// Prints mentions, newest first
#[derive(Args)]
#[command(after_help = "Example:\n  reputed export --query 'sentiment:negative' --format csv > complaints.csv")]
pub struct Export {
    /// Only those that match
    #[arg(long, value_name = "QUERY", default_value = "")]
    query: String,
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// One mention a line, as the API gives it
    Jsonl,
    /// The columns that people open in a spreadsheet
    Csv,
    Parquet,
}

/// Mentions of one page of the search.
const PAGE: usize = 500;

const COLUMNS: [&str; 14] = [
    "created_at",
    "source",
    "kind",
    "brand",
    "watches",
    "author",
    "title",
    "text",
    "url",
    "lang",
    "sentiment",
    "label",
    "status",
    "id",
];

impl Export {
    pub(super) fn run(self) -> Result<(), Failure> {
        if matches!(self.format, Format::Parquet) {
            return Err(Failure::Usage("this version exports jsonl and csv; parquet comes later".into()));
        }
        let query = super::search::parse(&self.query, &self.configured.names()?.0)?;
        let data_dir = self.configured.find_data()?;
        super::runtime()?.block_on(async {
            let store = Store::open(&data_dir).await?;
            let mut out = BufWriter::new(stdout().lock());
            if matches!(self.format, Format::Csv) {
                writeln!(out, "{}", COLUMNS.join(","))?;
            }
            self.pages(&store, &query, &mut out).await
        })
    }

    async fn pages(&self, store: &Store, query: &Query, out: &mut impl Write) -> Result<(), Failure> {
        let (mut after, mut bar): (Option<Place>, _) = (None, None);
        loop {
            let page = Page { limit: PAGE, after, ..Page::default() };
            let hits = store.searcher.search(query, &page, Timestamp::now())?;
            let bar = bar.get_or_insert_with(|| terminal::count_bar(hits.total));
            for mention in store.reader.mentions(&hits.seqs).await? {
                match self.format {
                    Format::Csv => writeln!(out, "{}", csv(&mention))?,
                    _ => {
                        serde_json::to_writer(&mut *out, &mention)?;
                        out.write_all(b"\n")?;
                    }
                }
                bar.inc(1);
            }
            after = hits.next;
            if after.is_none() {
                out.flush()?;
                bar.finish_and_clear();
                return Ok(());
            }
        }
    }
}

fn csv(mention: &Mention) -> String {
    let post = &mention.post;
    let scores = mention.scores.as_ref();
    let author = post.author.handle.as_deref().or(post.author.name.as_deref()).unwrap_or_default();
    let fields: [String; 14] = [
        post.created_at.to_string(),
        post.source.to_string(),
        post.kind.name().to_owned(),
        mention.brand.clone(),
        mention.watches.join(" "),
        author.to_owned(),
        post.title.as_deref().unwrap_or_default().to_owned(),
        post.text.to_string(),
        post.url.as_deref().unwrap_or_default().to_owned(),
        scores.map(|scores| scores.lang.clone()).unwrap_or_default(),
        scores.map(|scores| format!("{:.3}", scores.sentiment)).unwrap_or_default(),
        scores.map(|scores| scores.label.name().to_owned()).unwrap_or_default(),
        mention.status.name().to_owned(),
        post.id.to_string(),
    ];
    row(fields)
}
