//! Creates forgeries: requests that look signed without being signed.
//!
//! Each differs from a genuine delivery in exactly one respect, so that a gate that accepts it
//! shows which check it lacks. All but [`ForgeryKind::ReplayedMethod`] must be rejected; that one
//! is genuine by the scheme, which signs only the body.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE},
};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, Method};
use serde_json::Value;
use sha1::Sha1;
use tower_cartgate::{Secret, Signature, Signer};

use super::{
    forgery_kind::ForgeryKind,
    outgoing::{Envelope, Outgoing},
};

/// The reason why a body does not allow a kind of forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unforgeable {
    /// The body is empty. It has nothing to change, and the signature of an empty body is genuine
    /// for it.
    #[error("the body is empty; forgeries need one that is not")]
    EmptyBody,
    /// The body is not JSON, so it cannot be re-serialized.
    #[error("the body is not JSON")]
    NotJson,
}

/// Creates a forgery of this kind from `body`.
///
/// # Errors
///
/// When the body does not allow this kind.
pub fn forge(
    kind: ForgeryKind,
    envelope: &Envelope,
    secret: &Secret,
    body: Bytes,
) -> Result<Outgoing, Unforgeable> {
    if body.is_empty() {
        return Err(Unforgeable::EmptyBody);
    }
    let sign = |signed: &[u8]| Signer::new(secret).sign(signed);
    let genuine = sign(&body);
    Ok(match kind {
        ForgeryKind::WrongSecret => {
            envelope.with_signature(&Signer::new(&different_from(secret)).sign(&body), body)
        }
        ForgeryKind::TamperedBody => envelope.with_signature(&genuine, tampered(&body)),
        ForgeryKind::EmptyBodySignature => envelope.with_signature(&sign(b""), body),
        ForgeryKind::ReSerializedJson => envelope.with_signature(&genuine, re_serialized(&body)?),
        ForgeryKind::AppendedNewline => {
            envelope.with_signature(&genuine, with_suffix(&body, b'\n'))
        }
        ForgeryKind::Missing => envelope.with_values([], body),
        ForgeryKind::DuplicateHeader => {
            let line = genuine.to_header_value();
            envelope.with_values([line.clone(), line], body)
        }
        ForgeryKind::UrlSafe => {
            let (signature, body) = with_url_safe_difference(secret, body);
            envelope.with_values([value(&URL_SAFE.encode(signature.as_bytes()))], body)
        }
        ForgeryKind::ReplayedMethod => {
            let genuine = envelope.with_signature(&genuine, body);
            Outgoing {
                method: other_method(&genuine.method),
                ..genuine
            }
        }
        respelled => {
            envelope.with_values([value(&respell(respelled, &genuine, secret, &body))], body)
        }
    })
}

