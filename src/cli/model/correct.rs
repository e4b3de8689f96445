//! `reputed model correct`: a person's word on the sentiment of a mention. While the daemon runs it goes through its door,
//! else we write ourselves.

use super::super::daemon::Daemon;
use super::super::search::of;
use super::super::terminal::plain;
use super::super::{Configured, Failure};
use crate::mention::{Label, Mention};
use crate::store::{self, Commit, Patch, Reader};
use anyhow::anyhow;
use clap::Args;
use reqwest::Method;
use std::io::{Write, stdout};
use std::path::Path;

/// Keeps your word on the sentiment of a mention; it wins over the model's wherever shown or asked
#[derive(Args)]
#[command(after_help = "\
MENTION is the `seq` that `reputed search --json` prints, or the id that the source gave the post;
an id that is a plain number needs its --source. Saying that the model is right is as useful as
correcting it: only then can `reputed model eval --corrections` tell how often it is.

Examples:
  reputed model correct 1742 negative
  reputed model correct 38117002 positive --source hn
  reputed model correct 1742 --clear")]
pub struct Correct {
    /// Which one
    mention: String,
    /// What it is
    #[arg(value_parser = of(&Label::ALL), required_unless_present = "clear", conflicts_with = "clear")]
    label: Option<Label>,
    /// Takes your word back
    #[arg(long)]
    clear: bool,
    /// The source that gave the id
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    #[command(flatten)]
    configured: Configured,
}

/// Of a mention's text in the answer.
const SHOWN_CHARS: usize = 90;

impl Correct {
    pub(super) fn run(self) -> Result<(), Failure> {
        let data_dir = self.configured.find_data()?;
        super::super::runtime()?.block_on(async {
            let reader = store::open_read_only(&data_dir).await?;
            let mention = self.find(&reader).await?;
            drop(reader);
            write(&data_dir, mention.seq, self.label).await?;
            writeln!(stdout(), "{}", told(&mention, self.label))?;
            Ok(())
        })
    }

    async fn find(&self, reader: &Reader) -> Result<Mention, Failure> {
        let number = self.mention.strip_prefix("seq:").unwrap_or(&self.mention).parse();
        let mut found = match number {
            Ok(seq) if self.source.is_none() => reader.mention(seq).await?.into_iter().collect(),
            _ => reader.mentions_by_id(&self.mention, self.source.as_deref()).await?,
        };
        if found.len() > 1 {
            let each = |mention: &Mention| format!("{} ({}, {})", mention.seq, mention.post.source, mention.brand);
            let all: Vec<String> = found.iter().map(each).collect();
            return Err(Failure::Usage(format!("several mentions have this id, name one: {}", all.join(", "))));
        }
        Ok(found.pop().ok_or_else(|| anyhow!("no mention `{}`", self.mention))?)
    }
}

async fn write(data_dir: &Path, seq: i64, label: Option<Label>) -> anyhow::Result<()> {
    if let Some(daemon) = Daemon::find(data_dir)? {
        let body = serde_json::to_vec(&serde_json::json!({ "correction": label }))?;
        daemon.ask(Method::PATCH, &format!("mentions/seq:{seq}"), Some(("application/json", body))).await?;
        return Ok(());
    }
    let (mut writer, _) = store::open(data_dir).await?;
    let patch = Patch { correction: Some(label), ..Patch::default() };
    writer.commit(&Commit { patches: vec![(seq, patch)], ..Commit::default() }).await?;
    Ok(writer.close().await?)
}

