//! The thread that learns: it reads the samples one after another, and logs the news.

use std::sync::{Mutex, PoisonError, mpsc::Receiver};

use http::{HeaderName, HeaderValue};
use tower_cartgate::Verified;

use super::{
    book::Book,
    digest::{DigestKey, DigestPurpose},
    key_name::looks_like_value,
    learned::{BodyFacts, Facts},
    reading::PayloadReading,
    sample::VerifiedSample,
    shape::ShapeEvent,
};
use crate::endpoint::Target;

/// The content type that stands for all malformed ones.
const OTHER: &str = "other";

/// The longest content type in bytes.
const LONGEST_TYPE: usize = 64;

/// The number of pointers in one log line. A new version of a payload may lack dozens.
const MAX_LOGGED: usize = 8;

/// Learns all samples, until their sender is dropped.
pub(super) fn run(samples: &Receiver<VerifiedSample>, book: &Mutex<Book>, key: &DigestKey) {
    while let Ok(sample) = samples.recv() {
        // Everything that may take long happens before the lock.
        let facts = facts(&sample, key);
        let endpoint = &*sample.endpoint.name;
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        let events = book.learn(endpoint, &facts);
        drop(book);
        log(endpoint, &events);
    }
}

fn facts<'s>(sample: &'s VerifiedSample, key: &DigestKey) -> Facts<'s> {
    let headers = sample.headers.iter().map(HeaderName::as_str);
    let body = sample.body.as_ref();
    Facts {
        received: sample.received,
        durable: matches!(sample.endpoint.target, Target::Durable(_)),
        kind: sample.kind,
        method: sample.method.as_str(),
        content_type: sample.content_type.as_ref().map(media_type),
        headers: headers.filter(|name| !looks_like_value(name)).collect(),
        length: sample.length,
        body: body.map_or(BodyFacts::TooLarge, |verified| read(verified, sample, key)),
    }
}

fn read(verified: &Verified, sample: &VerifiedSample, key: &DigestKey) -> BodyFacts {
    let joined;
    // `Verified::bytes` would join the pieces for a worker, which may wait for this thread then.
    let body = match verified.chunks() {
        [] => &[][..],
        [one] => one,
        pieces => {
            joined = pieces.concat();
            &joined
        }
    };
    BodyFacts::Read {
        digest: key.digest(DigestPurpose::Payload, body),
        reading: PayloadReading::of(body, key, sample.received),
    }
}

/// Returns a content type without its parameters, which may hold values.
fn media_type(value: &HeaderValue) -> &str {
    let text = value.to_str().unwrap_or(OTHER);
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-._".contains(&byte);
    let is_type = essence.contains('/') && essence.len() <= LONGEST_TYPE;
    if is_type && essence.bytes().all(is_plain) && !looks_like_value(essence) {
        essence
    } else {
        OTHER
    }
}

/// Logs the news about the payloads of an endpoint: one line for all missing pointers.
fn log(endpoint: &str, events: &[ShapeEvent]) {
    let mut missing = Vec::new();
    for event in events {
        match event {
            ShapeEvent::Missing(change) => missing.push(change),
            ShapeEvent::Back { kind, pointer } => tracing::info!(
                target: "cartgate::profile",
                endpoint, %kind, pointer,
                "missing pointer is back in the payload"
            ),
            ShapeEvent::Usual { kind, pointer } => tracing::info!(
                target: "cartgate::profile",
                endpoint, %kind, pointer,
                "payload without this pointer counts as usual"
            ),
        }
    }
    if let Some(first) = missing.first() {
        let pointers = missing.iter().map(|change| match &*change.pointer {
            "" => "(the payload is no JSON)",
            pointer => pointer,
        });
        let pointers: Vec<_> = pointers.take(MAX_LOGGED).collect();
        tracing::warn!(
            target: "cartgate::profile",
            endpoint,
            kind = %first.kind,
            pointers = pointers.join(", "),
            missing = missing.len(),
            bodies = first.bodies,
            "payload changed: pointers that always occurred are missing"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_loses_its_parameters() {
        for (value, expected) in [
            ("application/json", "application/json"),
            ("application/json; charset=utf-8", "application/json"),
            (
                "multipart/form-data; boundary=planted",
                "multipart/form-data",
            ),
            ("planted", OTHER),
            ("text/planted@example.com", OTHER),
            ("text/order-123456", OTHER),
            ("", OTHER),
        ] {
            let value = HeaderValue::from_static(value);
            assert_eq!(media_type(&value), expected);
        }
        let value = HeaderValue::from_bytes(b"text/\xff").expect("a header value");
        assert_eq!(media_type(&value), OTHER);
    }
}