/// Returns the header of a kind that differs only in the header's text.
fn respell(kind: ForgeryKind, signature: &Signature, secret: &Secret, body: &[u8]) -> String {
    let mac = signature.as_bytes();
    match kind {
        ForgeryKind::TruncatedSignature => STANDARD.encode(&mac[..mac.len() / 2]),
        ForgeryKind::Hex => mac.iter().map(|byte| format!("{byte:02x}")).collect(),
        ForgeryKind::List => format!("{signature}, {signature}"),
        ForgeryKind::NonCanonicalBase64 => non_canonical(&signature.to_string()),
        ForgeryKind::Unpadded => STANDARD_NO_PAD.encode(mac),
        ForgeryKind::Sha1 => STANDARD.encode(hmac_sha1(secret, body)),
        _ => String::new(),
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("Base64, hex and commas are printable ASCII")
}

/// Returns a longer secret, which therefore differs from every given one.
fn different_from(secret: &Secret) -> Secret {
    let mut bytes = secret.expose().to_vec();
    bytes.extend_from_slice(b"-forged");
    Secret::new(bytes).expect("not empty, and ends in a letter")
}

/// Changes a digit, as an attacker would change an amount, or else another byte.
fn tampered(body: &[u8]) -> Bytes {
    let mut changed = body.to_vec();
    let index = changed.iter().rposition(u8::is_ascii_digit);
    match index {
        Some(index) => {
            changed[index] = if changed[index] == b'9' {
                b'8'
            } else {
                changed[index] + 1
            }
        }
        None => changed[body.len() / 2] ^= 1,
    }
    changed.into()
}

/// Writes JSON in the pretty form, or in the compact one if it was pretty. The bytes always differ,
/// and the value never does.
fn re_serialized(body: &[u8]) -> Result<Bytes, Unforgeable> {
    let value: Value = serde_json::from_slice(body).map_err(|_| Unforgeable::NotJson)?;
    let pretty = format!("{value:#}");
    let compact = value.to_string();
    let other = [pretty, compact]
        .into_iter()
        .find(|text| text.as_bytes() != body);
    // A single number or word has one form, but whitespace around it does not change its value.
    Ok(other.map_or_else(|| with_suffix(body, b' '), Bytes::from))
}

fn with_suffix(body: &[u8], suffix: u8) -> Bytes {
    let mut longer = body.to_vec();
    longer.push(suffix);
    longer.into()
}

/// Returns a signature that the URL-safe alphabet writes differently. Three in four contain a `+`
/// or `/`; otherwise, spaces after the body produce another one.
fn with_url_safe_difference(secret: &Secret, mut body: Bytes) -> (Signature, Bytes) {
    loop {
        let signature = Signer::new(secret).sign(&body);
        if signature.to_string().contains(['+', '/']) {
            return (signature, body);
        }
        body = with_suffix(&body, b' ');
    }
}

/// Changes the two unused bits in the last character before `=`. A lenient decoder ignores them.
fn non_canonical(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = text.as_bytes().to_vec();
    let last = bytes.len() - 2;
    let index = ALPHABET
        .iter()
        .position(|&letter| letter == bytes[last])
        .expect("Base64 was encoded here");
    bytes[last] = ALPHABET[index ^ 1];
    String::from_utf8(bytes).expect("ASCII replaced by ASCII")
}

fn hmac_sha1(secret: &Secret, body: &[u8]) -> Vec<u8> {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.expose()).expect("HMAC takes keys of any length");
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

fn other_method(method: &Method) -> Method {
    if method == Method::POST {
        Method::PUT
    } else {
        Method::POST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use http::{HeaderMap, HeaderName};
    use proptest::prelude::*;
    use tower_cartgate::{Keyring, Policy, verify};

    const BODY: &[u8] = br#"{"id":17,"note":"Test"}"#;

    fn secret() -> Secret {
        Secret::new(&b"a-secret-for-the-forgery-tests"[..]).expect("a secret")
    }

    fn envelope(method: Method) -> Envelope {
        Envelope::new(
            method,
            HeaderName::from_static("x-cartfunnel-hmac-sha256"),
            HeaderMap::new(),
        )
    }

    fn passes(outgoing: &Outgoing) -> bool {
        let policy = Policy::new(Keyring::single(secret()));
        verify(&policy, &outgoing.headers, outgoing.body.clone()).is_ok()
    }

    fn forged(kind: ForgeryKind, body: &[u8]) -> Outgoing {
        forge(
            kind,
            &envelope(Method::POST),
            &secret(),
            Bytes::copy_from_slice(body),
        )
        .expect("can be forged")
    }

    fn header(outgoing: &Outgoing) -> String {
        let value = &outgoing.headers["x-cartfunnel-hmac-sha256"];
        value.to_str().expect("ASCII").to_owned()
    }

    #[test]
    fn the_genuine_one_passes() {
        assert!(passes(
            &envelope(Method::POST).genuine(&secret(), BODY.into())
        ));
    }

    #[test]
    fn every_kind_but_the_replay_is_refused() {
        let mut seen = 0;
        for &kind in ForgeryKind::ALL {
            assert_eq!(
                passes(&forged(kind, BODY)),
                kind.is_genuine_by_the_scheme(),
                "{kind}"
            );
            seen += 1;
        }
        assert_eq!(seen, 16);
    }

    #[test]
    fn respelled_signatures_hold_the_true_mac() {
        let mac = *Signer::new(&secret()).sign(BODY).as_bytes();
        let hex = header(&forged(ForgeryKind::Hex, BODY));
        assert_eq!(hex.len(), 64);
        assert!(hex.starts_with(&format!("{:02x}{:02x}", mac[0], mac[1])));
        let unpadded = header(&forged(ForgeryKind::Unpadded, BODY));
        assert_eq!(STANDARD_NO_PAD.decode(unpadded).expect("Base64"), mac);
        let lenient = base64::engine::GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
        );
        let second_spelling = header(&forged(ForgeryKind::NonCanonicalBase64, BODY));
        assert_eq!(
            lenient.decode(&second_spelling).expect("lenient Base64"),
            mac
        );
        assert_ne!(second_spelling, STANDARD.encode(mac));
    }

    #[test]
    fn a_duplicate_is_two_lines_and_a_list_is_one() {
        let lines = |kind| {
            forged(kind, BODY)
                .headers
                .get_all("x-cartfunnel-hmac-sha256")
                .iter()
                .count()
        };
        assert_eq!(lines(ForgeryKind::DuplicateHeader), 2);
        assert_eq!(lines(ForgeryKind::List), 1);
        assert_eq!(lines(ForgeryKind::Missing), 0);
    }

    #[test]
    fn a_replay_changes_the_method() {
        for (method, other) in [(Method::POST, Method::PUT), (Method::PUT, Method::POST)] {
            let outgoing = forge(
                ForgeryKind::ReplayedMethod,
                &envelope(method),
                &secret(),
                BODY.into(),
            );
            assert_eq!(outgoing.expect("can be forged").method, other);
        }
    }

    #[test]
    fn bodies_that_cannot_be_forged_are_refused() {
        let of = |kind, body: &'static [u8]| {
            forge(kind, &envelope(Method::POST), &secret(), body.into())
                .map(|_| ())
                .expect_err("cannot be forged")
        };
        assert_eq!(
            of(ForgeryKind::ReSerializedJson, b"not JSON"),
            Unforgeable::NotJson
        );
        assert_eq!(of(ForgeryKind::Hex, b""), Unforgeable::EmptyBody);
    }

    proptest! {
        #[test]
        fn no_body_makes_a_forgery_genuine(body in proptest::collection::vec(any::<u8>(), 1..200)) {
            for &kind in ForgeryKind::ALL {
                match forge(kind, &envelope(Method::POST), &secret(), body.clone().into()) {
                    Ok(outgoing) => prop_assert_eq!(passes(&outgoing), kind.is_genuine_by_the_scheme(), "{}", kind),
                    Err(reason) => prop_assert_eq!(reason, Unforgeable::NotJson),
                }
            }
        }

        #[test]
        fn re_serialized_json_always_differs_in_bytes(text in "[0-9]{1,9}|\"[a-z ]*\"|\\[ *[0-9]?\\]|\\{\"a\": ?1\\}") {
            if let Ok(other) = re_serialized(text.as_bytes()) {
                prop_assert_ne!(&other[..], text.as_bytes());
            }
        }
    }
}
