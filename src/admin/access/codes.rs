//! One-time codes, which open sessions from a link.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ring::digest::{SHA256, digest};
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
pub(super) struct Codes(Mutex<VecDeque<Code>>);

/// An unspent code.
#[derive(Debug)]
struct Code {
    code: Secret,
    until: Instant,
    /// The digest of the token that was in force when the code was made. The code ends with it.
    token: Vec<u8>,
}

impl Codes {
    /// Makes a code of 128 random bits, which is valid as long as this token.
    pub(super) fn issue(&self, token: &Secret) -> io::Result<Secret> {
        let code = random::<16>()?;
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() == MAX {
            codes.pop_front();
        }
        codes.push_back(Code {
            code: code.clone(),
            until: Instant::now() + VALID,
            token: digest_of(token),
        });
        Ok(code)
    }

    /// Spends a code; returns whether it was valid. `token` is the one in force now.
    pub(super) fn spend(&self, given: &[u8], token: &Secret) -> bool {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let token = digest_of(token);
        codes.retain(|one| now < one.until && one.token == token);
        let before = codes.len();
        codes.retain(|one| !bool::from(one.code.expose().ct_eq(given)));
        codes.len() < before
    }
}

fn digest_of(token: &Secret) -> Vec<u8> {
    digest(&SHA256, token.expose()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Secret {
        Secret::new("planted-token").expect("a token")
    }

    #[tokio::test]
    async fn a_code_ends_with_its_token() {
        let codes = Codes::default();
        let code = codes.issue(&token()).expect("randomness");
        let new = Secret::new("a-new-planted-token").expect("a token");
        assert!(!codes.spend(code.expose(), &new));
        assert!(!codes.spend(code.expose(), &token()), "for good");
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_is_valid_once_and_not_for_long() {
        let codes = Codes::default();
        let [one, two] = [(); 2].map(|()| codes.issue(&token()).expect("randomness"));
        assert!(!codes.spend(b"", &token()));
        assert!(!codes.spend(&one.expose()[1..], &token()));
        assert!(codes.spend(one.expose(), &token()));
        assert!(!codes.spend(one.expose(), &token()));
        tokio::time::advance(VALID - Duration::from_secs(1)).await;
        let three = codes.issue(&token()).expect("randomness");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!codes.spend(two.expose(), &token()));
        assert!(codes.spend(three.expose(), &token()));
    }

    #[tokio::test(start_paused = true)]
    async fn unspent_codes_are_bounded() {
        let codes = Codes::default();
        let issued: Vec<_> = (0..=MAX)
            .map(|_| codes.issue(&token()).expect("one"))
            .collect();
        assert!(!codes.spend(issued[0].expose(), &token()));
        assert!(codes.spend(issued[1].expose(), &token()));
        assert!(codes.spend(issued[MAX].expose(), &token()));
    }
}
