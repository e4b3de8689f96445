//! `reputed model refit` and `undo`: the last layer of sentiment, fitted to people's corrections, and back.

use super::super::{Configured, Failure, terminal};
use super::corrections::{self, Correction};
use super::report::range;
use crate::classify::encoder::{Encoder, Folder};
use crate::classify::refit::{self as fitting, Layer, Row};
use crate::config::model::Model;
use crate::flow::judge::readable;
use crate::model::{self, Base};
use crate::store::{self, Reader};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::io::{Write, stdout};

/// Fits the model's last layer to your corrections, if that is better by more than chance
#[derive(Args)]
#[command(after_help = "\
At least 100 corrected texts are needed, 20 of each label, and a quarter of them must agree with the
model: confirm what is right, too. The new layer is drawn towards the old one; how far it may go, and
whether it is better, is judged on texts that it was not fitted to. Nothing is kept unless it is.

The layer is kept as `model/head-sentiment-<n>.json` in the data folder. Scores made with it say so:
`text-1+3` is the third layer on the model text-1. It holds from the next start of the daemon on;
scores that are stored already stay as they are.

Examples:
  reputed model refit --dry-run
  reputed model undo")]
pub struct Refit {
    /// Which layer: people correct sentiment
    #[arg(long, value_parser = ["sentiment"], default_value = "sentiment")]
    head: String,
    /// Says what would be gained, and keeps nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    configured: Configured,
}

/// Takes the last fitted layer back; the one before it holds again
#[derive(Args)]
pub struct Undo {
    #[command(flatten)]
    configured: Configured,
}

/// Mentions of late that nobody corrected, on which the new layer is held to the old.
const OTHERS: usize = 1_000;
const OTHERS_SINCE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Texts that are encoded at once.
const BATCH: usize = 256;

/// The model whose last layer is fitted.
trait Encoding {
    fn base(&self) -> Base;
    /// Its own last layer of sentiment, calibrated: the softmax of its logits are the probabilities of scores.
    fn layer(&self) -> Layer;
    /// One row of features a text, as wide as the layer.
    fn means(&self, texts: &[&str]) -> Vec<Vec<f32>>;
}

impl Encoding for Encoder {
    fn base(&self) -> Base {
        Base::of(self)
    }

    fn layer(&self) -> Layer {
        self.sentiment()
    }

    fn means(&self, texts: &[&str]) -> Vec<Vec<f32>> {
        // The engine inside the program does not fail.
        let means = Encoder::means(self, texts).unwrap_or_default();
        means.iter().map(|mean| mean.to_vec()).collect()
    }
}

impl Refit {
    pub(super) fn run(self) -> Result<(), Failure> {
        let encoder = Encoder::open(&Folder::EMBEDDED, Model::default().threads)?;
        let data_dir = self.configured.find_data()?;
        let (corrected, others) = super::super::runtime()?.block_on(async {
            let reader = store::open_read_only(&data_dir).await?;
            Ok::<_, Failure>((corrections::read(&reader).await?, others(&reader).await?))
        })?;
        let found = fit(&encoder, &corrected, &others)?;
        let mut out = stdout().lock();
        let fitting::Trial { texts, old, new, gain } = found.trial;
        writeln!(
            out,
            "{texts} corrected texts, copies counted once; macro-recall on texts a layer was not fitted to:"
        )?;
        writeln!(out, "  so far     {}\n  re-fitted  {}\n  gain       {}", range(old), range(new), range(gain))?;
        let moved = 100.0 * found.moved;
        writeln!(out, "It says otherwise of {moved:.1} % of {} mentions that nobody corrected.", others.len())?;
        if self.dry_run {
            writeln!(out, "Nothing is kept (--dry-run).")?;
            return Ok(());
        }
        let (path, kept) = model::add(&data_dir, encoder.base(), found, Timestamp::now())?;
        writeln!(out, "Kept as {}; scores made with it say `{}`.", path.display(), kept.model())?;
        terminal::note("It holds from the daemon's next start on; `reputed model undo` takes it back.");
        Ok(())
    }
}

