//! `reputed follower correct`: a person's word on whether an author or follower is spam. While the daemon runs it goes
//! through its door, else we write ourselves.

use super::super::daemon::Daemon;
use super::super::terminal::plain;
use super::super::{Configured, Failure, runtime};
use crate::flow::spam::Authors;
use crate::follower::model::Model;
use crate::store::{self, AuthorCorrection, Commit, Reader};
use anyhow::{Context, ensure};
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
SOURCE is the id of a source, ACCOUNT the handle, or what the source calls the account (`id` in
`reputed follower audit --json`, `author.id` of a mention). Your word holds at once for what is
stored of the account and for all that comes. It goes when the account does.

Examples:
  reputed follower correct bluesky ann.example --spam no
  reputed follower correct bluesky did:plc:7x --spam unsure")]
pub struct Correct {
    /// Id of the source
    source: String,
    /// Handle or native id of the author or follower
    account: String,
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
        let id = runtime()?.block_on(self.write(&data_dir))?;
        let says = match self.spam {
            Spam::Yes => "spam, by your word",
            Spam::No => "not spam, by your word",
            Spam::Unsure => "your word is taken back, the model judges",
        };
        let named = if id == self.account { String::new() } else { format!(", {}", plain(&id)) };
        writeln!(stdout(), "{}{named} ({}): {says}", plain(&self.account), plain(&self.source))?;
        Ok(())
    }

    /// Tells the account's native id.
    async fn write(&self, data_dir: &Path) -> anyhow::Result<String> {
        let (source, author) = (&self.source, self.find(&store::open_read_only(data_dir).await?).await?);
        let (said, spam) = match self.spam {
            Spam::Yes => (Some("yes"), Some(true)),
            Spam::No => (Some("no"), Some(false)),
            Spam::Unsure => (None, None),
        };
        if let Some(daemon) = Daemon::find(data_dir)? {
            let body = serde_json::to_vec(&serde_json::json!({ "spam": said }))?;
            let [source, id] = [source, &author].map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC));
            let path = format!("authors/{source}/{id}");
            daemon.ask(Method::PATCH, &path, Some(("application/json", body))).await?;
            return Ok(author);
        }
        let (mut writer, reader) = store::open(data_dir).await?;
        let (who, at) = (WHO.to_owned(), Timestamp::now());
        let correction = AuthorCorrection { source: source.clone(), author: author.clone(), spam, who, at };
        let mut authors = Authors::load(Arc::new(Model::load()?), &reader).await?;
        authors.take(&correction);
        let marked = authors.marks(&reader, source, &author).await?;
        writer.commit(&Commit { corrections: vec![correction], marked, ..Commit::default() }).await?;
        writer.close().await?;
        Ok(author)
    }

    /// The native id of the account that is meant.
    async fn find(&self, reader: &Reader) -> anyhow::Result<String> {
        let Self { source, account, .. } = self;
        if reader.knows_author(source, account).await? {
            return Ok(account.clone());
        }
        let mut called = reader.authors_called(source, account).await?;
        ensure!(called.len() < 2, "several accounts of `{source}` are called `{account}`: {}", called.join(", "));
        called.pop().with_context(|| format!("nothing is stored of an account `{account}` of `{source}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mention::{AuthorSpam, Mention};
    use crate::post::{Author, Post};
    use crate::store::Fetched;

    #[test]
    fn a_word_is_kept_and_holds_for_what_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut post = Post::new("a", "kettle", Timestamp::UNIX_EPOCH);
            (post.source, post.author.id) = ("hn".into(), Some("ann".into()));
            let new = vec![Arc::new(Mention::new(post, 1, "acme", Vec::new(), Timestamp::UNIX_EPOCH))];
            let profile = |id: &'static str, handle: &'static str| Fetched {
                source: "hn".into(),
                author: Author { id: Some(id.into()), handle: Some(handle.into()), ..Author::default() },
                spam: AuthorSpam::default(),
            };
            let authors =
                vec![profile("ann", "Ann.example"), profile("1", "twin.example"), profile("2", "twin.example")];
            let (mut writer, _) = store::open(dir.path()).await.unwrap();
            writer.commit(&Commit { new, authors, ..Commit::default() }).await.unwrap();
            writer.close().await.unwrap();
        });
        let correct = |account: &str, spam| {
            let configured = Configured { config: None, data_dir: Some(dir.path().to_owned()) };
            Correct { source: "hn".into(), account: account.into(), spam, configured }.run()
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
        assert!(correct("@ann.Example", Spam::No).is_ok());
        assert_eq!(judged(), AuthorSpam::said(false));
        for (account, says) in [("nobody", "nothing is stored of"), ("twin.example", "several accounts")] {
            let Err(Failure::Work(error)) = correct(account, Spam::No) else { panic!("{account}") };
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
