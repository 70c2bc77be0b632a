//! The headers that state the result of a verification, for a destination or for a proxy that asks
//! for the verdict.

use http::HeaderName;
use tower_cartgate::{Event, EventKind, EventSource, SecretName, Verified};
use uuid::Uuid;

use super::{head::Head, info::DeliveryInfo};
use crate::outcome::problem::DELIVERY;

const VERDICT: HeaderName = HeaderName::from_static("x-cartgate-verdict");
const ENDPOINT: HeaderName = HeaderName::from_static("x-cartgate-endpoint");
const EVENT: HeaderName = HeaderName::from_static("x-cartgate-event");
const EVENT_SOURCE: HeaderName = HeaderName::from_static("x-cartgate-event-source");
const SECRET_NAME: HeaderName = HeaderName::from_static("x-cartgate-secret-name");

/// The result of a verification. Only a proof, or a delivery that was made from one, becomes one.
pub(crate) struct VerificationHeaders<'a> {
    id: Uuid,
    endpoint: &'a str,
    secret: &'a SecretName,
    event: Event,
}

impl<'a> VerificationHeaders<'a> {
    /// Returns the result for a verified request.
    pub(crate) fn of_verified(verified: &'a Verified, id: Uuid, endpoint: &'a str) -> Self {
        Self {
            id,
            endpoint,
            secret: verified.secret_name(),
            event: verified.event(),
        }
    }

    /// Returns the result that a delivery states.
    pub(crate) fn of_delivery(head: &'a Head, info: &'a DeliveryInfo) -> Self {
        Self {
            id: info.id,
            endpoint: &info.endpoint,
            secret: &head.secret,
            event: Event {
                kind: info.kind,
                source: head.source,
            },
        }
    }

    /// Passes each header to `write`.
    pub(crate) fn write(&self, mut write: impl FnMut(&HeaderName, &str)) {
        let mut buffer = Uuid::encode_buffer();
        let id: &str = self.id.as_hyphenated().encode_lower(&mut buffer);
        // Names are `[a-z0-9_-]`.
        write(&VERDICT, "verified");
        write(&DELIVERY, id);
        write(&ENDPOINT, self.endpoint);
        write(&SECRET_NAME, self.secret.as_ref());
        // Without an event rule the kind is unknown, and `other` would be a statement.
        let Event { kind, source } = self.event;
        if (kind, source) != (EventKind::Other, EventSource::Endpoint) {
            write(&EVENT, kind.as_str());
            write(&EVENT_SOURCE, source.as_str());
        }
    }
}
