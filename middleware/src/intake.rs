//! The checks of a request, in their order. Only this module creates a [`Verified`].
//!
//! The module `receive` and [`verify`] drive it. Responses to rejections are made elsewhere.

use std::{mem, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, header, request::Parts};
use http_body::SizeHint;

use crate::{
    Event, EventRule, Policy, Rejection,
    RejectionKind::{
        self, Mismatch, SignatureMalformed, SignatureMissing, SignatureRepeated, Stale, TooLarge,
        WrongKind,
    },
    Signature, Verified, Verifier,
    gather::Gather,
    payload::{Chunks, Payload},
    verified::Inner,
};

/// Verifies a complete body as the layer does, for servers without tower.
///
/// Does not check the method. Use only the returned bytes, never `body` or a copy of it.
///
/// # Errors
///
/// Returns the rejection that the layer would report. Respond with [`Rejection::status`].
///
/// ```
/// # use tower_cartgate::*;
/// # let secret = Secret::new("shared_secret")?;
/// let policy = Policy::new(Keyring::single(secret));
/// let mut headers = http::HeaderMap::new();
/// headers.insert(Signature::HEADER, "cIGmQz/NG2Gq28d3efkTF5DcDcEbcbmhl7EfXAmtTEQ=".parse()?);
///
/// let verified = verify(&policy, &headers, r#"{"order":1}"#)?;
/// assert_eq!(verified.bytes(), r#"{"order":1}"#);
///
/// let rejection = verify(&policy, &headers, r#"{"order":2}"#).unwrap_err();
/// assert_eq!(rejection.kind(), RejectionKind::Mismatch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify(
    policy: &Policy,
    headers: &HeaderMap,
    body: impl Into<Bytes>,
) -> Result<Verified, Rejection> {
    verify_whole(policy, headers, body.into(), SystemTime::now)
}

/// Verifies a complete body that was received earlier, such as one from a file, as [`verify`] does.
///
/// A [`FreshRule`](crate::FreshRule) judges the age that the delivery had at the time `received`.
///
/// # Errors
///
/// Returns the rejection that the layer would have reported then.
pub fn verify_at(
    policy: &Policy,
    headers: &HeaderMap,
    body: impl Into<Bytes>,
    received: SystemTime,
) -> Result<Verified, Rejection> {
    verify_whole(policy, headers, body.into(), || received)
}

fn verify_whole(
    policy: &Policy,
    headers: &HeaderMap,
    body: Bytes,
    now: impl FnOnce() -> SystemTime,
) -> Result<Verified, Rejection> {
    let mut intake = Intake::new(policy, sole_signature(policy, headers)?);
    intake.take(policy, body)?;
    intake.finish(policy, now, |_| ())
}

/// Checks the head, so that most forgeries are rejected before their body is read. `hint` is the
/// size hint of the body.
pub(crate) fn judge_head(
    policy: &Policy,
    head: &Parts,
    hint: &SizeHint,
) -> Result<Signature, RejectionKind> {
    if !policy.methods().contains(&head.method) {
        return Err(RejectionKind::Method);
    }
    let signature = sole_signature(policy, &head.headers)?;
    // An exact hint comes from the headers.
    let announced = hint
        .exact()
        .unwrap_or_else(|| hint.lower().max(declared(&head.headers)));
    if announced > policy.max_body() {
        return Err(TooLarge);
    }
    Ok(signature)
}

/// Parses the only signature. With two, this reader and the next one could use different ones.
fn sole_signature(policy: &Policy, headers: &HeaderMap) -> Result<Signature, RejectionKind> {
    let mut values = headers.get_all(policy.header()).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(SignatureMissing),
        (Some(_), Some(_)) => Err(SignatureRepeated),
        (Some(value), None) => Signature::parse(value.as_bytes()).map_err(|_| SignatureMalformed),
    }
}

/// Returns the largest declared length. Values that are no numbers count as 0; the server rejects
/// them.
fn declared(headers: &HeaderMap) -> u64 {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    lengths
        .filter_map(|value| number(value.as_bytes()))
        .max()
        .unwrap_or(0)
}

