//! Direct mode: a verified delivery goes to its endpoint's one destination at once, and the
//! destination's own answer goes back.

use std::sync::Arc;

use http::Response;
use tokio::time::Instant;

use crate::{
    delivery::{Delivery, header_filter::filter_response},
    destination::{AttemptError, Destination, DestinationBody},
    outcome::{problem::problem, reject_reason::RejectReason},
    proxy::{
        context::{Outcome, RequestContext},
        response::ResponseBody,
    },
};

/// Hands a delivery over, and its destination's answer back.
pub(crate) async fn deliver(
    delivery: Delivery,
    destination: &Arc<Destination>,
    context: &RequestContext,
    worker: usize,
) -> Response<ResponseBody> {
    let begun = Instant::now();
    let result = destination.attempt(worker, delivery, begun).await;
    let meter = context.meter().and_then(|meter| meter.destinations.first());
    if let Some(meter) = meter {
        let result = result.as_ref();
        let result = result.map(Response::status).map_err(AttemptError::failure);
        meter.attempted(result, begun.elapsed());
    }
    conclude(result, context)
}

fn conclude(
    result: Result<Response<DestinationBody>, AttemptError>,
    context: &RequestContext,
) -> Response<ResponseBody> {
    match result {
        Ok(mut response) => {
            context.ended(Outcome::Answered);
            filter_response(response.headers_mut());
            // The version is the connection's, not the message's (RFC 9110, section 2.5). Passed on, an
            // app's HTTP/1.0 would take the framing off its answer, and a short one would look whole.
            *response.version_mut() = http::Version::HTTP_11;
            response.map(|answer| ResponseBody::Destination(Box::new(answer)))
        }
        Err(error) => {
            let refusal = RejectReason::from(&error);
            let response = problem(&refusal).map(ResponseBody::from);
            context.ended(Outcome::Failed {
                refusal,
                cause: error.to_string(),
            });
            response
        }
    }
}
