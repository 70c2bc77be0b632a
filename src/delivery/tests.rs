//! Deliveries of stored events, as an app receives them.

use bytes::Bytes;
use http::{HeaderValue, Method};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::Instant,
};
use tower_cartgate::{EventKind, EventSource, Secret};
use uuid::Uuid;

use super::*;
use crate::{
    delivery::{event::EventMetadata, seal::Sealer},
    destination::Destination,
    net::peer::Peer,
    runtime::clock::Millis,
};

const RECEIVED: Millis = 1_800_000_000_123;

fn intact(body: &'static [u8]) -> Intact {
    let mut headers = HeaderMap::new();
    headers.insert("x-kept", HeaderValue::from_static("kept"));
    headers.insert("x-dropped", HeaderValue::from_static("dropped"));
    let head = Head {
        method: Method::PUT,
        target: "/hooks?a=b".parse().expect("a target"),
        headers: headers.into(),
        source: EventSource::Payload,
        secret: "current".parse().expect("a name"),
        scheme: "https",
        host: Some(HeaderValue::from_static("gate.example")),
        peer: Peer::Unix,
        peer_is_trusted: false,
        late: false,
    };
    let sealer = Sealer::new(&Secret::new("a key of the tests").expect("a secret"), None);
    let metadata = EventMetadata {
        id: Uuid::from_u128(7),
        endpoint: "orders".into(),
        kind: EventKind::Order,
        received: RECEIVED,
    };
    let event = sealer.seal(metadata, &head, Bytes::from_static(body));
    sealer.open(&event).expect("intact")
}

fn destination(address: &str) -> Arc<Destination> {
    let address = address.parse().expect("an address");
    let destination = Destination::new("app", address, Default::default(), 1);
    Arc::new(destination.expect("plain HTTP"))
}

/// Changes that add a header and drop one.
fn changes() -> HeaderChanges {
    let mut changes = HeaderChanges::default();
    let added = HeaderValue::from_static("added");
    changes.add.insert("x-added", added);
    changes.drop = vec![http::HeaderName::from_static("x-dropped")];
    changes
}

/// Returns the request that an app reads.
async fn received(mut delivery: Delivery) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = listener.local_addr().expect("an address").port();
    let app = async {
        let (mut stream, _) = listener.accept().await.expect("accepted");
        let mut read = Vec::new();
        while !read.ends_with(b"the body") {
            assert_ne!(stream.read_buf(&mut read).await.expect("read"), 0);
        }
        let response = b"HTTP/1.1 204 No Content\r\n\r\n";
        stream.write_all(response).await.expect("written");
        String::from_utf8(read).expect("ASCII")
    };
    let app_of = destination(&format!("http://127.0.0.1:{port}"));
    let (read, response) = tokio::join!(app, app_of.attempt(0, &mut delivery, Instant::now()));
    assert_eq!(response.expect("a response").status(), 204);
    read
}

#[tokio::test]
async fn a_stored_event_goes_out_as_it_came_with_its_attempt_told() {
    let attempt = AttemptInfo {
        number: 3,
        begins: RECEIVED,
        received: RECEIVED,
        copy: 2,
        first_received: RECEIVED - 1,
    };
    let read = received(Delivery::stored(
        intact(b"the body"),
        attempt,
        Some(&changes()),
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
    let attempt = AttemptInfo {
        number: 1,
        begins: RECEIVED,
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
