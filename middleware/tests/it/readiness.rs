//! Tests of tower's requirements: readiness, clones, and dropped futures.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Service, ServiceExt, limit::ConcurrencyLimit};
use tower_cartgate::{Rejection, RejectionKind, VerifiedBody, VerifyLayer, VerifyService};
use tower_layer::Layer;
use tower_test::mock::{self, Mock, Spawn};

use crate::support::{BODY, Step, Steps, delivery, echo, policy, run, whole};

type Inner = Mock<Request<VerifiedBody>, Response<Full<Bytes>>>;
type Handle = mock::Handle<Request<VerifiedBody>, Response<Full<Bytes>>>;

fn spawned() -> (Spawn<VerifyService<Inner>>, Handle) {
    mock::spawn_with(|inner| VerifyService::new(inner, policy()))
}

/// Returns a request with the signature of another body.
fn forged() -> Request<Full<Bytes>> {
    delivery("another body", Full::from(BODY))
}

#[test]
fn it_is_ready_when_the_inner_service_is() {
    let (mut service, mut handle) = spawned();
    handle.allow(0);
    assert!(ready(&mut service).is_pending());
    handle.allow(1);
    assert!(ready(&mut service).is_ready());
}

fn ready(service: &mut Spawn<VerifyService<Inner>>) -> Poll<bool> {
    let mut context = Context::from_waker(Waker::noop());
    Service::<Request<Full<Bytes>>>::poll_ready(service.get_mut(), &mut context)
        .map(|ready| ready.is_ok())
}

#[test]
fn the_inner_services_failure_to_be_ready_is_passed_on() {
    let (mut service, mut handle) = spawned();
    handle.send_error("the inner service is gone");
    assert_eq!(ready(&mut service), Poll::Ready(false));
}

/// The mock panics if a clone is called that was not ready itself.
#[test]
fn the_service_that_was_ready_is_the_one_called() {
    run(async {
        let (mut service, mut handle) = spawned();
        handle.allow(1);
        assert!(ready(&mut service).is_ready());
        let answer = service.call(whole(BODY));
        let serve = async {
            let (request, reply) = handle.next_request().await.unwrap();
            assert_eq!(request.body().verified().bytes(), BODY);
            reply.send_response(Response::new(Full::from("done")));
        };
        let (response, ()) = tokio::join!(answer, serve);
        let body = response
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        assert_eq!(body, "done");
        // One call was allowed and made, so the clone is not ready yet.
        assert!(ready(&mut service).is_pending());
    });
}

#[test]
fn requests_in_flight_get_their_own_answers() {
    run(async {
        let (service, mut handle) = spawned();
        let service = service.into_inner();
        let first = tokio::spawn(send(service.clone(), "first"));
        let serve = async {
            let (one, reply_one) = handle.next_request().await.unwrap();
            let second = tokio::spawn(send(service, "second"));
            let (two, reply_two) = handle.next_request().await.unwrap();
            // The other order.
            reply_two.send_response(Response::new(Full::new(two.body().verified().bytes())));
            assert_eq!(second.await.unwrap(), "second");
            reply_one.send_response(Response::new(Full::new(one.body().verified().bytes())));
        };
        let (first, ()) = tokio::join!(first, serve);
        assert_eq!(first.unwrap(), "first");
    });
}

async fn send(service: VerifyService<Inner>, body: &'static str) -> Bytes {
    let response = service.oneshot(whole(body)).await.unwrap();
    response.into_body().collect().await.unwrap().to_bytes()
}

#[test]
fn the_inner_service_is_called_for_no_forgery() {
    run(async {
        let (service, mut handle) = spawned();
        let service = service.into_inner();
        let mut unsigned = whole(BODY);
        unsigned.headers_mut().clear();
        for request in [forged(), unsigned] {
            let response = service.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), 401);
        }
        drop(service);
        assert!(handle.next_request().await.is_none());
    });
}

