//! The step that finds a request's endpoint, notes it in the exchange, and refuses a query that the
//! endpoint does not take.

use http::Request;

use crate::{exchange::Exchange, refusal::Refusal};

/// Notes the endpoint of the request's path. A query that it refuses costs no reading either.
pub(crate) fn find_endpoint<B>(request: &Request<B>) -> Result<(), Refusal> {
    let exchange = Exchange::of(request.extensions()).ok_or(Refusal::NoEndpoint)?;
    let endpoint = exchange
        .config
        .endpoints
        .find(request.uri().path())
        .ok_or(Refusal::NoEndpoint)?;
    exchange.found(endpoint);
    if endpoint.query.refuses(request.uri()) {
        return Err(Refusal::Query);
    }
    Ok(())
}
