//! Detectors: what turns matching mentions over time into a signal. One file and one row each.
