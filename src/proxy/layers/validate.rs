//! A step of the stack that looks at a request's head and lets it pass, or answers instead. It
//! allocates nothing and boxes no future, so a step costs what it checks.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures_util::future::Either;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    outcome::{problem::problem, reject_reason::RejectReason},
    proxy::{
        context::{Outcome, RequestContext},
        response::ResponseBody,
    },
};

/// What a step asks of a request.
pub(crate) type Question<B, I> = fn(&Request<B>) -> Result<(), I>;

/// What a step answers with to a request that it does not let pass.
pub(crate) trait Instead {
    fn response(&self) -> Response<ResponseBody>;

    /// What the request's end is called.
    fn outcome(self) -> Outcome;
}

impl Instead for RejectReason {
    fn response(&self) -> Response<ResponseBody> {
        problem(self).map(ResponseBody::from)
    }

    fn outcome(self) -> Outcome {
        Outcome::Refused(self)
    }
}

/// Puts a check before a service.
pub(crate) struct CheckLayer<B, I>(pub(crate) Question<B, I>);

impl<S, B, I> Layer<S> for CheckLayer<B, I> {
    type Service = Check<S, B, I>;

    fn layer(&self, inner: S) -> Check<S, B, I> {
        Check {
            inner,
            question: self.0,
        }
    }
}

/// A service that only sees the requests that passed.
pub(crate) struct Check<S, B, I> {
    inner: S,
    question: Question<B, I>,
}

impl<S: Clone, B, I> Clone for Check<S, B, I> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            question: self.question,
        }
    }
}

impl<S, B, I> Service<Request<B>> for Check<S, B, I>
where
    S: Service<Request<B>, Response = Response<ResponseBody>>,
    I: Instead,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match (self.question)(&request) {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(instead) => Either::Right(ready(Ok(answer(&request, instead)))),
        }
    }
}

fn answer<B>(request: &Request<B>, instead: impl Instead) -> Response<ResponseBody> {
    let response = instead.response();
    if let Some(context) = RequestContext::of(request.extensions()) {
        context.ended(instead.outcome());
    }
    response
}
