//! What is said of all followers of an account together: the share of spam with its interval, the likeliest ones with
//! reasons, groups that were made together, and waves with what came beyond the usual.

use super::alike::{groups, raised, raises};
use super::excess::Excess;
use super::growth::{Event, Gap};
use super::inflow::{Found, Inflow};
use super::model::Model;
use super::profile::Profile;
use super::share::{Histogram, Rates, Share};
use super::wave::Wave;
use crate::brand::FollowKind;
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
    seen: usize,
    /// No account was made after it.
    now: Timestamp,
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
    /// `0..=1`, with what a group adds.
    pub spam: f32,
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
        Self { model, set: model.rates().histogram([]), kept: Vec::new(), seen: 0, now }
    }

    pub fn see(&mut self, author: Author<'_>) {
        let profile = profile(author, self.now);
        self.set.add(&self.model.rates().histogram([likelihood(self.model, &profile)]));
        self.seen += 1;
        if self.kept.len() < KEPT_MAX {
            self.kept.push(profile);
        }
    }

    /// At most `most` are named.
    pub fn finish(self, most: usize) -> Audit {
        let Self { model, set, kept, .. } = self;
        let found = groups(&kept);
        let raises = raises(&found, kept.len());
        let known = kept.iter().zip(&raises).enumerate().filter(|(_, (profile, _))| is_known(profile));
        let mut suspects: Vec<(f32, usize)> = known
            .map(|(at, (profile, raise))| (raised(model.spam(profile), *raise), at))
            .filter(|(spam, _)| *spam >= SUSPICIOUS_FROM)
            .collect();
        suspects.sort_by(|one, other| other.0.total_cmp(&one.0));
        let suspicious_in_all = suspects.len();
        let named = suspects.into_iter().take(most);
        let suspicious = named.map(|(spam, at)| suspect(model, &kept[at], spam, raises[at])).collect();
        let groups = found.iter().take(GROUPS_MAX).map(|group| Alike {
            members: group.members.len(),
            shares: group.shares.iter().map(ToString::to_string).collect(),
        });
        let share = model.rates().share(&set);
        Audit { share, suspicious, suspicious_in_all, groups: groups.collect(), looked_at: kept.len() }
    }
}

fn suspect(model: &Model, profile: &Profile, spam: f32, raise: f32) -> Suspect {
    let in_group = (raise > 0.0).then(|| "looks made together with others".to_owned());
    let own = model.likelihood(profile).reasons.into_iter().filter(|reason| !reason.speaks_for_a_person());
    Suspect {
        id: profile.id.clone(),
        handle: profile.handle.clone(),
        name: profile.name.clone(),
        spam,
        reasons: in_group.into_iter().chain(own.map(|reason| reason.to_string())).collect(),
    }
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
