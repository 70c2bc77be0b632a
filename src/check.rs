//! A step of the stack that looks at a request's head and lets it pass or refuses it. It allocates
//! nothing and boxes no future, so a step costs what it checks.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures_util::future::Either;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    answer::AnswerBody,
    exchange::{Exchange, Outcome},
    problem::problem,
    refusal::Refusal,
};

/// What a step asks of a request.
pub(crate) type Question<B> = fn(&Request<B>) -> Result<(), Refusal>;

/// Puts a check before a service.
pub(crate) struct CheckLayer<B>(pub(crate) Question<B>);

impl<S, B> Layer<S> for CheckLayer<B> {
    type Service = Check<S, B>;

    fn layer(&self, inner: S) -> Check<S, B> {
        Check {
            inner,
            question: self.0,
        }
    }
}

/// A service that only sees the requests that passed.
pub(crate) struct Check<S, B> {
    inner: S,
    question: Question<B>,
}

impl<S: Clone, B> Clone for Check<S, B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            question: self.question,
        }
    }
}

impl<S, B> Service<Request<B>> for Check<S, B>
where
    S: Service<Request<B>, Response = Response<AnswerBody>>,
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
            Err(refusal) => Either::Right(ready(Ok(refuse(&request, refusal)))),
        }
    }
}

fn refuse<B>(request: &Request<B>, refusal: Refusal) -> Response<AnswerBody> {
    let response = problem(&refusal).map(AnswerBody::from);
    if let Some(exchange) = Exchange::of(request.extensions()) {
        exchange.ended(Outcome::Refused(refusal));
    }
    response
}
