//! What people ask for, each as part of a transaction.

use super::{Draft, Ingest, Stop};
use crate::alert::DeliveryState;
use crate::flow::Command;
use crate::flow::draft::replayed;
use crate::flow::patience::retrying;
use crate::flow::pipeline::warmed_engine;
use crate::store::Range;

impl Ingest {
    pub(super) async fn command(&mut self, command: Command, draft: &mut Draft) -> Result<(), Stop> {
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
            Command::CorrectAuthor { correction, done } => (done, self.correct(correction, draft).await?),
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
}
