//! The gate of the demonstration: its endpoint, its secret and its configuration.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tower_cartgate::{EventKind, EventRule, Keyring, Policy, Secret, SecretName, Signature};
use uuid::Uuid;

use crate::{
    client::{Client, Envelope, Sample},
    destination::{Destination, Settings},
    endpoint::{Endpoint, Endpoints, PathRule},
    net::{
        connect::Trust,
        destination_address::Address,
        listener::{ListenAddress, Listener},
    },
    proxy::config::Config,
};

/// Far more time than any step needs on a busy machine.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

const WORKERS: usize = 1;

const PATH: &str = "/webhooks/cartfunnel";

/// Returns a new secret. No delivery that was signed before the demonstration passes the gate.
pub(super) fn fresh_secret() -> Secret {
    let text = format!("demo-{}", Uuid::now_v7());
    Secret::new(text.into_bytes()).expect("the text is not empty and ends in a hex digit")
}

/// Binds a free port of the loopback address.
pub(super) fn bind() -> io::Result<Listener> {
    Listener::bind(&ListenAddress::Tcp("127.0.0.1:0".to_owned()))
}

/// Returns a client for the endpoint of the gate that listens at `listener`.
pub(super) fn client(listener: &Listener) -> io::Result<Client> {
    let url = format!("http://{}{PATH}", listener.address());
    let address: Address = url.parse().map_err(io::Error::other)?;
    Client::new(&address, &Trust::Platform, TIMEOUT).map_err(io::Error::other)
}

/// Returns the endpoint in front of the app at this URL.
pub(super) fn endpoint(app: &str, secret: &Secret) -> io::Result<Endpoint> {
    let name: SecretName = "demo"
        .parse()
        .expect("the name has four lower-case letters");
    let address: Address = app.parse().map_err(io::Error::other)?;
    let destination = Destination::new("sample-app", address, Settings::default(), WORKERS);
    let keyring = Keyring::new([(name.clone(), secret.clone())]).map_err(io::Error::other)?;
    Ok(Endpoint::new(
        "demo",
        PathRule::Exact(PATH.to_owned()),
        Policy::new(keyring).with_event_rule(event_rule()),
        vec![(name, secret.clone())],
        Arc::new(destination.map_err(io::Error::other)?),
    ))
}

/// Returns the configuration of a gate with this endpoint.
pub(super) fn config(endpoint: Endpoint) -> Config {
    Config {
        workers: WORKERS,
        ..Config::new(Endpoints::new(vec![endpoint]))
    }
}

/// Returns the rule that reads the event kind of the samples.
fn event_rule() -> EventRule {
    let rule = EventRule::pointer("/event").expect("the text is a pointer of RFC 6901");
    rule.order(["order.processed"])
        .abandoned_cart(["cart.abandoned"])
}

/// Returns the body of a sample. Another number gives another body.
pub(super) fn body(kind: EventKind, number: u64) -> Bytes {
    let sample = Sample::of(kind).expect("there is a sample of both events");
    sample.body(number)
}

/// Returns the head of the deliveries.
pub(super) fn envelope(method: Method) -> Envelope {
    Envelope::new(method, Signature::HEADER, HeaderMap::new())
}
