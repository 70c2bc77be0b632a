//! HMAC-SHA256 over lists of fields. The length of each field enters the MAC before it, so that
//! different lists never give the same bytes.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tower_cartgate::Secret;

/// Returns the state of a key derived from `key` for one purpose.
pub(super) fn derived(key: &Secret, label: &[u8]) -> Hmac<Sha256> {
    keyed(&mac(keyed(key.expose()), &[label]))
}

/// Returns the state of a key.
pub(super) fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Returns the MAC of the fields.
pub(super) fn mac(mut mac: Hmac<Sha256>, fields: &[&[u8]]) -> [u8; 32] {
    for field in fields {
        mac.update(&(field.len() as u64).to_be_bytes());
        mac.update(field);
    }
    mac.finalize().into_bytes().into()
}
