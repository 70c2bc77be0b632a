//! The demonstration: a sample app, a gate before it, and deliveries through it, all in this
//! process.
//!
//! It is the real gate, run by [`crate::serve`], and the real sender; only the app is a sample.
//! What passed is not concluded from answers: the app is asked what it received.

mod app;
mod keeping;
mod scene;
mod step;

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::sync::watch;
use tower_cartgate::{EventKind, EventRule, Keyring, Policy, Secret, SecretName, Signature};
use uuid::Uuid;

use crate::{
    Resources,
    client::{Client, Envelope, ForgeryKind, Outgoing, Sample, forge},
    destination::{Destination, Settings},
    net::{
        address::Address,
        connect::Trust,
        listener::{ListenAddress, Listener},
    },
    proxy::config::Config,
};

use crate::endpoint::{Endpoint, Endpoints, PathRule};

use app::App;
pub use scene::{Act, Scene, Show};

/// Far more than any step needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

const WORKERS: usize = 1;

const PATH: &str = "/webhooks/cartfunnel";

/// Runs the whole demonstration.
///
/// # Errors
/// When this machine gives no sockets or threads for it. What the gate does wrong is no error but
/// part of the [`Show`].
pub async fn run() -> io::Result<Show> {
    let app = App::start().await?;
    let address = app.address()?;
    let secret = fresh_secret();
    let listener = Listener::bind(&ListenAddress::Tcp(format!("{}:0", Ipv4Addr::LOCALHOST)))?;
    let gate = listener
        .tcp_address()
        .ok_or_else(|| io::Error::other("the gate has no address"))?;
    let resources = Resources::with_listeners(vec![listener]);
    let direct = endpoint(&format!("http://{address}"), &secret)?;
    // The sender is kept: without it there would be no configuration to follow.
    let (_config, in_force) = watch::channel(Arc::new(configuration(direct)));
    let scenes = tokio::select! {
        ended = crate::serve(resources, in_force, pending()) => {
            ended.and(Err(io::Error::other("the gate ended by itself")))
        }
        scenes = play(&app, gate, &secret) => scenes,
    };
    let (scenes, received) = (scenes?, app.received().len());
    let steps = keeping::play(&secret).await?;
    Ok(Show {
        app: address,
        gate,
        scenes,
        received,
        steps,
    })
}

/// A new one each time: nothing that could be known beforehand passes the gate.
fn fresh_secret() -> Secret {
    let text = format!("demo-{}", Uuid::now_v7());
    Secret::new(text.into_bytes()).expect("not empty, and ends in a hex digit")
}

/// What stands before an app of this URL.
fn endpoint(app: &str, secret: &Secret) -> io::Result<Endpoint> {
    let name: SecretName = "demo".parse().expect("four small letters");
    let address: Address = app.parse().map_err(io::Error::other)?;
    let destination = Destination::new("sample-app", address, Settings::default(), WORKERS);
    let keyring = Keyring::new([(name.clone(), secret.clone())]).map_err(io::Error::other)?;
    Ok(Endpoint::new(
        "demo",
        PathRule::Exact(PATH.to_owned()),
        Policy::new(keyring).with_event_rule(rule()),
        vec![(name, secret.clone())],
        Arc::new(destination.map_err(io::Error::other)?),
    ))
}

fn configuration(endpoint: Endpoint) -> Config {
    Config {
        workers: WORKERS,
        ..Config::new(Endpoints::new(vec![endpoint]))
    }
}

/// How the samples say what they are.
fn rule() -> EventRule {
    let rule = EventRule::pointer("/event").expect("a pointer of RFC 6901");
    rule.order(["order.processed"])
        .abandoned_cart(["cart.abandoned"])
}

async fn play(app: &App, gate: SocketAddr, secret: &Secret) -> io::Result<Vec<Scene>> {
    let address: Address = format!("http://{gate}{PATH}")
        .parse()
        .map_err(io::Error::other)?;
    let client = Client::new(&address, &Trust::Platform, PATIENCE).map_err(io::Error::other)?;
    let mut scenes = Vec::new();
    for kind in [EventKind::Order, EventKind::AbandonedCart] {
        for method in [Method::POST, Method::PUT] {
            let act = Act::Genuine(method.clone(), kind);
            let outgoing = envelope(method).genuine(secret, body(kind));
            scenes.push(perform(app, &client, act, outgoing).await);
        }
    }
    for &kind in ForgeryKind::ALL {
        let forged = forge(
            kind,
            &envelope(Method::POST),
            secret,
            body(EventKind::Order),
        );
        let act = Act::Forgery(kind);
        scenes.push(perform(app, &client, act, forged.map_err(io::Error::other)?).await);
    }
    Ok(scenes)
}

fn body(kind: EventKind) -> Bytes {
    body_of(kind, 0)
}

fn body_of(kind: EventKind, number: u64) -> Bytes {
    let sample = Sample::of(kind).expect("both events have a sample");
    sample.body(number)
}

fn envelope(method: Method) -> Envelope {
    Envelope::new(method, Signature::HEADER, HeaderMap::new())
}

/// Sends one, and looks what the app has received since.
async fn perform(app: &App, client: &Client, act: Act, outgoing: Outgoing) -> Scene {
    let before = app.received().len();
    let sent = outgoing.body.clone();
    let answer = client.connection().deliver(outgoing).await;
    let arrived = app.received().split_off(before);
    Scene::new(act, &answer, &sent, &arrived)
}
