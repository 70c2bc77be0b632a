//! What makes stored events trustworthy: a keyed digest and a seal, made at the intake and checked before each attempt,
//! and encryption at rest where it is asked for. `Intact` is the proof that they held; only this file makes one.
//!
//! ```text
//! digest = HMAC(endpoint, body)                      equal for copies, which share the stored body
//! seal   = HMAC(id, endpoint, kind, received, head as stored, digest)
//! ```
//!
//! Each field goes into a MAC with its length before it, so that no two lists of fields make the same bytes.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tower_cartgate::{EventKind, Secret};
use uuid::Uuid;

use super::{
    cipher::Cipher,
    clock::Millis,
    event::Event,
    parcel::{self, Malformed},
};
use crate::delivery::Head;

/// Seals and opens what one store holds. It has the keyed state of the store's key, and not the key.
#[derive(Clone)]
pub(crate) struct Sealer {
    digests: Hmac<Sha256>,
    seals: Hmac<Sha256>,
    marks: Hmac<Sha256>,
    check: [u8; 32],
    cipher: Option<Cipher>,
}

/// What an event is, beside its head and its body.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) id: Uuid,
    pub(crate) endpoint: Arc<str>,
    pub(crate) kind: EventKind,
    pub(crate) received: Millis,
}

/// A stored event whose seal held: it is, to the bit, what was verified when it came.
pub(crate) struct Intact {
    pub(crate) id: Uuid,
    pub(crate) endpoint: Arc<str>,
    pub(crate) kind: EventKind,
    head: Head,
    body: Bytes,
}

/// Why a stored event cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// The bytes are not those that were sealed: a flipped bit, or a hand in the store.
    #[error("the seal does not hold")]
    Seal,
    /// The seal holds, but the event is encrypted under a key that this gate has not.
    #[error("it is encrypted, and this gate has not its encryption key")]
    Locked,
    /// The seal holds, but a newer version wrote it.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Broken {
    /// Whether it must never be tried again. What only this gate cannot open is left to the gate that can.
    pub(crate) fn is_tampering(self) -> bool {
        self == Self::Seal
    }
}

/// The first byte of a stored head.
const PLAIN: u8 = 0;
const ENCRYPTED: u8 = 1;

impl Sealer {
    /// A sealer with the store's key, which encrypts too if it is given a second key.
    pub(crate) fn new(key: &Secret, encryption: Option<&Secret>) -> Self {
        let derived = |label: &[u8]| keyed(&mac(keyed(key.expose()), &[label]));
        Self {
            digests: derived(b"cartgate inbox digest 1"),
            seals: derived(b"cartgate inbox seal 1"),
            marks: derived(b"cartgate inbox mark 1"),
            check: mac(keyed(key.expose()), &[b"cartgate inbox check 1"]),
            cipher: encryption.map(Cipher::new),
        }
    }

    /// What a store notes of its key, so that another one is refused. It tells nothing of the key.
    pub(crate) fn check(&self) -> [u8; 32] {
        self.check
    }

    /// A keyed digest of a value that is to come but once to an endpoint.
    pub(crate) fn mark(&self, endpoint: &str, value: &[u8]) -> [u8; 32] {
        mac(self.marks.clone(), &[endpoint.as_bytes(), value])
    }

    /// The event as it is stored.
    pub(crate) fn seal(&self, facts: Facts, head: &Head, body: Bytes) -> Event {
        let digest = self.digest(&facts.endpoint, &body);
        let head = self.stored_head(facts.id, parcel::write(head));
        let body = match &self.cipher {
            Some(cipher) => cipher.encrypt(&digest, &body),
            None => body,
        };
        let mut event = Event {
            id: facts.id,
            endpoint: facts.endpoint,
            kind: facts.kind,
            received: facts.received,
            head,
            seal: [0; 32],
            digest,
            body,
        };
        event.seal = self.seal_over(&event);
        event
    }

    /// Opens a stored event.
    ///
    /// # Errors
    ///
    /// When it is not what was sealed, or this gate cannot read it.
    pub(crate) fn open(&self, event: &Event) -> Result<Intact, Broken> {
        if !bool::from(self.seal_over(event).ct_eq(&event.seal)) {
            return Err(Broken::Seal);
        }
        let head = self.plain_head(event)?;
        let body = self.plain_body(event)?;
        Ok(Intact {
            id: event.id,
            endpoint: Arc::clone(&event.endpoint),
            kind: event.kind,
            head: parcel::read(&head)?,
            body,
        })
    }

    fn digest(&self, endpoint: &str, body: &[u8]) -> [u8; 32] {
        mac(self.digests.clone(), &[endpoint.as_bytes(), body])
    }

    fn seal_over(&self, event: &Event) -> [u8; 32] {
        let fields = [
            event.id.as_bytes().as_slice(),
            event.endpoint.as_bytes(),
            event.kind.as_str().as_bytes(),
            &event.received.to_be_bytes(),
            &event.head,
            &event.digest,
        ];
        mac(self.seals.clone(), &fields)
    }

    fn stored_head(&self, id: Uuid, mut plain: Vec<u8>) -> Bytes {
        match &self.cipher {
            Some(cipher) => {
                let mut stored = vec![ENCRYPTED];
                stored.extend_from_slice(&cipher.encrypt(id.as_bytes(), &plain));
                zeroize::Zeroize::zeroize(&mut plain);
                stored.into()
            }
            None => {
                plain.insert(0, PLAIN);
                plain.into()
            }
        }
    }

    /// Called once the seal held: what the first byte says is what this program wrote.
    fn plain_head(&self, event: &Event) -> Result<Bytes, Broken> {
        match event.head.first() {
            Some(&PLAIN) => Ok(event.head.slice(1..)),
            Some(&ENCRYPTED) => self
                .cipher
                .as_ref()
                .and_then(|cipher| cipher.decrypt(event.id.as_bytes(), &event.head[1..]))
                .ok_or(Broken::Locked),
            _ => Err(Broken::Malformed(Malformed)),
        }
    }

    /// The body that the digest is of. A copy shares the body of the first event, which may have come before there was an
    /// encryption key: so what does not decrypt may be plain, and the digest says whether it is.
    fn plain_body(&self, event: &Event) -> Result<Bytes, Broken> {
        let cipher = self.cipher.as_ref();
        let body = cipher
            .and_then(|cipher| cipher.decrypt(&event.digest, &event.body))
            .unwrap_or_else(|| event.body.clone());
        let digest = self.digest(&event.endpoint, &body);
        if bool::from(digest.ct_eq(&event.digest)) {
            Ok(body)
        } else {
            Err(Broken::Seal)
        }
    }
}

impl Intact {
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    pub(crate) fn into_parts(self) -> (Head, Bytes) {
        (self.head, self.body)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn mac(mut mac: Hmac<Sha256>, fields: &[&[u8]]) -> [u8; 32] {
    for field in fields {
        mac.update(&(field.len() as u64).to_be_bytes());
        mac.update(field);
    }
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(redacted)")
    }
}

impl fmt::Debug for Intact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intact")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("kind", &self.kind)
            .field("len", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
