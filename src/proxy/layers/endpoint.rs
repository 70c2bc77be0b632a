//! The layer that finds the endpoint of a request.

use http::{HeaderName, HeaderValue, Request, header::HOST};

use crate::{endpoint::Target, outcome::reject_reason::RejectReason, proxy::snapshot::Snapshot};

/// The header by which Envoy says whether it asks about the beginning of a body.
const PARTIAL_BODY: HeaderName = HeaderName::from_static("x-envoy-auth-partial-body");

/// Finds the endpoint of the request's host and path, and returns its index.
///
/// # Errors
///
/// When no endpoint has this host and path.
pub(crate) fn find<B>(request: &Request<B>, snapshot: &Snapshot) -> Result<usize, RejectReason> {
    // The framing layer has let exactly one host pass, which is a valid string.
    let host = request.headers().get(HOST).map(HeaderValue::to_str);
    let host = host.and_then(Result::ok).unwrap_or_default();
    let index = snapshot.endpoints.index(host, request.uri().path());
    index.ok_or(RejectReason::NoEndpoint)
}

/// Checks that the endpoint takes the request's query.
///
/// # Errors
///
/// When the request has a query and the endpoint takes none.
pub(crate) fn check_query<B>(
    request: &Request<B>,
    snapshot: &Snapshot,
    index: usize,
) -> Result<(), RejectReason> {
    if snapshot.endpoint(index).query.rejects(request.uri()) {
        Err(RejectReason::Query)
    } else {
        Ok(())
    }
}

/// Checks that a proxy asks for a verdict on a whole body. If it asks about the beginning, it
/// forwards the rest unverified: a client could append to a captured delivery that is exactly as
/// long as the beginning.
///
/// # Errors
///
/// When the proxy says that it has truncated the body.
pub(crate) fn check_whole<B>(
    request: &Request<B>,
    snapshot: &Snapshot,
    index: usize,
) -> Result<(), RejectReason> {
    if !matches!(snapshot.endpoint(index).target, Target::Verdict) {
        return Ok(());
    }
    let values = request.headers().get_all(PARTIAL_BODY);
    if values.iter().all(|value| value == "false") {
        Ok(())
    } else {
        Err(RejectReason::PartialBody)
    }
}
