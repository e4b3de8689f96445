//! One binary of integration tests, one file a capability: building many small binaries costs more than running them.

mod webhook;
