//! The integration tests, one binary: local peers in their own modules, tests beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test cannot do without, it may demand")]

mod bluesky;
mod jetstream;
mod listener;
