//! The seals of deliveries.
//!
//! The store makes them, because only the store knows the number of copies.

use std::fmt;

use hmac::Hmac;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tower_cartgate::Secret;
use uuid::Uuid;

use super::mac::{derived, mac};
use crate::runtime::clock::Millis;

/// Makes and checks the seals of deliveries. It holds the keyed state and not the key.
#[derive(Clone)]
pub(crate) struct DeliverySeals(Hmac<Sha256>);

/// The sealed fields of a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SealedDelivery<'a> {
    pub(crate) event: Uuid,
    /// The destination's name; empty for an event without subscribers.
    pub(crate) queue: &'a str,
    /// The number of earlier events with the same body.
    pub(crate) copy: u32,
    /// The time at which the first event with the same body was received.
    pub(crate) first_received: Millis,
}

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

impl fmt::Debug for DeliverySeals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeliverySeals(redacted)")
    }
}
