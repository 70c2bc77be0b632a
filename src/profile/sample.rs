//! One verified delivery, as a worker hands it over.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use http::{HeaderName, HeaderValue, Method, header::CONTENT_TYPE, request::Parts};
use tower_cartgate::{EventKind, Verified};

use crate::{
    endpoint::Endpoint,
    runtime::clock::{Clock, Millis},
};

/// The largest body that is read. Of larger ones, only the size is learned.
const MAX_BODY: usize = 512 * 1024;

/// A verified delivery to learn from.
#[derive(Debug)]
pub(crate) struct VerifiedSample {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) received: Millis,
    pub(super) kind: EventKind,
    pub(super) method: Method,
    pub(super) content_type: Option<HeaderValue>,
    /// The names of the headers, as they came.
    pub(super) headers: Vec<HeaderName>,
    pub(super) length: u64,
    /// The body, which is shared and not copied; none if it is too large.
    pub(super) body: Option<Verified>,
    held: Option<HeldBytes>,
}

/// The bytes of a body, counted until they are dropped.
#[derive(Debug)]
struct HeldBytes {
    total: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Relaxed);
    }
}

impl VerifiedSample {
    /// Takes the facts of a verified delivery.
    pub(crate) fn new(endpoint: &Arc<Endpoint>, head: &Parts, verified: &Verified) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
            received: Clock::System.now(),
            kind: verified.event().kind,
            method: head.method.clone(),
            content_type: head.headers.get(CONTENT_TYPE).cloned(),
            headers: head.headers.keys().cloned().collect(),
            length: verified.len() as u64,
            body: (verified.len() <= MAX_BODY).then(|| verified.clone()),
            held: None,
        }
    }

    /// Counts the bytes of the body in `total` until the sample is dropped.
    pub(super) fn counted_in(mut self, total: &Arc<AtomicUsize>) -> Self {
        let bytes = self.body.as_ref().map_or(0, Verified::len);
        total.fetch_add(bytes, Relaxed);
        let total = Arc::clone(total);
        self.held = Some(HeldBytes { total, bytes });
        self
    }
}
