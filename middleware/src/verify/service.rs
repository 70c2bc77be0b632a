//! The service: judges the head at once, and hands the rest to the future.

use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, request::Parts};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{Bench, ResponseBody, VerifyFuture, VerifyLayer, future::Receiving};
use crate::{
    Observe, Policy, PolicySource, ProblemJson, Rejection, RejectionBody, RejectionKind, Respond,
    StaticPolicy, VerifiedBody,
    intake::{self, Intake},
    rejection::BoxError,
};

/// Lets only genuine deliveries through to the inner service, with the proof in their extensions and the verified
/// bytes as their body.
///
/// It is ready when the inner service is. A refusal is a response, whose extensions hold the [`Rejection`]; an error comes from the inner service alone.
pub struct VerifyService<S, P = StaticPolicy, O = (), R = ProblemJson> {
    inner: S,
    bench: Arc<Bench<P, O, R>>,
}

impl<S> VerifyService<S> {
    /// Guards `inner` by one policy; [`VerifyLayer`] has more to choose from.
    pub fn new(inner: S, policy: impl Into<Arc<Policy>>) -> Self {
        VerifyLayer::new(policy).layer(inner)
    }
}

impl<S, P, O, R> VerifyService<S, P, O, R> {
    pub(super) fn of(inner: S, bench: Arc<Bench<P, O, R>>) -> Self {
        Self { inner, bench }
    }
}

impl<S: Clone, P, O, R> VerifyService<S, P, O, R> {
    /// The service that was found ready is the one to call: what `poll_ready` reserved (a permit, a place in a queue)
    /// belongs to it alone. A clone, which has to become ready itself, takes its place.
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
        // Taken even for a refusal, and dropped then: left in `self` it would keep its reservation for as long as the
        // connection stays open, and a few forgers with open connections would have them all.
        let inner = self.take_ready();
        let (head, body) = request.into_parts();
        let refused = |kind: RejectionKind, policy: Option<&Policy>| {
            let mut rejection = Rejection::new(kind);
            if let Some(policy) = policy {
                rejection = rejection.with_signature_header(&head.headers, policy.header());
            }
            VerifyFuture::refused(self.bench.refuse(rejection, &head, policy))
        };
        let Some(policy) = self.bench.policies.policy(&head) else {
            return refused(RejectionKind::NoPolicy, None);
        };
        match intake::judge_head(&policy, &head, &body.size_hint()) {
            Ok(signature) => {
                let (bench, intake) = (Arc::clone(&self.bench), Intake::new(&policy, signature));
                let receiving = Receiving {
                    inner,
                    bench,
                    head,
                    policy,
                    intake,
                };
                VerifyFuture::receiving(body, receiving)
            }
            Err(kind) => refused(kind, Some(&policy)),
        }
    }
}

impl<P, O: Observe, R: Respond> Bench<P, O, R> {
    /// Told, answered, and left in the extensions for whoever is outside.
    pub(super) fn refuse(
        &self,
        rejection: Rejection,
        head: &Parts,
        policy: Option<&Policy>,
    ) -> Response<RejectionBody> {
        self.observe.rejected(&rejection, head);
        let mut response = self.respond.respond(&rejection, policy);
        response.extensions_mut().insert(rejection);
        response
    }
}

impl<S: Clone, P, O, R> Clone for VerifyService<S, P, O, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            bench: Arc::clone(&self.bench),
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
