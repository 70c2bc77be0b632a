//! A delivery on its way to a destination. One is only made from a proof: the layer's, that it is genuine, or the seal's,
//! that it is what was genuine when it was stored. A destination takes nothing else, so the compiler keeps unverified
//! bytes out.

pub(crate) mod cipher;
pub(crate) mod codec;
pub(crate) mod event;
pub mod header_changes;
pub mod header_filter;
pub(crate) mod header_policy;
pub(crate) mod origin;
pub(crate) mod seal;
pub(crate) mod trace;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri, request::Parts};
use tower_cartgate::{EventKind, EventSource, SecretName, Verified};
use uuid::Uuid;

use crate::{
    delivery::{
        event::Claim,
        header_changes::EndpointHeaders,
        header_filter::{clean, drop_headers},
        origin::Origin,
        seal::Intact,
    },
    endpoint::Endpoint,
    net::peer::Peer,
    runtime::clock::Millis,
};

/// What a destination is sent, before an attempt adds its own headers.
pub(crate) struct Delivery {
    pub(crate) head: Head,
    pub(crate) info: DeliveryInfo,
    body: DeliveryBody,
}

/// What came with the body, as far as it may go on. It is all that an inbox keeps beside the body.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    /// Cleaned: only what may reach a destination.
    pub(crate) headers: HeaderMap,
    /// Who says what kind of event it is.
    pub(crate) source: EventSource,
    pub(crate) secret: SecretName,
    /// The scheme that the client used.
    pub(crate) scheme: &'static str,
    /// The `Host` that the client named.
    pub(crate) host: Option<HeaderValue>,
    pub(crate) peer: Peer,
    pub(crate) peer_is_trusted: bool,
}

/// What the gate knows of a delivery and tells its destination.
pub(crate) struct DeliveryInfo {
    pub(crate) id: Uuid,
    pub(crate) endpoint: Arc<str>,
    pub(crate) kind: EventKind,
    /// What the endpoint adds to the headers.
    pub(crate) added: HeaderMap,
    /// Which attempt it is, where it comes out of the inbox.
    pub(crate) attempt: Option<AttemptInfo>,
}

/// One of the attempts to hand a stored event over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AttemptInfo {
    /// The first one is 1.
    pub(crate) number: u32,
    /// When it begins, by the clock that it was scheduled by.
    pub(crate) begins: Millis,
    /// When the event came.
    pub(crate) received: Millis,
    /// How many with the same body came before the event.
    pub(crate) copy: u32,
    /// When the first of them came.
    pub(crate) first_received: Millis,
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

    /// An attempt to deliver a stored event, of which the seal is the proof. `endpoint` is the one of its name in the
    /// configuration in force, if there still is one: what it adds and drops is what holds today.
    pub(crate) fn stored(
        intact: Intact,
        attempt: AttemptInfo,
        endpoint: Option<&Endpoint>,
    ) -> Self {
        let info = DeliveryInfo {
            id: intact.id,
            endpoint: Arc::clone(&intact.endpoint),
            kind: intact.kind,
            added: endpoint.map_or_else(HeaderMap::new, |own| own.headers.add.clone()),
            attempt: Some(attempt),
        };
        let (mut head, body) = intact.into_parts();
        if let Some(endpoint) = endpoint {
            drop_headers(&mut head.headers, &endpoint.headers.drop);
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

impl AttemptInfo {
    /// The attempt that a claim is for, and when it begins.
    pub(crate) fn of(claim: &Claim, begins: Millis) -> Self {
        Self {
            number: claim.attempts.saturating_add(1),
            begins,
            received: claim.event.received,
            copy: claim.copy,
            first_received: claim.first_received,
        }
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
