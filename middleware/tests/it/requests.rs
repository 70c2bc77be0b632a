//! Tests of `verify_request`, which reaches the verdicts of the layer and reports them alike.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, request::Parts};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_cartgate::{
    EventKind, EventRule, Observe, Policy, ProblemJson, Rejection, Signature, Verified,
    VerifyLayer, verify_request,
};
use tower_layer::Layer;

use crate::support::{BODY, Step, Steps, delivery, echo, policy, run};

/// Records each report.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<String>>>);

impl Reports {
    fn add(&self, report: String) {
        self.0.lock().unwrap().push(report);
    }
}

impl Observe for Reports {
    fn verified(&self, verified: &Verified, head: &Parts) {
        self.add(format!("verified {verified:?} {}", head.uri));
    }

    fn mismatched(&self, head: &Parts, forged: &[Bytes]) {
        self.add(format!("mismatched {forged:?} {}", head.uri));
    }

    fn rejected(&self, rejection: &Rejection, head: &Parts) {
        self.add(format!("rejected {rejection:?} {}", head.uri));
    }
}

/// The status, the body and the reports of a request.
type Outcome = (u16, Bytes, Vec<String>);

fn by_the_layer(policy: &Policy, request: Request<Steps>) -> Outcome {
    let reports = Reports::default();
    let layer = VerifyLayer::new(policy.clone()).observe(reports.clone());
    run(async {
        let response = layer.layer(tower::service_fn(echo)).oneshot(request).await;
        let (head, body) = response.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            head.status.as_u16(),
            body,
            reports.0.lock().unwrap().clone(),
        )
    })
}

fn by_the_function(policy: &Policy, request: Request<Steps>) -> Outcome {
    let reports = Reports::default();
    let (head, mut body) = request.into_parts();
    let verdict = run(verify_request(policy, &head, &mut body, &reports));
    let (status, body) = match verdict {
        Ok(verified) => (200, verified.bytes()),
        Err(rejection) => {
            let response = ProblemJson.response(&rejection, Some(policy));
            (response.status().as_u16(), response.into_body())
        }
    };
    (status, body, reports.0.lock().unwrap().clone())
}

/// A request by its name, with the status of its response.
type Case = (&'static str, fn() -> Request<Steps>, u16);

const CASES: [Case; 12] = [
    ("genuine", || delivery(BODY, Steps::data([BODY])), 200),
    (
        "in pieces, late, with trailers",
        || {
            let (first, second) = BODY.split_at(4);
            let steps = [Step::Data(first.into()), Step::Wait];
            let rest = [Step::Data(second.into()), Step::Trailers];
            delivery(BODY, Steps::new(steps.into_iter().chain(rest)))
        },
        200,
    ),
    ("empty", || delivery("", Steps::new([])), 200),
    (
        "not polled after its announced end",
        || {
            let steps = [Step::Data(BODY.into()), Step::End];
            delivery(BODY, Steps::new(steps))
        },
        200,
    ),
    ("forged", || delivery("another", Steps::data([BODY])), 401),
    (
        "forged in pieces",
        || delivery("another", Steps::data(["a", "b"])),
        401,
    ),
    ("unsigned", unsigned, 401),
    ("malformed", || with_signature(unsigned(), "nonsense"), 401),
    (
        "repeated",
        || with_signature(delivery(BODY, Steps::never()), "nonsense"),
        401,
    ),
    ("wrong method", || Request::new(Steps::never()), 405),
    (
        "announced too long",
        || delivery(BODY, Steps::never().hinting(101)),
        413,
    ),
    (
        "too long",
        || {
            delivery(
                BODY,
                Steps::new([Step::Data(vec![0; 101].into()), Step::Never]),
            )
        },
        413,
    ),
];

fn unsigned() -> Request<Steps> {
    Request::post("/hook").body(Steps::never()).unwrap()
}

fn with_signature<B>(mut request: Request<B>, value: &'static str) -> Request<B> {
    let value = http::HeaderValue::from_static(value);
    request.headers_mut().append(Signature::HEADER, value);
    request
}

#[test]
fn the_function_and_the_layer_agree_on_every_request() {
    let policy = policy().with_max_body(100);
    for (name, request, status) in CASES {
        let expected = by_the_layer(&policy, request());
        assert_eq!(expected.0, status, "{name}: {expected:?}");
        assert_eq!(by_the_function(&policy, request()), expected, "{name}");
    }
}

#[test]
fn the_function_and_the_layer_agree_on_a_body_that_fails_and_on_a_wrong_kind() {
    let policy = policy();
    let failing = || {
        let steps = [Step::Data("{".into()), Step::Fail("it broke".into())];
        delivery(BODY, Steps::new(steps))
    };
    let expected = by_the_layer(&policy, failing());
    assert_eq!(expected.0, 400);
    assert_eq!(by_the_function(&policy, failing()), expected);

    let rule = EventRule::given(EventKind::AbandonedCart).only([EventKind::Order]);
    let policy = policy.with_event_rule(rule);
    let wrong = || delivery(BODY, Steps::data([BODY]));
    let expected = by_the_layer(&policy, wrong());
    assert_eq!(expected.0, 422);
    assert_eq!(by_the_function(&policy, wrong()), expected);
}

/// A server can then skip the rest of a rejected body, and keep the connection.
#[test]
fn a_body_by_reference_stays_with_the_server() {
    let (head, mut body) = delivery("another", Full::new(Bytes::from(BODY))).into_parts();
    let strict = policy().with_max_body(5);
    let rejection = run(verify_request(&strict, &head, &mut body, &())).unwrap_err();
    assert_eq!(rejection.status(), 413);
    assert_eq!(run(body.collect()).unwrap().to_bytes(), BODY);
}
