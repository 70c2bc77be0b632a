//! Reports tests that this machine cannot run.

use std::io::{self, Write as _};

/// Prints past the test harness, which hides the output of passing tests.
pub(crate) fn report(what: &str, why: &str) {
    let line = format!("SKIPPED: {what}: {}\n", why.trim());
    io::stderr().write_all(line.as_bytes()).expect("printed");
}
