//! The direct handler: it sends a verified delivery to the endpoint's one destination and returns
//! the destination's response.

use futures_util::FutureExt as _;
use http::{Response, Version};
use tokio::time::Instant;

use crate::{
    delivery::{Delivery, header_filter::filter_response},
    destination::{AttemptError, Destination, DestinationBody, meter::DestinationMeter},
    outcome::reject_reason::RejectReason,
    proxy::{
        outcome::{Handled, RequestOutcome},
        response_body::ResponseBody,
    },
    runtime::turn,
};

/// Delivers to the destination, and takes the headers of the delivery away. The future does not
/// borrow the delivery, which the caller drops before it waits.
pub(crate) fn deliver<'d>(
    delivery: &mut Delivery,
    destination: &'d Destination,
    meter: &'d DestinationMeter,
    worker: usize,
) -> impl Future<Output = Handled> + use<'d> {
    let begun = Instant::now();
    let attempt = destination.attempt(worker, delivery, begun);
    attempt.map(move |result| {
        let status = result.as_ref().map(Response::status);
        meter.attempted(status.map_err(AttemptError::failure), turn::now() - begun);
        match result {
            Ok(response) => responded(response),
            Err(error) => Handled::failed(RejectReason::from(&error), error.to_string()),
        }
    })
}

fn responded(mut response: Response<DestinationBody>) -> Handled {
    filter_response(response.headers_mut());
    // The version belongs to the connection (RFC 9110, section 2.5). An app's HTTP/1.0 would remove
    // the framing from its response, and a truncated one would look complete.
    *response.version_mut() = Version::HTTP_11;
    Handled {
        response: response.map(ResponseBody::Destination),
        outcome: RequestOutcome::Responded,
    }
}
