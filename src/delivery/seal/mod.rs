//! Seals stored events and checks the seals before each attempt; encrypts them at rest if that is configured. `Intact` is the
//! proof that the seals hold, and only this file makes one.
//!
//! ```text
//! digest        = HMAC(endpoint, body)                      equal for copies, which share the stored body
//! seal          = HMAC(id, endpoint, kind, received, head as stored, digest)
//! delivery seal = HMAC(id, destination, copy, first received)
//! ```
//!
//! The store makes the seal of a delivery, because only the store knows the number of copies. So whoever edits the database
//! can send an event to no other destination, and cannot change what an app is told about copies.
//!
//! With an encryption key the key of the digest is derived from both keys. Plain bodies, and bodies that are encrypted under
//! different keys, therefore never share a stored body, and equal digests mean equal bytes in the store.
//!
//! Each field enters a MAC with its length before it, so no two lists of fields make the same bytes.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tower_cartgate::{EventKind, Secret};
use uuid::Uuid;

use super::{
    cipher::Cipher,
    codec::{self, Malformed},
    event::{Claim, SealedEvent},
    head::Head,
};
use crate::runtime::clock::Millis;

/// Seals and opens what one store holds. It has the keyed state of the store's key, and not the key.
#[derive(Clone)]
pub(crate) struct Sealer {
    digests: Hmac<Sha256>,
    seals: Hmac<Sha256>,
    marks: Hmac<Sha256>,
    deliveries: DeliverySeals,
    check: [u8; 32],
    encryption: Option<Encryption>,
}

/// Makes and checks the seals of deliveries. It holds the keyed state and not the key.
#[derive(Clone)]
pub(crate) struct DeliverySeals(Hmac<Sha256>);

/// The sealed fields of a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SealedDelivery<'a> {
    pub(crate) event: Uuid,
    /// The destination's name; empty for an event that no destination wants.
    pub(crate) queue: &'a str,
    /// The number of earlier events with the same body.
    pub(crate) copy: u32,
    /// When the first event with the same body came.
    pub(crate) first_received: Millis,
}

/// How what is encrypted is digested and written.
#[derive(Clone)]
struct Encryption {
    digests: Hmac<Sha256>,
    cipher: Cipher,
}

/// What an event is, beside its head and its body.
#[derive(Debug, Clone)]
pub(crate) struct EventMetadata {
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
pub(crate) enum UnsealError {
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

impl UnsealError {
    /// Whether it must never be tried again. What only this gate cannot open is left to the gate that can.
    pub(crate) fn is_tampering(self) -> bool {
        self == Self::Seal
    }
}

/// The first byte of a stored head.
const PLAIN: u8 = 0;
const ENCRYPTED: u8 = 1;

impl DeliverySeals {
    /// Derives the key of these seals from the store's key.
    pub(crate) fn new(key: &Secret) -> Self {
        Self(derived(key, b"cartgate inbox delivery 1"))
    }

    /// Returns the seal of a delivery.
    pub(crate) fn seal(&self, delivery: &SealedDelivery<'_>) -> [u8; 32] {
        let fields = [
            delivery.event.as_bytes().as_slice(),
            delivery.queue.as_bytes(),
            &delivery.copy.to_be_bytes(),
            &delivery.first_received.to_be_bytes(),
        ];
        mac(self.0.clone(), &fields)
    }

