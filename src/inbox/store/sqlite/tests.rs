//! The suite over a real file, and what is SQLite's own.

use tempfile::TempDir;

use super::*;
use crate::inbox::store::suite::{self, Fixture, LIMITS, START};

suite::suite!(fixture);

async fn fixture() -> (Fixture, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let meter = Arc::default();
    let store = open(
        &directory.path().join("inbox.db"),
        &LIMITS,
        clock.clone(),
        Arc::clone(&meter),
    );
    let fixture = Fixture {
        store: store.unwrap(),
        clock,
        meter,
    };
    (fixture, directory)
}
