//! Waiting for what must happen.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long. Only a failing test ever waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `done`, and fails with `what` if that never comes.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
