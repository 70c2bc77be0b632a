//! Secret random values in URL-safe Base64.

use std::io;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom as _, SystemRandom};
use tower_cartgate::Secret;
use zeroize::Zeroizing;

/// Returns a secret of `N` random bytes, written with the characters `A-Z a-z 0-9 - _`.
///
/// # Errors
///
/// When the system has no randomness.
pub(crate) fn random<const N: usize>() -> io::Result<Secret> {
    let mut bytes = Zeroizing::new([0; N]);
    let filled = SystemRandom::new().fill(bytes.as_mut_slice());
    filled.map_err(|_| io::Error::other("the system has no random bytes"))?;
    let text = BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice());
    Secret::new(text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_another_one_that_a_url_can_carry() {
        let [one, two] = [random::<16>(), random::<16>()].map(|drawn| drawn.expect("randomness"));
        assert_eq!(one.expose().len(), 22);
        assert_ne!(one.expose(), two.expose());
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        assert!(one.expose().iter().all(plain));
    }
}