/// What a person is told: what the model had said, and what holds now. `mention`: as it was before.
fn told(mention: &Mention, label: Option<Label>) -> String {
    let model = mention.scores.as_ref().map(|scores| {
        let p = match scores.label {
            Label::Negative => scores.p.negative,
            Label::Neutral => scores.p.neutral,
            Label::Positive => scores.p.positive,
        };
        (scores.label, format!("{} said {} ({:.0} %)", scores.model, scores.label.name(), 100.0 * p))
    });
    let says = match (label, mention.correction, model) {
        (None, None, _) => "there was no correction".to_owned(),
        (None, Some(old), None) => format!("no longer {}; no model has scored it", old.name()),
        (None, Some(old), Some((_, model))) => format!("no longer {}; {model}", old.name()),
        (Some(label), _, None) => format!("{}; no model has scored it", label.name()),
        (Some(label), _, Some((said, model))) if label == said => format!("{}, as {model}", label.name()),
        (Some(label), _, Some((_, model))) => format!("{}; {model}", label.name()),
    };
    let text: String = plain(&mention.post.text).chars().take(SHOWN_CHARS).collect();
    format!("mention {} ({}, {}): {says}\n  {text}", mention.seq, mention.post.source, mention.brand)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Classifier;
    use crate::post::Post;
    use jiff::Timestamp;
    use std::sync::Arc;

    fn mention(seq: i64, source: &str, id: &str) -> Mention {
        let mut post = Post::new(id.to_owned(), "Dreadful service, never again.", Timestamp::UNIX_EPOCH);
        post.source = source.to_owned().into();
        let mut mention = Mention::new(post, seq, "acme", vec!["name".into()], Timestamp::UNIX_EPOCH);
        mention.scores = Some(Classifier::load().unwrap().score(&mention.post.text, None));
        mention
    }

    fn correct(data_dir: &Path, mention: &str, label: Option<Label>, source: Option<&str>) -> Correct {
        let configured = Configured { config: None, data_dir: Some(data_dir.to_owned()) };
        let (mention, source) = (mention.to_owned(), source.map(str::to_owned));
        Correct { mention, label, clear: label.is_none(), source, configured }
    }

    #[test]
    fn a_correction_is_stored_and_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut writer, _) = store::open(dir.path()).await.unwrap();
            let new = vec![mention(1, "hn", "2"), mention(2, "hn", "b"), mention(3, "crm", "b")];
            writer.commit(&Commit { new: new.into_iter().map(Arc::new).collect(), ..Commit::default() }).await.unwrap();
            writer.close().await.unwrap();
        });
        let corrections = || {
            runtime.block_on(async {
                let reader = store::open_read_only(dir.path()).await.unwrap();
                reader.corrected(0, 9).await.unwrap().iter().map(|m| (m.seq, m.correction)).collect::<Vec<_>>()
            })
        };
        assert!(correct(dir.path(), "2", Some(Label::Neutral), None).run().is_ok());
        assert!(correct(dir.path(), "2", Some(Label::Positive), Some("hn")).run().is_ok());
        assert!(correct(dir.path(), "b", Some(Label::Negative), Some("crm")).run().is_ok());
        let all = [(1, Some(Label::Positive)), (2, Some(Label::Neutral)), (3, Some(Label::Negative))];
        assert_eq!(corrections(), all);
        assert!(correct(dir.path(), "seq:2", None, None).run().is_ok());
        assert_eq!(corrections(), [all[0], all[2]]);
        let Err(Failure::Usage(several)) = correct(dir.path(), "b", None, None).run() else { panic!() };
        assert!(several.contains("2 (hn, acme), 3 (crm, acme)"), "{several}");
        assert!(matches!(correct(dir.path(), "9", None, None).run(), Err(Failure::Work(_))));
    }

    #[test]
    fn one_is_told_what_the_model_had_said() {
        let mut mention = mention(7, "hn", "a");
        mention.scores.as_mut().unwrap().model = "some-1".into();
        let said = told(&mention, Some(Label::Positive));
        assert!(said.starts_with("mention 7 (hn, acme): positive; some-1 said negative ("), "{said}");
        assert!(said.ends_with(" %)\n  Dreadful service, never again."), "{said}");
        assert!(told(&mention, Some(Label::Negative)).contains("negative, as some-1 said negative"));
        assert!(told(&mention, None).contains("there was no correction"));
        mention.correction = Some(Label::Neutral);
        mention.scores = None;
        assert!(told(&mention, None).contains("no longer neutral; no model"));
    }
}
