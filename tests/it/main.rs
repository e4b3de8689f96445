//! The integration tests, one binary: local peers in their own modules, a file a capability.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test cannot do without, it may demand")]

mod bluesky;
mod fedi;
mod feed;
mod hackernews;
mod jetstream;
mod listen;
mod listener;
mod mastodon;
mod recorded;
