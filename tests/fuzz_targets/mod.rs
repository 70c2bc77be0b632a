//! Fuzz targets as functions from bytes, which panic at a fault. `tests/fuzz.rs` runs them over the
//! checked-in corpus and mutations of it; `fuzz/` wraps the same functions for libFuzzer. The
//! callers choose the input.

pub mod event;
pub mod frames;
pub mod gate;
pub mod header;
