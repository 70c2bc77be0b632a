//! Standard Webhooks (version 1.0.0, symmetric `v1`): a second signature, over the delivery's id and
//! the time of the attempt too, by which an app tells a fresh delivery from one that was captured.
//! Cartfunnel's own signature has no time in it. What is Cartfunnel's is signed in `tower_cartgate`.

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

/// How long a key may be, in bytes.
const SHORTEST: usize = 24;
const LONGEST: usize = 64;

/// Base64 is decoded three bytes at a time.
const ROOM: usize = LONGEST.next_multiple_of(3);

/// How much is hashed at a stretch: a worker has other connections to serve than that of a large body.
const STRETCH: usize = 64 * 1024;

/// Signs deliveries anew. It holds the keyed state of its secrets, and not the secrets.
#[derive(Clone)]
pub struct Signer {
    /// Never empty.
    keys: Vec<Hmac<Sha256>>,
}

/// Why a secret cannot sign. It never quotes the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// It is not written as the standard says.
    #[error("expected a Standard Webhooks secret: whsec_ and then Base64 of the key")]
    NotBase64,
    /// The key is shorter or longer than the standard lets it be.
    #[error("a Standard Webhooks secret holds Base64 of 24 to 64 bytes")]
    Length,
}

impl Signer {
    /// Signs with a secret as the standard writes it: Base64, after `whsec_` or without it.
    ///
    /// # Errors
    ///
    /// When it is no Base64, or not of 24 to 64 bytes.
    pub fn new(secret: &Secret) -> Result<Self, SignerError> {
        let keys = vec![key(secret)?];
        Ok(Self { keys })
    }

    /// Signs with this secret too. An app believes any of the signatures, so that its secret can
    /// change without a delivery lost.
    ///
    /// # Errors
    ///
    /// As [`Signer::new`].
    pub fn also(mut self, secret: &Secret) -> Result<Self, SignerError> {
        self.keys.push(key(secret)?);
        Ok(self)
    }

    /// The three headers of an attempt at this time. The id has no full stop in it, which would let one message pass for
    /// another.
    pub(super) async fn sign(
        &self,
        id: &str,
        at: SystemTime,
        body: &[Bytes],
    ) -> [(HeaderName, String); 3] {
        let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let timestamp = seconds.to_string();
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
}

fn key(secret: &Secret) -> Result<Hmac<Sha256>, SignerError> {
    let text = secret.expose();
    let text = text.strip_prefix(PREFIX).unwrap_or(text);
    let mut room = Zeroizing::new([0; ROOM]);
    let length = STANDARD
        .decode_slice(text, room.as_mut_slice())
        .map_err(|error| match error {
            DecodeSliceError::DecodeError(_) => SignerError::NotBase64,
            DecodeSliceError::OutputSliceTooSmall => SignerError::Length,
        })?;
    if !(SHORTEST..=LONGEST).contains(&length) {
        return Err(SignerError::Length);
    }
    Ok(Hmac::new_from_slice(&room[..length]).expect("HMAC takes a key of any length"))
}

fn update(macs: &mut [Hmac<Sha256>], bytes: &[u8]) {
    for mac in macs {
        mac.update(bytes);
    }
}

/// A list with a space between, as the standard writes it.
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

    /// Secret, id, time, body and signature of the tests that the standard's own libraries share.
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

    /// Signs, and counts how often the worker could turn to something else.
    fn signed(signer: &Signer, body: &[Bytes]) -> (HashMap<HeaderName, String>, usize) {
        let mut rests = 0;
        let at = UNIX_EPOCH + Duration::from_secs(AT);
        let mut signing = pin!(signer.sign(MESSAGE, at, body));
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match signing.as_mut().poll(&mut cx) {
                Poll::Ready(headers) => return (HashMap::from(headers), rests),
                Poll::Pending => rests += 1,
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
            for (chunks, rests) in [(vec![whole], length / STRETCH), (pieces, 0)] {
                let (headers, rested) = signed(&signer, &chunks);
                assert_eq!(headers[&SIGNATURE], expected, "{length}");
                assert_eq!(rested, rests, "{length}");
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
    fn what_is_no_such_secret_is_refused_without_repeating_it() {
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
