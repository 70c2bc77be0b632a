//! Randomness for waits and ages, so that events that began together do not end together.

#[cfg(test)]
use std::cell::Cell;

use ring::rand::{SecureRandom as _, SystemRandom};

/// Returns a random number from 0 to 1, or 0 if the system has no randomness.
pub(crate) fn random_fraction() -> f64 {
    #[cfg(test)]
    if let Some(fraction) = seeded_fraction() {
        return fraction;
    }
    let mut bytes = [0; 4];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_or(0.0, |()| {
        f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
    })
}

#[cfg(test)]
thread_local! {
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Makes the random numbers of this thread follow from a seed, so that a simulation can be repeated.
#[cfg(test)]
pub(crate) fn seed(seed: u64) {
    SEED.set(Some(seed));
}

#[cfg(test)]
fn seeded_fraction() -> Option<f64> {
    let mut state = SEED.get()?;
    let drawn = splitmix(&mut state);
    SEED.set(Some(state));
    Some((drawn >> 11) as f64 / (1_u64 << 53) as f64)
}

/// Draws the next number of a seeded sequence (SplitMix64).
#[cfg(test)]
pub(crate) fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
