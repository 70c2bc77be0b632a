//! Deliveries on their way to a destination.
//!
//! Only a proof makes one: `Verified` from the layer, or `Intact` from the seal, which shows
//! that the stored bytes are those that were verified. A destination takes nothing else, so the
//! compiler keeps unverified bytes out.

mod arrival_time;
mod attempt_info;
mod body;
mod cipher;
pub(crate) mod codec;
pub(crate) mod event;
mod head;
pub mod header_changes;
pub mod header_filter;
mod header_policy;
mod info;
mod kept_headers;
pub(crate) mod origin;
pub(crate) mod seal;
mod shown_head;
pub(crate) mod trace;
mod verification_headers;

pub(crate) use arrival_time::arrival_time;
pub(crate) use attempt_info::AttemptInfo;
pub(crate) use body::{DeliveryBody, SharedMemory};
pub(crate) use head::Head;
pub(crate) use info::DeliveryInfo;
pub(crate) use shown_head::{ShownHead, is_credential, redacted, shortened};
pub(crate) use verification_headers::VerificationHeaders;

use std::{mem::take, sync::Arc};

use http::{HeaderMap, request::Parts};
use tower_cartgate::Verified;

use crate::delivery::{
    header_changes::{EndpointHeaders, HeaderChanges},
    origin::Origin,
    seal::Intact,
};

/// A delivery, before an attempt adds its own headers.
pub(crate) struct Delivery {
    pub(crate) head: Head,
    pub(crate) info: DeliveryInfo,
    body: DeliveryBody,
}

impl Delivery {
    /// Makes the delivery of a verified request, and takes its head away. `memory` counts the body
    /// as long as it exists.
    pub(crate) fn direct(
        (verified, memory): (Verified, SharedMemory),
        parts: &mut Parts,
        origin: &Origin,
        endpoint: &Arc<str>,
        headers: EndpointHeaders<'_>,
    ) -> Self {
        Self {
            head: Head::new(&verified, parts, origin, headers),
            info: DeliveryInfo {
                id: origin.id,
                endpoint: Arc::clone(endpoint),
                kind: verified.event().kind,
                added: added(headers.changes),
                attempt: None,
            },
            body: DeliveryBody::verified(verified, memory),
        }
    }

    /// Makes an attempt to deliver a stored event, whose seal is the proof. `headers` are the
    /// changes of its endpoint in the configuration in force, if the endpoint is still configured:
    /// today's changes apply, not those of the time when the event was stored.
    pub(crate) fn stored(
        intact: Intact,
        attempt: AttemptInfo,
        headers: Option<&HeaderChanges>,
    ) -> Self {
        let info = DeliveryInfo {
            id: intact.id,
            endpoint: Arc::clone(&intact.endpoint),
            kind: intact.kind,
            added: headers.and_then(added),
            attempt: Some(attempt),
        };
        let (mut head, body) = intact.into_parts();
        if let Some(changes) = headers {
            head.headers.drop_extra(&changes.drop);
        }
        Self {
            head,
            info,
            body: DeliveryBody::stored(body),
        }
    }

    /// Returns the length of the body in bytes.
    pub(crate) fn body_len(&self) -> usize {
        self.body.len()
    }

    /// Returns the body, and an empty table for the headers of the response. That was the table of
    /// the delivery's own headers, which must be written before.
    pub(crate) fn body_and_table(&mut self) -> (DeliveryBody, HeaderMap) {
        let headers = take(&mut self.head.headers);
        (self.body.clone(), headers.into_empty_table())
    }
}

/// Returns the headers that an endpoint adds.
fn added(changes: &HeaderChanges) -> Option<Box<HeaderMap>> {
    (!changes.add.is_empty()).then(|| Box::new(changes.add.clone()))
}

#[cfg(test)]
mod tests;
