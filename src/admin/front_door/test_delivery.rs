//! A test delivery: a sample or a given body, genuine or forged.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tower_cartgate::{EventKind, Secret};

use super::test_result::TestResult;
use crate::{
    client::{Envelope, ForgeryKind, Outgoing, Sample, forge},
    endpoint::Endpoint,
};

/// The maximum length of a test delivery's body, unless its endpoint accepts less.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// A delivery that the gate signs itself.
#[derive(Debug)]
pub(crate) struct TestDelivery {
    /// The kind of the forgery; none for a genuine delivery.
    pub(crate) forgery: Option<ForgeryKind>,
    pub(crate) method: Method,
    pub(crate) body: Bytes,
}

impl TestDelivery {
    /// Returns the body of a sample with an id of its own, because an endpoint may drop a repeated
    /// one. There is none for [`EventKind::Other`].
    pub(crate) fn sample(kind: EventKind) -> Option<Bytes> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let number = now.map_or(1, |now| now.as_secs());
        Sample::of(kind).map(|sample| sample.body(number))
    }

    /// Signs the delivery for its endpoint. Returns the result at once if the body does not allow
    /// this kind of forgery.
    pub(crate) fn signed(
        self,
        endpoint: &Endpoint,
        secret: &Secret,
    ) -> Result<Outgoing, Box<TestResult>> {
        let header = endpoint.policy.header().clone();
        let envelope = Envelope::new(self.method, header, HeaderMap::new());
        match self.forgery {
            None => Ok(envelope.genuine(secret, self.body)),
            Some(kind) => forge(kind, &envelope, secret, self.body)
                .map_err(|reason| Box::new(TestResult::not_sent(kind, reason))),
        }
    }
}

/// Returns the limit of a test delivery's body for this endpoint.
pub(crate) fn max_body(endpoint: &Endpoint) -> u64 {
    endpoint.policy.max_body().min(MAX_BODY as u64)
}
