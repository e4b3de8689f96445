//! One integration binary: a file a capability.

mod feed;
mod hackernews;
mod listen;
mod recorded;
