//! The way of one request, from its head to its answer. Dropping it at any point leaves nothing behind.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http::{Request, Response, request::Parts};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{Bench, ResponseBody, late::Witness};
use crate::{
    Observe, Policy, Rejection, RejectionBody, Respond, VerifiedBody, intake::Intake,
    payload::Payload, rejection::BoxError,
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
        // The body arrives. What waits for it is taken out of its option when the verdict falls.
        Receiving { #[pin] body: B, waiting: Option<Receiving<S, P, O, R>> },
        // The inner service has the verified request.
        Answering { #[pin] answer: F, witness: Option<Witness<P, O, R>> },
        // There is nothing left to do but to say so.
        Refused { refusal: Option<Response<RejectionBody>> },
    }
}

/// What is needed while a body arrives, and after it.
pub(super) struct Receiving<S, P, O, R> {
    pub(super) inner: S,
    pub(super) bench: Arc<Bench<P, O, R>>,
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

    pub(super) fn refused(refusal: Response<RejectionBody>) -> Self {
        Self {
            state: State::Refused {
                refusal: Some(refusal),
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
                    let received = ready!(receive(body, policy, intake, context));
                    waiting.take().expect(ONCE).conclude(received)
                }
                StateProject::Answering { answer, witness } => {
                    let mut response = ready!(answer.poll(context))?;
                    let refusal = witness.take().expect(ONCE).late(&mut response);
                    if refusal.is_none() {
                        return Poll::Ready(Ok(response.map(ResponseBody::inner)));
                    }
                    State::Refused { refusal }
                }
                StateProject::Refused { refusal } => {
                    let body = refusal.as_mut().expect(ONCE).body_mut();
                    let bytes = ready!(body.poll_bytes(context));
                    let refusal = refusal.take().expect(ONCE);
                    return Poll::Ready(Ok(refusal.map(|_| ResponseBody::refusal(bytes))));
                }
            };
            state.set(next);
        }
    }
}

const ONCE: &str = "a future is not polled after it was ready";

/// Takes frames until the body ends or is refused. Trailers are not signed, so they are dropped.
fn receive<B>(
    mut body: Pin<&mut B>,
    policy: &Policy,
    intake: &mut Intake,
    context: &mut Context<'_>,
) -> Poll<Result<(), Rejection>>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    loop {
        match body.as_mut().poll_frame(context) {
            Poll::Pending => {
                intake.settle(policy);
                return Poll::Pending;
            }
            Poll::Ready(None) => return Poll::Ready(Ok(())),
            Poll::Ready(Some(Err(error))) => {
                return Poll::Ready(Err(Rejection::of_body(error.into())));
            }
            Poll::Ready(Some(Ok(frame))) => {
                let Ok(mut data) = frame.into_data() else {
                    continue;
                };
                // Of `Bytes`, this is a slice and no copy.
                if let Err(kind) = intake.take(policy, data.copy_to_bytes(data.remaining())) {
                    return Poll::Ready(Err(kind.into()));
                }
                // One that knows its length has said so: to ask it for more could mean to wait for nothing.
                if body.is_end_stream() {
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl<S, P, O, R> Receiving<S, P, O, R>
where
    S: Service<Request<VerifiedBody>>,
    O: Observe,
    R: Respond,
{
    fn conclude<B>(self, received: Result<(), Rejection>) -> State<S, B, P, O, R, S::Future> {
        let Self {
            mut inner,
            bench,
            mut head,
            policy,
            intake,
        } = self;
        let mismatched = |payload: &Payload| bench.observe.mismatched(&head, payload.chunks());
        match received.and_then(|()| intake.finish(&policy, mismatched)) {
            Ok(verified) => {
                bench.observe.verified(&verified, &head);
                let witness = Some(Witness::new(bench, policy, &head));
                head.extensions.insert(verified.clone());
                let answer = inner.call(Request::from_parts(head, verified.into_body()));
                State::Answering { answer, witness }
            }
            Err(rejection) => {
                let rejection = rejection.with_signature_header(&head.headers, policy.header());
                State::Refused {
                    refusal: Some(bench.refuse(rejection, &head, Some(&policy))),
                }
            }
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
