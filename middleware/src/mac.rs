//! HMAC-SHA256 (RFC 2104, FIPS 180-4), keyed once and cloned for each message. No other module uses
//! a digest.

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;

use crate::Secret;

/// The state after hashing the key. A clone saves hashing the key again for each request.
#[derive(Clone)]
pub(crate) struct Mac(Hmac<Sha256>);

impl Mac {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(Hmac::new_from_slice(secret.expose()).expect("HMAC takes a key of any length"))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the tag of a complete message.
    pub(crate) fn tag_of(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.clone();
        mac.update(message);
        mac.tag()
    }

    pub(crate) fn tag(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }
}
