//! The judgement, step by step in the order of the contract. All ways to a [`Verified`] lead through here; what drives it
//! (a future, a function) and what becomes of a refusal is elsewhere.

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

/// Verifies a whole body that is at hand: the way of the layer, for people without tower.
///
/// The method is not judged, since it is not given. Pass on only what comes back, never `body` or a copy of it.
///
/// # Errors
///
/// As the layer refuses a request; the status to answer with is [`Rejection::status`].
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
    let mut intake = Intake::new(policy, sole_signature(policy, headers)?);
    intake.take(policy, body.into())?;
    intake.finish(policy, |_| ())
}

/// Judges what needs no body, so that most forgeries cost no reading. `hint` is what the body itself says.
pub(crate) fn judge_head(
    policy: &Policy,
    head: &Parts,
    hint: &SizeHint,
) -> Result<Signature, RejectionKind> {
    if !policy.methods().contains(&head.method) {
        return Err(RejectionKind::Method);
    }
    let signature = sole_signature(policy, &head.headers)?;
    // A server that knows the length has it from the headers.
    let announced = hint
        .exact()
        .unwrap_or_else(|| hint.lower().max(declared(&head.headers)));
    if announced > policy.max_body() {
        return Err(TooLarge);
    }
    Ok(signature)
}

/// With two signatures, this reader and the next one could go by different ones.
fn sole_signature(policy: &Policy, headers: &HeaderMap) -> Result<Signature, RejectionKind> {
    let mut values = headers.get_all(policy.header()).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(SignatureMissing),
        (Some(_), Some(_)) => Err(SignatureRepeated),
        (Some(value), None) => Signature::parse(value.as_bytes()).map_err(|_| SignatureMalformed),
    }
}

/// The greatest length that the headers declare. What is no number is the server's to refuse and counts for nothing here.
fn declared(headers: &HeaderMap) -> u64 {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    lengths
        .filter_map(|value| number(value.as_bytes()))
        .max()
        .unwrap_or(0)
}

/// A number too great for 64 bits is none that a limit allows.
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(number.saturating_mul(10).saturating_add(digit.into()))
    })
}

/// A body on its way in. Each step is given the policy that the first was.
pub(crate) struct Intake {
    signature: Signature,
    room: u64,
    /// The first frame, as long as it may be all there is: nearly every body is, and needs no more than to be kept.
    alone: Bytes,
    pieces: Option<Pieces>,
}

/// A body of several frames, hashed and gathered while they arrive.
struct Pieces {
    verifier: Verifier,
    gather: Gather,
}

impl Intake {
    pub(crate) fn new(policy: &Policy, signature: Signature) -> Self {
        Self {
            signature,
            room: policy.max_body(),
            alone: Bytes::new(),
            pieces: None,
        }
    }

    /// Counts before it hashes: what is too long is not worth the work.
    pub(crate) fn take(&mut self, policy: &Policy, frame: Bytes) -> Result<(), RejectionKind> {
        self.room = self.room.checked_sub(frame.len() as u64).ok_or(TooLarge)?;
        if self.alone.is_empty() && self.pieces.is_none() {
            self.alone = frame;
        } else if !frame.is_empty() {
            self.settle(policy);
            self.push(policy, frame);
        }
        Ok(())
    }

    /// Nothing more has arrived for now: what is held may be held for long, so a small frame gives its buffer back.
    pub(crate) fn settle(&mut self, policy: &Policy) {
        if !self.alone.is_empty() {
            let frame = mem::take(&mut self.alone);
            self.push(policy, frame);
        }
    }

    fn push(&mut self, policy: &Policy, frame: Bytes) {
        let pieces = self.pieces.get_or_insert_with(|| Pieces {
            verifier: policy.keyring().verifier(),
            gather: Gather::default(),
        });
        pieces.verifier.update(&frame);
        pieces.gather.keep(frame);
    }

    /// The body is complete. Only after the comparison does anything look into it.
    ///
    /// A body that no secret matches is shown to `mismatched`, and dropped.
    pub(crate) fn finish(
        self,
        policy: &Policy,
        mismatched: impl FnOnce(&Payload),
    ) -> Result<Verified, Rejection> {
        let signature = self.signature;
        let (secret_name, mut payload) = match self.pieces {
            None => (
                Verifier::judge(policy.keyring(), &self.alone, &signature),
                Payload::new(Chunks::One(self.alone)),
            ),
            Some(pieces) => (pieces.verifier.finish(&signature), pieces.gather.finish()),
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
        demand_fresh(&mut payload, policy)?;
        Ok(Verified::new(Inner {
            payload,
            secret_name,
            signature,
            event,
        }))
    }
}

/// Pieces are put together only for a rule that reads them.
fn event_of(payload: &mut Payload, rule: &EventRule) -> Event {
    if rule.reads_body() {
        payload.join();
        rule.read(payload.bytes())
    } else {
        rule.read(&[])
    }
}

/// The clock is read once the body is here, since a slow one grows older on its way.
fn demand_fresh(payload: &mut Payload, policy: &Policy) -> Result<(), Rejection> {
    let Some(rule) = policy.fresh_rule() else {
        return Ok(());
    };
    payload.join();
    rule.judge(payload.bytes(), SystemTime::now())
        .map_err(|staleness| Rejection::with_source(Stale, staleness))
}
