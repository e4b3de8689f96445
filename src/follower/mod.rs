//! Who follows, and how much of the growth is real. How likely a profile is spam, by the model in `models/follower-1`, with
//! reasons in words; which followers look as if they were made together; how many of many are spam, with an interval;
//! waves of new followers, and growth by parts. Pure: no clock, no IO, nothing learned from one profile to the next.
//! A likelihood is one profile's: the share of spam among many is not their count over a threshold (`share`). The card tells
//! what the model was trained on, how well it does, and whom it mistakes.

pub mod alike;
pub mod audit;
pub mod author;
pub mod excess;
pub mod file;
pub mod growth;
pub mod inflow;
pub mod model;
pub mod picture;
pub mod profile;
pub mod reason;
pub mod share;
#[cfg(test)]
mod tests;
pub mod wave;
