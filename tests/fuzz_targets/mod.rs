//! Fuzz targets as plain functions from bytes to a panic or none. `tests/fuzz.rs` runs them over the checked-in corpus
//! and mutations of it; `fuzz/` wraps the same functions for libFuzzer. What is fed to them is decided there.

pub mod event;
pub mod frames;
pub mod gate;
pub mod header;
