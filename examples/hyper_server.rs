//! A plain hyper server with the layer's service: no framework, no router.
//!
//! The inner service gets a `Request<VerifiedBody>`. Such a body is only made by a verification, so
//! `take` cannot be called with a forged one. A path other than the one below has no policy: 404.
//!
//! Try it, in two terminals:
//!
//! ```text
//! printf 'correct-horse-battery-staple' > secret.txt && chmod 600 secret.txt
//! cargo run --example hyper_server -- secret.txt
//!
//! cargo run -- send http://127.0.0.1:3000/webhooks --secret-file secret.txt --event abandoned-cart
//! cargo run -- send http://127.0.0.1:3000/webhooks --secret-file secret.txt --forge all
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to whoever tries it"
)]

use std::{convert::Infallible, env, error::Error, fs, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt as _, Empty, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tower::ServiceExt as _;
use tower_cartgate::{EventRule, Keyring, Policy, PolicySource, Secret, VerifiedBody, VerifyLayer};
use tower_layer::Layer as _;
use tower_service::Service;

/// How long a head may take, and then a body with all that is done about it.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args()
        .nth(1)
        .ok_or("name the file that holds the secret")?;
    let secret = Secret::from_line(fs::read(file)?)?;
    let service = VerifyLayer::with_policy_source(policies(secret)?).layer(tower::service_fn(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (socket, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors: some come back when connections end.
                eprintln!("cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let service = service.clone();
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(
                TokioIo::new(socket),
                service_fn(move |request| answer(request, service.clone())),
            );
        // A client that breaks off is no concern of the server's.
        tokio::spawn(async { drop(connection.await) });
    }
}

/// One path, one secret, and the sample payloads' way to say which event it is.
fn policies(secret: Secret) -> Result<impl PolicySource, Box<dyn Error>> {
    let rule = EventRule::pointer("/event")?
        .order(["order.processed"])
        .abandoned_cart(["cart.abandoned"]);
    let policy = Arc::new(Policy::new(Keyring::single(secret)).with_event_rule(rule));
    Ok(move |head: &Parts| (head.uri.path() == "/webhooks").then(|| Arc::clone(&policy)))
}

/// The layer reads the body and has no clock, so one stands around it.
async fn answer<S, B>(
    request: Request<Incoming>,
    service: S,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Data = Bytes, Error = Infallible> + Send + Sync + 'static,
{
    let Ok(answered) = tokio::time::timeout(PATIENCE, service.oneshot(request)).await else {
        let mut too_slow = Response::new(Empty::new().boxed());
        *too_slow.status_mut() = StatusCode::REQUEST_TIMEOUT;
        return Ok(too_slow);
    };
    answered.map(|response| response.map(BoxBody::new))
}

async fn take(request: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let verified = request.body().verified();
    let (kind, secret) = (verified.event().kind, verified.secret_name());
    println!(
        "{kind}: {} bytes, signed with the secret {secret}",
        verified.len()
    );
    Ok(Response::new(Full::from("taken\n")))
}
