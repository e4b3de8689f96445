//! One binary of integration tests, one file a capability: building many small binaries costs more than running them.

// Everything here is a test, helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod webhook;
