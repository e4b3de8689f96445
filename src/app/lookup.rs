//! The loops that find out more about what is stored: who wrote it, who follows, and better scores. The daemon works
//! without them, so that each runs by itself and ends at the stop.

use super::Build;
use super::channel::Channels;
use crate::flow::author;
use crate::flow::follower::Listing;
use crate::flow::rescore::Rescoring;
use crate::watch::Gate;
use std::sync::Arc;

pub fn spawn(build: &Build, gate: &Arc<Gate>, channels: &Channels) {
    for (source, ledger) in build.sources.iter().zip(&build.ledgers) {
        let (reader, stop) = (build.reader.clone(), build.stop.clone());
        if source.source.lists_followers() {
            let (source, ledger, gate) = (source.clone(), ledger.clone(), gate.clone());
            let listing = Listing { source, ledger, gate, reader: reader.clone(), found: channels.found.clone() };
            tokio::spawn(listing.run(stop.clone()));
        }
        if source.source.profiles_max() > 0 {
            let (profiles, stored) = (channels.profiles.clone(), channels.news.stored.subscribe());
            tokio::spawn(author::run(source.clone(), reader, profiles, stored, stop));
        }
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
