//! Signs deliveries as Standard Webhooks (version 1.0.0, symmetric `v1`). This second signature
//! also covers the id and the time of the attempt, so that an app can recognise a captured
//! delivery. Cartfunnel's own signature, in `tower_cartgate`, covers no time.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{DecodeSliceError, Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderName;
use sha2::Sha256;
use tower_cartgate::Secret;
use zeroize::Zeroizing;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

const PREFIX: &[u8] = b"whsec_";

/// The limits for the length of a key, in bytes.
const MIN_KEY: usize = 24;
const MAX_KEY: usize = 64;

/// The size of the decoding buffer. Base64 is decoded in groups of three bytes.
const BUFFER: usize = MAX_KEY.next_multiple_of(3);

/// The length of a signature in Base64.
const SIGNATURE_LENGTH: usize = 44;

/// The number of bytes that are hashed before the worker yields to its other connections.
const STRETCH: usize = 64 * 1024;

/// Signs deliveries. It holds the keyed state of its secrets instead of the secrets.
#[derive(Clone)]
pub struct Signer {
    /// The keyed states, at least one.
    keys: Vec<Hmac<Sha256>>,
}

/// The reason why a secret cannot sign. It never contains the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The secret does not have the form of the standard.
    #[error("expected a Standard Webhooks secret: whsec_ and then Base64 of the key")]
    NotBase64,
    /// The key is shorter or longer than the standard allows.
    #[error("a Standard Webhooks secret holds Base64 of 24 to 64 bytes")]
    Length,
}

impl Signer {
    /// Creates a signer from a secret in the standard's form: Base64, with or without `whsec_`
    /// before it.
    ///
    /// # Errors
    ///
    /// When the secret is not Base64, or not of 24 to 64 bytes.
    pub fn new(secret: &Secret) -> Result<Self, SignerError> {
        let keys = vec![key(secret)?];
        Ok(Self { keys })
    }

    /// Adds a secret. An app accepts any of the signatures, so that its secret can be rotated
    /// without losing a delivery.
    ///
    /// # Errors
    ///
    /// As [`Signer::new`].
    pub fn also(mut self, secret: &Secret) -> Result<Self, SignerError> {
        self.keys.push(key(secret)?);
        Ok(self)
    }

    /// Returns the three headers of an attempt at this time. The id must not contain a full stop,
    /// with which two messages could have the same signature.
    pub(crate) async fn sign(
        &self,
        id: &str,
        at: SystemTime,
        body: &[Bytes],
    ) -> [(HeaderName, String); 3] {
        let timestamp = timestamp(at);
        let mut macs = self.keys.clone();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b"."] {
            update(&mut macs, part);
        }
        for stretch in body.iter().flat_map(|chunk| chunk.chunks(STRETCH)) {
            update(&mut macs, stretch);
            if stretch.len() == STRETCH {
                tokio::task::yield_now().await;
            }
        }
        [
            (ID, id.to_owned()),
            (TIMESTAMP, timestamp),
            (SIGNATURE, signatures(macs)),
        ]
    }

    /// Returns the headers as [`sign`](Self::sign) does, with a text of the same length in place of
    /// each signature.
    pub(super) fn preview(&self, id: &str, at: SystemTime) -> [(HeaderName, String); 3] {
        let signature = format!("v1,{}", "?".repeat(SIGNATURE_LENGTH));
        let all = vec![signature; self.keys.len()];
        [
            (ID, id.to_owned()),
            (TIMESTAMP, timestamp(at)),
            (SIGNATURE, all.join(" ")),
        ]
    }
}

fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().to_string()
}

fn key(secret: &Secret) -> Result<Hmac<Sha256>, SignerError> {
    let text = secret.expose();
    let text = text.strip_prefix(PREFIX).unwrap_or(text);
    let mut room = Zeroizing::new([0; BUFFER]);
    let length = STANDARD
        .decode_slice(text, room.as_mut_slice())
        .map_err(|error| match error {
            DecodeSliceError::DecodeError(_) => SignerError::NotBase64,
            DecodeSliceError::OutputSliceTooSmall => SignerError::Length,
        })?;
    if !(MIN_KEY..=MAX_KEY).contains(&length) {
        return Err(SignerError::Length);
    }
    Ok(Hmac::new_from_slice(&room[..length]).expect("HMAC takes a key of any length"))
}

fn update(macs: &mut [Hmac<Sha256>], bytes: &[u8]) {
    for mac in macs {
        mac.update(bytes);
    }
}

