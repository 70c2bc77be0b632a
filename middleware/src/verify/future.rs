//! The future of one request, from its head to its response. Dropping it leaves nothing behind.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response, request::Parts};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{body::ResponseBody, late::LateRejections, shared::Shared};
use crate::{
    Observe, Policy, Rejection, RejectionBody, Respond, VerifiedBody, intake::Intake, receive,
    rejection::BoxError,
};

pin_project! {
    /// The response of a [`VerifyService`](super::VerifyService).
    pub struct VerifyFuture<S, B, P, O, R>
    where
        S: Service<Request<VerifiedBody>>,
    {
        #[pin]
        state: State<S, B, P, O, R, S::Future>,
    }
}

pin_project! {
    #[project = StateProject]
    enum State<S, B, P, O, R, F> {
        // The body is being received. The option is `None` after the verdict.
        Receiving { #[pin] body: B, waiting: Option<Receiving<S, P, O, R>> },
        // The inner service has the verified request.
        Responding { #[pin] response: F, late: Option<LateRejections<P, O, R>> },
        // The body of the response to a rejection is being read.
        Rejected { response: Option<Response<RejectionBody>> },
    }
}

/// The parts that wait for the end of the body.
pub(super) struct Receiving<S, P, O, R> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<P, O, R>>,
    pub(super) head: Parts,
    pub(super) policy: Arc<Policy>,
    pub(super) intake: Intake,
}

impl<S, B, P, O, R> VerifyFuture<S, B, P, O, R>
where
    S: Service<Request<VerifiedBody>>,
{
    pub(super) fn receiving(body: B, waiting: Receiving<S, P, O, R>) -> Self {
        Self {
            state: State::Receiving {
                body,
                waiting: Some(waiting),
            },
        }
    }

    pub(super) fn rejected(response: Response<RejectionBody>) -> Self {
        Self {
            state: State::Rejected {
                response: Some(response),
            },
        }
    }
}

impl<S, B, RB, P, O, R> Future for VerifyFuture<S, B, P, O, R>
where
    S: Service<Request<VerifiedBody>, Response = Response<RB>>,
    B: Body,
    B::Error: Into<BoxError>,
    O: Observe,
    R: Respond,
{
    type Output = Result<Response<ResponseBody<RB>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProject::Receiving { body, waiting } => {
                    let Receiving { policy, intake, .. } = waiting.as_mut().expect(ONCE);
                    let received = ready!(receive::poll_body(body, policy, intake, context));
                    waiting.take().expect(ONCE).conclude(received)
                }
                StateProject::Responding { response, late } => {
                    let mut response = ready!(response.poll(context))?;
                    let rejected = late.take().expect(ONCE).replace(&mut response);
                    if rejected.is_none() {
                        return Poll::Ready(Ok(response.map(ResponseBody::inner)));
                    }
                    State::Rejected { response: rejected }
                }
                StateProject::Rejected { response } => {
                    let body = response.as_mut().expect(ONCE).body_mut();
                    let bytes = ready!(body.poll_bytes(context));
                    let response = response.take().expect(ONCE);
                    return Poll::Ready(Ok(response.map(|_| ResponseBody::rejection(bytes))));
                }
            };
            state.set(next);
        }
    }
}

const ONCE: &str = "a future is not polled after it was ready";

impl<S, P, O, R> Receiving<S, P, O, R>
where
    S: Service<Request<VerifiedBody>>,
    O: Observe,
    R: Respond,
{
    fn conclude<B>(self, received: Result<(), Rejection>) -> State<S, B, P, O, R, S::Future> {
        let Self {
            mut inner,
            shared,
            mut head,
            policy,
            intake,
        } = self;
        match receive::judge(received, intake, &policy, &head, &*shared.observe) {
            Ok(verified) => {
                shared.observe.verified(&verified, &head);
                let late = Some(LateRejections::new(shared, policy, &head));
                head.extensions.insert(verified.clone());
                let response = inner.call(Request::from_parts(head, verified.into_body()));
                State::Responding { response, late }
            }
            Err(rejection) => State::Rejected {
                response: Some(shared.reject(rejection, &head, Some(&policy))),
            },
        }
    }
}

impl<S, B, P, O, R> fmt::Debug for VerifyFuture<S, B, P, O, R>
where
    S: Service<Request<VerifiedBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyFuture").finish_non_exhaustive()
    }
}
