//! Randomness for waits and ages, so that events that began together do not end together.

use ring::rand::{SecureRandom as _, SystemRandom};

/// Returns a random number from 0 to 1, or 0 if the system has no randomness.
pub(crate) fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_or(0.0, |()| {
        f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
    })
}
