//! What a measurement says, as a page for a person and as a line of JSON.

use super::super::terminal::plain;
use crate::classify::head::{Head, Said};
use crate::classify::interval::Estimate;
use crate::classify::measure::{Case, Measured, measure};
use crate::mention::Scores;
use indicatif::HumanCount;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Languages or sources of a table: the most frequent.
const ROWS_MAX: usize = 12;

/// One text: what a person says it is, and what the models say.
pub(super) struct Outcome {
    pub truth: usize,
    /// `None`: the model failed on it.
    pub scores: Option<Scores>,
    /// Where it is from; empty for a file.
    pub source: String,
}

/// Of all texts, or of some of them. A line of `--json`.
#[derive(Serialize)]
pub(super) struct Report {
    /// What these texts have in common: `file`, `files`, `corrections`, `lang`, `source`.
    by: &'static str,
    name: String,
    #[serde(skip)]
    head: Head,
    #[serde(rename = "head")]
    head_name: &'static str,
    /// Labelled ones.
    texts: usize,
    scored: usize,
    /// Scored of labelled, `0..=1`.
    share_scored: f64,
    /// The model failed on them.
    failed: usize,
    /// Where the model does not speak, by the language it took the text for.
    silent: BTreeMap<String, usize>,
    /// Texts by the model that scored them.
    models: BTreeMap<String, usize>,
    /// Over what was scored; `None` when nothing was.
    measured: Option<Measured>,
}

impl Report {
    pub(super) fn of<'o>(
        by: &'static str,
        name: &str,
        head: Head,
        outcomes: impl IntoIterator<Item = &'o Outcome>,
    ) -> Self {
        let (mut texts, mut failed, mut cases) = (0, 0, Vec::new());
        let (mut silent, mut models) = (BTreeMap::new(), BTreeMap::new());
        for outcome in outcomes {
            texts += 1;
            let Some(scores) = &outcome.scores else {
                failed += 1;
                continue;
            };
            match head.said(scores) {
                Some(Said { p, .. }) if !p.iter().all(|p| p.is_finite()) => failed += 1,
                Some(said) => {
                    cases.push(Case { truth: outcome.truth, said });
                    *models.entry(scores.model.clone()).or_default() += 1;
                }
                None => *silent.entry(scores.lang.clone()).or_default() += 1,
            }
        }
        let (scored, measured) = (cases.len(), measure(head.classes(), &cases));
        let share_scored = scored as f64 / usize::max(texts, 1) as f64;
        let (name, head_name) = (name.to_owned(), head.name());
        Self { by, name, head, head_name, texts, scored, share_scored, failed, silent, models, measured }
    }

    /// One report a group, the largest first.
    pub(super) fn each(
        by: &'static str,
        head: Head,
        outcomes: &[Outcome],
        key: impl Fn(&Outcome) -> &str,
    ) -> Vec<Self> {
        let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        for outcome in outcomes {
            groups.entry(key(outcome)).or_default().push(outcome);
        }
        let mut found: Vec<Self> =
            groups.into_iter().map(|(name, outcomes)| Self::of(by, name, head, outcomes)).collect();
        found.sort_by_key(|report| std::cmp::Reverse(report.texts));
        found
    }

    /// The whole page.
    pub(super) fn text(&self, colour: bool) -> String {
        let mut page = Page { text: String::new(), colour };
        let models: Vec<&str> = self.models.keys().map(String::as_str).collect();
        let by = if models.is_empty() { String::new() } else { format!(", by {}", models.join(" and ")) };
        page.heading(&format!("{}: {}{by}", self.head_name, plain(&self.name)));
        page.line(&self.coverage());
        let Some(measured) = &self.measured else {
            page.line("no figure: nothing of it was scored");
            return page.text;
        };
        page.figures(measured);
        page.classes(measured);
        page.confusion(measured);
        page.yes(measured);
        page.calibration(measured, self.head.classes().len() == 2);
        page.text
    }

    fn coverage(&self) -> String {
        let count = |n: usize| HumanCount(n as u64).to_string();
        let (texts, scored, share) = (count(self.texts), count(self.scored), percent(self.share_scored));
        let mut line = format!("{texts} labelled, {scored} scored ({share})");
        let silent: usize = self.silent.values().sum();
        if silent > 0 {
            let mut langs: Vec<_> = self.silent.iter().collect();
            langs.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
            let shown: Vec<String> = langs.iter().take(5).map(|(lang, n)| format!("{lang} {n}")).collect();
            let more = if langs.len() > shown.len() { ", .." } else { "" };
            let _written = write!(
                line,
                "\n{} in languages that this head does not know: {}{more}",
                count(silent),
                shown.join(", ")
            );
        }
        if self.failed > 0 {
            let _written = write!(line, "\n{} on which the model failed", count(self.failed));
        }
        line
    }

    /// A table of groups, a line each.
    pub(super) fn table(title: &str, reports: &[Self], colour: bool) -> String {
        let mut page = Page { text: String::new(), colour };
        page.line("");
        page.heading(&format!("{title:<14}{:>8}  {:>24}  {:>24}", "scored", "accuracy", "macro-recall"));
        for report in reports.iter().take(ROWS_MAX) {
            let [accuracy, recall] = match &report.measured {
                Some(measured) => [measured.accuracy, measured.macro_recall].map(range),
                None => [(); 2].map(|()| "-".to_owned()),
            };
            let name: String = plain(&report.name).chars().take(14).collect();
            page.line(&format!("{name:<14}{:>8}  {accuracy:>24}  {recall:>24}", report.scored));
        }
        if reports.len() > ROWS_MAX {
            page.line(&format!("and {} more", reports.len() - ROWS_MAX));
        }
        page.text
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// What cannot be told is a dash, not zero.
fn maybe(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), percent)
}

