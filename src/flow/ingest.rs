//! Middle of the way in: what is new, edited or gone; the rules; ONE transaction for mentions, alert changes, outbox rows
//! and cursors, put together while the one before is being committed. The only owner of the rule engine.

use super::draft::{Draft, older, replayed, tombstone};
use super::judge::{Judged, Opinion};
use super::patience::retrying;
use super::pipeline::warmed_engine;
use super::under_way::{Gone, UnderWay};
use super::{Clock, Command, Event, Told};
use crate::alert::{Delivery, DeliveryState};
use crate::brand::{FollowKind, FollowerEvent};
use crate::cluster::copies::Copies;
use crate::mention::{Mention, Tier};
use crate::metric::Metrics;
use crate::post::{Author, Post};
use crate::rule::{Engine, RuleSet};
use crate::source::intake::Item;
use crate::store::{self, DeliveryOutcome, Known, Range, Reader};
use crate::watch::Match;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc};
use tokio::time::MissedTickBehavior;

/// Items of one transaction. Enough that the fsync is a small part of its cost; few enough that one commit stays
/// within some tens of milliseconds.
pub const COMMIT_ITEMS_MAX: usize = 4_096;

/// How often alerts that went quiet are looked for.
const TICK: Duration = Duration::from_secs(1);

/// Everything the loop owns.
pub struct Ingest {
    pub engine: Engine,
    pub copies: Copies,
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
    /// Of the next new mention.
    pub next_seq: i64,
    /// What the fast tier scored is scored again by a better model.
    pub refines: bool,
    pub under_way: UnderWay,
}

/// What comes in.
pub struct Inlets {
    pub judged: mpsc::Receiver<Judged>,
    pub commands: mpsc::Receiver<Command>,
    pub outcomes: mpsc::Receiver<DeliveryOutcome>,
    pub profiles: mpsc::Receiver<(String, Vec<Author<'static>>)>,
    pub found: mpsc::Receiver<Told>,
}

/// Why the loop ends early.
enum Stop {
    /// The committing task has ended and tells why.
    Gone,
    Store(store::Error),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Stop::Gone
    }
}

impl From<store::Error> for Stop {
    fn from(error: store::Error) -> Self {
        Stop::Store(error)
    }
}

impl Ingest {
    /// Runs until all batches are in and `inlets.judged` is closed: closing the sources is the way to stop it.
    ///
    /// # Errors
    /// [`store::Error::Stop`]: the store is damaged; the process must end.
    pub async fn run(mut self, inlets: &mut Inlets) -> Result<(), store::Error> {
        match self.take_in(inlets).await {
            Err(Stop::Store(error)) => Err(error),
            Err(Stop::Gone) | Ok(()) => Ok(()),
        }
    }

