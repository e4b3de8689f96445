//! First half of the way in: language, scores and cluster of every wanted post, in order, on a thread of its own, while
//! the second half commits what was judged before. The best model scores while it keeps up. When posts wait, the fast tier
//! does, and `rescore` comes back to them.

use crate::classify::Classifier;
use crate::cluster;
use crate::mention::Scores;
use crate::metric::Metrics;
use crate::post::Post;
use crate::source::intake::{Batch, Item, Load};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Posts on their way from which on the fast tier takes over: about a tenth of a second of the encoder's work, which an
/// alert may wait.
const HURRY_FROM: usize = 64;
/// So long it goes on after that: a stream that is too much for the encoder is so for a while, and each try makes posts
/// wait.
const HURRY_FOR: Duration = Duration::from_secs(20);

/// Whether more comes than the encoder keeps up with; known to `rescore` too, which takes its hands off the machine then.
#[derive(Debug, Default)]
pub struct Hurry(Mutex<Option<Instant>>);

impl Hurry {
    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_on(&self, now: Instant) -> bool {
        self.until().is_some_and(|until| now < until)
    }

    /// Whether it is on with so many posts on their way.
    fn with(&self, waiting: usize, now: Instant) -> bool {
        if waiting > HURRY_FROM {
            *self.until() = Some(now + HURRY_FOR);
        }
        self.is_on(now)
    }
}

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

/// What the judging thread works with.
pub struct Judge {
    pub classifier: Arc<Classifier>,
    /// Of the way that it is on.
    pub load: Load,
    pub hurry: Arc<Hurry>,
    pub metrics: Arc<Metrics>,
}

impl Judge {
    /// Starts the thread, which runs until either channel closes.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn spawn(
        self,
        batches: mpsc::Receiver<Batch>,
        judged: mpsc::Sender<Judged>,
    ) -> std::io::Result<std::thread::JoinHandle<()>> {
        std::thread::Builder::new().name("judge".into()).spawn(move || self.run(batches, &judged))
    }

    fn run(&self, mut batches: mpsc::Receiver<Batch>, judged: &mpsc::Sender<Judged>) {
        while let Some(batch) = batches.blocking_recv() {
            let hurries = self.hurry.with(self.load.waiting(), Instant::now());
            let opinions = self.opinions(&batch.items, hurries);
            let scores = opinions.iter().flatten().map(|opinion| opinion.scores.as_ref());
            self.metrics.scored(scores.map(|scores| scores.map(|scores| scores.tier)));
            if judged.blocking_send(Judged { batch, opinions }).is_err() {
                return;
            }
        }
    }

    fn opinions(&self, items: &[Item], hurries: bool) -> Vec<Option<Opinion>> {
        let posts = || {
            items.iter().map(|item| match item {
                Item::Post(post, _) => Some(&**post),
                _ => None,
            })
        };
        let known: Vec<&Post<'_>> = posts().flatten().collect();
        let best = if hurries { None } else { best(&self.classifier, &known) };
        let mut best = best.into_iter().flatten();
        let mut opinion = |post: &Post<'_>| match best.next() {
            Some(scores) => Opinion { scores, cluster: cluster::fingerprint(&readable(post)) },
            None => fast(&self.classifier, post),
        };
        posts().map(|post| post.map(&mut opinion)).collect()
    }
}

/// The scores of each post by the best model; `None` when it cannot tell now.
pub fn best(classifier: &Classifier, posts: &[&Post<'_>]) -> Option<Vec<Option<Scores>>> {
    let texts: Vec<Cow<'_, str>> = posts.iter().map(|post| readable(post)).collect();
    let asked: Vec<_> = texts.iter().zip(posts).map(|(text, post)| (&**text, post.lang.as_deref())).collect();
    // Texts that trip a defect of ours must not stop the stream for ever: the fast tier scores them one by one.
    let scored = catch_unwind(AssertUnwindSafe(|| classifier.score_all(&asked)));
    if scored.is_err() {
        tracing::error!(posts = posts.len(), "scoring panicked; the fast tier scores instead");
    }
    scored.ok()
}

fn fast(classifier: &Classifier, post: &Post<'_>) -> Opinion {
    let _span = tracing::debug_span!("judge", source = %post.source, id = %post.id).entered();
    catch_unwind(AssertUnwindSafe(|| judge(classifier, post))).unwrap_or_else(|_| {
        tracing::error!(source = %post.source, id = %post.id, "scoring panicked; the mention is kept without scores");
        Opinion::default()
    })
}

/// What the fast tier thinks of a post before it is a mention.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_hurried_through_for_a_while() {
        let (hurry, began) = (Hurry::default(), Instant::now());
        assert!(!hurry.with(HURRY_FROM, began) && !hurry.is_on(began));
        assert!(hurry.with(HURRY_FROM + 1, began));
        let shortly = began + HURRY_FOR - Duration::from_secs(1);
        assert!(hurry.with(0, shortly) && hurry.is_on(shortly));
        assert!(!hurry.is_on(began + HURRY_FOR), "nothing came meanwhile: over by itself");
        assert!(hurry.with(HURRY_FROM + 1, shortly) && hurry.is_on(began + HURRY_FOR), "more came: longer");
    }
}
