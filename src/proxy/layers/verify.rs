//! The verifying layer of the crate `tower_cartgate`, as the gate uses it.
//!
//! The layer wraps a service that only returns the verified request. The gate then delivers it, and
//! knows at each moment whether a request is verified.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use tower::{ServiceExt as _, util::ServiceFn};
use tower_cartgate::{
    Policy, PolicySource, Rejection, Verified, VerifiedBody, VerifyLayer, VerifyService,
};
use tower_layer::Layer as _;

use super::{body_guard::GuardedBody, observer::VerdictObserver};
use crate::proxy::{
    context::EndpointContext,
    outcome::{Handled, RequestOutcome},
    response_body::ResponseBody,
};

/// The verifying service.
pub(crate) type Verify = VerifyService<ServiceFn<Pass>, EndpointPolicies, VerdictObserver>;

type Pass = fn(Request<VerifiedBody>) -> Passed;
type Passed = Ready<Result<Response<Request<VerifiedBody>>, Infallible>>;

/// Returns the verifying service.
pub(crate) fn service() -> Verify {
    let pass: Pass = |request| ready(Ok(Response::new(request)));
    VerifyLayer::with_policy_source(EndpointPolicies)
        .observe(VerdictObserver)
        .layer(tower::service_fn(pass))
}

/// The result of verifying a request.
pub(crate) enum Verification {
    /// The head of the request, and the proof that its body is genuine.
    Verified(Parts, Verified),
    /// The layer's response.
    Rejected(Handled),
}

/// Verifies a request by the policy of its endpoint, which its extensions name.
pub(crate) async fn verify(service: Verify, request: Request<GuardedBody>) -> Verification {
    let Ok(response) = service.oneshot(request).await;
    let (head, body) = response.into_parts();
    match body.into_inner() {
        Ok(request) => {
            let (head, body) = request.into_parts();
            Verification::Verified(head, body.verified().clone())
        }
        Err(bytes) => Verification::Rejected(rejected(Response::from_parts(head, bytes))),
    }
}

fn rejected(response: Response<Bytes>) -> Handled {
    let rejection = response.extensions().get::<Rejection>();
    let rejection = rejection.expect("the layer adds the rejection to each response of its own");
    Handled {
        outcome: RequestOutcome::Rejected {
            reason: rejection.into(),
            signature: rejection.signature_header(),
        },
        response: response.map(ResponseBody::from),
    }
}

/// Gives the layer the policy of the request's endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndpointPolicies;

impl PolicySource for EndpointPolicies {
    fn policy(&self, head: &Parts) -> Option<Arc<Policy>> {
        let context = EndpointContext::of(&head.extensions);
        Some(Arc::clone(&context.endpoint().policy))
    }
}
