//! Second half of the way in: what is new, edited or gone; the rules; ONE transaction for mentions, alert changes,
//! outbox rows and cursors. The only owner of the store's writer and of the rule engine.

use super::judge::{Judged, Opinion};
use super::pipeline::warmed_engine;
use super::{Clock, Command, Event};
use crate::alert::{Change, Delivery, DeliveryState};
use crate::brand::{FollowKind, FollowerEvent};
use crate::mention::{AuthorSpam, Mention, Status};
use crate::metric::Metrics;
use crate::post::{Author, Post};
use crate::rule::{Engine, RuleSet};
use crate::source::intake::Item;
use crate::store::{self, Commit, DeliveryOutcome, Known, Reader, Writer};
use crate::watch::Match;
use crate::wire::backoff::Backoff;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

/// Items of one transaction. Enough that the fsync is a small part of its cost; few enough that one commit stays
/// within some tens of milliseconds.
pub const COMMIT_ITEMS_MAX: usize = 4_096;

/// A cursor that moved without anything to store waits this long for company.
const CURSOR_PATIENCE: Duration = Duration::from_secs(1);

/// The outcome of a delivery waits this long for company, so that it costs no fsync of its own while fresh frames wait.
/// A crash in between repeats the delivery under the same id.
const OUTCOME_PATIENCE: Duration = Duration::from_millis(200);
/// This many outcomes are company enough.
const OUTCOMES_MAX: usize = 1_000;

/// How often alerts that went quiet are looked for.
const TICK: Duration = Duration::from_secs(1);

/// A full disk is asked again this often at most.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(10);

/// Asks the store again until it answers. A macro, since the question borrows the writer anew each time.
macro_rules! retrying {
    ($ask:expr) => {{
        let mut patience = Patience::new();
        loop {
            match $ask.await {
                Ok(answer) => break Ok::<_, store::Error>(answer),
                Err(error) => patience.wait(error).await?,
            }
        }
    }};
}

/// Everything the loop owns.
pub struct Ingest {
    pub writer: Writer,
    pub engine: Engine,
    /// For building the engine anew when the rules change.
    pub reader: Reader,
    pub kinds: Vec<(String, &'static str)>,
    /// The rules in force; replaced by whoever read them, taken over at [`Command::Rules`].
    pub rules: Arc<ArcSwap<RuleSet>>,
    /// Ids of the configured hooks: an alert without a route goes to all of them.
    pub hooks: Vec<String>,
    /// Sources whose authors are looked up, so that a cached profile is worth asking for.
    pub looked_up: HashSet<String>,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub events: broadcast::Sender<Event>,
    /// Counts commits: wakes the index.
    pub stored: watch::Sender<u64>,
    /// Fresh outbox rows: wakes delivery.
    pub outbox: mpsc::Sender<Fresh>,
}

/// Outbox rows just committed. When the channel is full, delivery finds them in the store.
pub struct Fresh {
    pub deliveries: Vec<Arc<Delivery>>,
    /// When the frame came in that the commit began with.
    pub received_at: Instant,
}

/// What comes in.
pub struct Inlets {
    pub judged: mpsc::Receiver<Judged>,
    pub commands: mpsc::Receiver<Command>,
    pub outcomes: mpsc::Receiver<DeliveryOutcome>,
    pub profiles: mpsc::Receiver<(String, Vec<Author<'static>>)>,
}

/// One transaction while it is put together, and whom to tell after it.
#[derive(Default)]
struct Draft {
    commit: Commit,
    items: usize,
    /// Mentions of this draft by (source, id): a post may come twice in one transaction.
    fresh: HashMap<(String, String), Vec<Known>>,
    /// What watchers knew of what is deleted: its identity only.
    gone: Vec<Mention>,
    done: Vec<oneshot::Sender<()>>,
    answers: Vec<(oneshot::Sender<bool>, bool)>,
    received_at: Option<Instant>,
    next_seq: i64,
}

impl Ingest {
    /// Runs until all batches are in and `inlets.judged` is closed: closing the sources is the way to stop it.
    ///
    /// # Errors
    /// [`store::Error::Stop`]: the store is damaged; the process must end.
    pub async fn run(&mut self, inlets: &mut Inlets) -> Result<(), store::Error> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut draft = Draft::default();
        let mut deadline: Option<tokio::time::Instant> = None;
        loop {
            draft.next_seq = self.writer.next_seq();
            let patience = deadline.unwrap_or_else(|| tokio::time::Instant::now() + CURSOR_PATIENCE);
            let mut open = true;
            tokio::select! {
                biased;
                Some(command) = inlets.commands.recv() => self.command(command, &mut draft).await?,
                _ = tick.tick() => self.engine.tick(self.clock.now()),
                Some(outcome) = inlets.outcomes.recv() => draft.commit.outcomes.push(outcome),
                Some((source, authors)) = inlets.profiles.recv() => {
                    draft.commit.authors.extend(authors.into_iter().map(|author| (source.clone(), author)));
                }
                judged = inlets.judged.recv() => match judged {
                    Some(judged) => self.take_all(judged, inlets, &mut draft).await?,
                    None => open = false,
                },
                () = tokio::time::sleep_until(patience), if deadline.is_some() => {}
            }
            while let Ok(outcome) = inlets.outcomes.try_recv() {
                draft.commit.outcomes.push(outcome);
            }
            self.conclude(&mut draft);
            if let Some(patience) = draft.patience().filter(|_| open) {
                let at = *deadline.get_or_insert_with(|| tokio::time::Instant::now() + patience);
                if draft.is_empty() {
                    deadline = None;
                }
                if draft.is_empty() || tokio::time::Instant::now() < at {
                    continue;
                }
            }
            deadline = None;
            self.store(std::mem::take(&mut draft)).await?;
            if !open {
                return Ok(());
            }
        }
    }

