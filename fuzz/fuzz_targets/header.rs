//! The libFuzzer binary of the target with the same name.
#![no_main]

#[path = "../../tests/fuzz_targets/header.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
