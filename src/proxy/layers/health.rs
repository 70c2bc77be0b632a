//! The layer that responds to health checks on the public port, for platforms that know only that
//! port. All other questions of operators go to the admin listener.

use bytes::Bytes;
use http::{Method, Response, StatusCode, request::Parts};

use super::framing::FramingHeaders;
use crate::proxy::{
    context::RequestContext,
    outcome::{Handled, RequestOutcome},
    response_body::ResponseBody,
};

/// The methods of health checks. HAProxy sends OPTIONS by default.
const METHODS: [Method; 3] = [Method::GET, Method::HEAD, Method::OPTIONS];

/// Responds to a request for the health path, if one is configured and the path is equal byte for
/// byte. All other requests pass.
///
/// This layer precedes the framing rules: plain health checkers speak HTTP/1.0 without `Host`. A
/// check that breaks those rules gets its response, and its connection closes.
pub(crate) fn respond(
    head: &Parts,
    framing: &FramingHeaders<'_>,
    context: &RequestContext<'_>,
) -> Option<Handled> {
    let path = context.snapshot.health_path.as_deref()?;
    if head.uri.path() != path || !METHODS.contains(&head.method) {
        return None;
    }
    let mut response = Response::new(ResponseBody::from(Bytes::new()));
    *response.status_mut() = if context.shared.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let broken = framing.check(head, context.connection.scheme()).is_err();
    Some(Handled {
        response,
        outcome: RequestOutcome::HealthCheck { broken },
    })
}