    /// Leaves the store clean for the next start.
    ///
    /// # Errors
    /// As the store's; nothing is lost.
    pub async fn close(self) -> Result<(), store::Error> {
        self.writer.close().await
    }

    /// Everything that has arrived shares the transaction.
    async fn take_all(&mut self, first: Judged, inlets: &mut Inlets, draft: &mut Draft) -> Result<(), store::Error> {
        let mut group = vec![first];
        let mut items = group[0].batch.items.len();
        while items < COMMIT_ITEMS_MAX {
            let Ok(next) = inlets.judged.try_recv() else { break };
            items += next.batch.items.len();
            group.push(next);
        }
        let known = self.known(&group).await?;
        for (key, known) in known {
            draft.fresh.entry(key).or_default().push(known);
        }
        let profiles = self.profiles(&group).await?;
        let now = self.clock.now();
        for Judged { batch, opinions } in group {
            draft.items += batch.items.len();
            if !batch.items.is_empty() {
                draft.received_at = Some(draft.received_at.map_or(batch.received_at, |at| at.min(batch.received_at)));
            }
            for (item, opinion) in batch.items.into_iter().zip(opinions) {
                let now = self.clock.hear(&item, now);
                self.item(&batch.source, item, opinion.unwrap_or_default(), &profiles, now, draft).await?;
            }
            draft.commit.gaps.extend(batch.gaps.into_iter().map(|gap| (batch.source.clone(), gap)));
            if let Some(cursor) = batch.cursor {
                draft.commit.cursors.retain(|(source, _)| *source != batch.source);
                draft.commit.cursors.push((batch.source.clone(), cursor));
            }
            draft.done.extend(batch.done);
        }
        Ok(())
    }

    async fn known(&mut self, group: &[Judged]) -> Result<Vec<((String, String), Known)>, store::Error> {
        let mut keys = Vec::new();
        for judged in group {
            for item in &judged.batch.items {
                match item {
                    Item::Post(post, _) => keys.push((post.source.as_str(), post.id.as_str())),
                    Item::Delete { source, id, .. } => keys.push((source.as_str(), id.as_str())),
                    _ => {}
                }
            }
        }
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() { Ok(Vec::new()) } else { retrying!(self.writer.known(&keys)) }
    }

    /// Cached profiles of the group's authors, by (source, native id).
    async fn profiles(&mut self, group: &[Judged]) -> Result<Profiles, store::Error> {
        let mut wanted: HashMap<&str, HashSet<&str>> = HashMap::new();
        for judged in group {
            for item in &judged.batch.items {
                let Item::Post(post, _) = item else { continue };
                if let (true, Some(id)) = (self.looked_up.contains(post.source.as_str()), post.author.id.as_deref()) {
                    wanted.entry(post.source.as_str()).or_default().insert(id);
                }
            }
        }
        let mut profiles = Profiles::new();
        for (source, ids) in wanted {
            let ids: Vec<&str> = ids.into_iter().collect();
            for author in retrying!(self.writer.authors(source, &ids))? {
                if let Some(id) = author.id.as_deref() {
                    profiles.insert((source.to_owned(), id.to_owned()), author);
                }
            }
        }
        Ok(profiles)
    }

