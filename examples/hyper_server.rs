//! A hyper server with the layer's service, without a framework or a router.
//!
//! The inner service gets a `Request<VerifiedBody>`. Only a verification creates such a body, so
//! `accept` never runs for a forgery. Other paths have no policy and get a 404.
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
    reason = "an example prints to the terminal"
)]

use std::{convert::Infallible, env, error::Error, fs, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tower::ServiceBuilder;
use tower_cartgate::{EventRule, Keyring, Policy, PolicySource, Secret, VerifiedBody, VerifyLayer};
use tower_http::timeout::RequestBodyDeadlineLayer;

/// The time in which a head must arrive, and then its body.
const TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("give the file with the secret")?;
    let secret = Secret::from_line(fs::read(file)?)?;
    let service = ServiceBuilder::new()
        // Outside of the layer, which has no timer.
        .layer(RequestBodyDeadlineLayer::new(TIMEOUT))
        .layer(VerifyLayer::with_policy_source(policies(secret)?))
        .service_fn(accept);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (socket, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Without file descriptors, wait until connections end.
                eprintln!("cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(service.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(TIMEOUT)
            .serve_connection(TokioIo::new(socket), service);
        // A client may close its connection at any time.
        tokio::spawn(async { drop(connection.await) });
    }
}

/// Returns the policy of one path, with one secret and the event names of the sample payloads.
fn policies(secret: Secret) -> Result<impl PolicySource, Box<dyn Error>> {
    let rule = EventRule::pointer("/event")?
        .order(["order.processed"])
        .abandoned_cart(["cart.abandoned"]);
    let policy = Arc::new(Policy::new(Keyring::single(secret)).with_event_rule(rule));
    Ok(move |head: &Parts| (head.uri.path() == "/webhooks").then(|| Arc::clone(&policy)))
}

async fn accept(request: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let verified = request.body().verified();
    let (kind, secret) = (verified.event().kind, verified.secret_name());
    println!(
        "{kind}: {} bytes, signed with the secret {secret}",
        verified.len()
    );
    Ok(Response::new(Full::from("accepted\n")))
}
