//! A delivery on its way to a destination. One is only made from a proof: the layer's, that it is genuine, or the seal's,
//! that it is what was genuine when it was stored. A destination takes nothing else, so the compiler keeps unverified
//! bytes out.

mod attempt_info;
mod cipher;
pub(crate) mod codec;
pub(crate) mod event;
mod head;
pub mod header_changes;
pub mod header_filter;
mod header_policy;
mod info;
pub(crate) mod origin;
pub(crate) mod seal;
pub(crate) mod trace;

pub(crate) use attempt_info::AttemptInfo;
pub(crate) use head::Head;
pub(crate) use info::DeliveryInfo;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, request::Parts};
use tower_cartgate::Verified;

use crate::delivery::{
    header_changes::{EndpointHeaders, HeaderChanges},
    header_filter::{clean, drop_headers},
    origin::Origin,
    seal::Intact,
};

/// What a destination is sent, before an attempt adds its own headers.
pub(crate) struct Delivery {
    pub(crate) head: Head,
    pub(crate) info: DeliveryInfo,
    body: DeliveryBody,
}

impl Head {
    /// Filters the head of a verified request.
    pub(crate) fn new(
        verified: &Verified,
        mut parts: Parts,
        origin: &Origin,
        headers: EndpointHeaders<'_>,
    ) -> Self {
        let host = parts.headers.get(http::header::HOST).cloned();
        clean(
            &mut parts.headers,
            headers.signature,
            &headers.changes.drop,
            origin.trusted,
        );
        Self {
            method: parts.method,
            target: parts.uri,
            headers: parts.headers,
            source: verified.event().source,
            secret: verified.secret_name().clone(),
            scheme: origin.scheme,
            host,
            peer: origin.peer,
            peer_is_trusted: origin.trusted,
        }
    }
}

impl Delivery {
    /// Makes the delivery of a verified request. `memory` is dropped with the body.
    pub(crate) fn direct(
        verified: Verified,
        parts: Parts,
        origin: &Origin,
        endpoint: &Arc<str>,
        headers: EndpointHeaders<'_>,
        memory: Box<dyn Send + Sync>,
    ) -> Self {
        Self {
            head: Head::new(&verified, parts, origin, headers),
            info: DeliveryInfo {
                id: origin.id,
                endpoint: Arc::clone(endpoint),
                kind: verified.event().kind,
                added: headers.changes.add.clone(),
                attempt: None,
            },
            body: DeliveryBody(Source::Verified {
                verified,
                _memory: memory,
            }),
        }
    }

    /// Makes an attempt to deliver a stored event, whose seal is the proof. `headers` are the changes of
    /// its endpoint in the configuration in force, if the endpoint is still configured: today's changes
    /// apply, not those of the time when the event was stored.
    pub(crate) fn stored(
        intact: Intact,
        attempt: AttemptInfo,
        headers: Option<&HeaderChanges>,
    ) -> Self {
        let info = DeliveryInfo {
            id: intact.id,
            endpoint: Arc::clone(&intact.endpoint),
            kind: intact.kind,
            added: headers.map_or_else(HeaderMap::new, |changes| changes.add.clone()),
            attempt: Some(attempt),
        };
        let (mut head, body) = intact.into_parts();
        if let Some(changes) = headers {
            drop_headers(&mut head.headers, &changes.drop);
        }
        Self {
            head,
            info,
            body: DeliveryBody(Source::Stored(body)),
        }
    }

    pub(crate) fn into_parts(self) -> (Head, DeliveryInfo, DeliveryBody) {
        (self.head, self.info, self.body)
    }
}

/// The bytes of a delivery, with the memory that they take of the gate's budget.
#[derive(Debug)]
pub(crate) struct DeliveryBody(Source);

enum Source {
    Verified {
        verified: Verified,
        _memory: Box<dyn Send + Sync>,
    },
    Stored(Bytes),
}

impl DeliveryBody {
    /// All bytes, in the pieces in which they are kept.
    pub(crate) fn chunks(&self) -> &[Bytes] {
        match &self.0 {
            Source::Verified { verified, .. } => verified.chunks(),
            Source::Stored(body) => std::slice::from_ref(body),
        }
    }

    /// The length in bytes.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Source::Verified { verified, .. } => verified.len(),
            Source::Stored(body) => body.len(),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verified { verified, .. } => verified.fmt(f),
            Self::Stored(body) => write!(f, "Stored({} bytes)", body.len()),
        }
    }
}

#[cfg(test)]
mod tests;
