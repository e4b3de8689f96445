//! What is said of all followers of an account together: the share of spam with its interval, the likeliest ones with
//! reasons, groups that were made together, and waves with what came beyond the usual.

use super::alike::{Group, groups, raised, raises};
use super::excess::Excess;
use super::growth::{Event, Gap};
use super::inflow::{Found, Inflow};
use super::model::Model;
use super::profile::Profile;
use super::share::{Histogram, Rates, Share};
use super::wave::Wave;
use crate::brand::FollowKind;
use crate::mention::AuthorSpam;
use crate::post::Author;
use jiff::Timestamp;
use serde::Serialize;

/// Profiles that are kept for groups and for naming the likeliest: some hundred megabytes. Further ones are only counted.
const KEPT_MAX: usize = 200_000;
/// From this likelihood on a follower is worth a look. At it, one in 25 genuine profiles of the training data is named.
pub const SUSPICIOUS_FROM: f32 = 0.315;
/// Groups that are told.
const GROUPS_MAX: usize = 50;

/// Takes followers one by one.
pub struct Auditor<'m> {
    model: &'m Model,
    set: Histogram,
    kept: Vec<Profile>,
    /// Whom a person called spam or not: certain, so that neither is asked of the model.
    said: Vec<Suspect>,
    /// No account was made after it.
    now: Timestamp,
}

/// A follower whose profile is known, with what its groups add.
struct Ranked<'a> {
    spam: f32,
    profile: &'a Profile,
    raise: f32,
}

/// Of all followers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// Of those whose profile is known.
    pub share: Share,
    /// Likeliest first.
    pub suspicious: Vec<Suspect>,
    /// How many are as likely, also of those that are not listed.
    pub suspicious_in_all: usize,
    /// Largest first.
    pub groups: Vec<Alike>,
    /// Followers that were looked at one by one; the rest, of very many, was only counted.
    pub looked_at: usize,
}

/// A follower that is worth a look. A likelihood is no verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suspect {
    pub id: Option<String>,
    pub handle: Option<String>,
    pub name: Option<String>,
    pub followers: Option<u64>,
    pub following: Option<u64>,
    pub posts: Option<u64>,
    /// `0..=1`, with what a group adds.
    pub spam: f32,
    /// What a person said of it, which wins.
    pub said: Option<bool>,
    pub reasons: Vec<String>,
}

/// Followers that look as if they were made together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alike {
    pub members: usize,
    pub shares: Vec<String>,
}

/// A burst, and who came beyond the usual.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    #[serde(flatten)]
    pub wave: Wave,
    pub excess: Excess,
}

impl<'m> Auditor<'m> {
    pub fn new(model: &'m Model, now: Timestamp) -> Self {
        Self { model, set: model.rates().histogram([]), kept: Vec::new(), said: Vec::new(), now }
    }

    /// `said`: whether they are spam by a person's word, which wins.
    pub fn see(&mut self, author: Author<'_>, said: Option<bool>) {
        let profile = profile(author, self.now);
        if let Some(spam) = said {
            return self.said.push(Suspect::said(profile, spam));
        }
        self.set.add(&self.model.rates().histogram([likelihood(self.model, &profile)]));
        if self.kept.len() < KEPT_MAX {
            self.kept.push(profile);
        }
    }

    /// At most `most` are named.
    pub fn finish(self, most: usize) -> Audit {
        let found = groups(&self.kept);
        let mut suspects = self.ranked(&found);
        suspects.retain(|known| known.spam >= SUSPICIOUS_FROM);
        let said_spam: Vec<&Suspect> = self.said.iter().filter(|said| said.spam >= SUSPICIOUS_FROM).collect();
        let suspicious_in_all = said_spam.len() + suspects.len();
        let found_out = suspects.iter().map(|known| self.named(known));
        let suspicious = said_spam.iter().map(|said| (*said).clone()).chain(found_out).take(most).collect();
        let groups = found.iter().take(GROUPS_MAX).map(|group| Alike {
            members: group.members.len(),
            shares: group.shares.iter().map(ToString::to_string).collect(),
        });
        let said = (said_spam.len(), self.said.len() - said_spam.len());
        let share = self.model.rates().share(&self.set).with_said(said);
        let looked_at = self.kept.len() + self.said.len();
        Audit { share, suspicious, suspicious_in_all, groups: groups.collect(), looked_at }
    }

    /// Everybody whose profile is known, the likeliest to be spam first; at most `most`, of those that were kept.
    pub fn everybody(self, most: usize) -> Vec<Suspect> {
        let found = groups(&self.kept);
        let mut all: Vec<Suspect> = self.ranked(&found).iter().take(most).map(|known| self.named(known)).collect();
        all.extend(self.said.iter().cloned());
        all.sort_by(|one, other| other.spam.total_cmp(&one.spam));
        all.truncate(most);
        all
    }

