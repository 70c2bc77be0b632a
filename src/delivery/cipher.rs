//! Encryption at rest with ChaCha20-Poly1305.
//!
//! Each text has a key of its own, derived from the text's name, so that no key encrypts two texts.
//! The name of a body is its digest: equal bodies encrypt to equal bytes, and are stored once.

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;
use tower_cartgate::Secret;
use zeroize::Zeroizing;

/// Encrypts and decrypts with keys derived from one secret.
#[derive(Clone)]
pub(crate) struct Cipher(Hmac<Sha256>);

impl Cipher {
    pub(crate) fn new(secret: &Secret) -> Self {
        let mut mac = keyed(secret.expose());
        mac.update(b"cartgate inbox encryption 1");
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
        Self(keyed(&key[..]))
    }

    /// Returns the encrypted text with its tag. Only one text may ever have this name.
    pub(crate) fn encrypt(&self, name: &[u8], text: &[u8]) -> Bytes {
        let mut bytes = Vec::with_capacity(text.len() + CHACHA20_POLY1305.tag_len());
        bytes.extend_from_slice(text);
        self.key(name)
            .seal_in_place_append_tag(nonce(), Aad::empty(), &mut bytes)
            .expect("a body is far shorter than the 256 GiB that the cipher takes");
        bytes.into()
    }

    /// Returns the plain text, or none if it was encrypted with another key or not at all.
    pub(crate) fn decrypt(&self, name: &[u8], bytes: &[u8]) -> Option<Bytes> {
        let mut bytes = bytes.to_vec();
        let text = self
            .key(name)
            .open_in_place(nonce(), Aad::empty(), &mut bytes);
        let length = text.ok()?.len();
        bytes.truncate(length);
        Some(bytes.into())
    }

    fn key(&self, name: &[u8]) -> LessSafeKey {
        let mut mac = self.0.clone();
        mac.update(name);
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key[..]);
        LessSafeKey::new(key.expect("the key has the 32 bytes that the cipher takes"))
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Returns a constant nonce, because each key encrypts only one text.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
