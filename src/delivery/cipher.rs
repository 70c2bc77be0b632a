//! Encryption at rest: ChaCha20-Poly1305, under a key of its own for each text, derived from what the text is known by. So
//! no key meets two texts, and equal bodies, which are known by their digest, encrypt to equal bytes and are stored once.

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;
use tower_cartgate::Secret;
use zeroize::Zeroizing;

/// Encrypts and decrypts under keys derived from one secret.
#[derive(Clone)]
pub(crate) struct Cipher(Hmac<Sha256>);

impl Cipher {
    pub(crate) fn new(secret: &Secret) -> Self {
        let mut mac = keyed(secret.expose());
        mac.update(b"cartgate inbox encryption 1");
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
        Self(keyed(&key[..]))
    }

    /// The text with its tag. Only ever one text may be known by `name`.
    pub(crate) fn encrypt(&self, name: &[u8], text: &[u8]) -> Bytes {
        let mut bytes = Vec::with_capacity(text.len() + CHACHA20_POLY1305.tag_len());
        bytes.extend_from_slice(text);
        self.key(name)
            .seal_in_place_append_tag(nonce(), Aad::empty(), &mut bytes)
            .expect("a body is far shorter than the 256 GiB that the cipher takes");
        bytes.into()
    }

    /// The text; none if it was encrypted otherwise or not at all.
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

/// A key encrypts one text alone, so any nonce will do.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