    /// Returns whether this is the seal of the delivery, in constant time.
    pub(crate) fn holds(&self, delivery: &SealedDelivery<'_>, seal: &[u8]) -> bool {
        self.seal(delivery).ct_eq(seal).into()
    }
}

impl Sealer {
    /// A sealer with the store's key, which encrypts too if it is given a second key.
    pub(crate) fn new(key: &Secret, encryption: Option<&Secret>) -> Self {
        let encryption = encryption.map(|secret| {
            let label: &[u8] = b"cartgate inbox digest of encrypted 1";
            let part = mac(keyed(secret.expose()), &[label]);
            Encryption {
                digests: keyed(&mac(keyed(key.expose()), &[label, &part])),
                cipher: Cipher::new(secret),
            }
        });
        Self {
            digests: derived(key, b"cartgate inbox digest 1"),
            seals: derived(key, b"cartgate inbox seal 1"),
            marks: derived(key, b"cartgate inbox mark 1"),
            deliveries: DeliverySeals::new(key),
            check: mac(keyed(key.expose()), &[b"cartgate inbox check 1"]),
            encryption,
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
    pub(crate) fn seal(&self, metadata: EventMetadata, head: &Head, body: Bytes) -> SealedEvent {
        let digests = match &self.encryption {
            Some(encryption) => &encryption.digests,
            None => &self.digests,
        };
        let digest = digest(digests, &metadata.endpoint, &body);
        let head = self.stored_head(metadata.id, codec::write(head));
        let body = match &self.encryption {
            Some(encryption) => encryption.cipher.encrypt(&digest, &body),
            None => body,
        };
        let mut event = SealedEvent {
            id: metadata.id,
            endpoint: metadata.endpoint,
            kind: metadata.kind,
            received: metadata.received,
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
    pub(crate) fn open(&self, event: &SealedEvent) -> Result<Intact, UnsealError> {
        if !bool::from(self.seal_over(event).ct_eq(&event.seal)) {
            return Err(UnsealError::Seal);
        }
        let (head, body) = self.plain(event)?;
        Ok(Intact {
            id: event.id,
            endpoint: Arc::clone(&event.endpoint),
            kind: event.kind,
            head: codec::read(&head)?,
            body,
        })
    }

    /// Opens the event of a claimed delivery.
    ///
    /// # Errors
    ///
    /// When the event or the delivery is not what was sealed, or this gate cannot read it.
    pub(crate) fn open_claim(&self, claim: &Claim) -> Result<Intact, UnsealError> {
        let delivery = SealedDelivery {
            event: claim.event.id,
            queue: &claim.lease.queue,
            copy: claim.copy,
            first_received: claim.first_received,
        };
        if !self.deliveries.holds(&delivery, &claim.seal) {
            return Err(UnsealError::Seal);
        }
        self.open(&claim.event)
    }

    /// Makes and checks the seals of deliveries.
    pub(crate) fn deliveries(&self) -> &DeliverySeals {
        &self.deliveries
    }

    /// Text that is stored beside an event, encrypted where events are.
    pub(crate) fn write_note(&self, text: &[u8]) -> Bytes {
        let Some(Encryption { cipher, .. }) = &self.encryption else {
            return [&[PLAIN], text].concat().into();
        };
        // A name of its own for each text, so that no key meets two.
        let name = Uuid::now_v7();
        let text = cipher.encrypt(name.as_bytes(), text);
        [&[ENCRYPTED], name.as_bytes().as_slice(), &text]
            .concat()
            .into()
    }

    /// The text of a note, unless this gate cannot read it.
    pub(crate) fn read_note(&self, stored: &[u8]) -> Option<Bytes> {
        match stored.split_first()? {
            (&PLAIN, text) => Some(Bytes::copy_from_slice(text)),
            (&ENCRYPTED, rest) => {
                let (name, text) = rest.split_at_checked(size_of::<Uuid>())?;
                self.encryption.as_ref()?.cipher.decrypt(name, text)
            }
            _ => None,
        }
    }

    fn seal_over(&self, event: &SealedEvent) -> [u8; 32] {
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
        match &self.encryption {
            Some(Encryption { cipher, .. }) => {
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

    /// Head and body. Called once the seal held: what the head's first byte says is what this program wrote, of the body
    /// too. So a head that does not decrypt lacks its key, and a body that does not is not the one that was sealed.
    fn plain(&self, event: &SealedEvent) -> Result<(Bytes, Bytes), UnsealError> {
        let (digests, head, body) = match event.head.first() {
            Some(&PLAIN) => (&self.digests, event.head.slice(1..), event.body.clone()),
            Some(&ENCRYPTED) => {
                let Encryption { digests, cipher } =
                    self.encryption.as_ref().ok_or(UnsealError::Locked)?;
                let head = cipher.decrypt(event.id.as_bytes(), &event.head[1..]);
                let head = head.ok_or(UnsealError::Locked)?;
                let body = cipher.decrypt(&event.digest, &event.body);
                (digests, head, body.ok_or(UnsealError::Seal)?)
            }
            _ => return Err(UnsealError::Malformed(Malformed)),
        };
        let digest = digest(digests, &event.endpoint, &body);
        if bool::from(digest.ct_eq(&event.digest)) {
            Ok((head, body))
        } else {
            Err(UnsealError::Seal)
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

fn digest(digests: &Hmac<Sha256>, endpoint: &str, body: &[u8]) -> [u8; 32] {
    mac(digests.clone(), &[endpoint.as_bytes(), body])
}

fn derived(key: &Secret, label: &[u8]) -> Hmac<Sha256> {
    keyed(&mac(keyed(key.expose()), &[label]))
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

impl fmt::Debug for DeliverySeals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeliverySeals(redacted)")
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