#[test]
fn an_error_of_the_inner_service_stays_as_it_is() {
    run(async {
        let (mut service, mut handle) = spawned();
        handle.allow(1);
        assert!(ready(&mut service).is_ready());
        let answer = service.call(whole(BODY));
        let serve = async {
            let (_, reply) = handle.next_request().await.unwrap();
            reply.send_error("the handler broke");
        };
        let (answer, ()) = tokio::join!(answer, serve);
        assert_eq!(answer.unwrap_err().to_string(), "the handler broke");
    });
}

/// In the service, the reservation would belong to the attacker while its connection is open.
#[test]
fn a_refusal_gives_its_reservation_back() {
    run(async {
        let inner = ConcurrencyLimit::new(tower::service_fn(echo), 1);
        let layer = VerifyLayer::new(policy());
        let mut connection = layer.layer(inner);
        let mut other = connection.clone();
        let mut unsigned = whole(BODY);
        unsigned.headers_mut().clear();
        for request in [unsigned, forged()] {
            let response = send_on(&mut connection, request).await;
            assert!(response.extensions().get::<Rejection>().is_some());
            let free = send_on(&mut other, whole(BODY)).await;
            assert_eq!(free.status(), 200);
        }
    });
}

#[test]
fn a_dropped_future_lets_go_of_body_and_reservation() {
    run(async {
        let buffer = Arc::new([b'x'; 8]);
        let frame = Bytes::from_owner(Shared(Arc::clone(&buffer)));
        let body = Steps::new([Step::Data(frame), Step::Wait, Step::Never]);
        let inner = ConcurrencyLimit::new(tower::service_fn(echo), 1);
        let mut service = VerifyLayer::new(policy()).layer(inner);
        let mut other = service.clone();

        let mut answer = Box::pin(send_on(&mut service, delivery(BODY, body)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(answer.as_mut().poll(&mut context).is_pending());
        assert!(poll_ready(&mut other, &mut context).is_pending());
        drop(answer);
        assert_eq!(Arc::strong_count(&buffer), 1);
        assert!(poll_ready(&mut other, &mut context).is_ready());
    });
}

struct Shared(Arc<[u8; 8]>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &*self.0
    }
}

/// Waits until this service is ready, then calls it. The caller keeps it, as a connection does.
async fn send_on<S, B, RB>(service: &mut S, request: Request<B>) -> Response<RB>
where
    S: Service<Request<B>, Response = Response<RB>, Error = Infallible>,
{
    service.ready().await.unwrap().call(request).await.unwrap()
}

fn poll_ready<S>(service: &mut S, context: &mut Context<'_>) -> Poll<()>
where
    S: Service<Request<Full<Bytes>>, Error = Infallible>,
{
    service.poll_ready(context).map(|ready| ready.unwrap())
}

#[test]
fn the_mock_sees_a_dropped_request() {
    run(async {
        let (mut service, mut handle) = spawned();
        handle.allow(1);
        assert!(ready(&mut service).is_ready());
        let mut answer = Box::pin(service.call(whole(BODY)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(answer.as_mut().poll(&mut context).is_pending());
        let (_, reply) = handle.next_request().await.unwrap();
        drop(answer);
        // Nothing waits any more, and nothing panics.
        reply.send_response(Response::new(Full::default()));
    });
}

#[test]
fn a_body_in_many_pieces_waits_without_losing_any() {
    let steps = [
        Step::Wait,
        Step::Data(BODY[..4].into()),
        Step::Wait,
        Step::Wait,
        Step::Data(BODY[4..].into()),
    ];
    let verdict = crate::support::judge(
        &VerifyLayer::new(policy()),
        delivery(BODY, Steps::new(steps)),
    );
    assert_eq!(verdict, Ok(Bytes::from(BODY)));
    assert_ne!(verdict, Err(RejectionKind::Mismatch));
}
