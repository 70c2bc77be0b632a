//! One verified delivery, as a worker hands it over.

use std::sync::Arc;

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
        }
    }
}
