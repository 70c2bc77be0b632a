//! Helpers: scripted bodies, signed requests, and an inner service that requires the proof.

use std::{
    collections::VecDeque,
    convert::Infallible,
    error::Error,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use tower::{Service, ServiceExt};
use tower_cartgate::{
    Keyring, Policy, Rejection, RejectionKind, Secret, Signature, Signer, Verified, VerifiedBody,
    VerifyLayer,
};
use tower_layer::Layer;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) const BODY: &str = r#"{"order":1}"#;

pub(crate) fn secret() -> Secret {
    Secret::new("shared_secret").unwrap()
}

pub(crate) fn signer() -> Signer {
    Signer::new(&secret())
}

pub(crate) fn policy() -> Policy {
    Policy::new(Keyring::single(secret()))
}

/// Returns a genuine delivery of `content` that arrives as `body`.
pub(crate) fn delivery<B>(content: impl AsRef<[u8]>, body: B) -> Request<B> {
    let signature = signer().sign(content.as_ref()).to_header_value();
    Request::post("/hook")
        .header(Signature::HEADER, signature)
        .body(body)
        .unwrap()
}

pub(crate) fn whole(content: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let content = content.into();
    delivery(content.clone(), Full::new(content))
}

/// Runs a future without sockets or timers. Fails if the future is pending, so that no test hangs.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    crate::log::record();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let limit = Duration::from_secs(20);
    runtime.block_on(async { tokio::time::timeout(limit, future).await.expect("it hangs") })
}

pub(crate) enum Step {
    Data(Bytes),
    Trailers,
    Wait,
    Fail(BoxError),
    /// A step that must not be read.
    Never,
    /// The end, which the body announces before it is polled again.
    End,
}

/// A body that arrives in steps, with the length that the test declares.
pub(crate) struct Steps {
    steps: VecDeque<Step>,
    hint: SizeHint,
}

impl Steps {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            hint: SizeHint::default(),
        }
    }

    pub(crate) fn never() -> Self {
        Self::new([Step::Never])
    }

    pub(crate) fn data<D: Into<Bytes>>(frames: impl IntoIterator<Item = D>) -> Self {
        Self::new(frames.into_iter().map(|frame| Step::Data(frame.into())))
    }

    pub(crate) fn hinting(self, lower: u64) -> Self {
        let mut hint = SizeHint::new();
        hint.set_lower(lower);
        Self { hint, ..self }
    }
}

impl Body for Steps {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match self.steps.pop_front() {
            None => return Poll::Ready(None),
            Some(Step::Data(data)) => Ok(Frame::data(data)),
            Some(Step::Trailers) => Ok(Frame::trailers(HeaderMap::from_iter([(
                http::header::ETAG,
                "unsigned".parse().unwrap(),
            )]))),
            Some(Step::Fail(error)) => Err(error),
            Some(Step::Wait) => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Never | Step::End) => panic!("the body was read, or read too far"),
        };
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.steps.front(), Some(Step::End))
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// Responds with the bytes of the body, and asserts that the proof contains the same bytes.
pub(crate) async fn echo(
    request: Request<VerifiedBody>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let proof = request
        .extensions()
        .get::<Verified>()
        .expect("the proof is in the extensions")
        .clone();
    let hint = request.body().size_hint().exact();
    let body = request.into_body().collect().await?;
    assert!(body.trailers().is_none(), "trailers are not signed");
    let body = body.to_bytes();
    assert_eq!(proof.bytes(), body);
    assert_eq!(hint, Some(body.len() as u64));
    Ok(Response::new(Full::new(body)))
}

pub(crate) type Verdict = Result<Bytes, RejectionKind>;

/// Returns the result of a layer for a request: the bytes that passed, or the kind of the
/// rejection.
pub(crate) fn judge<B>(layer: &VerifyLayer, request: Request<B>) -> Verdict
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    run(judged(layer.layer(tower::service_fn(echo)), request))
}

pub(crate) async fn judged<S, B, RB>(service: S, request: Request<B>) -> Verdict
where
    S: Service<Request<B>, Response = Response<RB>, Error = Infallible>,
    RB: Body<Data = Bytes, Error = Infallible>,
{
    let response = service.oneshot(request).await.unwrap();
    match response.extensions().get::<Rejection>() {
        Some(rejection) => {
            assert_eq!(response.status(), rejection.status());
            Err(rejection.kind())
        }
        None => Ok(response.into_body().collect().await.unwrap().to_bytes()),
    }
}
