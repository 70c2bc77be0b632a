//! The libFuzzer binary of the comparison of the two clients, which has its own module because it
//! needs the internals of one.
#![no_main]

use cartgate::destination::differential;

libfuzzer_sys::fuzz_target!(|data: &[u8]| differential::run(data));
