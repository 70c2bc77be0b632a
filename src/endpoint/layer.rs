//! The step that finds a request's endpoint and notes it in the exchange.

use http::{HeaderValue, Request, header::HOST};

use crate::{exchange::Exchange, refusal::Refusal};

/// Notes the endpoint of the request's host and path.
pub(crate) fn find_endpoint<B>(request: &Request<B>) -> Result<(), Refusal> {
    let exchange = Exchange::of(request.extensions()).ok_or(Refusal::NoEndpoint)?;
    // `framing` has let just one through, of plain characters.
    let host = request.headers().get(HOST).map(HeaderValue::to_str);
    let endpoint = exchange
        .config
        .endpoints
        .find(
            host.and_then(Result::ok).unwrap_or_default(),
            request.uri().path(),
        )
        .ok_or(Refusal::NoEndpoint)?;
    exchange.found(endpoint);
    Ok(())
}
