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
    pub(crate) received: Millis,
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
            received: event.received,
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
mod tests {
    use super::{super::parcel::tests::full_head, *};

    const BODY: &[u8] = b"{\"planted\": \"a payload\"}";

    fn secret(text: &str) -> Secret {
        Secret::new(text).expect("a secret")
    }

    fn plain() -> Sealer {
        Sealer::new(&secret("the key of the store"), None)
    }

    fn encrypting() -> Sealer {
        let encryption = secret("the key of the encryption");
        Sealer::new(&secret("the key of the store"), Some(&encryption))
    }

    fn facts(number: u128, endpoint: &str) -> Facts {
        Facts {
            id: Uuid::from_u128(number),
            endpoint: endpoint.into(),
            kind: EventKind::Order,
            received: 1_800_000_000_000,
        }
    }

    fn sealed(sealer: &Sealer, number: u128) -> Event {
        let body = Bytes::from([BODY, &number.to_be_bytes()].concat());
        sealer.seal(facts(number, "orders"), &full_head(), body)
    }

    fn refused(sealer: &Sealer, event: &Event, what: &str) {
        let error = sealer.open(event).expect_err(what);
        assert!(error.is_tampering(), "{what}: {error}");
    }

    #[test]
    fn what_was_sealed_opens_as_it_was() {
        for sealer in [plain(), encrypting()] {
            let intact = sealer.open(&sealed(&sealer, 7)).expect("intact");
            assert_eq!(intact.id, Uuid::from_u128(7));
            assert_eq!(&*intact.endpoint, "orders");
            assert_eq!(intact.kind, EventKind::Order);
            assert_eq!(intact.received, 1_800_000_000_000);
            assert_eq!(intact.body()[..BODY.len()], *BODY);
            assert_eq!(intact.head().target, full_head().target);
            assert_eq!(intact.head().headers, full_head().headers);
        }
    }

    #[test]
    fn each_flipped_bit_of_bytes_is_noticed() {
        type Change = fn(&mut Event, usize, u8) -> bool;
        let flip = |bytes: &mut Bytes, place: usize, bit: u8| {
            let mut changed = bytes.to_vec();
            changed.get_mut(place).map(|byte| *byte ^= bit);
            *bytes = changed.into();
            place < bytes.len()
        };
        let changes: [(&str, Change); 5] = [
            ("id", |event, place, bit| {
                let mut id = *event.id.as_bytes();
                id.get_mut(place).map(|byte| *byte ^= bit);
                event.id = Uuid::from_bytes(id);
                place < id.len()
            }),
            ("received", |event, place, bit| {
                event.received ^= Millis::from(bit) << (8 * place.min(7));
                place < 8 && event.received != 1_800_000_000_000
            }),
            ("seal", |event, place, bit| {
                event.seal.get_mut(place).map(|byte| *byte ^= bit);
                place < event.seal.len()
            }),
            ("digest", |event, place, bit| {
                event.digest.get_mut(place).map(|byte| *byte ^= bit);
                place < event.digest.len()
            }),
            ("endpoint", |event, place, bit| {
                let mut name = event.endpoint.as_bytes().to_vec();
                name.get_mut(place).map(|byte| *byte ^= bit & 0x7f);
                event.endpoint = String::from_utf8(name).expect("ASCII").into();
                place < event.endpoint.len() && bit < 0x80
            }),
        ];
        for sealer in [plain(), encrypting()] {
            let event = sealed(&sealer, 7);
            for (place, bit) in
                (0..2_000).flat_map(|place| (0..8).map(move |bit| (place, 1 << bit)))
            {
                for (what, change) in &changes {
                    let mut changed = event.clone();
                    if change(&mut changed, place, bit) {
                        refused(&sealer, &changed, what);
                    }
                }
                let mut changed = event.clone();
                if flip(&mut changed.head, place, bit) {
                    refused(&sealer, &changed, "head");
                }
                let mut changed = event.clone();
                if flip(&mut changed.body, place, bit) {
                    refused(&sealer, &changed, "body");
                }
            }
        }
    }

    #[test]
    fn another_kind_and_what_is_cut_or_longer_is_noticed() {
        for sealer in [plain(), encrypting()] {
            let event = sealed(&sealer, 7);
            let mut kind = event.clone();
            kind.kind = EventKind::Other;
            refused(&sealer, &kind, "kind");
            for end in [0, 1, event.body.len() - 1] {
                let mut cut = event.clone();
                cut.body = event.body.slice(..end);
                refused(&sealer, &cut, "body");
                let mut cut = event.clone();
                cut.head = event.head.slice(..end);
                refused(&sealer, &cut, "head");
            }
            let mut longer = event.clone();
            longer.body = [&event.body[..], b"x"].concat().into();
            refused(&sealer, &longer, "body");
        }
    }