/// Parses a decimal number. A number above 64 bits becomes `u64::MAX`, which exceeds every limit.
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(number.saturating_mul(10).saturating_add(digit.into()))
    })
}

/// A body that is being received. Each step takes the same policy.
pub(crate) struct Intake {
    signature: Signature,
    room: u64,
    /// The first frame, until a second one arrives. Most bodies have one frame, which needs no
    /// copy.
    only: Bytes,
    /// Boxed, because few bodies have pieces.
    pieces: Option<Box<Pieces>>,
}

/// The frames of a longer body, hashed and buffered as they arrive.
struct Pieces {
    verifier: Verifier,
    gather: Gather,
}

impl Intake {
    pub(crate) fn new(policy: &Policy, signature: Signature) -> Self {
        Self {
            signature,
            room: policy.max_body(),
            only: Bytes::new(),
            pieces: None,
        }
    }

    /// Takes a frame. Checks the length before it hashes, so that excess bytes cost no work.
    pub(crate) fn take(&mut self, policy: &Policy, frame: Bytes) -> Result<(), RejectionKind> {
        self.room = self.room.checked_sub(frame.len() as u64).ok_or(TooLarge)?;
        if self.only.is_empty() && self.pieces.is_none() {
            self.only = frame;
        } else if !frame.is_empty() {
            self.settle(policy);
            self.push(policy, frame);
        }
        Ok(())
    }

    /// Copies a small first frame while the body waits for more, so that it does not keep its read
    /// buffer alive.
    pub(crate) fn settle(&mut self, policy: &Policy) {
        if !self.only.is_empty() {
            let frame = mem::take(&mut self.only);
            self.push(policy, frame);
        }
    }

    fn push(&mut self, policy: &Policy, frame: Bytes) {
        let pieces = self.pieces.get_or_insert_with(|| {
            Box::new(Pieces {
                verifier: policy.keyring().verifier(),
                gather: Gather::default(),
            })
        });
        pieces.verifier.update(&frame);
        pieces.gather.push(frame);
    }

    /// Compares the tags of the complete body, and only then reads its content.
    ///
    /// Reads the time of receipt from `now` if a rule needs it. Passes a body that matches no secret
    /// to `mismatched`, and drops it.
    pub(crate) fn finish(
        self,
        policy: &Policy,
        now: impl FnOnce() -> SystemTime,
        mismatched: impl FnOnce(&Payload),
    ) -> Result<Verified, Rejection> {
        let signature = self.signature;
        let (secret_name, mut payload) = match self.pieces {
            None => (
                Verifier::judge(policy.keyring(), &self.only, &signature),
                Payload::new(Chunks::One(self.only)),
            ),
            Some(pieces) => {
                let Pieces { verifier, gather } = *pieces;
                (verifier.finish(&signature), gather.finish())
            }
        };
        let Some(secret_name) = secret_name else {
            mismatched(&payload);
            return Err(Mismatch.into());
        };
        let rule = policy.event_rule();
        let event = event_of(&mut payload, rule);
        if !rule.permits(event.kind) {
            return Err(WrongKind.into());
        }
        check_fresh(&mut payload, policy, now)?;
        Ok(Verified::new(Inner {
            payload,
            secret_name,
            signature,
            event,
        }))
    }
}

/// Determines the event. Joins the pieces only for a rule that reads the body.
fn event_of(payload: &mut Payload, rule: &EventRule) -> Event {
    if rule.reads_body() {
        payload.join();
        rule.read(payload.bytes())
    } else {
        rule.read(&[])
    }
}

/// Checks the age. Reads the clock once the body is complete, because a slow body grows older
/// meanwhile.
fn check_fresh(
    payload: &mut Payload,
    policy: &Policy,
    now: impl FnOnce() -> SystemTime,
) -> Result<(), Rejection> {
    let Some(rule) = policy.fresh_rule() else {
        return Ok(());
    };
    payload.join();
    rule.judge(payload.bytes(), now())
        .map_err(|staleness| Rejection::with_source(Stale, staleness))
}
