//! The layer in front of the API, which demands an operator.

use axum::{
    extract::{FromRequestParts as _, Request},
    middleware::Next,
    response::Response,
};

use super::{
    operator::{Act, Look},
    origin::is_safe,
};
use crate::admin::api::problem::ApiError;

/// Rejects a request without an operator, and one that may change something unless the operator may
/// act. A handler can demand more, but none can forget this.
pub(in crate::admin) async fn require_operator(
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    if is_safe(&parts.method) {
        Look::from_request_parts(&mut parts, &()).await?;
    } else {
        Act::from_request_parts(&mut parts, &()).await?;
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}
