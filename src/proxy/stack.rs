//! The way of a request through the gate, composed in one place: a line for each layer, with why it
//! stands where it stands.

use std::{convert::Infallible, sync::Arc};

use http::{Request, Response};
use tower::ServiceBuilder;
use tower_cartgate::{VerifiedBody, VerifyLayer};
use tower_service::Service;

use crate::{
    delivery::Delivery,
    endpoint::Target,
    outcome::{problem::problem, reject_reason::RejectReason},
    proxy::{
        context::RequestContext,
        handlers::{direct, durable},
        layers::{
            body_guard::GuardedBody,
            endpoint::{EndpointPolicies, find_endpoint},
            framing, health,
            observer::VerdictObserver,
            validate::CheckLayer,
        },
        response::ResponseBody,
    },
};

/// A service that answers every request, one clone a request.
pub(crate) trait Stack:
    Service<
        Request<GuardedBody>,
        Response = Response<ResponseBody>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Stack for S where
    S: Service<
            Request<GuardedBody>,
            Response = Response<ResponseBody>,
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
        .layer(VerifyLayer::with_policy_source(EndpointPolicies).observe(VerdictObserver))
        .service(tower::service_fn(move |request| go_on(request, worker)))
}

/// The innermost step: it sees verified requests alone. The one place that tells direct from durable.
async fn go_on(
    request: Request<VerifiedBody>,
    worker: usize,
) -> Result<Response<ResponseBody>, Infallible> {
    let (mut head, body) = request.into_parts();
    let verified = body.verified().clone();
    drop(body);
    // Both were put there by what stands above.
    let context = head.extensions.remove::<Arc<RequestContext>>();
    let Some(context) = context else {
        return Ok(problem(&RejectReason::NoEndpoint).map(ResponseBody::from));
    };
    let Some(endpoint) = context.endpoint() else {
        return Ok(problem(&RejectReason::NoEndpoint).map(ResponseBody::from));
    };
    Ok(match &endpoint.target {
        Target::Direct(destination) => {
            head.uri = endpoint.query.kept(head.uri);
            let (origin, headers) = (context.origin(), endpoint.delivery_headers());
            let memory = Box::new(Arc::clone(&context));
            let delivery =
                Delivery::direct(verified, head, &origin, &endpoint.name, headers, memory);
            direct::deliver(delivery, destination, &context, worker).await
        }
        Target::Durable(_) => durable::keep(verified, head, endpoint, &context).await,
    })
}

fn into_answer(
    response: Response<tower_cartgate::ResponseBody<ResponseBody>>,
) -> Response<ResponseBody> {
    response.map(|body| body.into_inner().unwrap_or_else(ResponseBody::from))
}
