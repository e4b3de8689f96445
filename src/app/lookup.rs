//! The loops that find out more about what is stored: who wrote it, who follows, and better scores. The daemon works
//! without them, so that each runs by itself and ends at the stop.

use super::channel::Channels;
use super::{Build, Control};
use crate::flow::author;
use crate::flow::follower::Listing;
use crate::flow::growth::Watching;
use crate::flow::rescore::Rescoring;

pub fn spawn(build: &Build, control: &Control, channels: &Channels) {
    for (source, ledger) in build.sources.iter().zip(&build.ledgers) {
        let (reader, stop) = (build.reader.clone(), build.stop.clone());
        if source.source.lists_followers() {
            let (source, ledger, gate) = (source.clone(), ledger.clone(), control.gate.clone());
            let listing = Listing { source, ledger, gate, reader: reader.clone(), found: channels.found.clone() };
            tokio::spawn(listing.run(stop.clone()));
        }
        if source.source.profiles_max() > 0 {
            let (profiles, stored) = (channels.profiles.clone(), channels.news.stored.subscribe());
            tokio::spawn(author::run(source.clone(), reader, profiles, stored, stop));
        }
    }
    if !build.sources.is_empty() {
        let ledgers = build.sources.iter().map(|source| source.id.clone()).zip(build.ledgers.iter().cloned());
        let watching = Watching {
            sources: ledgers.collect(),
            rules: control.rules.clone(),
            gate: control.gate.clone(),
            reader: build.reader.clone(),
            model: build.model.clone(),
            found: channels.found.clone(),
            clock: build.clock.clone(),
            looked: channels.looked.clone(),
        };
        tokio::spawn(watching.run(build.stop.clone()));
    }
    if build.classifier.encoder().is_some() {
        let rescoring = Rescoring {
            classifier: build.classifier.clone(),
            reader: build.reader.clone(),
            entrance: build.entrance.clone(),
            found: channels.found.clone(),
            stored: channels.news.stored.subscribe(),
            metrics: build.metrics.clone(),
        };
        tokio::spawn(rescoring.run(build.stop.clone()));
    }
}
