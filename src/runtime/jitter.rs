//! Randomness for waits and ages, so that what began together does not end together.

use ring::rand::{SecureRandom as _, SystemRandom};

/// Returns a number from 0 to 1; 0 if the system gives none.
pub(crate) fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_or(0.0, |()| {
        f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
    })
}
