//! One-time codes, which open sessions from a link.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use tower_cartgate::Secret;

use crate::secret::random::random;

/// The time within which a code must be spent. A log that holds a link soon holds no way in.
pub(crate) const VALID: Duration = Duration::from_secs(15 * 60);

/// The limit of unspent codes. Beyond it the oldest one is dropped.
const MAX: usize = 16;

/// The unspent codes, oldest first.
#[derive(Debug, Default)]
pub(super) struct Codes(Mutex<VecDeque<(Secret, Instant)>>);

impl Codes {
    /// Makes a code of 128 random bits.
    pub(super) fn issue(&self) -> io::Result<Secret> {
        let code = random::<16>()?;
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() == MAX {
            codes.pop_front();
        }
        codes.push_back((code.clone(), Instant::now() + VALID));
        Ok(code)
    }

    /// Spends a code; returns whether it was valid.
    pub(super) fn spend(&self, given: &[u8]) -> bool {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        codes.retain(|(_, until)| now < *until);
        let before = codes.len();
        codes.retain(|(code, _)| !bool::from(code.expose().ct_eq(given)));
        codes.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_code_is_valid_once_and_not_for_long() {
        let codes = Codes::default();
        let [one, two] = [(); 2].map(|()| codes.issue().expect("randomness"));
        assert!(!codes.spend(b""));
        assert!(!codes.spend(&one.expose()[1..]));
        assert!(codes.spend(one.expose()));
        assert!(!codes.spend(one.expose()));
        tokio::time::advance(VALID - Duration::from_secs(1)).await;
        let three = codes.issue().expect("randomness");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!codes.spend(two.expose()));
        assert!(codes.spend(three.expose()));
    }

    #[tokio::test(start_paused = true)]
    async fn unspent_codes_are_bounded() {
        let codes = Codes::default();
        let issued: Vec<_> = (0..=MAX).map(|_| codes.issue().expect("one")).collect();
        assert!(!codes.spend(issued[0].expose()));
        assert!(codes.spend(issued[1].expose()));
        assert!(codes.spend(issued[MAX].expose()));
    }
}
