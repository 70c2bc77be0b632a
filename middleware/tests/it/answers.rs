//! Tests of the response to a rejected request, and of the reports to observers.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_cartgate::{
    Fault, HeaderForm, Observe, Policy, ProblemJson, Rejection, RejectionKind, Respond, Signature,
    Verified, VerifyLayer, verify,
};
use tower_layer::Layer;

use crate::support::{BODY, Steps, delivery, echo, policy, run, whole};

#[test]
fn every_kind_has_its_own_word_and_the_contracts_status() {
    let expected = [
        ("no-endpoint", 404),
        ("method", 405),
        ("signature-missing", 401),
        ("signature-repeated", 401),
        ("signature-malformed", 401),
        ("too-large", 413),
        ("too-slow", 408),
        ("busy", 503),
        ("body-unreadable", 400),
        ("mismatch", 401),
        ("wrong-kind", 422),
        ("stale", 422),
        ("invalid-payload", 422),
        ("missing-layer", 500),
    ];
    let found: Vec<_> = RejectionKind::ALL
        .iter()
        .map(|kind| (kind.as_str(), kind.status().as_u16()))
        .collect();
    assert_eq!(found, expected);
    for &kind in RejectionKind::ALL {
        let receivers = kind.status().is_server_error();
        assert_eq!(
            kind.fault(),
            if receivers {
                Fault::Receiver
            } else {
                Fault::Sender
            }
        );
    }
}

#[test]
fn the_default_answer_is_a_problem_with_its_status_and_no_more() {
    for &kind in RejectionKind::ALL {
        let rejection = Rejection::new(kind);
        let response = ProblemJson.response(&rejection, Some(&policy()));
        assert_eq!(response.status(), kind.status());
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let problem: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(problem["status"], kind.status().as_u16());
        assert_eq!(problem.as_object().unwrap().len(), 2);
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(
            !text.contains(kind.as_str()) && !text.contains(&rejection.to_string()),
            "{text}"
        );
    }
}

/// An attacker must not learn how close a forgery came.
#[test]
fn all_401s_are_one_and_the_same() {
    let kinds = RejectionKind::ALL
        .iter()
        .copied()
        .filter(|kind| kind.status() == StatusCode::UNAUTHORIZED);
    let answers: HashSet<String> = kinds
        .map(|kind| {
            format!(
                "{:?}",
                ProblemJson.response(&Rejection::new(kind), Some(&policy()))
            )
        })
        .collect();
    assert_eq!(answers.len(), 1);
    let answer = answers.into_iter().next().unwrap();
    assert!(
        answer.contains(r#""www-authenticate": "Cartfunnel-HMAC-SHA256""#),
        "{answer}"
    );
}

#[test]
fn a_405_names_the_methods_and_a_503_a_time() {
    let narrow = policy().with_methods([Method::PUT, Method::PATCH]);
    let response = ProblemJson.response(&RejectionKind::Method.into(), Some(&narrow));
    assert_eq!(response.headers()[header::ALLOW], "PUT, PATCH");
    let response = ProblemJson.response(&RejectionKind::Busy.into(), None);
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
}

fn answer<O: Observe, R: Respond>(
    layer: &VerifyLayer<tower_cartgate::StaticPolicy, O, R>,
    request: Request<Full<Bytes>>,
) -> Response<Bytes> {
    run(async {
        let response = layer
            .layer(tower::service_fn(echo))
            .oneshot(request)
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    })
}

fn mismatched() -> Request<Full<Bytes>> {
    delivery("another", Full::from(BODY))
}

#[test]
fn a_refusal_comes_with_its_length_and_its_rejection() {
    let layer = VerifyLayer::new(policy());
    run(async {
        let service = layer.layer(tower::service_fn(echo));
        let response = service.oneshot(mismatched()).await.unwrap();
        assert_eq!(
            response.extensions().get::<Rejection>().unwrap().kind(),
            RejectionKind::Mismatch
        );
        let exact = http_body::Body::size_hint(response.body()).exact();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(exact, Some(body.len() as u64));
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem, json!({"title": "Unauthorized", "status": 401}));
    });
}

