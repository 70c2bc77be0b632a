//! The layer that finds the endpoint of a request.

use http::{HeaderName, Uri, request::Parts};

use crate::{
    endpoint::{Endpoint, Target},
    outcome::reject_reason::RejectReason,
    proxy::snapshot::Snapshot,
};

/// The header by which Envoy says whether it asks about the beginning of a body.
const PARTIAL_BODY: HeaderName = HeaderName::from_static("x-envoy-auth-partial-body");

/// Finds the endpoint of a request to `host`, and returns its index.
///
/// # Errors
///
/// When no endpoint has this host and path.
pub(crate) fn find(host: &str, target: &Uri, snapshot: &Snapshot) -> Result<usize, RejectReason> {
    let index = snapshot.endpoints.index(host, target.path());
    index.ok_or(RejectReason::NoEndpoint)
}

/// Checks that the endpoint takes the request's query.
///
/// # Errors
///
/// When the request has a query and the endpoint takes none.
pub(crate) fn check_query(target: &Uri, endpoint: &Endpoint) -> Result<(), RejectReason> {
    if endpoint.query.rejects(target) {
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
pub(crate) fn check_whole(head: &Parts, endpoint: &Endpoint) -> Result<(), RejectReason> {
    if !matches!(endpoint.target, Target::Verdict) {
        return Ok(());
    }
    let values = head.headers.get_all(PARTIAL_BODY);
    if values.iter().all(|value| value == "false") {
        Ok(())
    } else {
        Err(RejectReason::PartialBody)
    }
}
