//! Seals stored events, checks the seals before each attempt, and encrypts events at rest if that
//! is configured. [`Intact`] is the proof that a seal held; only this module makes one.
//!
//! ```text
//! digest        = HMAC(endpoint, body)                      equal for copies, which share the stored body
//! seal          = HMAC(id, endpoint, kind, received, head as stored, digest)
//! delivery seal = HMAC(id, destination, copy, first received)
//! ```
//!
//! The store makes the seal of a delivery, because only the store knows the number of copies. An
//! attacker who edits the database can therefore send an event to no other destination, and cannot
//! change the copy number that an app gets.
//!
//! With an encryption key, the key of the digest is derived from both keys. Plain bodies, and
//! bodies under different keys, therefore never share a stored body, and equal digests mean equal
//! bytes in the store.

mod delivery_seals;
mod intact;
mod mac;
mod sealer;
mod unseal_error;

pub(crate) use delivery_seals::{DeliverySeals, SealedDelivery};
pub(crate) use intact::Intact;
pub(crate) use sealer::Sealer;
pub(crate) use unseal_error::UnsealError;

#[cfg(test)]
mod tests;