pub(super) fn range(Estimate { value, low, high }: Estimate) -> String {
    format!("{}  ({:.1} to {:.1})", percent(value), 100.0 * low, 100.0 * high)
}

struct Page {
    text: String,
    colour: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, line: &str) {
        let (bold, off) = if self.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        self.line(&format!("{bold}{}{off}", line.trim_end()));
    }

    fn figures(&mut self, measured: &Measured) {
        self.line("");
        for (name, figure) in
            [("accuracy", measured.accuracy), ("macro-recall", measured.macro_recall), ("macro-F1", measured.macro_f1)]
        {
            self.line(&format!("{name:<14}{}", range(figure)));
        }
        let one = percent(measured.accuracy_of_one_label);
        self.line(&format!("In brackets: 95 % intervals. Always saying the most frequent label: accuracy {one}."));
    }

    fn classes(&mut self, measured: &Measured) {
        self.line("");
        self.heading(&format!("{:<14}{:>10}{:>10}{:>10}{:>8}", "class", "precision", "recall", "F1", "n"));
        for class in &measured.classes {
            let [precision, recall, f1] = [class.precision, class.recall, class.f1].map(maybe);
            self.line(&format!("{:<14}{precision:>10}{recall:>10}{f1:>10}{:>8}", class.class, class.n));
        }
    }

    fn confusion(&mut self, measured: &Measured) {
        self.line("");
        let names: Vec<String> = measured.classes.iter().map(|class| format!("{:>14}", class.class)).collect();
        self.heading(&format!("{:<14}{}", "is / said", names.concat()));
        for (class, row) in measured.classes.iter().zip(&measured.confusion) {
            let cells: Vec<String> = row.iter().map(|count| format!("{count:>14}")).collect();
            self.line(&format!("{:<14}{}", class.class, cells.concat()));
        }
    }

    fn yes(&mut self, measured: &Measured) {
        let Some(yes) = &measured.yes else { return };
        self.line("");
        self.heading(&format!("{:<14}{:>10}{:>10}{:>10}", "from", "precision", "recall", "flagged"));
        for threshold in &yes.thresholds {
            let [precision, recall] = [threshold.precision, threshold.recall].map(maybe);
            self.line(&format!("{:<14.1}{precision:>10}{recall:>10}{:>10}", threshold.at, percent(threshold.flagged)));
        }
        self.line(&format!("area under the curve {:.3} (0.5 is chance, 1 is perfect)", yes.area_under_curve));
    }

    fn calibration(&mut self, measured: &Measured, binary: bool) {
        let calibration = &measured.calibration;
        self.line("");
        let sure = if binary { "said yes" } else { "sure" };
        self.heading(&format!(
            "{sure:<14}{:>10}{:>10}{:>10}",
            "of texts",
            "said",
            if binary { "are yes" } else { "right" }
        ));
        for bucket in &calibration.buckets {
            let name = format!("{:.0}-{:.0} %", 100.0 * bucket.low, 100.0 * bucket.low + 10.0);
            let [share, said, right] = [bucket.share, bucket.said, bucket.right].map(percent);
            self.line(&format!("{name:<14}{share:>10}{said:>10}{right:>10}"));
        }
        let (error, balanced) = (percent(calibration.error), percent(calibration.error_balanced));
        self.line(&format!("expected calibration error {error}, each class counted the same {balanced}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mention::{Label, Probability, Tier};

    fn outcome(lang: &str, offensive: Option<f32>) -> Outcome {
        let scores = Scores {
            lang: lang.into(),
            lang_p: 1.0,
            sentiment: 0.0,
            label: Label::Neutral,
            p: Probability { negative: 0.0, neutral: 1.0, positive: 0.0 },
            needs_answer: None,
            complaint: None,
            offensive,
            irony: None,
            emotion: None,
            tier: Tier::Fast,
            model: "some-1".into(),
        };
        Outcome { truth: 1, scores: Some(scores), source: String::new() }
    }

    #[test]
    fn what_has_no_score_is_counted_and_takes_no_part() {
        let failed = Outcome { scores: None, ..outcome("en", None) };
        let all = [
            outcome("en", Some(0.9)),
            outcome("en", Some(0.2)),
            outcome("en", Some(f32::NAN)),
            failed,
            outcome("fr", None),
        ];
        let report = Report::of("file", "a.tsv", Head::Offensive, &all);
        let line = serde_json::to_value(&report).unwrap();
        assert_eq!((&line["texts"], &line["scored"], &line["failed"]), (&5.into(), &2.into(), &2.into()));
        assert_eq!(line["silent"], serde_json::json!({ "fr": 1 }));
        assert_eq!(line["measured"]["accuracy"]["value"], 0.5);
        let text = report.text(false);
        for part in [
            "5 labelled, 2 scored (40.0 %)",
            "1 in languages that this head does not know: fr 1",
            "2 on which the model failed",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let by_lang =
            Report::each("lang", Head::Offensive, &all[2..], |one| one.scores.as_ref().map_or("?", |s| &s.lang));
        assert!(by_lang.iter().all(|report| report.measured.is_none()));
        assert!(Report::table("language", &by_lang, false).contains("fr                   0"));
    }
}
