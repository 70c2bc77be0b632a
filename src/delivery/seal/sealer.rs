//! The sealer of a store's events.

use std::fmt;

use bytes::Bytes;
use hmac::Hmac;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tower_cartgate::Secret;
use uuid::Uuid;

use super::{
    delivery_seals::{DeliverySeals, SealedDelivery},
    intact::Intact,
    mac::{derived, keyed, mac},
    unseal_error::UnsealError,
};
use crate::delivery::{
    cipher::Cipher,
    codec::{self, Malformed},
    event::{Claim, EventMetadata, SealedEvent},
    head::Head,
};

/// Seals and opens the events of one store. It holds keyed states and not the store's key.
#[derive(Clone)]
pub(crate) struct Sealer {
    digests: Hmac<Sha256>,
    seals: Hmac<Sha256>,
    marks: Hmac<Sha256>,
    deliveries: DeliverySeals,
    check: [u8; 32],
    profile: [u8; 32],
    encryption: Option<Encryption>,
}

/// The digests and the cipher of encrypted events.
#[derive(Clone)]
struct Encryption {
    digests: Hmac<Sha256>,
    cipher: Cipher,
}

/// The first byte of a stored head or note.
const PLAIN: u8 = 0;
const ENCRYPTED: u8 = 1;

impl Sealer {
    /// Makes a sealer with the store's key. With a second key, it encrypts, too.
    pub(crate) fn new(key: &Secret, encryption: Option<&Secret>) -> Self {
        Self {
            digests: derived(key, b"cartgate inbox digest 1"),
            seals: derived(key, b"cartgate inbox seal 1"),
            marks: derived(key, b"cartgate inbox mark 1"),
            deliveries: DeliverySeals::new(key),
            check: mac(keyed(key.expose()), &[b"cartgate inbox check 1"]),
            profile: profile_key(key, encryption),
            encryption: encryption.map(|secret| Encryption::new(key, secret)),
        }
    }

    /// Returns the value by which a store recognizes its key. It reveals nothing about the key.
    pub(crate) fn check(&self) -> [u8; 32] {
        self.check
    }

    /// Returns the key of the digests in stored profiles.
    pub(crate) fn profile_key(&self) -> [u8; 32] {
        self.profile
    }

    /// Returns a keyed digest of an endpoint's unique value.
    pub(crate) fn mark(&self, endpoint: &str, value: &[u8]) -> [u8; 32] {
        mac(self.marks.clone(), &[endpoint.as_bytes(), value])
    }

    /// Seals an event for the store.
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
    /// When its seal does not hold, or this gate cannot read it.
    pub(crate) fn open(&self, event: &SealedEvent) -> Result<Intact, UnsealError> {
        if !bool::from(self.seal_over(event).ct_eq(&event.seal)) {
            return Err(UnsealError::Seal);
        }
        let (head, body) = self.plain(event)?;
        Ok(Intact::new(event, codec::read(&head)?, body))
    }

    /// Opens the event of a claimed delivery.
    ///
    /// # Errors
    ///
    /// When the seal of the event or of the delivery does not hold, or this gate cannot read the
    /// event.
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

    /// Returns the seals of deliveries.
    pub(crate) fn deliveries(&self) -> &DeliverySeals {
        &self.deliveries
    }

    /// Encodes a text to store beside an event, encrypted if events are.
    pub(crate) fn write_note(&self, text: &[u8]) -> Bytes {
        let Some(Encryption { cipher, .. }) = &self.encryption else {
            return [&[PLAIN], text].concat().into();
        };
        // Each text has a name of its own, so that no key encrypts two texts.
        let name = Uuid::now_v7();
        let text = cipher.encrypt(name.as_bytes(), text);
        [&[ENCRYPTED], name.as_bytes().as_slice(), &text]
            .concat()
            .into()
    }

    /// Decodes a note, unless this gate cannot read it.
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

    /// Returns the plain head and body of an event whose seal held. This program wrote the head's
    /// first byte, which holds for the body, too. A head that does not decrypt therefore lacks its
    /// key, and a body that does not decrypt is not the one that was sealed.
    fn plain(&self, event: &SealedEvent) -> Result<(Bytes, Bytes), UnsealError> {
        let (digests, head, body) = match event.head.first() {
            Some(&PLAIN) => (&self.digests, event.head.slice(1..), event.body.clone()),
            Some(&ENCRYPTED) => {
                let encryption = self.encryption.as_ref().ok_or(UnsealError::Locked)?;
                let (head, body) = encryption.decrypt(event)?;
                (&encryption.digests, head, body)
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

impl Encryption {
    fn new(key: &Secret, secret: &Secret) -> Self {
        let label: &[u8] = b"cartgate inbox digest of encrypted 1";
        let part = mac(keyed(secret.expose()), &[label]);
        Self {
            digests: keyed(&mac(keyed(key.expose()), &[label, &part])),
            cipher: Cipher::new(secret),
        }
    }

    fn decrypt(&self, event: &SealedEvent) -> Result<(Bytes, Bytes), UnsealError> {
        let head = self.cipher.decrypt(event.id.as_bytes(), &event.head[1..]);
        let head = head.ok_or(UnsealError::Locked)?;
        let body = self.cipher.decrypt(&event.digest, &event.body);
        Ok((head, body.ok_or(UnsealError::Seal)?))
    }
}

/// Derives the key of profiles from both keys, so that a digest reveals nothing to a reader of the
/// store who lacks one of them.
fn profile_key(key: &Secret, encryption: Option<&Secret>) -> [u8; 32] {
    let label: &[u8] = b"cartgate inbox profile 1";
    let part = encryption.map(|secret| mac(keyed(secret.expose()), &[label]));
    match &part {
        Some(part) => mac(keyed(key.expose()), &[label, part]),
        None => mac(keyed(key.expose()), &[label]),
    }
}

fn digest(digests: &Hmac<Sha256>, endpoint: &str, body: &[u8]) -> [u8; 32] {
    mac(digests.clone(), &[endpoint.as_bytes(), body])
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(redacted)")
    }
}