    /// Likeliest first.
    fn ranked(&self, found: &[Group]) -> Vec<Ranked<'_>> {
        let each = self.kept.iter().zip(raises(found, self.kept.len()));
        let known = each.filter(|(profile, _)| is_known(profile));
        let mut ranked: Vec<Ranked<'_>> = known
            .map(|(profile, raise)| Ranked { spam: raised(self.model.spam(profile), raise), profile, raise })
            .collect();
        ranked.sort_by(|one, other| other.spam.total_cmp(&one.spam));
        ranked
    }

    fn named(&self, Ranked { spam, profile, raise }: &Ranked<'_>) -> Suspect {
        let in_group = (*raise > 0.0).then(|| "looks made together with others".to_owned());
        let own = self.model.likelihood(profile).reasons.into_iter().filter(|reason| !reason.speaks_for_a_person());
        Suspect {
            id: profile.id.clone(),
            handle: profile.handle.clone(),
            name: profile.name.clone(),
            followers: profile.followers,
            following: profile.following,
            posts: profile.posts,
            spam: *spam,
            said: None,
            reasons: in_group.into_iter().chain(own.map(|reason| reason.to_string())).collect(),
        }
    }
}

impl Suspect {
    fn said(profile: Profile, said: bool) -> Self {
        let AuthorSpam { spam, reasons } = AuthorSpam::said(said);
        let Profile { id, handle, name, followers, following, posts, .. } = profile;
        Self { id, handle, name, followers, following, posts, spam: spam.unwrap_or(0.5), said: Some(said), reasons }
    }
}

/// Of spam, `0..=1`: a person's word, else what the model says; nothing where too little is known.
pub fn spam_of(model: &Model, (author, said): (Author<'_>, Option<bool>), now: Timestamp) -> Option<f64> {
    said.map(|spam| f64::from(u8::from(spam))).or_else(|| likelihood(model, &profile(author, now)))
}

/// Of spam, `0..=1`; nothing where too little is known.
pub fn likelihood(model: &Model, profile: &Profile) -> Option<f64> {
    is_known(profile).then(|| f64::from(model.spam(profile)))
}

/// A handle alone says too little: a share over such followers would be that of the handles of a network.
fn is_known(profile: &Profile) -> bool {
    profile.followers.is_some() || profile.following.is_some() || profile.posts.is_some()
}

/// As a source gave it, without what cannot be true.
pub fn profile(author: Author<'_>, now: Timestamp) -> Profile {
    let text = |text: Option<crate::post::Str<'_>>| text.map(|text| text.to_string());
    let mut profile = Profile {
        id: text(author.id),
        handle: text(author.handle),
        name: text(author.name),
        bio: text(author.bio),
        followers: author.followers,
        following: author.following,
        posts: author.posts,
        has_avatar: author.has_avatar,
        avatar: author.avatar_hash,
        created_at: author.created_at,
        ..Profile::default()
    };
    drop(profile.check(now));
    profile
}

/// The bursts among `events`, oldest first, with the share of spam in what came beyond the usual.
pub fn told_waves(events: &[Event], rates: &Rates, (from, until): (Timestamp, Timestamp), gaps: &[Gap]) -> Vec<Told> {
    let mut inflow = Inflow::default();
    for event in events.iter().filter(|event| event.kind == FollowKind::Follow) {
        inflow.see(event.at, event.likelihood, rates);
    }
    let told = |Found { wave, excess, .. }| Told { wave, excess };
    inflow.waves(rates, (from, until), from, gaps).into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_word_counts_and_is_told() {
        let model = Model::load().unwrap();
        let author = |id: &str, followers, following| Author {
            id: Some(id.to_owned().into()),
            followers: Some(followers),
            following: Some(following),
            posts: Some(2),
            ..Author::default()
        };
        let mut auditor = Auditor::new(&model, Timestamp::UNIX_EPOCH);
        auditor.see(author("bought", 3, 4_812), Some(false));
        auditor.see(author("ann", 900, 80), Some(true));
        let audit = auditor.finish(9);
        assert_eq!((audit.share.spam, audit.share.known, audit.looked_at), (0.5, 2, 2));
        let named: Vec<_> =
            audit.suspicious.iter().map(|found| (found.id.as_deref(), found.reasons.join(";"))).collect();
        assert_eq!(named, [(Some("ann"), "a person said so".to_owned())]);
    }
}
