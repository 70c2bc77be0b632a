//! The step that finds a request's endpoint, notes it in the exchange, and refuses a query that the
//! endpoint does not take.

use std::sync::Arc;

use http::{HeaderValue, Request, header::HOST};
use tower_cartgate::{Policy, PolicySource};

use crate::{outcome::reject_reason::RejectReason, proxy::context::RequestContext};

/// Notes the endpoint of the request's host and path. A query that it refuses costs no reading either.
pub(crate) fn find_endpoint<B>(request: &Request<B>) -> Result<(), RejectReason> {
    let context = RequestContext::of(request.extensions()).ok_or(RejectReason::NoEndpoint)?;
    // `framing` has let just one through, of plain characters.
    let host = request.headers().get(HOST).map(HeaderValue::to_str);
    let host = host.and_then(Result::ok).unwrap_or_default();
    let endpoint = context
        .find_endpoint(host, request.uri().path())
        .ok_or(RejectReason::NoEndpoint)?;
    if endpoint.query.refuses(request.uri()) {
        return Err(RejectReason::Query);
    }
    Ok(())
}

/// Gives the layer the policy of the endpoint that was found for the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndpointPolicies;

impl PolicySource for EndpointPolicies {
    fn policy(&self, head: &http::request::Parts) -> Option<Arc<Policy>> {
        let endpoint = RequestContext::of(&head.extensions)?.endpoint()?;
        Some(Arc::clone(&endpoint.policy))
    }
}