    async fn item(
        &mut self,
        source: &Arc<str>,
        item: Item,
        opinion: Opinion,
        profiles: &Profiles,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<(), store::Error> {
        match item {
            Item::Post(post, matches) => self.post(*post, matches, &opinion, profiles, now, draft),
            Item::Delete { source, id, .. } => {
                let gone = draft.fresh.get_mut(&(source, id)).map(Vec::as_mut_slice).unwrap_or_default();
                let live: Vec<i64> = gone
                    .iter_mut()
                    .filter(|known| !known.deleted)
                    .map(|known| {
                        known.deleted = true;
                        known.seq
                    })
                    .collect();
                self.delete(live, now, draft).await?;
            }
            Item::AuthorGone { author, .. } => {
                let mut seqs = retrying!(self.writer.mentions_of_author(source, &author))?;
                let by_author =
                    |m: &&Mention| *m.post.source == **source && m.post.author.id.as_deref() == Some(&author);
                seqs.extend(draft.commit.new.iter().filter(by_author).map(|mention| mention.seq));
                self.delete(seqs, now, draft).await?;
            }
            Item::Follower(event) => draft.commit.followers.push(event),
            Item::UnfollowRecord { follower, record, at } => {
                let found = retrying!(self.writer.follow_record(source, &record))?;
                if let Some((account, _)) = found {
                    let source = source.to_string();
                    let kind = FollowKind::Unfollow;
                    draft.commit.followers.push(FollowerEvent { source, account, follower, record, at, kind });
                }
            }
        }
        Ok(())
    }

    fn post(
        &mut self,
        mut post: Post<'static>,
        matches: Vec<Match>,
        opinion: &Opinion,
        profiles: &Profiles,
        now: Timestamp,
        draft: &mut Draft,
    ) {
        if let Some(id) = post.author.id.as_deref()
            && let Some(profile) = profiles.get(&(post.source.to_string(), id.to_owned()))
        {
            post.author = completed(post.author, profile);
        }
        let key = (post.source.to_string(), post.id.to_string());
        let content = store::content(&post);
        let known = draft.fresh.entry(key).or_default();
        let single = matches.len() == 1;
        let mut post = Some(post);
        for Match { brand, watches } in matches {
            let before = known.iter_mut().find(|known| known.brand == brand);
            let seq = match &before {
                None => draft.next_seq,
                // A deleted post stays deleted: what comes again is a replay.
                Some(known) if known.deleted || known.content == content => {
                    self.metrics.duplicates.inc();
                    continue;
                }
                Some(known) if older(post.as_ref().and_then(|post| post.edited_at), known.edited_at) => {
                    self.metrics.duplicates.inc();
                    continue;
                }
                Some(known) => known.seq,
            };
            let copy = if single { post.take() } else { post.clone() };
            let Some(copy) = copy else { break };
            let edited_at = copy.edited_at;
            let mention = Mention {
                post: copy,
                seq,
                brand: brand.to_string(),
                watches: watches.iter().map(ToString::to_string).collect(),
                seen_at: now,
                scores: opinion.scores.clone(),
                author_spam: AuthorSpam::default(),
                cluster: opinion.cluster.clone(),
                status: Status::New,
                assignee: None,
                note: None,
                correction: None,
            };
            match before {
                None => {
                    known.push(Known { seq, brand, deleted: false, edited_at, content });
                    draft.next_seq += 1;
                    self.judge(&mention, now);
                    draft.commit.new.push(mention);
                }
                Some(before) => {
                    (before.edited_at, before.content) = (edited_at, content);
                    match draft.commit.new.iter_mut().find(|new| new.seq == seq) {
                        Some(new) => *new = mention,
                        None => {
                            draft.commit.edited.retain(|edited| edited.seq != seq);
                            draft.commit.edited.push(mention);
                        }
                    }
                }
            }
        }
    }

    fn judge(&mut self, mention: &Mention, now: Timestamp) {
        let verdict = self.engine.judge(mention, now);
        if verdict.unknown > 0 {
            self.metrics.rules_unknown.inc_by(u64::from(verdict.unknown));
        }
    }

    async fn delete(&mut self, seqs: Vec<i64>, now: Timestamp, draft: &mut Draft) -> Result<(), store::Error> {
        if self.events.receiver_count() > 0 && !seqs.is_empty() {
            draft.gone.extend(retrying!(self.reader.mentions(&seqs))?.into_iter().map(tombstone));
        }
        for seq in seqs {
            self.engine.forget(seq, now);
            draft.commit.edited.retain(|mention| mention.seq != seq);
            draft.commit.deleted.push(seq);
        }
        Ok(())
    }

    async fn command(&mut self, command: Command, draft: &mut Draft) -> Result<(), store::Error> {
        let now = self.clock.now();
        let (done, found) = match command {
            Command::Patch { seq, patch, done } => {
                let found = retrying!(self.reader.mention(seq))?.is_some();
                if found {
                    draft.commit.patches.push((seq, patch));
                }
                (done, found)
            }
            Command::Acknowledge { alert, who, done } => (done, self.engine.acknowledge(&alert, &who, now)),
            Command::Resolve { alert, who, done } => (done, self.engine.resolve(&alert, &who, now)),
            Command::Rules { done } => {
                let rules = self.rules.load_full();
                self.engine = retrying!(warmed_engine(rules.clone(), &self.kinds, &self.reader, now))?;
                (done, true)
            }
            Command::Replay { delivery, done } => {
                let found = retrying!(self.reader.delivery(&delivery))?;
                let dead = found.filter(|delivery| delivery.state == DeliveryState::Dead);
                let found = dead.is_some();
                draft.commit.outcomes.extend(dead.map(|dead| replayed(&dead, now)));
                (done, found)
            }
        };
        draft.answers.push((done, found));
        Ok(())
    }

    /// What the rules want done becomes part of the transaction.
    fn conclude(&mut self, draft: &mut Draft) {
        let now = self.clock.now();
        for change in self.engine.take_changes() {
            self.announce(&change, now, &mut draft.commit.deliveries);
            draft.commit.alerts.push(change);
        }
    }

    fn announce(&self, change: &Change, now: Timestamp, deliveries: &mut Vec<Delivery>) {
        let Some(news) = change.news else { return };
        let hooks = if change.hooks.is_empty() { &self.hooks } else { &change.hooks };
        for hook in hooks {
            deliveries.push(Delivery::pending(&change.alert, hook, news, now));
        }
    }

    async fn store(&mut self, draft: Draft) -> Result<(), store::Error> {
        let Draft { commit, items, gone, done, answers, received_at, .. } = draft;
        let began = Instant::now();
        if !is_empty(&commit) {
            retrying!(self.writer.commit(&commit))?;
            self.metrics.commit_seconds.observe(began.elapsed().as_secs_f64());
            self.metrics.commit_posts.observe(items as f64);
            self.metrics.mentions_stored.inc_by(commit.new.len() as u64);
        }
        // Whoever waited may have given up: what matters is that it is stored.
        let heard = done.into_iter().filter_map(|done| done.send(()).ok()).count();
        let answered = answers.into_iter().filter_map(|(done, found)| done.send(found).ok()).count();
        tracing::trace!(items, heard, answered, "committed");
        self.tell(commit, gone, received_at.unwrap_or(began));
        Ok(())
    }

    /// After the commit: wakes index and delivery, tells who watches live.
    fn tell(&mut self, commit: Commit, gone: Vec<Mention>, received_at: Instant) {
        if !commit.new.is_empty()
            || !commit.edited.is_empty()
            || !commit.deleted.is_empty()
            || !commit.patches.is_empty()
            || !commit.authors.is_empty()
        {
            self.stored.send_modify(|count| *count += 1);
        }
        if !commit.deliveries.is_empty() {
            let deliveries = commit.deliveries.into_iter().map(Arc::new).collect();
            // A full channel is no loss: delivery reads the store when it has caught up.
            drop(self.outbox.try_send(Fresh { deliveries, received_at }));
        }
        for change in &commit.alerts {
            if change.news == Some(crate::alert::News::Opened) {
                self.metrics.alert_opened(&change.alert.rule);
            }
        }
        if self.events.receiver_count() == 0 {
            return;
        }
        for mention in commit.new.into_iter().chain(commit.edited).chain(gone) {
            drop(self.events.send(Event::Mention(Arc::new(mention))));
        }
        for change in commit.alerts {
            drop(self.events.send(Event::Alert(Arc::new(change.alert))));
        }
    }
}

type Profiles = HashMap<(String, String), Author<'static>>;

impl Draft {
    fn is_empty(&self) -> bool {
        is_empty(&self.commit) && self.done.is_empty() && self.answers.is_empty()
    }

