//! `reputed model eval`: how right the scores are on labelled texts, or on what people corrected.

use super::super::score::TierChoice;
use super::super::search::of;
use super::super::{Configured, Failure, terminal};
use super::corrections;
use super::labelled::{self, Labelled};
use super::report::{Outcome, Report};
use crate::classify::Classifier;
use crate::classify::head::Head;
use crate::mention::Scores;
use crate::store;
use anyhow::anyhow;
use clap::Args;
use std::io::{IsTerminal, Write, stdout};
use std::path::PathBuf;

/// Measures the scores on labelled texts: accuracy, macro-recall, macro-F1, each class, calibration
#[derive(Args)]
#[command(after_help = "\
A FILE is tab-separated with a first line that names the columns; nothing is quoted. The label
stands in the column `label` (or one named after the head, or the first), the text in `text` (or the
last), its language in `lang` if known:

  label     lang  text
  negative  en    Third week without an answer.
  positive  de    Das neue Modell ist wunderbar!

Labels: negative, neutral, positive | complaint, not_complaint | offensive, not_offensive |
ironic, not_ironic | anger, joy, optimism, sadness. Under --head needs_answer, complaint, offensive
or irony, yes and no will do. Rows without a label are passed over, so a file may be labelled bit by
bit.

What the model does not speak of, as in a language that it does not know, is counted and said, and
takes no part in the figures. The 95 % intervals are those of the posterior of the counts in the
table `is / said`; they take the texts for a random sample of all that will come.

Examples:
  reputed model eval labelled.tsv
  reputed model eval german.tsv --lang de
  reputed model eval open-questions.tsv --head needs_answer
  reputed model eval --corrections
  reputed model eval 2025.tsv 2026.tsv --json | jq 'select(.by == \"file\")'")]
pub struct Eval {
    /// Labelled texts
    #[arg(required_unless_present = "corrections", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// In place of files: what people corrected (`reputed model correct`, the page), by language and by source
    #[arg(long, conflicts_with_all = ["files", "head", "lang"])]
    corrections: bool,
    /// What the labels are of; told by them when absent
    #[arg(long, value_parser = of(&Head::ALL))]
    head: Option<Head>,
    /// The language that texts are declared to be in, where no column says so
    #[arg(long, value_name = "TAG")]
    lang: Option<String>,
    /// Which model; `auto` takes the best that there is
    #[arg(long, value_enum, default_value = "auto")]
    tier: TierChoice,
    /// A JSON object a line: of each file or of all corrections, of each language (and source), of all files
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

/// What figures over corrections must not be taken for.
const BIAS: &str = "\
These are mentions that somebody looked at and judged. People correct what they notice, and notice what
is wrong: over all mentions the model most likely does better. For a fair figure, label some hundred
mentions drawn at random and give them to `reputed model eval FILE.tsv`.";

/// Texts that are scored at once.
const BATCH: usize = 512;

impl Eval {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.corrections {
            return self.measure_corrections();
        }
        let (mut read, mut problems) = (Vec::new(), Vec::new());
        for file in &self.files {
            match labelled::read(file, self.head) {
                Ok(labelled) => read.push((file.display().to_string(), labelled)),
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(Failure::BadFile(problems));
        }
        let asking = Asking { classifier: self.tier.load(Some(&self.configured.find_data()?))? };
        let mut all = Vec::new();
        for (name, Labelled { head, rows, unlabelled }) in &read {
            let texts: Vec<_> =
                rows.iter().map(|row| (row.text.as_str(), row.lang.as_deref().or(self.lang.as_deref()))).collect();
            let scores = asking.scores(&texts);
            let outcome =
                |(row, scores): (&labelled::Row, _)| Outcome { truth: row.class, scores, source: String::new() };
            let outcomes: Vec<Outcome> = rows.iter().zip(scores).map(outcome).collect();
            let by_lang = Report::each("lang", *head, &outcomes, lang);
            self.print(&Report::of("file", name, *head, &outcomes), &[("language", by_lang)])?;
            if *unlabelled > 0 {
                terminal::note(&format!("{name}: {unlabelled} rows without a label passed over"));
            }
            all.extend(outcomes);
        }
        let head = read[0].1.head;
        if read.len() > 1 && read.iter().all(|(_, labelled)| labelled.head == head) {
            self.print(&Report::of("files", &format!("all {} files", read.len()), head, &all), &[])?;
        }
        Ok(())
    }

    /// With the model of today, whatever scored them when they came in.
    fn measure_corrections(&self) -> Result<(), Failure> {
        let data_dir = self.configured.find_data()?;
        let corrected = super::super::runtime()?.block_on(async {
            let reader = store::open_read_only(&data_dir).await?;
            corrections::read(&reader).await
        })?;
        if corrected.is_empty() {
            return Err(anyhow!("nobody corrected a mention yet: `reputed model correct MENTION LABEL`").into());
        }
        let texts: Vec<_> = corrected.iter().map(|one| (one.text.as_str(), one.lang.as_deref())).collect();
        let scores = Asking { classifier: self.tier.load(Some(&data_dir))? }.scores(&texts);
        let outcomes: Vec<Outcome> = corrected
            .iter()
            .zip(scores)
            .map(|(one, scores)| Outcome { truth: one.label as usize, scores, source: one.source.clone() })
            .collect();
        let head = Head::Sentiment;
        let by_lang = Report::each("lang", head, &outcomes, lang);
        let by_source = Report::each("source", head, &outcomes, |outcome| &outcome.source);
        let whole = Report::of("corrections", "people's corrections", head, &outcomes);
        self.print(&whole, &[("language", by_lang), ("source", by_source)])?;
        if self.json {
            terminal::note(BIAS);
        } else {
            writeln!(stdout(), "{BIAS}")?;
        }
        Ok(())
    }

    /// A page or some lines of JSON.
    fn print(&self, whole: &Report, parts: &[(&str, Vec<Report>)]) -> Result<(), Failure> {
        let mut out = stdout().lock();
        if self.json {
            for report in std::iter::once(whole).chain(parts.iter().flat_map(|(_, reports)| reports)) {
                writeln!(out, "{}", serde_json::to_string(report)?)?;
            }
            return Ok(());
        }
        let colour = stdout().is_terminal();
        writeln!(out, "{}", whole.text(colour).trim_end())?;
        for (title, reports) in parts.iter().filter(|(_, reports)| reports.len() > 1) {
            write!(out, "{}", Report::table(title, reports, colour))?;
        }
        writeln!(out)?;
        Ok(())
    }
}

/// As the model took it.
fn lang(outcome: &Outcome) -> &str {
    outcome.scores.as_ref().map_or("?", |scores| scores.lang.as_str())
}

/// The one place that asks the models.
struct Asking {
    classifier: Classifier,
}

impl Asking {
    /// One answer a text (with its declared language); `None` where the model failed.
    fn scores(&self, texts: &[(&str, Option<&str>)]) -> Vec<Option<Scores>> {
        let bar = terminal::count_bar(texts.len() as u64);
        let mut scores = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            scores.extend(self.classifier.score_all(batch));
            bar.inc(batch.len() as u64);
        }
        bar.finish_and_clear();
        scores
    }
}
