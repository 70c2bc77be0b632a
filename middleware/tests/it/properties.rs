//! Property tests: any genuine body in any frames under any secret passes, and any change is
//! rejected.

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::Index};
use tower_cartgate::{
    Keyring, Policy, RejectionKind, Secret, SecretName, Signature, Signer, VerifyLayer, verify,
};

use crate::support::{Steps, judge};

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..600),
        // Above the length from which a frame is not copied.
        1 => (any::<u8>(), 30_000usize..140_000).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

fn any_secret() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 1..150).prop_filter("ends in NUL", |secret| secret.last() != Some(&0))
}

/// Splits the body at `cuts`, with empty frames.
fn split(body: &[u8], cuts: &[Index]) -> Vec<Bytes> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    places.sort_unstable();
    let starts = std::iter::once(0).chain(places.iter().copied());
    let ends = places.iter().copied().chain([body.len()]);
    starts
        .zip(ends)
        .map(|(start, end)| Bytes::copy_from_slice(&body[start..end]))
        .collect()
}

fn named(secrets: &[Vec<u8>]) -> Keyring {
    let entries = secrets.iter().enumerate().map(|(index, secret)| {
        (
            format!("s{index}").parse::<SecretName>().unwrap(),
            Secret::new(secret.clone()).unwrap(),
        )
    });
    Keyring::new(entries).unwrap()
}

fn signed(secret: &[u8], body: &[u8]) -> Signature {
    Signer::new(&Secret::new(secret).unwrap()).sign(body)
}

fn headers(value: http::HeaderValue) -> http::HeaderMap {
    http::HeaderMap::from_iter([(Signature::HEADER, value)])
}

/// Returns the body with one change: a bit, an added byte, or a removed byte.
fn changed(body: &[u8], place: &Index, how: u8) -> Vec<u8> {
    let mut body = body.to_vec();
    match how {
        _ if body.is_empty() => body.push(how),
        0..=7 => *place.get_mut(&mut body) ^= 1 << how,
        8 => body.insert(place.index(body.len() + 1), 0),
        9 => body.push(b'\n'),
        // An empty body has no byte to remove.
        _ => drop(body.pop()),
    }
    body
}

/// Limits shrinking, because shrinking a large body to its last byte takes minutes.
fn config() -> ProptestConfig {
    ProptestConfig {
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn genuine_passes_in_any_frames(body in any_body(), cuts in vec(any::<Index>(), 0..12), secret in any_secret()) {
        let frames = split(&body, &cuts);
        let layer = VerifyLayer::new(Policy::new(named(std::slice::from_ref(&secret))));
        let request = http::Request::put("/")
            .header(Signature::HEADER, signed(&secret, &body).to_header_value())
            .body(Steps::data(frames))
            .unwrap();
        prop_assert_eq!(judge(&layer, request), Ok(Bytes::from(body)));
    }

    #[test]
    fn each_secret_of_a_keyring_is_found_by_name(
        body in any_body(),
        cuts in vec(any::<Index>(), 0..5),
        secrets in proptest::collection::hash_set(any_secret(), 1..=16),
        which in any::<Index>(),
    ) {
        let secrets: Vec<_> = secrets.into_iter().collect();
        let which = which.index(secrets.len());
        let mut verifier = named(&secrets).verifier();
        split(&body, &cuts).iter().for_each(|frame| verifier.update(frame));
        let name = verifier.finish(&signed(&secrets[which], &body)).unwrap();
        prop_assert_eq!(name.to_string(), format!("s{which}"));
    }

    #[test]
    fn a_changed_body_is_refused(body in any_body(), place: Index, how in 0u8..11, secret in any_secret()) {
        let signature = headers(signed(&secret, &body).to_header_value());
        let policy = Policy::new(named(&[secret]));
        prop_assert!(verify(&policy, &signature, body.clone()).is_ok());
        let rejection = verify(&policy, &signature, changed(&body, &place, how)).unwrap_err();
        prop_assert_eq!(rejection.kind(), RejectionKind::Mismatch);
    }

    #[test]
    fn a_changed_signature_is_refused(body in any_body(), bit in 0usize..256, secret in any_secret()) {
        let mut bytes = *signed(&secret, &body).as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let policy = Policy::new(named(&[secret]));
        let rejection = verify(&policy, &headers(Signature::from(bytes).to_header_value()), body).unwrap_err();
        prop_assert_eq!(rejection.kind(), RejectionKind::Mismatch);
    }

    #[test]
    fn a_changed_header_is_refused(place in 0usize..44, byte in 0x21u8..0x7f, secret in any_secret()) {
        let mut value = signed(&secret, b"{}").encode().into_bytes();
        prop_assume!(value[place] != byte);
        value[place] = byte;
        let value = http::HeaderValue::from_bytes(&value).unwrap();
        let verdict = verify(&Policy::new(named(&[secret])), &headers(value), "{}");
        prop_assert!(verdict.is_err());
    }

    #[test]
    fn a_changed_secret_is_refused(body in any_body(), place: Index, how in 0u8..11, secret in any_secret()) {
        let other = changed(&secret, &place, how);
        prop_assume!(other.last().is_some_and(|last| *last != 0));
        let signature = headers(signed(&other, &body).to_header_value());
        let rejection = verify(&Policy::new(named(&[secret])), &signature, body).unwrap_err();
        prop_assert_eq!(rejection.kind(), RejectionKind::Mismatch);
    }

    #[test]
    fn reading_the_event_of_any_bytes_ends(body in vec(any::<u8>(), 0..300)) {
        let rule = tower_cartgate::EventRule::pointer("/a/0/b").unwrap().order(["x"]);
        prop_assert_eq!(rule.read(&body).source, tower_cartgate::EventSource::Payload);
    }
}
