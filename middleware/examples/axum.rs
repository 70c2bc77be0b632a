//! The app of the README. `tests/it/readme.rs` compares both, and sends requests to this one.
//!
//! Try it:
//!
//! ```text
//! printf 'correct-horse-battery-staple' > secret.txt
//! cargo run --package tower-cartgate --example axum
//! ```
#![allow(clippy::print_stderr, reason = "an example prints to the terminal")]

use std::{error::Error, fs, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use serde::Deserialize;
use tower_cartgate::{
    Keyring, Policy, Secret, TracingObserver, Verified, VerifiedJson, VerifyLayer,
};
use tower_http::timeout::RequestBodyDeadlineLayer;

#[derive(Deserialize)]
struct Order {
    number: String,
}

/// Cannot be reached by a forgery.
async fn order(VerifiedJson(order): VerifiedJson<Order>) -> String {
    format!("thanks for {}", order.number)
}

/// Takes the bytes as they were signed.
async fn archive(verified: Verified) -> String {
    format!("{} bytes", verified.bytes().len())
}

pub(crate) fn app(secret: Secret) -> Router {
    let verify = VerifyLayer::new(Policy::new(Keyring::single(secret))).observe(TracingObserver);
    let webhooks = Router::new()
        .route("/webhooks/orders", post(order))
        .route("/webhooks/archive", post(archive))
        .route_layer(verify)
        // Outside of the layer, which has no timer: the whole body must arrive in 10 s.
        .layer(RequestBodyDeadlineLayer::new(Duration::from_secs(10)));
    Router::new()
        .route("/health", get(|| async { "ok" }))
        .merge(webhooks)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    // Drops one trailing newline, and decodes nothing.
    let secret = Secret::from_line(fs::read("secret.txt")?)?;
    for weakness in secret.weaknesses() {
        eprintln!("warning: {weakness}");
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app(secret)).await?;
    Ok(())
}