/// Returns the signatures, separated by spaces.
fn signatures(macs: Vec<Hmac<Sha256>>) -> String {
    let all: Vec<String> = macs
        .into_iter()
        .map(|mac| format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        .collect();
    all.join(" ")
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        future::Future as _,
        pin::pin,
        task::{Context, Poll, Waker},
        time::Duration,
    };

    use super::*;

    /// The example in the tests of the standard's own libraries.
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const MESSAGE: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const AT: u64 = 1_649_367_553;
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNED: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    fn secret(text: &str) -> Secret {
        Secret::new(text).expect("a secret")
    }

    fn signer(text: &str) -> Result<Signer, SignerError> {
        Signer::new(&secret(text))
    }

    /// Signs a body, and counts how often the signer yields.
    fn signed(signer: &Signer, body: &[Bytes]) -> (HashMap<HeaderName, String>, usize) {
        let mut yields = 0;
        let at = UNIX_EPOCH + Duration::from_secs(AT);
        let mut signing = pin!(signer.sign(MESSAGE, at, body));
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match signing.as_mut().poll(&mut cx) {
                Poll::Ready(headers) => return (HashMap::from(headers), yields),
                Poll::Pending => yields += 1,
            }
        }
    }

    fn independently(secret: &str, body: &[u8]) -> String {
        let theirs = standardwebhooks::Webhook::new(secret).expect("a secret");
        let at = i64::try_from(AT).expect("a time");
        theirs.sign(MESSAGE, at, body).expect("text")
    }

    #[test]
    fn the_standards_own_example_comes_out() {
        let (headers, _) = signed(&signer(SECRET).expect("it signs"), &[BODY.into()]);
        assert_eq!(headers[&ID], MESSAGE);
        assert_eq!(headers[&TIMESTAMP], "1649367553");
        assert_eq!(headers[&SIGNATURE], SIGNED);
    }

    #[test]
    fn another_implementation_signs_the_same_however_the_body_is_cut() {
        let signer = signer(SECRET).expect("it signs");
        for length in [0, 1, STRETCH - 1, STRETCH, STRETCH + 1, 5 * STRETCH] {
            let body = vec![b'x'; length];
            let expected = independently(SECRET, &body);
            let whole = Bytes::from(body.clone());
            let pieces: Vec<Bytes> = body.chunks(1000).map(Bytes::copy_from_slice).collect();
            for (chunks, expected_yields) in [(vec![whole], length / STRETCH), (pieces, 0)] {
                let (headers, yields) = signed(&signer, &chunks);
                assert_eq!(headers[&SIGNATURE], expected, "{length}");
                assert_eq!(yields, expected_yields, "{length}");
            }
        }
    }

    #[test]
    fn two_secrets_give_two_signatures() {
        let other = format!("whsec_{}", STANDARD.encode([7; 64]));
        let signer = signer(SECRET).and_then(|signer| signer.also(&secret(&other)));
        let (headers, _) = signed(&signer.expect("they sign"), &[BODY.into()]);
        let expected = format!("{SIGNED} {}", independently(&other, BODY));
        assert_eq!(headers[&SIGNATURE], expected);
    }

    #[test]
    fn a_preview_is_as_long_as_the_headers_and_signs_nothing() {
        let other = format!("whsec_{}", STANDARD.encode([7; 64]));
        let signer = signer(SECRET).and_then(|signer| signer.also(&secret(&other)));
        let signer = signer.expect("they sign");
        let (signed, _) = signed(&signer, &[BODY.into()]);
        let at = UNIX_EPOCH + Duration::from_secs(AT);
        for (name, value) in signer.preview(MESSAGE, at) {
            assert_eq!(value.len(), signed[&name].len(), "{name}");
            assert_eq!(value == signed[&name], name != SIGNATURE, "{name}");
        }
    }

    #[test]
    fn the_prefix_may_be_missing() {
        let bare = SECRET.strip_prefix("whsec_").expect("it has one");
        let (headers, _) = signed(&signer(bare).expect("it signs"), &[BODY.into()]);
        assert_eq!(headers[&SIGNATURE], SIGNED);
    }

    #[test]
    fn a_secret_is_of_the_length_that_the_standard_says() {
        for (length, result) in [
            (1, Some(SignerError::Length)),
            (23, Some(SignerError::Length)),
            (24, None),
            (25, None),
            (64, None),
            (65, Some(SignerError::Length)),
            (66, Some(SignerError::Length)),
            (67, Some(SignerError::Length)),
            (5000, Some(SignerError::Length)),
        ] {
            // The last byte is NUL, as that of one key in 256 is.
            let text = format!("whsec_{}", STANDARD.encode(vec![0; length]));
            assert_eq!(signer(&text).err(), result, "{length}");
        }
    }

    #[test]
    fn another_text_is_rejected_without_repeating_it() {
        for text in [
            "planted-secret-of-the-wrong-kind",
            "whsec_planted!",
            "whsk_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "whsec_whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "whsec_C2FVsBQIhrscChlQIMV-b5sSYspob7oD",
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDAA",
            " whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        ] {
            let error = signer(text).expect_err(text);
            assert_eq!(error, SignerError::NotBase64, "{text}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("planted") && !shown.contains("C2FV"));
        }
        assert_eq!(signer("whsec_").err(), Some(SignerError::Length));
    }

    #[test]
    fn it_shows_nothing_of_its_secret() {
        let shown = format!("{:?}", signer(SECRET).expect("it signs"));
        assert_eq!(shown, "Signer(redacted)");
    }
}
