//! The algorithms that senders use by mistake instead of HMAC-SHA256.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use tower_cartgate::Secret;

use super::cause::Cause;

type Compute = fn(&[u8], &[u8]) -> Vec<u8>;

/// Other algorithms with secret and body.
const WITH_SECRET: &[(Cause, Compute)] = &[
    (Cause::HmacSha1, |secret, body| {
        hmac::<Hmac<Sha1>>(secret, body)
    }),
    (Cause::HmacSha512, |secret, body| {
        hmac::<Hmac<Sha512>>(secret, body)
    }),
    (Cause::HmacSha384, |secret, body| {
        hmac::<Hmac<Sha384>>(secret, body)
    }),
    (Cause::Swapped, |secret, body| {
        hmac::<Hmac<Sha256>>(body, secret)
    }),
    (Cause::HashOfBoth, |secret, body| sha256(&[secret, body])),
    (Cause::HashOfBoth, |secret, body| sha256(&[body, secret])),
];

/// Returns the results of the algorithms with this secret.
pub(super) fn with_secret<'a>(
    secret: &'a Secret,
    body: &'a [u8],
) -> impl Iterator<Item = (Cause, Vec<u8>)> + 'a {
    WITH_SECRET
        .iter()
        .map(|(cause, compute)| (*cause, compute(secret.expose(), body)))
}

/// Returns the results of the algorithms without a secret. A [`Secret`] is never empty.
pub(super) fn without_secret(body: &[u8]) -> [(Cause, Vec<u8>); 2] {
    [
        (Cause::SenderSecretEmpty, hmac::<Hmac<Sha256>>(b"", body)),
        (Cause::PlainSha256, sha256(&[body])),
    ]
}

fn hmac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC accepts keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().to_vec()
}
