//! `reputed follower correct`: a person's word on whether an author or follower is spam. While the daemon runs it goes
//! through its door, else we write ourselves.

use super::super::daemon::Daemon;
use super::super::terminal::plain;
use super::super::{Configured, Failure, runtime};
use crate::flow::spam::Authors;
use crate::follower::model::Model;
use crate::store::{self, AuthorCorrection, Commit};
use anyhow::ensure;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use std::io::{Write, stdout};
use std::path::Path;
use std::sync::Arc;

/// Who says so when nobody is logged in.
const WHO: &str = "command line";

/// Keeps your word on whether an author or follower is spam; it wins over the model's
#[derive(Args)]
#[command(after_help = "\
SOURCE is the id of a source, ID what it calls the account (`id` in `reputed follower audit --json`,
`author.id` of a mention). Your word holds at once for what is stored of the account and for all
that comes. It goes when the account does.

Examples:
  reputed follower correct bluesky did:plc:7x --spam no
  reputed follower correct bluesky did:plc:7x --spam unsure")]
pub struct Correct {
    source: String,
    id: String,
    /// `unsure` takes your word back
    #[arg(long, value_enum)]
    spam: Spam,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Clone, Copy, ValueEnum)]
enum Spam {
    Yes,
    No,
    Unsure,
}

impl Correct {
    pub(in super::super) fn run(self) -> Result<(), Failure> {
        let data_dir = self.configured.find_data()?;
        runtime()?.block_on(self.write(&data_dir))?;
        let says = match self.spam {
            Spam::Yes => "spam, by your word",
            Spam::No => "not spam, by your word",
            Spam::Unsure => "your word is taken back, the model judges",
        };
        writeln!(stdout(), "{} ({}): {says}", plain(&self.id), plain(&self.source))?;
        Ok(())
    }

    async fn write(&self, data_dir: &Path) -> anyhow::Result<()> {
        let (source, author) = (&self.source, &self.id);
        let (said, spam) = match self.spam {
            Spam::Yes => (Some("yes"), Some(true)),
            Spam::No => (Some("no"), Some(false)),
            Spam::Unsure => (None, None),
        };
        if let Some(daemon) = Daemon::find(data_dir)? {
            let body = serde_json::to_vec(&serde_json::json!({ "spam": said }))?;
            let [source, author] = [source, author].map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC));
            let path = format!("authors/{source}/{author}");
            daemon.ask(Method::PATCH, &path, Some(("application/json", body))).await?;
            return Ok(());
        }
        let (mut writer, reader) = store::open(data_dir).await?;
        ensure!(reader.knows_author(source, author).await?, "nothing is stored of an account `{author}` of `{source}`");
        let (source, author) = (source.clone(), author.clone());
        let correction = AuthorCorrection { source, author, spam, who: WHO.to_owned(), at: Timestamp::now() };
        let mut authors = Authors::load(Arc::new(Model::load()?), &reader).await?;
        authors.take(&correction);
        let marked = authors.marks(&reader, &correction.source, &correction.author).await?;
        writer.commit(&Commit { corrections: vec![correction], marked, ..Commit::default() }).await?;
        Ok(writer.close().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mention::{AuthorSpam, Mention};
    use crate::post::Post;

    #[test]
    fn a_word_is_kept_and_holds_for_what_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut post = Post::new("a", "kettle", Timestamp::UNIX_EPOCH);
            (post.source, post.author.id) = ("hn".into(), Some("ann".into()));
            let new = vec![Arc::new(Mention::new(post, 1, "acme", Vec::new(), Timestamp::UNIX_EPOCH))];
            let (mut writer, _) = store::open(dir.path()).await.unwrap();
            writer.commit(&Commit { new, ..Commit::default() }).await.unwrap();
            writer.close().await.unwrap();
        });
        let correct = |id: &str, spam| {
            let configured = Configured { config: None, data_dir: Some(dir.path().to_owned()) };
            Correct { source: "hn".into(), id: id.into(), spam, configured }.run()
        };
        let judged = || {
            runtime.block_on(async {
                let reader = store::open_read_only(dir.path()).await.unwrap();
                reader.mention(1).await.unwrap().unwrap().author_spam
            })
        };
        assert!(correct("ann", Spam::Yes).is_ok());
        assert_eq!(judged(), AuthorSpam::said(true));
        assert!(correct("ann", Spam::Unsure).is_ok());
        assert_eq!(judged(), AuthorSpam::default());
        assert!(matches!(correct("nobody", Spam::No), Err(Failure::Work(_))));
    }
}
