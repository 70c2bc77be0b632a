//! Waits for conditions.

use std::{
    thread,
    time::{Duration, Instant},
};

/// The timeout. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `done`, and fails with `what` after the timeout.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
