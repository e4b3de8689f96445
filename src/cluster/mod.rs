//! Near-identical posts seen as one thing. Pure.