async fn others(reader: &Reader) -> Result<Vec<String>, Failure> {
    let since = Timestamp::now().checked_sub(OTHERS_SINCE).unwrap_or(Timestamp::MIN);
    let mentions = reader.mentions_since(since, 0, OTHERS).await?;
    Ok(mentions.iter().filter(|one| one.correction.is_none()).map(|one| readable(&one.post).into_owned()).collect())
}

fn fit(encoder: &dyn Encoding, corrected: &[Correction], others: &[String]) -> Result<fitting::Refit, Failure> {
    let bar = terminal::count_bar((corrected.len() + others.len()) as u64);
    let encode = |texts: &[&str]| -> Vec<Vec<f32>> {
        let batch = |texts: &[&str]| {
            let found = encoder.means(texts);
            bar.inc(texts.len() as u64);
            found
        };
        texts.chunks(BATCH).flat_map(batch).collect()
    };
    let features = encode(&corrected.iter().map(|one| one.text.as_str()).collect::<Vec<_>>());
    let others = encode(&others.iter().map(String::as_str).collect::<Vec<_>>());
    bar.finish_and_clear();
    let both = corrected.iter().zip(&features);
    let rows: Vec<Row<'_>> =
        both.map(|(one, features)| Row { features, class: one.label as usize, group: group(&one.text) }).collect();
    let others: Vec<&[f32]> = others.iter().map(Vec::as_slice).collect();
    Ok(fitting::refit(&rows, &others, &encoder.layer())?)
}

/// The same for copies, whatever the space between their words.
fn group(text: &str) -> u64 {
    let hash = blake3::hash(terminal::plain(text).as_bytes());
    hash.as_bytes().iter().take(8).fold(0, |group, byte| group << 8 | u64::from(*byte))
}

impl Undo {
    pub(super) fn run(self) -> Result<(), Failure> {
        let data_dir = self.configured.find_data()?;
        let Some((undone, holds)) = model::undo(&data_dir)? else {
            return Err(
                anyhow::anyhow!("no fitted layer in {}: there is nothing to take back", data_dir.display()).into()
            );
        };
        let holds = holds.map_or_else(|| "the model's own layer".to_owned(), |number| format!("layer {number}"));
        writeln!(
            stdout(),
            "Layer {undone} is taken back (its file is kept): {holds} holds from the daemon's next start on."
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mention::Label;

    /// Knows three words, and takes `sick` for negative.
    struct Words;

    impl Encoding for Words {
        fn base(&self) -> Base {
            Base { model: "words-1".into(), checksum: "abc".into() }
        }

        fn layer(&self) -> Layer {
            let weights = (0..3).map(|class| (0..3).map(|at| if at == class { 2.0 } else { 0.0 }).collect());
            Layer { weights: weights.collect(), bias: vec![0.0; 3] }
        }

        fn means(&self, texts: &[&str]) -> Vec<Vec<f32>> {
            let has = |text: &str, word: &str| if text.contains(word) { 1.0 } else { 0.0 };
            texts.iter().map(|text| ["sick", "order", "great"].map(|word| has(text, word)).into()).collect()
        }
    }

    fn corrected(n: usize) -> Vec<Correction> {
        let words = [
            ("sick", Label::Positive),
            ("order", Label::Neutral),
            ("great", Label::Positive),
            ("dull", Label::Negative),
        ];
        (0..n)
            .map(|n| {
                let (word, label) = words[n % 4];
                Correction { text: format!("{word}  {}", n / 2), lang: None, source: "hn".into(), label }
            })
            .collect()
    }

    #[test]
    fn corrections_move_the_layer_and_few_do_not() {
        let found = fit(&Words, &corrected(240), &["an order".to_owned()]).unwrap_or_else(|_| panic!());
        assert!(found.trial.texts == 240 && found.trial.gain.low > 0.1, "{:?}", found.trial);
        let sick = found.layer.logits(&Words.means(&["sick"])[0]);
        assert!(sick[2] > sick[0], "{sick:?}");
        let Err(Failure::Work(few)) = fit(&Words, &corrected(80), &[]) else { panic!() };
        assert!(few.to_string().contains("20 in all"), "{few}");
    }

    #[test]
    fn copies_are_one_group() {
        assert_eq!(group("so  late "), group("so late"));
        assert_ne!(group("so late"), group("so early"));
    }
}