    #[test]
    fn what_is_swapped_between_rows_is_noticed_and_the_others_stay_intact() {
        for sealer in [plain(), encrypting()] {
            let rows = [1, 2, 3].map(|number| sealed(&sealer, number));
            let swaps: [(&str, fn(&mut Event, &Event)); 6] = [
                ("id", |to, from| to.id = from.id),
                ("head and id", |to, from| {
                    (to.id, to.head) = (from.id, from.head.clone());
                }),
                ("body", |to, from| to.body = from.body.clone()),
                ("digest and body", |to, from| {
                    (to.digest, to.body) = (from.digest, from.body.clone());
                }),
                ("seal", |to, from| to.seal = from.seal),
                ("endpoint", |to, _| to.endpoint = "carts".into()),
            ];
            for (what, swap) in swaps {
                let mut changed = rows[0].clone();
                swap(&mut changed, &rows[1]);
                refused(&sealer, &changed, what);
            }
            for row in &rows {
                assert!(sealer.open(row).is_ok());
            }
        }
    }

    #[test]
    fn copies_have_one_digest_and_one_body_and_endpoints_have_their_own() {
        for sealer in [plain(), encrypting()] {
            let of = |number, endpoint| {
                sealer.seal(
                    facts(number, endpoint),
                    &full_head(),
                    Bytes::from_static(BODY),
                )
            };
            let (first, copy, elsewhere) = (of(1, "orders"), of(2, "orders"), of(3, "carts"));
            assert_eq!(first.digest, copy.digest);
            assert_eq!(first.body, copy.body);
            assert_ne!(first.head.slice(1..), first.seal.to_vec());
            assert_ne!(first.digest, elsewhere.digest);
            // Where one field ends is a part of what is digested.
            let moved = sealer.seal(
                facts(4, "order"),
                &full_head(),
                Bytes::from([b"s", BODY].concat()),
            );
            assert_ne!(first.digest, moved.digest);
        }
    }

    #[test]
    fn nothing_can_be_read_of_what_is_encrypted() {
        let event = sealed(&encrypting(), 7);
        for bytes in [&event.head, &event.body] {
            assert!(!bytes.windows(7).any(|part| part == b"planted"));
        }
        assert_ne!(
            sealed(&encrypting(), 8).body.slice(..16),
            event.body.slice(..16)
        );
        let open = sealed(&plain(), 7);
        for bytes in [&open.head, &open.body] {
            assert!(
                bytes.windows(7).any(|part| part == b"planted"),
                "the control"
            );
        }
    }

    #[test]
    fn a_copy_may_share_a_body_from_before_there_was_encryption() {
        let first = sealed(&plain(), 7);
        let mut copy = sealed(&encrypting(), 7);
        copy.body = first.body.clone();
        let intact = encrypting().open(&copy).expect("intact");
        assert_eq!(*intact.body(), first.body);
        assert!(encrypting().open(&first).is_ok());
    }

    #[test]
    fn a_key_that_is_not_here_is_told_from_tampering() {
        let event = sealed(&encrypting(), 7);
        assert_eq!(plain().open(&event).expect_err("locked"), Broken::Locked);
        let other = secret("another key of the encryption");
        let other = Sealer::new(&secret("the key of the store"), Some(&other));
        assert_eq!(other.open(&event).expect_err("locked"), Broken::Locked);
        assert!(!Broken::Locked.is_tampering());
    }

    #[test]
    fn another_key_of_the_store_makes_all_else() {
        let other = Sealer::new(&secret("another key of the store"), None);
        assert_ne!(other.check(), plain().check());
        assert_eq!(plain().check(), encrypting().check());
        refused(&other, &sealed(&plain(), 7), "seal");
        assert_ne!(other.mark("a", b"1"), plain().mark("a", b"1"));
        assert_ne!(plain().mark("b", b"1"), plain().mark("a", b"1"));
        assert_eq!(plain().mark("a", b"1"), plain().mark("a", b"1"));
    }

    #[test]
    fn no_payload_and_no_key_is_in_what_debug_prints() {
        let sealer = encrypting();
        let intact = sealer.open(&sealed(&sealer, 7)).expect("intact");
        assert_eq!(format!("{sealer:?}"), "Sealer(redacted)");
        assert!(!format!("{intact:?}").contains("planted"));
    }
}
