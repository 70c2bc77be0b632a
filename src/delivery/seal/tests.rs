//! Detection of every change to a stored event.

use bytes::Bytes;
use tower_cartgate::{EventKind, Secret};
use uuid::Uuid;

use super::*;
use crate::{
    delivery::{
        codec::tests::full_head,
        event::{Claim, EventMetadata, Lease, SealedEvent},
    },
    runtime::clock::Millis,
};

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

fn encrypting_otherwise() -> Sealer {
    let encryption = secret("another key of the encryption");
    Sealer::new(&secret("the key of the store"), Some(&encryption))
}

fn metadata(number: u128, endpoint: &str) -> EventMetadata {
    EventMetadata {
        id: Uuid::from_u128(number),
        endpoint: endpoint.into(),
        kind: EventKind::Order,
        received: 1_800_000_000_000,
    }
}

fn sealed(sealer: &Sealer, number: u128) -> SealedEvent {
    let body = Bytes::from([BODY, &number.to_be_bytes()].concat());
    sealer.seal(metadata(number, "orders"), &full_head(), body)
}

fn rejected(sealer: &Sealer, event: &SealedEvent, what: &str) {
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
        assert_eq!(intact.body()[..BODY.len()], *BODY);
        assert_eq!(intact.head().target, full_head().target);
        assert!(intact.head().headers.iter().eq(full_head().headers.iter()));
    }
}

