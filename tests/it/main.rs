//! The integration tests, one binary: local peers in their own modules, tests beside them. Building many small binaries
//! costs more than running them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test cannot do without, it may demand")]
#![allow(clippy::print_stdout, reason = "a trial that this machine cannot hold says so")]

mod bluesky;
mod bound;
mod damage;
mod demo;
mod fedi;
mod feed;
mod followers;
mod hackernews;
mod house;
mod jetstream;
mod kill;
mod listen;
mod listener;
mod manual;
mod mastodon;
mod push;
mod recorded;
mod score;
mod sink;
mod stop;
mod webhook;
mod whole;
