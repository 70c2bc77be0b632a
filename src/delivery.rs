//! A delivery on its way to a destination. One is only made from a proof: the layer's, that it is genuine, or the seal's,
//! that it is what was genuine when it was stored. A destination takes nothing else, so the compiler keeps unverified
//! bytes out.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri, request::Parts};
use http_body::{Body, Frame, SizeHint};
use tower_cartgate::{EventKind, EventSource, SecretName, Verified, VerifiedBody};
use uuid::Uuid;

use crate::{
    destination::{clean, drop_headers},
    endpoint::Endpoint,
    exchange::Exchange,
    inbox::{clock::Millis, event::Claim, seal::Intact},
    listener::Peer,
};

/// What a destination is sent, before an attempt adds its own headers.
pub(crate) struct Delivery {
    pub(crate) head: Head,
    pub(crate) about: About,
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
pub(crate) struct About {
    pub(crate) id: Uuid,
    pub(crate) endpoint: Arc<str>,
    pub(crate) kind: EventKind,
    /// What the endpoint adds to the headers.
    pub(crate) added: HeaderMap,
    /// Which attempt it is, where it comes out of the inbox.
    pub(crate) attempt: Option<Attempt>,
}

/// One of the attempts to hand a stored event over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The first one is 1.
    pub(crate) number: u32,
    /// When the event came.
    pub(crate) received: Millis,
    /// How many with the same body came before the event.
    pub(crate) copy: u32,
    /// When the first of them came.
    pub(crate) first_received: Millis,
}

impl Head {
    /// The head of what was verified, as the configuration of its request has it.
    pub(crate) fn new(
        verified: &Verified,
        mut head: Parts,
        endpoint: &Endpoint,
        exchange: &Exchange,
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
            source: verified.event().source,
            secret: verified.secret_name().clone(),
            scheme: exchange.scheme(),
            host,
            peer: exchange.peer,
            peer_is_trusted,
        }
    }
}

impl Delivery {
    /// A delivery straight from its proof and the head that it came with.
    pub(crate) fn direct(
        verified: &Verified,
        head: Parts,
        endpoint: &Endpoint,
        exchange: &Arc<Exchange>,
    ) -> Self {
        Self {
            head: Head::new(verified, head, endpoint, exchange),
            about: About {
                id: exchange.id,
                endpoint: Arc::clone(&endpoint.name),
                kind: verified.event().kind,
                added: endpoint.headers.add.clone(),
                attempt: None,
            },
            body: DeliveryBody {
                bytes: Source::Verified {
                    body: verified.body(),
                    _exchange: Arc::clone(exchange),
                },
            },
        }
    }

    /// An attempt to deliver a stored event, of which the seal is the proof. `endpoint` is the one of its name in the
    /// configuration in force, if there still is one: what it adds and drops is what holds today.
    pub(crate) fn stored(intact: Intact, attempt: Attempt, endpoint: Option<&Endpoint>) -> Self {
        let about = About {
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
            about,
            body: DeliveryBody {
                bytes: Source::Stored { body, sent: false },
            },
        }
    }

    pub(crate) fn into_parts(self) -> (Head, About, DeliveryBody) {
        (self.head, self.about, self.body)
    }
}

impl From<&Claim> for Attempt {
    fn from(claim: &Claim) -> Self {
        Self {
            number: claim.attempts.saturating_add(1),
            received: claim.event.received,
            copy: claim.copy,
            first_received: claim.first_received,
        }
    }
}

/// The bytes on their way. It holds what holds their memory: the exchange, whose end gives it back, or themselves.
#[derive(Debug)]
pub(crate) struct DeliveryBody {
    bytes: Source,
}

enum Source {
    Verified {
        body: VerifiedBody,
        _exchange: Arc<Exchange>,
    },
    Stored {
        body: Bytes,
        sent: bool,
    },
}

impl DeliveryBody {
    /// All bytes, in the pieces in which they are kept.
    pub(crate) fn chunks(&self) -> &[Bytes] {
        match &self.bytes {
            Source::Verified { body, .. } => body.verified().chunks(),
            Source::Stored { body, .. } if body.is_empty() => &[],
            Source::Stored { body, .. } => std::slice::from_ref(body),
        }
    }

    /// The length in bytes, of what was sent too.
    pub(crate) fn len(&self) -> usize {
        match &self.bytes {
            Source::Verified { body, .. } => body.verified().len(),
            Source::Stored { body, .. } => body.len(),
        }
    }
}

