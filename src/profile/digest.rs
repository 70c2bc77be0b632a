//! Keyed digests. They show whether two values are equal, and without the key nothing else.

use std::{fmt, io};

use ring::{hmac, rand::SystemRandom};

/// The key of all digests of one profile.
#[derive(Clone)]
pub(crate) struct DigestKey(hmac::Key);

/// The purposes of digests. Equal bytes have different digests for different purposes.
#[derive(Debug, Clone, Copy)]
pub(super) enum DigestPurpose {
    Name = 1,
    Value = 2,
    Payload = 3,
}

/// The first byte of everything that a tag covers.
const TAG: u8 = 4;

impl DigestKey {
    /// Takes the key of an inbox's profile.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Makes a key that lives as long as the process.
    ///
    /// # Errors
    ///
    /// When the system gives no random bytes.
    pub(crate) fn random() -> io::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        key.map(Self)
            .map_err(|_| io::Error::other("the system gives no random bytes"))
    }

    /// Returns the digest of some bytes.
    pub(super) fn digest(&self, purpose: DigestPurpose, bytes: &[u8]) -> u64 {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(&[purpose as u8]);
        mac.update(bytes);
        let tag = mac.sign();
        let (first, _) = tag.as_ref().split_at(size_of::<u64>());
        u64::from_be_bytes(first.try_into().expect("a tag has more bytes"))
    }

    /// Returns the tag of a stored profile, which only a holder of the key can make.
    pub(super) fn tag(&self, endpoint: &str, bytes: &[u8]) -> hmac::Tag {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(&[TAG]);
        mac.update(&(endpoint.len() as u64).to_be_bytes());
        mac.update(endpoint.as_bytes());
        mac.update(bytes);
        mac.sign()
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_key_purpose_and_bytes() {
        let (one, other) = (DigestKey::new(&[1; 32]), DigestKey::new(&[2; 32]));
        let digest = one.digest(DigestPurpose::Value, b"a");
        assert_eq!(digest, one.digest(DigestPurpose::Value, b"a"));
        assert_ne!(digest, one.digest(DigestPurpose::Value, b"b"));
        assert_ne!(digest, one.digest(DigestPurpose::Name, b"a"));
        assert_ne!(digest, other.digest(DigestPurpose::Value, b"a"));
        assert!(!format!("{one:?}").contains('1'));
    }

    #[test]
    fn a_tag_belongs_to_one_endpoint() {
        let key = DigestKey::random().expect("random bytes");
        assert_ne!(key.tag("a", b"bc").as_ref(), key.tag("ab", b"c").as_ref());
    }
}