    /// How long this may wait for company; `None`: somebody waits for it.
    fn patience(&self) -> Option<Duration> {
        let commit = &self.commit;
        let idle = self.done.is_empty()
            && self.answers.is_empty()
            && commit.new.is_empty()
            && commit.edited.is_empty()
            && commit.deleted.is_empty()
            && commit.followers.is_empty()
            && commit.gaps.is_empty()
            && commit.alerts.is_empty()
            && commit.authors.is_empty()
            && commit.patches.is_empty()
            && commit.outcomes.len() < OUTCOMES_MAX;
        idle.then_some(if commit.outcomes.is_empty() { CURSOR_PATIENCE } else { OUTCOME_PATIENCE })
    }
}

fn is_empty(commit: &Commit) -> bool {
    commit.new.is_empty()
        && commit.edited.is_empty()
        && commit.deleted.is_empty()
        && commit.patches.is_empty()
        && commit.authors.is_empty()
        && commit.followers.is_empty()
        && commit.gaps.is_empty()
        && commit.alerts.is_empty()
        && commit.deliveries.is_empty()
        && commit.outcomes.is_empty()
        && commit.cursors.is_empty()
}

/// An edit that is older than what we hold.
fn older(offered: Option<Timestamp>, held: Option<Timestamp>) -> bool {
    matches!((offered, held), (Some(offered), Some(held)) if offered < held) || (offered.is_none() && held.is_some())
}

/// What the post says of its author, completed by the cached profile.
fn completed(author: Author<'static>, profile: &Author<'static>) -> Author<'static> {
    Author {
        id: author.id,
        handle: author.handle.or_else(|| profile.handle.clone()),
        name: author.name.or_else(|| profile.name.clone()),
        bio: author.bio.or_else(|| profile.bio.clone()),
        followers: author.followers.or(profile.followers),
        following: author.following.or(profile.following),
        posts: author.posts.or(profile.posts),
        has_avatar: author.has_avatar.or(profile.has_avatar),
        created_at: author.created_at.or(profile.created_at),
    }
}

/// What is told of a deleted mention.
fn tombstone(mention: Mention) -> Mention {
    Mention {
        post: mention.post.tombstone(),
        scores: None,
        author_spam: AuthorSpam::default(),
        cluster: None,
        assignee: None,
        note: None,
        correction: None,
        ..mention
    }
}

fn replayed(dead: &Delivery, now: Timestamp) -> DeliveryOutcome {
    DeliveryOutcome {
        id: dead.id.clone(),
        state: DeliveryState::Pending,
        attempts: 0,
        due_at: now,
        finished_at: None,
        last_error: dead.last_error.clone(),
    }
}

/// What the store has just refused, waited out: a full disk stops the intake (sources wait), it loses nothing.
struct Patience(Backoff);

impl Patience {
    fn new() -> Self {
        Self(Backoff::new(RETRY_FIRST, RETRY_MOST))
    }

