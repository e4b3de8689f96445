//! First half of the way in: language, scores and cluster of every wanted post, in order, on a thread of its own, while
//! the second half commits what was judged before.

use crate::classify::Classifier;
use crate::cluster;
use crate::mention::Scores;
use crate::post::Post;
use crate::source::intake::{Batch, Item};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A batch with what we think of each of its posts (one entry an item; `None` for what is no post).
pub struct Judged {
    pub batch: Batch,
    pub opinions: Vec<Option<Opinion>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opinion {
    pub scores: Option<Scores>,
    pub cluster: Option<String>,
}

/// Runs until either channel closes.
pub fn run(classifier: &Classifier, mut batches: mpsc::Receiver<Batch>, judged: &mpsc::Sender<Judged>) {
    while let Some(batch) = batches.blocking_recv() {
        let opinions = batch.items.iter().map(|item| opinion(classifier, item)).collect();
        if judged.blocking_send(Judged { batch, opinions }).is_err() {
            return;
        }
    }
}

fn opinion(classifier: &Classifier, item: &Item) -> Option<Opinion> {
    let Item::Post(post, _) = item else { return None };
    let _span = tracing::debug_span!("judge", source = %post.source, id = %post.id).entered();
    // One text that trips a defect of ours must not stop the stream for ever: it stays unscored, and is said.
    let judged = catch_unwind(AssertUnwindSafe(|| judge(classifier, post)));
    Some(judged.unwrap_or_else(|_| {
        tracing::error!(source = %post.source, id = %post.id, "scoring panicked; the mention is kept without scores");
        Opinion::default()
    }))
}

/// What we think of a post before it is a mention.
pub fn judge(classifier: &Classifier, post: &Post<'_>) -> Opinion {
    let text = readable(post);
    Opinion { scores: Some(classifier.score(&text, post.lang.as_deref())), cluster: cluster::fingerprint(&text) }
}

/// Title and text as one: a review's title says as much as its text.
pub fn readable<'p>(post: &'p Post<'_>) -> Cow<'p, str> {
    match post.title.as_deref() {
        Some(title) if !title.is_empty() => Cow::Owned(format!("{title}\n{}", post.text.as_str())),
        _ => Cow::Borrowed(post.text.as_str()),
    }
}

/// Starts the judging thread.
///
/// # Errors
/// The system gives no more threads.
pub fn spawn(
    classifier: Arc<Classifier>,
    batches: mpsc::Receiver<Batch>,
    judged: mpsc::Sender<Judged>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name("judge".into()).spawn(move || run(&classifier, batches, &judged))
}