    /// A draft gathers what comes in until it is due and the one before is on the disk.
    async fn take_in(&mut self, inlets: &mut Inlets) -> Result<(), Stop> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut draft = Draft::default();
        loop {
            self.conclude(&mut draft);
            let now = Instant::now();
            let due = draft.due(now);
            let is_due = due.is_some_and(|due| due <= now);
            tokio::select! {
                biased;
                settled = self.under_way.settled(), if is_due => {
                    settled?;
                    self.under_way.send(std::mem::take(&mut draft)).await?;
                }
                Some(command) = inlets.commands.recv() => self.command(command, &mut draft).await?,
                _ = tick.tick() => self.engine.tick(self.clock.now()),
                Some(outcome) = inlets.outcomes.recv() => {
                    draft.commit.outcomes.push(outcome);
                    while let Ok(outcome) = inlets.outcomes.try_recv() {
                        draft.commit.outcomes.push(outcome);
                    }
                }
                Some((source, authors)) = inlets.profiles.recv() => {
                    draft.commit.authors.extend(authors.into_iter().map(|author| (source.clone(), author)));
                }
                Some((found, done)) = inlets.found.recv() => {
                    draft.take(found, &mut self.engine);
                    draft.answers.push((done, true));
                }
                judged = inlets.judged.recv(), if draft.items < COMMIT_ITEMS_MAX => match judged {
                    Some(judged) => self.take_all(judged, inlets, &mut draft).await?,
                    None => break,
                },
                () = tokio::time::sleep_until(due.unwrap_or(now).into()), if due.is_some() && !is_due => {}
            }
        }
        self.conclude(&mut draft);
        if !draft.is_empty() {
            self.under_way.settled().await?;
            self.under_way.send(draft).await?;
        }
        Ok(())
    }

    /// Everything that has arrived goes in together.
    async fn take_all(&mut self, first: Judged, inlets: &mut Inlets, draft: &mut Draft) -> Result<(), Stop> {
        let mut group = vec![first];
        draft.items += group[0].batch.items.len();
        while draft.items < COMMIT_ITEMS_MAX {
            let Ok(next) = inlets.judged.try_recv() else { break };
            draft.items += next.batch.items.len();
            group.push(next);
        }
        self.look_up(&group, draft).await?;
        let profiles = self.profiles(&group).await?;
        let now = self.clock.now();
        for Judged { batch, opinions } in group {
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

    /// Adds to the draft what is known of the group's posts: from the draft under way, else from the store.
    async fn look_up(&mut self, group: &[Judged], draft: &mut Draft) -> Result<(), store::Error> {
        self.under_way.look();
        let mut keys = Vec::new();
        for item in group.iter().flat_map(|judged| &judged.batch.items) {
            let id = match item {
                Item::Post(post, _) => post.id.as_str(),
                Item::Delete { id, .. } => id,
                _ => continue,
            };
            let key = store::key(id);
            if draft.known.contains_key(&key) {
                continue;
            }
            match self.under_way.known(&key) {
                Some(known) => drop(draft.known.insert(key, known.clone())),
                None => keys.push(key),
            }
        }
        keys.sort_unstable();
        keys.dedup();
        for (key, known) in retrying!(self.reader.known(&keys))? {
            draft.known.entry(key).or_default().push(known);
        }
        Ok(())
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
            for author in retrying!(self.reader.authors(source, &ids))? {
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
            Item::Post(mut post, matches) => {
                if let Some(id) = post.author.id.as_deref()
                    && let Some(profile) = profiles.get(&(post.source.to_string(), id.to_owned()))
                {
                    post.author = std::mem::take(&mut post.author).completed_by(profile);
                }
                self.post(source, *post, matches, &opinion, now, draft);
            }
            Item::Delete { source, id, .. } => {
                let known = draft.known.get_mut(&store::key(&id)).map(Vec::as_mut_slice).unwrap_or_default();
                let live: Vec<i64> = known
                    .iter_mut()
                    .filter(|known| !known.deleted && *known.source == *source)
                    .map(|known| {
                        known.deleted = true;
                        known.seq
                    })
                    .collect();
                self.delete(live, now, draft).await?;
            }
            Item::AuthorGone { author, .. } => {
                self.under_way.look();
                let mut seqs = retrying!(self.reader.mentions_of_author(source, &author))?;
                let new = self.under_way.new_mentions().iter().chain(&draft.commit.new);
                let by_author = new.filter(|new| {
                    *new.post.source == **source && new.post.author.id.as_deref() == Some(author.as_str())
                });
                seqs.extend(by_author.map(|mention| mention.seq));
                self.delete(seqs, now, draft).await?;
            }
            Item::Follower(event) => draft.commit.followers.push(event),
            Item::UnfollowRecord { follower, record, at } => {
                if let Some(account) = self.followed(source, &record, draft).await? {
                    let source = source.to_string();
                    let kind = FollowKind::Unfollow;
                    draft.commit.followers.push(FollowerEvent { source, account, follower, record, at, kind });
                }
            }
        }
        Ok(())
    }

    /// The own account that a follow record pointed at.
    async fn followed(&mut self, source: &str, record: &str, draft: &Draft) -> Result<Option<String>, store::Error> {
        self.under_way.look();
        let fresh = self.under_way.followers().iter().chain(&draft.commit.followers).rev();
        let same = |event: &&FollowerEvent| event.source == source && event.record == record && !record.is_empty();
        match fresh.into_iter().find(same) {
            Some(event) => Ok((event.kind == FollowKind::Follow).then(|| event.account.clone())),
            None => Ok(retrying!(self.reader.follow_record(source, record))?.map(|(account, _)| account)),
        }
    }

    fn post(
        &mut self,
        source: &Arc<str>,
        post: Post<'static>,
        matches: Vec<Match>,
        opinion: &Opinion,
        now: Timestamp,
        draft: &mut Draft,
    ) {
        let source = if **source == *post.source { source.clone() } else { post.source.as_str().into() };
        let (key, content, edited_at) = (store::key(&post.id), store::content(&post), post.edited_at);
        let mut known = draft.known.remove(&key).unwrap_or_default();
        let single = matches.len() == 1;
        let mut post = Some(post);
        for Match { brand, watches } in matches {
            let before = known.iter_mut().find(|known| known.brand == brand && known.source == source);
            // A deleted post stays deleted: what comes again is a replay.
            let repeats =
                |known: &Known| known.deleted || known.content == content || older(edited_at, known.edited_at);
            if before.as_deref().is_some_and(repeats) {
                self.metrics.duplicates.inc();
                continue;
            }
            let copy = if single { post.take() } else { post.clone() };
            let Some(copy) = copy else { break };
            let seq = before.as_deref().map_or(self.next_seq, |known| known.seq);
            let watches = watches.iter().map(ToString::to_string).collect();
            let mention = Mention {
                scores: opinion.scores.clone(),
                cluster_size: opinion.cluster.as_deref().map(|cluster| self.copies.another(&brand, cluster, now)),
                cluster: opinion.cluster.clone(),
                ..Mention::new(copy, seq, &*brand, watches, now)
            };
            if self.refines && opinion.scores.as_ref().is_some_and(|scores| scores.tier == Tier::Fast) {
                Range::extend(&mut draft.commit.rescore, seq);
            }
            match before {
                None => {
                    let (source, seq) = (source.clone(), mention.seq);
                    known.push(Known { source, seq, brand, deleted: false, edited_at, content });
                    self.next_seq += 1;
                    self.judge(&mention, now);
                    draft.commit.new.push(Arc::new(mention));
                }
                Some(before) => {
                    (before.edited_at, before.content) = (edited_at, content);
                    draft.edit(mention);
                }
            }
        }
        draft.known.insert(key, known);
    }

    fn judge(&mut self, mention: &Mention, now: Timestamp) {
        let verdict = self.engine.judge(mention, now);
        if verdict.unknown > 0 {
            self.metrics.rules_unknown.inc_by(u64::from(verdict.unknown));
        }
    }

    async fn delete(&mut self, seqs: Vec<i64>, now: Timestamp, draft: &mut Draft) -> Result<(), store::Error> {
        if self.events.receiver_count() > 0 && !seqs.is_empty() {
            let stored = retrying!(self.reader.mentions(&seqs))?;
            let fresh = self.under_way.new_mentions().iter().chain(&draft.commit.new);
            let fresh = fresh.filter(|mention| seqs.contains(&mention.seq)).map(|mention| tombstone(mention));
            draft.gone.extend(stored.iter().map(tombstone).chain(fresh));
        }
        for seq in seqs {
            self.engine.forget(seq, now);
            draft.commit.edited.retain(|mention| mention.seq != seq);
            draft.commit.deleted.push(seq);
        }
        Ok(())
    }

    async fn command(&mut self, command: Command, draft: &mut Draft) -> Result<(), Stop> {
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
                // The windows of the new rules are warmed from the store: everything must be in it.
                self.conclude(draft);
                self.under_way.settled().await?;
                self.under_way.send(std::mem::take(draft)).await?;
                self.under_way.settled().await?;
                let rules = self.rules.load_full();
                self.engine =
                    retrying!(warmed_engine(rules.clone(), &self.kinds, &self.reader, &mut self.copies, now))?;
                (done, true)
            }
            Command::Rescore { done } => {
                if self.refines {
                    draft.commit.rescore.push(Range { first: 1, last: self.next_seq - 1 });
                }
                (done, self.refines)
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
            if let Some(news) = change.news {
                let hooks = if change.hooks.is_empty() { &self.hooks } else { &change.hooks };
                let deliveries = hooks.iter().map(|hook| Delivery::pending(&change.alert, hook, news, now));
                draft.commit.deliveries.extend(deliveries.map(Arc::new));
            }
            draft.commit.alerts.push(change);
        }
    }
}

type Profiles = HashMap<(String, String), Author<'static>>;

#[cfg(test)]
mod tests;
