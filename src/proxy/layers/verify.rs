//! The verifying layer, which is that of the crate `tower_cartgate`.

use http::request::Parts;
use tower_cartgate::{Policy, ProblemJson, Rejection, Verified, verify_request};

use super::{body_guard::GuardedBody, observer::VerdictObserver};
use crate::proxy::{
    context::RequestContext,
    outcome::{Handled, RequestOutcome},
    response_body::ResponseBody,
};

/// Verifies a request to the endpoint at `index`, and returns the proof that its body is genuine.
///
/// # Errors
///
/// When the request is rejected; [`rejected`] makes the response.
pub(crate) async fn verify(
    head: &Parts,
    body: &mut GuardedBody<'_>,
    context: &RequestContext<'_>,
    index: usize,
) -> Result<Verified, Rejection> {
    let policy = &context.snapshot.endpoint(index).policy;
    let observer = VerdictObserver { context, index };
    verify_request(policy, head, body, &observer).await
}

/// Returns the response to a rejection.
pub(crate) fn rejected(rejection: &Rejection, policy: &Policy) -> Handled {
    let response = ProblemJson.response(rejection, Some(policy));
    Handled {
        outcome: RequestOutcome::Rejected {
            reason: rejection.into(),
            signature: rejection.signature_header(),
        },
        response: response.map(ResponseBody::from),
    }
}
