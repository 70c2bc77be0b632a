//! The way of a request through the gate, composed in one place: a line for each layer, with why it
//! stands where it stands.

use std::{convert::Infallible, sync::Arc};

use http::{Request, Response};
use tower::ServiceBuilder;
use tower_cartgate::{ResponseBody, VerifiedBody, VerifyLayer};
use tower_service::Service;

use crate::{
    delivery::Delivery,
    endpoint::Onward,
    outcome::{problem::problem, reject_reason::RejectReason},
    proxy::{
        context::Exchange,
        handlers::{direct, durable},
        layers::{
            body_guard::GuardedBody,
            endpoint::{EndpointPolicies, find_endpoint},
            framing, health,
            observer::Watch,
            validate::CheckLayer,
        },
        response::AnswerBody,
    },
};

/// A service that answers every request, one clone a request.
pub(crate) trait Stack:
    Service<Request<GuardedBody>, Response = Response<AnswerBody>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Stack for S where
    S: Service<
            Request<GuardedBody>,
            Response = Response<AnswerBody>,
            Error = Infallible,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// The stack of one worker. Endpoints differ in the values that these layers find in a request's
/// exchange, never in the layers.
pub(crate) fn stack(worker: usize) -> impl Stack {
    ServiceBuilder::new()
        // First: plain health checkers send no Host. Before the endpoints, of which one may take every path.
        .layer(CheckLayer(health::probe))
        // Before all else: nothing may act on a request that two servers could read in two ways.
        .layer(CheckLayer(framing::check))
        // Before verification, which needs the endpoint's policy; an unknown path costs no reading.
        .layer(CheckLayer(find_endpoint))
        // The last that sees what is not verified. What is below demands its proof.
        .map_response(into_answer)
        .layer(VerifyLayer::with_policy_source(EndpointPolicies).observe(Watch))
        .service(tower::service_fn(move |request| go_on(request, worker)))
}

/// The innermost step: it sees verified requests alone. The one place that tells direct from durable.
async fn go_on(
    request: Request<VerifiedBody>,
    worker: usize,
) -> Result<Response<AnswerBody>, Infallible> {
    let (mut head, body) = request.into_parts();
    let verified = body.verified().clone();
    drop(body);
    // Both were put there by what stands above.
    let exchange = head.extensions.remove::<Arc<Exchange>>();
    let Some(exchange) = exchange else {
        return Ok(problem(&RejectReason::NoEndpoint).map(AnswerBody::from));
    };
    let Some(endpoint) = exchange.endpoint() else {
        return Ok(problem(&RejectReason::NoEndpoint).map(AnswerBody::from));
    };
    Ok(match &endpoint.onward {
        Onward::Direct(destination) => {
            let delivery = Delivery::direct(&verified, head, endpoint, &exchange);
            direct::deliver(delivery, destination, &exchange, worker).await
        }
        Onward::Durable(_) => durable::keep(verified, head, endpoint, &exchange).await,
    })
}

fn into_answer(response: Response<ResponseBody<AnswerBody>>) -> Response<AnswerBody> {
    response.map(|body| body.into_inner().unwrap_or_else(AnswerBody::from))
}
