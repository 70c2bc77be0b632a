//! Direct mode: a verified delivery goes to its endpoint's one destination at once, and the
//! destination's own answer goes back.

use std::{convert::Infallible, sync::Arc};

use http::{Request, Response, request::Parts};
use tower_cartgate::{SecretName, Verified, VerifiedBody};

use crate::{
    answer::AnswerBody,
    delivery::Delivery,
    destination::{Answer, AttemptError, clean_answer},
    endpoint::Endpoint,
    exchange::{Exchange, Outcome, Taken},
    problem::problem,
    refusal::Refusal,
};

/// The innermost step of the stack: it sees verified requests alone.
pub(crate) async fn deliver(
    request: Request<VerifiedBody>,
    worker: usize,
) -> Result<Response<AnswerBody>, Infallible> {
    let (mut head, body) = request.into_parts();
    let verified = body.verified().clone();
    let Some(exchange) = head.extensions.remove::<Arc<Exchange>>() else {
        // The stack puts one there before anything else.
        return Ok(problem(&Refusal::NoEndpoint).map(AnswerBody::from));
    };
    let Some(endpoint) = exchange.endpoint() else {
        return Ok(problem(&Refusal::NoEndpoint).map(AnswerBody::from));
    };
    let secret = verified.secret_name().clone();
    let result = attempt(verified, head, endpoint, &exchange, worker).await;
    Ok(conclude(result, secret, &exchange))
}

async fn attempt(
    verified: Verified,
    head: Parts,
    endpoint: &Endpoint,
    exchange: &Arc<Exchange>,
    worker: usize,
) -> Result<Response<Answer>, AttemptError> {
    let delivery = Delivery::new(verified, head, endpoint, exchange);
    endpoint.destination.attempt(worker, delivery).await
}

fn conclude(
    result: Result<Response<Answer>, AttemptError>,
    secret: SecretName,
    exchange: &Exchange,
) -> Response<AnswerBody> {
    match result {
        Ok(mut response) => {
            exchange.ended(Outcome::Verified { secret, taken: Taken::Answered });
            clean_answer(response.headers_mut());
            response.map(|answer| AnswerBody::Destination(Box::new(answer)))
        }
        Err(error) => {
            let refusal = Refusal::from(&error);
            let response = problem(&refusal).map(AnswerBody::from);
            let taken = Taken::Failed { refusal, cause: error.to_string() };
            exchange.ended(Outcome::Verified { secret, taken });
            response
        }
    }
}
