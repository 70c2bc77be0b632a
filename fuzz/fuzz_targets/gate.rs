//! The libFuzzer binary of the target with the same name.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "tests/fuzz uses more of the target"
)]

#[path = "../../tests/fuzz_targets/gate/mod.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    target::run(data);
});