#[test]
fn the_answer_can_be_replaced() {
    let layer =
        VerifyLayer::new(policy()).respond(|rejection: &Rejection, policy: Option<&Policy>| {
            assert!(policy.is_some());
            let mut response = Response::new(Full::from("no"));
            *response.status_mut() = if rejection.status() == 401 {
                StatusCode::FORBIDDEN
            } else {
                rejection.status()
            };
            response
        });
    let response = answer(&layer, mismatched());
    assert_eq!(
        (response.status().as_u16(), &response.body()[..]),
        (403, &b"no"[..])
    );
    assert!(response.extensions().get::<Rejection>().is_some());
    assert_eq!(answer(&layer, whole(BODY)).body(), BODY);
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Observe for Log {
    fn verified(&self, verified: &Verified, head: &Parts) {
        self.0.lock().unwrap().push(format!(
            "{} verified under {}",
            head.uri,
            verified.secret_name()
        ));
    }

    fn mismatched(&self, head: &Parts, forged: &[Bytes]) {
        let forged = String::from_utf8(forged.concat()).unwrap();
        self.0
            .lock()
            .unwrap()
            .push(format!("{} forged: {forged}", head.uri));
    }

    fn rejected(&self, rejection: &Rejection, head: &Parts) {
        self.0
            .lock()
            .unwrap()
            .push(format!("{} {}", head.uri, rejection.kind()));
    }
}

#[test]
fn each_verdict_is_told_once() {
    let log = Arc::new(Log::default());
    let layer = VerifyLayer::new(policy()).observe(Arc::clone(&log));
    let mut unsigned = whole(BODY);
    unsigned.headers_mut().clear();
    for request in [whole(BODY), mismatched(), unsigned] {
        answer(&layer, request);
    }
    let told = log.0.lock().unwrap().clone();
    assert_eq!(
        told,
        [
            "/hook verified under default",
            r#"/hook forged: {"order":1}"#,
            "/hook mismatch",
            "/hook signature-missing"
        ]
    );
}

#[test]
fn a_rejection_tells_the_form_of_the_signature_header() {
    let form = |request| {
        let response = answer(&VerifyLayer::new(policy()), request);
        let rejection = response.extensions().get::<Rejection>().unwrap();
        rejection.signature_header()
    };
    assert_eq!(form(mismatched()), Some((HeaderForm::Canonical, 44)));
    let mut unsigned = whole(BODY);
    unsigned.headers_mut().clear();
    assert_eq!(form(unsigned), Some((HeaderForm::Absent, 0)));
    let alone = verify(&policy(), &HeaderMap::new(), BODY).unwrap_err();
    assert_eq!(alone.signature_header(), None);
}

/// Tests a server whose body type has a variant for rejections.
#[test]
fn the_response_body_can_be_taken_apart() {
    let body = |request| {
        let service = VerifyLayer::new(policy()).layer(tower::service_fn(echo));
        run(service.oneshot(request))
            .unwrap()
            .into_body()
            .into_inner()
    };
    let inner = body(whole(BODY)).unwrap();
    assert_eq!(run(inner.collect()).unwrap().to_bytes(), BODY);
    let refusal = body(mismatched()).unwrap_err();
    assert_eq!(refusal, r#"{"title":"Unauthorized","status":401}"#);
}

#[test]
fn a_broken_bodys_cause_is_kept_for_the_log() {
    let steps = [crate::support::Step::Fail(
        std::io::Error::other("reset by peer").into(),
    )];
    run(async {
        let service = VerifyLayer::new(policy()).layer(tower::service_fn(echo));
        let response = service
            .oneshot(delivery(BODY, Steps::new(steps)))
            .await
            .unwrap();
        let rejection = response.extensions().get::<Rejection>().unwrap();
        assert_eq!(rejection.kind(), RejectionKind::Unreadable);
        let source = std::error::Error::source(rejection).unwrap();
        assert_eq!(source.to_string(), "reset by peer");
    });
}

#[derive(serde::Deserialize, Debug)]
struct Order {
    order: u32,
}

#[test]
fn json_that_does_not_fit_is_no_forgery_and_is_not_quoted() {
    let request = whole(BODY);
    let verified = verify(&policy(), request.headers(), BODY).unwrap();
    assert_eq!(verified.json::<Order>().unwrap().order, 1);

    for body in [r#"{"order":"PLANTED"}"#, r#"{"order":1"#] {
        let request = whole(body);
        let verified = verify(&policy(), request.headers(), body).unwrap();
        let rejection = verified.json::<Order>().unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::InvalidPayload);
        let source = std::error::Error::source(&rejection).unwrap();
        let shown = format!("{rejection} {rejection:?} {source}");
        assert!(shown.contains("line 1, column"), "{shown}");
        assert!(!shown.contains("PLANTED"), "{shown}");
    }
}

#[test]
fn the_plain_function_refuses_as_the_layer_does() {
    let headers = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        values.iter().for_each(|value| {
            headers.append(Signature::HEADER, value.parse().unwrap());
        });
        headers
    };
    let kind = |values: &[&str]| {
        verify(&policy(), &headers(values), BODY)
            .unwrap_err()
            .kind()
    };
    let other = Signature::from([1; 32]).encode();
    assert_eq!(kind(&[]), RejectionKind::SignatureMissing);
    assert_eq!(kind(&["x", "y"]), RejectionKind::SignatureRepeated);
    assert_eq!(kind(&["x"]), RejectionKind::SignatureMalformed);
    assert_eq!(kind(&[&other]), RejectionKind::Mismatch);
}
