//! Returns a shell line that sends the body of a stored event to the gate, signed.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{
    StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use tower_cartgate::Signer;
use uuid::Uuid;

use super::{curl_line::CurlLine, stored::StoredEvent};
use crate::{
    admin::{access::Act, api::problem::ApiError, gate::Admin},
    delivery::seal::Intact,
    endpoint::{Endpoint, PathRule, Query},
};

/// The longest body that is worth a line. A terminal takes minutes for longer ones.
const MAX_BODY: usize = 1024 * 1024;

pub(super) async fn curl(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<Uuid>,
    Act(operator): Act,
) -> Result<Response, ApiError> {
    let event = StoredEvent::read(&admin, id).await?;
    let intact = event.ok_or_else(no_event)?.intact;
    let config = admin.gate.config();
    let mut endpoints = config.endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.name == intact.endpoint);
    let endpoint = endpoint.ok_or_else(|| {
        let detail = "the endpoint of the event is not configured any more";
        ApiError::conflict("no-endpoint", detail)
    })?;
    let line = line(&admin, endpoint, &intact, config.tls.is_some())?;
    // The line carries the body and a signature of it.
    operator.log("curl", id);
    let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, line).into_response())
}

fn no_event() -> ApiError {
    ApiError::not_found(
        "the inbox has no intact event with this id; only stored bodies can be sent",
    )
}

fn line(
    admin: &Admin,
    endpoint: &Endpoint,
    intact: &Intact,
    has_certificate: bool,
) -> Result<String, ApiError> {
    let body = intact.body();
    if body.len() > MAX_BODY {
        let detail = format!("the body has {} bytes; download it instead", body.len());
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            detail,
        ));
    }
    let listen = admin.public.first().ok_or_else(ApiError::internal)?;
    let (_, secret) = endpoint.secrets.first().ok_or_else(ApiError::internal)?;
    let signature = Signer::new(secret).sign(body).to_string();
    let head = intact.head();
    let mut headers = vec![(endpoint.policy.header().to_string(), signature)];
    for name in [CONTENT_TYPE, CONTENT_ENCODING] {
        let value = head.headers.get(&name).map(|value| value.to_str());
        if let Some(Ok(value)) = value {
            headers.push((name.to_string(), value.to_owned()));
        }
    }
    let line = CurlLine {
        listen,
        has_certificate,
        host: endpoint.host.as_ref().map(ToString::to_string),
        method: head.method.as_str(),
        target: target(endpoint, intact),
        headers,
        body,
    };
    Ok(line.to_string())
}

/// Returns the target that leads to the endpoint today.
fn target(endpoint: &Endpoint, intact: &Intact) -> String {
    let stored = &intact.head().target;
    let path = match &endpoint.path {
        PathRule::Exact(path) => path,
        PathRule::All => stored.path(),
    };
    match stored.query() {
        Some(query) if endpoint.query != Query::Refuse => format!("{path}?{query}"),
        _ => path.to_owned(),
    }
}
