//! How often a drill is repeated.

use std::ops::Range;

/// `long`, or a number for every drill. Unset, it is a few rounds.
const VARIABLE: &str = "CARTGATE_DRILL_ROUNDS";

/// The rounds of a drill that takes so many of them in `make test` and so many in `make drills`.
pub(crate) fn rounds(quick: u32, long: u32) -> Range<u32> {
    let asked = std::env::var(VARIABLE);
    let number = match asked.as_deref() {
        Err(_) => quick,
        Ok("long") => long,
        Ok(number) => number.parse().expect("a number of rounds, or `long`"),
    };
    0..number
}

/// Whether this is `make drills`.
pub(crate) fn long() -> bool {
    std::env::var(VARIABLE).is_ok_and(|asked| asked == "long")
}
