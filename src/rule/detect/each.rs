//! Detector `each`: every match is a signal of its own; near-identical texts share one alert unless `by` says otherwise.
//! `detect = { kind = "each" }`, or nothing at all.

use super::{Detector, Known, Seen};
use crate::rule::group::Group;
use crate::settings::Section;
use jiff::SignedDuration;

/// A single post is worked off by a person: it stays open until the next day, so that who comes in the morning finds it.
const KEEP: SignedDuration = SignedDuration::from_hours(24);

#[derive(Clone, Debug)]
pub struct Each;

pub fn read(_section: &Section<'_>, _known: &Known<'_>) -> Option<Box<dyn Detector>> {
    Some(Box::new(Each))
}

impl Detector for Each {
    fn copy(&self) -> Box<dyn Detector> {
        Box::new(self.clone())
    }

    fn holds(&self, _group: &Group, seen: Seen) -> Option<Vec<Seen>> {
        Some(vec![seen])
    }

    fn keep_default(&self) -> SignedDuration {
        KEEP
    }

    fn by_cluster(&self) -> bool {
        true
    }
}
