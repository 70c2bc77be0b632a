//! The number of repetitions of a drill.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    thread,
    time::Duration,
};

/// The variable holds `long`, or a number for every drill. If it is unset, drills run a few rounds.
const VARIABLE: &str = "CARTGATE_DRILL_ROUNDS";

/// Returns the rounds of a drill, which differ between `make test` and `make drills`.
pub(crate) fn rounds(quick: u32, long: u32) -> u32 {
    let asked = std::env::var(VARIABLE);
    match asked.as_deref() {
        Err(_) => quick,
        Ok("long") => long,
        Ok(number) => number.parse().expect("a number of rounds, or `long`"),
    }
}

/// Returns another amount, which differs between `make test` and `make drills`.
pub(crate) fn amount(quick: usize, long: usize) -> usize {
    let is_long = std::env::var(VARIABLE).is_ok_and(|asked| asked == "long");
    if is_long { long } else { quick }
}

/// Waits for a random time of at most so many milliseconds.
pub(crate) fn random_moment(most: u64) {
    // Each new state has random keys.
    let chance = RandomState::new().build_hasher().finish();
    thread::sleep(Duration::from_millis(chance % most));
}
