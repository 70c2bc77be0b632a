//! The way of a request through the gate, composed in one place: a line for each layer, with why it
//! stands where it stands.

use std::convert::Infallible;

use http::{Request, Response};
use tower::ServiceBuilder;
use tower_cartgate::{ResponseBody, VerifyLayer};
use tower_service::Service;

use crate::{
    answer::AnswerBody,
    check::CheckLayer,
    direct,
    endpoint::{self, EndpointPolicies},
    framing, health,
    limits::GuardedBody,
    watch::Watch,
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
        // First: nothing may act on a request that two servers could read in two ways.
        .layer(CheckLayer(framing::check))
        // Before the endpoints, of which one may take every path.
        .layer(CheckLayer(health::probe))
        // Before verification, which needs the endpoint's policy; an unknown path costs no reading.
        .layer(CheckLayer(endpoint::find_endpoint))
        // The last that sees what is not verified. What is below demands its proof.
        .map_response(into_answer)
        .layer(VerifyLayer::with_policies(EndpointPolicies).observe(Watch))
        .service(tower::service_fn(move |request| {
            direct::deliver(request, worker)
        }))
}

fn into_answer(response: Response<ResponseBody<AnswerBody>>) -> Response<AnswerBody> {
    response.map(|body| body.into_inner().unwrap_or_else(AnswerBody::from))
}
