//! How often a drill is repeated.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    thread,
    time::Duration,
};

/// `long`, or a number for every drill. Unset, it is a few rounds.
const VARIABLE: &str = "CARTGATE_DRILL_ROUNDS";

/// The rounds of a drill that takes so many of them in `make test` and so many in `make drills`.
pub(crate) fn rounds(quick: u32, long: u32) -> u32 {
    let asked = std::env::var(VARIABLE);
    match asked.as_deref() {
        Err(_) => quick,
        Ok("long") => long,
        Ok(number) => number.parse().expect("a number of rounds, or `long`"),
    }
}

/// What `make test` takes and what `make drills` takes of something else than rounds.
pub(crate) fn amount(quick: usize, long: usize) -> usize {
    let is_long = std::env::var(VARIABLE).is_ok_and(|asked| asked == "long");
    if is_long { long } else { quick }
}

/// Waits for a moment of at most so many milliseconds that nobody foresees.
pub(crate) fn random_moment(most: u64) {
    // A new one has keys of its own.
    let chance = RandomState::new().build_hasher().finish();
    thread::sleep(Duration::from_millis(chance % most));
}