#[test]
fn each_flipped_bit_of_bytes_is_noticed() {
    type Change = fn(&mut SealedEvent, usize, u8) -> bool;
    let flip = |bytes: &mut Bytes, place: usize, bit: u8| {
        let mut changed = bytes.to_vec();
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= bit;
        }
        *bytes = changed.into();
        place < bytes.len()
    };
    let changes: [(&str, Change); 5] = [
        ("id", |event, place, bit| {
            let mut id = *event.id.as_bytes();
            if let Some(byte) = id.get_mut(place) {
                *byte ^= bit;
            }
            event.id = Uuid::from_bytes(id);
            place < id.len()
        }),
        ("received", |event, place, bit| {
            event.received ^= Millis::from(bit) << (8 * place.min(7));
            place < 8 && event.received != 1_800_000_000_000
        }),
        ("seal", |event, place, bit| {
            if let Some(byte) = event.seal.get_mut(place) {
                *byte ^= bit;
            }
            place < event.seal.len()
        }),
        ("digest", |event, place, bit| {
            if let Some(byte) = event.digest.get_mut(place) {
                *byte ^= bit;
            }
            place < event.digest.len()
        }),
        ("endpoint", |event, place, bit| {
            let mut name = event.endpoint.as_bytes().to_vec();
            if let Some(byte) = name.get_mut(place) {
                *byte ^= bit & 0x7f;
            }
            event.endpoint = String::from_utf8(name).expect("ASCII").into();
            place < event.endpoint.len() && bit < 0x80
        }),
    ];
    for sealer in [plain(), encrypting()] {
        let event = sealed(&sealer, 7);
        for (place, bit) in (0..2_000).flat_map(|place| (0..8).map(move |bit| (place, 1 << bit))) {
            for (what, change) in &changes {
                let mut changed = event.clone();
                if change(&mut changed, place, bit) {
                    rejected(&sealer, &changed, what);
                }
            }
            let mut changed = event.clone();
            if flip(&mut changed.head, place, bit) {
                rejected(&sealer, &changed, "head");
            }
            let mut changed = event.clone();
            if flip(&mut changed.body, place, bit) {
                rejected(&sealer, &changed, "body");
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
        rejected(&sealer, &kind, "kind");
        for end in [0, 1, event.body.len() - 1] {
            let mut cut = event.clone();
            cut.body = event.body.slice(..end);
            rejected(&sealer, &cut, "body");
            let mut cut = event.clone();
            cut.head = event.head.slice(..end);
            rejected(&sealer, &cut, "head");
        }
        let mut longer = event.clone();
        longer.body = [&event.body[..], b"x"].concat().into();
        rejected(&sealer, &longer, "body");
    }
}

#[test]
fn what_is_swapped_between_rows_is_noticed_and_the_others_stay_intact() {
    for sealer in [plain(), encrypting()] {
        let rows = [1, 2, 3].map(|number| sealed(&sealer, number));
        type Swap = fn(&mut SealedEvent, &SealedEvent);
        let swaps: [(&str, Swap); 6] = [
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
            rejected(&sealer, &changed, what);
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
                metadata(number, endpoint),
                &full_head(),
                Bytes::from_static(BODY),
            )
        };
        let (first, copy, elsewhere) = (of(1, "orders"), of(2, "orders"), of(3, "carts"));
        assert_eq!(first.digest, copy.digest);
        assert_eq!(first.body, copy.body);
        assert_ne!(first.head.slice(1..), first.seal.to_vec());
        assert_ne!(first.digest, elsewhere.digest);
        // The digest covers the lengths of its fields.
        let moved = sealer.seal(
            metadata(4, "order"),
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

/// A store has one body for each digest: that of the first event.
#[test]
fn a_copy_opens_whatever_encryption_key_its_first_came_under() {
    let sealers = [plain(), encrypting(), encrypting_otherwise()];
    let mut bodies = std::collections::BTreeMap::new();
    for sealer in &sealers {
        let event = sealed(sealer, 7);
        bodies.entry(event.digest).or_insert(event.body);
    }
    assert_eq!(bodies.len(), sealers.len());
    for sealer in &sealers {
        let mut copy = sealed(sealer, 7);
        copy.body = bodies[&copy.digest].clone();
        assert!(sealer.open(&copy).is_ok());
    }
}

#[test]
fn what_came_plain_opens_after_there_is_an_encryption_key() {
    for number in 1..=3 {
        let first = sealed(&plain(), number);
        let intact = encrypting().open(&first).expect("intact");
        assert_eq!(*intact.body(), first.body);
    }
}

#[test]
fn the_digest_of_what_is_encrypted_depends_on_both_keys() {
    let encryption = secret("the key of the encryption");
    let other = Sealer::new(&secret("another key of the store"), Some(&encryption));
    let digests = [&encrypting(), &encrypting_otherwise(), &other].map(|it| sealed(it, 7).digest);
    assert_ne!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
    assert_eq!(digests[0], sealed(&encrypting(), 7).digest);
}

#[test]
fn a_key_that_is_not_here_is_told_from_tampering() {
    let event = sealed(&encrypting(), 7);
    assert_eq!(
        plain().open(&event).expect_err("locked"),
        UnsealError::Locked
    );
    let other = encrypting_otherwise();
    assert_eq!(other.open(&event).expect_err("locked"), UnsealError::Locked);
    assert!(!UnsealError::Locked.is_tampering());
}

#[test]
fn another_key_of_the_store_makes_all_else() {
    let other = Sealer::new(&secret("another key of the store"), None);
    assert_ne!(other.check(), plain().check());
    assert_eq!(plain().check(), encrypting().check());
    rejected(&other, &sealed(&plain(), 7), "seal");
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

#[test]
fn a_delivery_opens_at_its_own_destination_with_its_own_copy_alone() {
    for sealer in [plain(), encrypting()] {
        let claim = |queue: &str, copy, first_received, sealed_for: SealedDelivery<'_>| Claim {
            event: sealed(&sealer, 7),
            seal: sealer.deliveries().seal(&sealed_for),
            attempts: 0,
            copy,
            first_received,
            lease: Lease {
                event: Uuid::from_u128(7),
                queue: queue.into(),
                token: 1,
            },
        };
        let right = SealedDelivery {
            event: Uuid::from_u128(7),
            queue: "shop",
            copy: 3,
            first_received: 5,
        };
        assert!(sealer.open_claim(&claim("shop", 3, 5, right)).is_ok());
        let event = Uuid::from_u128(8);
        for (what, claim) in [
            ("destination", claim("mail", 3, 5, right)),
            ("copy", claim("shop", 0, 5, right)),
            ("first received", claim("shop", 3, 6, right)),
            (
                "event",
                claim("shop", 3, 5, SealedDelivery { event, ..right }),
            ),
        ] {
            let error = sealer.open_claim(&claim).expect_err(what);
            assert!(error.is_tampering(), "{what}");
        }
        let mut none = claim("shop", 3, 5, right);
        none.seal = [0; 32];
        assert!(sealer.open_claim(&none).is_err());
        let other = Sealer::new(&secret("another key of the store"), None);
        assert!(
            !other
                .deliveries()
                .holds(&right, &sealer.deliveries().seal(&right))
        );
    }
}
