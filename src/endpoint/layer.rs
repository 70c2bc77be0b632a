//! The step that finds a request's endpoint and notes it in the exchange.

use http::Request;

use crate::{exchange::Exchange, refusal::Refusal};

/// Notes the endpoint of the request's path.
pub(crate) fn find_endpoint<B>(request: &Request<B>) -> Result<(), Refusal> {
    let exchange = Exchange::of(request.extensions()).ok_or(Refusal::NoEndpoint)?;
    let endpoint = exchange
        .config
        .endpoints
        .find(request.uri().path())
        .ok_or(Refusal::NoEndpoint)?;
    exchange.found(endpoint);
    Ok(())
}
