//! A verified delivery on its way to a destination. One is only made from the layer's proof, and a
//! destination takes nothing else, so the compiler keeps unverified bytes out.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri, request::Parts};
use http_body::{Body, Frame, SizeHint};
use tower_cartgate::{Event, SecretName, Verified, VerifiedBody};
use uuid::Uuid;

use crate::{destination::clean, endpoint::Endpoint, exchange::Exchange, listener::Peer};

/// What a destination is sent, before an attempt adds its own headers.
pub(crate) struct Delivery {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    /// Cleaned: only what may reach a destination.
    pub(crate) headers: HeaderMap,
    pub(crate) about: About,
    verified: Verified,
    exchange: Arc<Exchange>,
}

/// What the gate knows of a delivery and tells its destination.
pub(crate) struct About {
    pub(crate) id: Uuid,
    pub(crate) endpoint: Arc<str>,
    /// What the endpoint adds to the headers.
    pub(crate) added: HeaderMap,
    pub(crate) event: Event,
    pub(crate) secret: SecretName,
    /// The scheme that the client used.
    pub(crate) scheme: &'static str,
    /// The `Host` that the client named.
    pub(crate) host: Option<HeaderValue>,
    pub(crate) peer: Peer,
    pub(crate) peer_is_trusted: bool,
}

impl Delivery {
    /// A delivery from its proof and the head that it came with.
    pub(crate) fn new(
        verified: Verified,
        mut head: Parts,
        endpoint: &Endpoint,
        exchange: &Arc<Exchange>,
    ) -> Self {
        let peer_is_trusted = exchange.config.trusted_hops.trusts(&exchange.peer);
        let host = head.headers.get(http::header::HOST).cloned();
        clean(
            &mut head.headers,
            endpoint.policy.header_name(),
            &endpoint.headers.drop,
            peer_is_trusted,
        );
        Self {
            method: head.method,
            target: endpoint.query.kept(head.uri),
            headers: head.headers,
            about: About {
                id: exchange.id,
                endpoint: Arc::clone(&endpoint.name),
                added: endpoint.headers.add.clone(),
                event: verified.event(),
                secret: verified.secret_name().clone(),
                scheme: exchange.scheme(),
                host,
                peer: exchange.peer,
                peer_is_trusted,
            },
            verified,
            exchange: Arc::clone(exchange),
        }
    }

    /// The verified bytes, for one attempt.
    pub(crate) fn body(&self) -> DeliveryBody {
        DeliveryBody {
            body: self.verified.body(),
            _exchange: Arc::clone(&self.exchange),
        }
    }

    /// The body's length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.verified.len()
    }
}

/// The verified bytes on their way. It holds the exchange, whose end gives their memory back.
#[derive(Debug)]
pub(crate) struct DeliveryBody {
    body: VerifiedBody,
    _exchange: Arc<Exchange>,
}

impl DeliveryBody {
    /// All bytes, in the pieces in which they are kept.
    pub(crate) fn chunks(&self) -> &[Bytes] {
        self.body.verified().chunks()
    }
}

impl Body for DeliveryBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
