//! One integration binary: a file a capability.

// Helpers are no tests to the lint, but a test is what fails by them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod feed;
mod hackernews;
mod listen;
mod recorded;