    async fn wait(&mut self, error: store::Error) -> Result<(), store::Error> {
        let store::Error::Retry(reason) = error else { return Err(error) };
        let wait = self.0.next();
        tracing::error!(reason, ?wait, "the store does not take writes; everything waits");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_edit_is_told_from_a_newer_one() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        for (offered, held, is_older) in [
            (None, None, false),
            (at(5), None, false),
            (None, at(5), true),
            (at(4), at(5), true),
            (at(5), at(5), false),
            (at(6), at(5), false),
        ] {
            assert_eq!(older(offered, held), is_older, "{offered:?} {held:?}");
        }
    }

    #[test]
    fn a_profile_completes_and_never_overrules() {
        let said = Author { id: Some("u".into()), name: Some("Ann".into()), followers: Some(0), ..Author::default() };
        let profile = Author { name: Some("Anna".into()), followers: Some(9), posts: Some(3), ..Author::default() };
        let author = completed(said, &profile);
        assert_eq!((author.id.as_deref(), author.name.as_deref()), (Some("u"), Some("Ann")));
        assert_eq!((author.followers, author.posts), (Some(0), Some(3)));
    }

    #[test]
    fn only_what_nobody_waits_for_waits_for_company() {
        let cursor = || {
            let mut draft = Draft::default();
            draft.commit.cursors.push(("s".into(), "here".into()));
            draft
        };
        let outcome = || DeliveryOutcome {
            id: "msg".into(),
            state: DeliveryState::Delivered,
            attempts: 1,
            due_at: Timestamp::UNIX_EPOCH,
            finished_at: None,
            last_error: None,
        };
        assert!(Draft::default().is_empty());
        assert_eq!(cursor().patience(), Some(CURSOR_PATIENCE));
        let mut draft = cursor();
        draft.commit.outcomes.push(outcome());
        assert_eq!(draft.patience(), Some(OUTCOME_PATIENCE));
        draft.commit.outcomes.extend((1..OUTCOMES_MAX).map(|_| outcome()));
        assert_eq!(draft.patience(), None);
        let (done, _taken) = oneshot::channel();
        let waited_for = Draft { done: vec![done], ..cursor() };
        assert_eq!(waited_for.patience(), None);
        let mut deleting = cursor();
        deleting.commit.deleted.push(1);
        assert_eq!(deleting.patience(), None);
    }
}
