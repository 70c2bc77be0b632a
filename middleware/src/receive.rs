//! The reception of a request: its head is checked, its body received, and both are judged. The
//! future of the service and [`verify_request`] take the same steps.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::SystemTime,
};

use bytes::Buf;
use http::request::Parts;
use http_body::Body;

use crate::{
    Observe, Policy, Rejection, Verified,
    intake::{Intake, judge_head},
    payload::Payload,
    rejection::BoxError,
};

/// Verifies a request as the layer does, for servers that respond to rejections themselves.
///
/// Checks the head before it reads the body, and reports the verdict to `observe`. Use only the
/// bytes of the returned proof. [`ProblemJson::response`](crate::ProblemJson::response) makes the
/// layer's response to a rejection.
///
/// A body by reference, `&mut body`, stays available for a server that reads on after a rejection.
///
/// # Errors
///
/// Returns the rejection that the layer would report.
///
/// ```
/// # use http_body_util::Full;
/// # use tower_cartgate::{Policy, ProblemJson, Rejection, Verified, verify_request};
/// # async fn receive(
/// #     policy: &Policy,
/// #     request: http::Request<Full<bytes::Bytes>>,
/// # ) -> Result<Verified, http::Response<bytes::Bytes>> {
/// let (head, body) = request.into_parts();
/// let verified = verify_request(policy, &head, body, &()).await;
/// verified.map_err(|rejection| ProblemJson.response(&rejection, Some(policy)))
/// # }
/// ```
pub async fn verify_request<B, O>(
    policy: &Policy,
    head: &Parts,
    body: B,
    observe: &O,
) -> Result<Verified, Rejection>
where
    B: Body,
    B::Error: Into<BoxError>,
    O: Observe,
{
    let mut body = pin!(body);
    let verdict = match begin(policy, head, &*body) {
        Ok(mut intake) => {
            let received = poll_fn(|cx| poll_body(body.as_mut(), policy, &mut intake, cx)).await;
            judge(received, intake, policy, head, observe)
        }
        Err(rejection) => Err(rejection),
    };
    match &verdict {
        Ok(verified) => observe.verified(verified, head),
        Err(rejection) => observe.rejected(rejection, head),
    }
    verdict
}

/// Checks the head and begins to receive the body.
pub(crate) fn begin<B: Body>(policy: &Policy, head: &Parts, body: &B) -> Result<Intake, Rejection> {
    match judge_head(policy, head, &body.size_hint()) {
        Ok(signature) => Ok(Intake::new(policy, signature)),
        Err(kind) => Err(rejection(kind.into(), policy, head)),
    }
}

/// Polls for the end of the body. Drops trailers, because they are not signed.
pub(crate) fn poll_body<B>(
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
                // For `Bytes`, this is a slice without a copy.
                if let Err(kind) = intake.take(policy, data.copy_to_bytes(data.remaining())) {
                    return Poll::Ready(Err(kind.into()));
                }
                // A body with a known length has ended here. Polling it again could wait for
                // nothing.
                if body.is_end_stream() {
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

/// Judges a body that was received, and reports one that matches no secret.
pub(crate) fn judge<O: Observe>(
    received: Result<(), Rejection>,
    intake: Intake,
    policy: &Policy,
    head: &Parts,
    observe: &O,
) -> Result<Verified, Rejection> {
    let mismatched = |payload: &Payload| observe.mismatched(head, payload.chunks());
    received
        .and_then(|()| intake.finish(policy, SystemTime::now, mismatched))
        .map_err(|own| rejection(own, policy, head))
}

fn rejection(rejection: Rejection, policy: &Policy, head: &Parts) -> Rejection {
    rejection.with_signature_header(&head.headers, policy.header())
}
