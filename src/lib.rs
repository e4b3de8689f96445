//! `reputed` listens to what is said in public about a brand and tells people what matters, with reasons.
//! Modules stand in floor order, lowest first; imports go down only. ARCHITECTURE.md has the map.

// Floor 0: words
pub mod alert;
pub mod brand;
pub mod ledger;
pub mod mention;
pub mod metric;
pub mod post;
pub mod secret;
pub mod settings;
pub mod text;

// Floor 1: judgement (pure) and wire
pub mod classify;
pub mod cluster;
pub mod follower;
pub mod query;
pub mod rule;
pub mod watch;
pub mod wire;

// Floor 2: hands
pub mod hook;
pub mod index;
pub mod model;
pub mod source;
pub mod store;

// Floor 3: flow
pub mod flow;

// Floor 4: doors
pub mod http;

// Floor 5: the house
pub mod app;
pub mod cli;
pub mod config;
