//! Tests of a handler with the signer, without a shop, a tunnel or a running server.
//!
//! The app books loyalty points for orders. Each receiver should have tests like these: a genuine
//! delivery is booked; a forgery does not reach the handler; a delivery that arrives twice is
//! booked once (a replay has a valid signature, so no layer can stop it); and a genuine payload
//! without a required field is distinguished from a forgery.
//!
//! Try it:
//!
//! ```text
//! cargo test --example testing_a_handler
//! ```
#![allow(clippy::print_stdout, reason = "an example prints to the terminal")]

use std::{
    collections::HashMap,
    env,
    error::Error,
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde::Deserialize;
use tower_cartgate::{Keyring, Policy, Secret, VerifiedJson, VerifyLayer};

#[derive(Deserialize)]
struct Order {
    id: String,
    points: u64,
}

/// The points by order, so that each order counts once.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<HashMap<String, u64>>>);

impl Ledger {
    /// Books an order. Returns whether it was new.
    fn book(&self, order: Order) -> bool {
        let mut booked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        booked.insert(order.id, order.points).is_none()
    }
}

fn app(secret: Secret, ledger: Ledger) -> Router {
    Router::new()
        .route("/webhooks/orders", post(book))
        .with_state(ledger)
        .route_layer(VerifyLayer::new(Policy::new(Keyring::single(secret))))
}

/// Responds 200 to a known order, so that the sender does not retry.
async fn book(
    State(ledger): State<Ledger>,
    VerifiedJson(order): VerifiedJson<Order>,
) -> StatusCode {
    if ledger.book(order) {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("give the file with the secret")?;
    let secret = Secret::from_line(fs::read(file)?)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app(secret, Ledger::default())).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    use axum::{
        body::Body,
        http::{Request, Response},
    };
    use tower::ServiceExt as _;
    use tower_cartgate::{Rejection, RejectionKind, Signature, Signer};

    const ORDER: &str = r#"{"id":"test-1","points":12}"#;

    fn secret() -> Secret {
        Secret::new("only-for-these-tests").expect("not empty")
    }

    fn delivery(body: &str) -> Request<String> {
        let mut request = Request::post("/webhooks/orders")
            .body(body.to_owned())
            .expect("a valid request");
        Signer::new(&secret()).sign_request(&mut request);
        request
    }

    async fn answer(ledger: &Ledger, request: Request<String>) -> Response<Body> {
        let Ok(answer) = app(secret(), ledger.clone())
            .oneshot(request.map(Body::from))
            .await;
        answer
    }

    fn booked(ledger: &Ledger) -> HashMap<String, u64> {
        ledger.0.lock().expect("no test panics under it").clone()
    }

    #[tokio::test]
    async fn a_genuine_order_is_booked() {
        let ledger = Ledger::default();
        let answer = answer(&ledger, delivery(ORDER)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(booked(&ledger), HashMap::from([("test-1".to_owned(), 12)]));
    }

    #[tokio::test]
    async fn a_forged_order_does_not_get_to_the_handler() {
        let ledger = Ledger::default();
        let mut tampered = delivery(ORDER);
        *tampered.body_mut() = ORDER.replace("12", "99");
        let mut unsigned = delivery(ORDER);
        unsigned.headers_mut().remove(Signature::HEADER);
        for forged in [tampered, unsigned] {
            let answer = answer(&ledger, forged).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        }
        assert!(booked(&ledger).is_empty());
    }

    #[tokio::test]
    async fn an_order_that_comes_twice_is_booked_once() {
        let ledger = Ledger::default();
        for status in [StatusCode::CREATED, StatusCode::OK] {
            assert_eq!(answer(&ledger, delivery(ORDER)).await.status(), status);
        }
        assert_eq!(booked(&ledger).len(), 1);
    }

    #[tokio::test]
    async fn a_payload_that_lacks_a_field_is_no_forgery() {
        let ledger = Ledger::default();
        let answer = answer(&ledger, delivery(r#"{"id":"test-1"}"#)).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let rejection = answer.extensions().get::<Rejection>().expect("a rejection");
        assert_eq!(rejection.kind(), RejectionKind::InvalidPayload);
    }
}
