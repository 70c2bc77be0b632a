//! `/api/v1/test`: sends a test delivery through the gate's own front door. The gate signs it with
//! the newest secret of the endpoint, and no address can be given.

use std::{fmt::Display, str::FromStr, sync::Arc};

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, State},
    routing::{get, post},
};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_cartgate::EventKind;

use super::problem::ApiError;
use crate::{
    admin::{
        access::{Act, Look},
        front_door::{
            DeliveryAddress, FrontDoorError, MAX_BODY, TestDelivery, TestResult, max_body,
        },
        gate::Admin,
        server::connection::AdminConnection,
    },
    client::ForgeryKind,
    endpoint::{Endpoint, Endpoints},
};

/// The limit of a request: the longest body, with its quotes and line ends escaped, and the rest.
const MAX_REQUEST: usize = 2 * MAX_BODY + 64 * 1024;

/// The kinds of samples.
const KINDS: [EventKind; 2] = [EventKind::Order, EventKind::AbandonedCart];

/// A test delivery as the API takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestRequest {
    endpoint: String,
    /// The sample whose body is sent, unless there is a `body`.
    sample: Option<String>,
    forgery: Option<String>,
    method: Option<String>,
    body: Option<String>,
}

/// The parts from which a test delivery can be made.
#[derive(Debug, Serialize)]
struct Samples {
    /// The body of each sample, with line breaks.
    samples: serde_json::Map<String, Value>,
    forgeries: Vec<Forgery>,
    max_body: usize,
}

/// A kind of forgery, with a short description.
#[derive(Debug, Serialize)]
struct Forgery {
    name: &'static str,
    description: &'static str,
    /// Whether it passes every gate, because the scheme does not sign the method.
    genuine_by_the_scheme: bool,
}

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/test", post(send))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .route("/test/samples", get(samples))
}

async fn samples(_: Look) -> Json<Samples> {
    let body = |kind| {
        let body = TestDelivery::sample(kind)?;
        let value: Value = serde_json::from_slice(&body).ok()?;
        Some((kind.as_str().to_owned(), format!("{value:#}").into()))
    };
    let forgeries = ForgeryKind::ALL.iter().map(|kind| Forgery {
        name: kind.as_str(),
        description: kind.description(),
        genuine_by_the_scheme: kind.is_genuine_by_the_scheme(),
    });
    Json(Samples {
        samples: KINDS.into_iter().filter_map(body).collect(),
        forgeries: forgeries.collect(),
        max_body: MAX_BODY,
    })
}

async fn send(
    State(admin): State<Arc<Admin>>,
    Act(operator): Act,
    Extension(connection): Extension<Arc<AdminConnection>>,
    Json(request): Json<TestRequest>,
) -> Result<Json<TestResult>, ApiError> {
    let config = admin.gate.config();
    let endpoint = find(&config.endpoints, &request.endpoint)?;
    let delivery = request.delivery(endpoint)?;
    let address = DeliveryAddress::of(endpoint, &config.endpoints).ok_or_else(|| {
        let detail = "other endpoints take all requests of this one";
        ApiError::conflict("endpoint-hidden", detail)
    })?;
    let forgery = delivery.forgery;
    // The configuration names the newest secret first.
    let (_, secret) = endpoint.secrets.first().ok_or_else(ApiError::internal)?;
    let outgoing = match delivery.signed(endpoint, secret) {
        Ok(outgoing) => address.apply(outgoing),
        Err(result) => return Ok(Json(*result)),
    };
    let place = admin.front_door.place(&connection)?;
    operator.log("test", subject(endpoint, forgery));
    // The response may take long, and the old configuration need not live that long.
    drop(config);
    let outcome = place.send(outgoing).await?;
    Ok(Json(TestResult::of(forgery, &outcome)))
}

impl TestRequest {
    /// Returns the test delivery that this request describes.
    fn delivery(self, endpoint: &Endpoint) -> Result<TestDelivery, ApiError> {
        let forgery = parse(self.forgery.as_deref(), "unknown-forgery")?;
        let method = parse(self.method.as_deref(), "unknown-method")?.unwrap_or(Method::POST);
        // A client cannot send a body with it.
        if method == Method::CONNECT {
            let detail = "CONNECT carries no delivery";
            return Err(ApiError::bad_request("unknown-method", detail));
        }
        let body = self.bytes()?;
        let limit = max_body(endpoint);
        if body.len() as u64 > limit {
            let detail = format!("the body has {} bytes; the limit is {limit}", body.len());
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(ApiError::new(status, "body-too-large", detail));
        }
        Ok(TestDelivery {
            forgery,
            method,
            body,
        })
    }

    fn bytes(self) -> Result<Bytes, ApiError> {
        if let Some(body) = self.body {
            return Ok(body.into());
        }
        let kind = parse(self.sample.as_deref(), "unknown-sample")?.unwrap_or(EventKind::Order);
        TestDelivery::sample(kind).ok_or_else(|| {
            ApiError::bad_request("unknown-sample", "there is no sample of this kind")
        })
    }
}

/// Parses a word of the request.
fn parse<T: FromStr<Err: Display>>(
    word: Option<&str>,
    reason: &'static str,
) -> Result<Option<T>, ApiError> {
    let parsed = word.map(str::parse).transpose();
    parsed.map_err(|error: T::Err| ApiError::bad_request(reason, error))
}

fn find<'e>(endpoints: &'e Endpoints, name: &str) -> Result<&'e Arc<Endpoint>, ApiError> {
    let mut all = endpoints.iter();
    all.find(|endpoint| &*endpoint.name == name)
        .ok_or_else(|| ApiError::not_found("there is no endpoint with this name"))
}

/// Describes a test for the log.
fn subject(endpoint: &Endpoint, forgery: Option<ForgeryKind>) -> String {
    match forgery {
        Some(kind) => format!("{} {kind}", endpoint.name),
        None => endpoint.name.to_string(),
    }
}

impl From<FrontDoorError> for ApiError {
    fn from(error: FrontDoorError) -> Self {
        let status = match error {
            FrontDoorError::Busy => StatusCode::TOO_MANY_REQUESTS,
            FrontDoorError::NoSocket(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.reason(), error)
    }
}