impl Body for DeliveryBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.bytes {
            Source::Verified { body, .. } => Pin::new(body).poll_frame(cx),
            Source::Stored { body, sent } => {
                let last = std::mem::replace(sent, true) || body.is_empty();
                Poll::Ready((!last).then(|| Ok(Frame::data(body.clone()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.bytes {
            Source::Verified { body, .. } => body.is_end_stream(),
            Source::Stored { body, sent } => *sent || body.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.bytes {
            Source::Verified { body, .. } => body.size_hint(),
            Source::Stored { sent: true, .. } => SizeHint::with_exact(0),
            Source::Stored { body, .. } => SizeHint::with_exact(body.len() as u64),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verified { body, .. } => body.fmt(f),
            Self::Stored { body, .. } => write!(f, "Stored({} bytes)", body.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use tower_cartgate::{Keyring, Policy, Secret};

    use super::*;
    use crate::{
        destination::Destination,
        endpoint::PathRule,
        inbox::seal::{Facts, Sealer},
    };

    const RECEIVED: Millis = 1_800_000_000_123;

    fn intact(body: &'static [u8]) -> Intact {
        let mut headers = HeaderMap::new();
        headers.insert("x-kept", HeaderValue::from_static("kept"));
        headers.insert("x-dropped", HeaderValue::from_static("dropped"));
        let head = Head {
            method: Method::PUT,
            target: "/hooks?a=b".parse().expect("a target"),
            headers,
            source: EventSource::Payload,
            secret: "current".parse().expect("a name"),
            scheme: "https",
            host: Some(HeaderValue::from_static("gate.example")),
            peer: Peer::Unix,
            peer_is_trusted: false,
        };
        let sealer = Sealer::new(&Secret::new("a key of the tests").expect("a secret"), None);
        let facts = Facts {
            id: Uuid::from_u128(7),
            endpoint: "orders".into(),
            kind: EventKind::Order,
            received: RECEIVED,
        };
        let event = sealer.seal(facts, &head, Bytes::from_static(body));
        sealer.open(&event).expect("intact")
    }

    fn destination(address: &str) -> Arc<Destination> {
        let address = address.parse().expect("an address");
        let destination = Destination::new("app", address, Default::default(), 1);
        Arc::new(destination.expect("plain HTTP"))
    }

    /// An endpoint that adds a header and drops one.
    fn endpoint() -> Endpoint {
        let secret = Secret::new("a secret of the tests").expect("a secret");
        let policy = Policy::new(Keyring::single(secret));
        let app = destination("http://127.0.0.1:1");
        let mut endpoint = Endpoint::new("orders", PathRule::All, policy, Vec::new(), app);
        let added = HeaderValue::from_static("added");
        endpoint.headers.add.insert("x-added", added);
        endpoint.headers.drop = vec![http::HeaderName::from_static("x-dropped")];
        endpoint
    }

    /// What an app reads of an attempt.
    async fn received(delivery: Delivery) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let port = listener.local_addr().expect("an address").port();
        let app = async {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut read = Vec::new();
            while !read.ends_with(b"the body") {
                assert_ne!(stream.read_buf(&mut read).await.expect("read"), 0);
            }
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.expect("written");
            String::from_utf8(read).expect("ASCII")
        };
        let app_of = destination(&format!("http://127.0.0.1:{port}"));
        let (read, answer) = tokio::join!(app, app_of.attempt(0, delivery));
        assert_eq!(answer.expect("an answer").status(), 204);
        read
    }

    #[tokio::test]
    async fn a_stored_event_goes_out_as_it_came_with_its_attempt_told() {
        let attempt = Attempt {
            number: 3,
            received: RECEIVED,
            copy: 2,
            first_received: RECEIVED - 1,
        };
        let read = received(Delivery::stored(
            intact(b"the body"),
            attempt,
            Some(&endpoint()),
        ))
        .await;
        assert!(read.starts_with("PUT /hooks?a=b HTTP/1.1\r\n"), "{read}");
        for line in [
            "x-kept: kept",
            "x-added: added",
            "content-length: 8",
            "x-cartgate-attempt: 3",
            "x-cartgate-received: 2027-01-15T08:00:00.123Z",
            "x-cartgate-copy: 2",
            "x-cartgate-first-received: 2027-01-15T08:00:00.122Z",
            "x-cartgate-verdict: verified",
            "x-cartgate-delivery: 00000000-0000-0000-0000-000000000007",
            "x-cartgate-endpoint: orders",
            "x-cartgate-event: order",
            "x-cartgate-event-source: payload",
            "x-cartgate-secret-name: current",
            "x-forwarded-proto: https",
            "x-forwarded-host: gate.example",
        ] {
            assert!(read.contains(&format!("\r\n{line}\r\n")), "{line}: {read}");
        }
        assert!(!read.contains("x-dropped"), "{read}");
    }

    #[tokio::test]
    async fn without_its_endpoint_nothing_is_added_and_the_first_of_its_body_is_no_copy() {
        let attempt = Attempt {
            number: 1,
            received: RECEIVED,
            copy: 0,
            first_received: RECEIVED,
        };
        let read = received(Delivery::stored(intact(b"the body"), attempt, None)).await;
        assert!(read.contains("\r\nx-cartgate-attempt: 1\r\n"), "{read}");
        assert!(read.contains("\r\nx-dropped: dropped\r\n"), "{read}");
        for name in ["x-added", "x-cartgate-copy", "x-cartgate-first-received"] {
            assert!(!read.contains(name), "{name}: {read}");
        }
    }

    #[tokio::test]
    async fn a_stored_body_says_its_length_and_comes_once() {
        let attempt = Attempt {
            number: 1,
            received: RECEIVED,
            copy: 0,
            first_received: RECEIVED,
        };
        for bytes in [&b"the body"[..], b""] {
            let (_, _, mut body) = Delivery::stored(intact(bytes), attempt, None).into_parts();
            assert_eq!(body.chunks().concat(), bytes);
            assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
            assert_eq!(body.is_end_stream(), bytes.is_empty());
            let sent = (&mut body).collect().await.expect("never fails").to_bytes();
            assert_eq!(sent, bytes);
            assert!(body.is_end_stream());
            assert_eq!(
                (body.size_hint().exact(), body.len()),
                (Some(0), bytes.len())
            );
        }
    }
}
