//! The service, which checks the head and leaves the rest to the future.

use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    body::ResponseBody,
    future::{Receiving, VerifyFuture},
    shared::Shared,
};
use crate::{
    Observe, Policy, PolicySource, ProblemJson, RejectionKind, Respond, StaticPolicy, VerifiedBody,
    receive, rejection::BoxError,
};

/// Passes only genuine deliveries to the inner service, with the proof in their extensions and the
/// verified bytes as their body.
///
/// It is ready when the inner service is ready. A rejection is a response with the [`Rejection`](crate::Rejection) in
/// its extensions. Errors come only from the inner service.
pub struct VerifyService<S, P = StaticPolicy, O = (), R = ProblemJson> {
    inner: S,
    shared: Arc<Shared<P, O, R>>,
}

impl<S> VerifyService<S> {
    /// Wraps `inner` with one policy. [`VerifyLayer`](crate::VerifyLayer) has more options.
    pub fn new(inner: S, policy: impl Into<Arc<Policy>>) -> Self {
        Self::of(inner, Arc::new(Shared::new(StaticPolicy::new(policy))))
    }
}

impl<S, P, O, R> VerifyService<S, P, O, R> {
    pub(super) fn of(inner: S, shared: Arc<Shared<P, O, R>>) -> Self {
        Self { inner, shared }
    }
}

impl<S: Clone, P, O, R> VerifyService<S, P, O, R> {
    /// Takes the service that was polled ready and leaves a clone, which must become ready itself.
    /// Only the service that was polled owns the reservation of `poll_ready` (a permit, a slot in a
    /// queue).
    fn take_ready(&mut self) -> S {
        let unready = self.inner.clone();
        mem::replace(&mut self.inner, unready)
    }
}

impl<S, B, RB, P, O, R> Service<Request<B>> for VerifyService<S, P, O, R>
where
    S: Service<Request<VerifiedBody>, Response = Response<RB>> + Clone,
    B: Body,
    B::Error: Into<BoxError>,
    P: PolicySource,
    O: Observe,
    R: Respond,
{
    type Response = Response<ResponseBody<RB>>;
    type Error = S::Error;
    type Future = VerifyFuture<S, B, P, O, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Taken also for a rejection, which drops it. In `self` it would keep its reservation while
        // the connection is open, and a few attackers with open connections would hold all of them.
        let inner = self.take_ready();
        let (head, body) = request.into_parts();
        let reject = |rejection, policy: Option<&Policy>| {
            VerifyFuture::rejected(self.shared.reject(rejection, &head, policy))
        };
        let Some(policy) = self.shared.policies.policy(&head) else {
            return reject(RejectionKind::NoPolicy.into(), None);
        };
        match receive::begin(&policy, &head, &body) {
            Ok(intake) => {
                let receiving = Receiving {
                    inner,
                    shared: Arc::clone(&self.shared),
                    head,
                    policy,
                    intake,
                };
                VerifyFuture::receiving(body, receiving)
            }
            Err(rejection) => reject(rejection, Some(&policy)),
        }
    }
}

impl<S: Clone, P, O, R> Clone for VerifyService<S, P, O, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: fmt::Debug, P, O, R> fmt::Debug for VerifyService<S, P, O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
