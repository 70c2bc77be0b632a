//! Tests of the selection of a policy, and of the order of checks.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use http::{HeaderName, Method, Request, request::Parts};
use tower::Service;
use tower_cartgate::{Keyring, Policy, RejectionKind, Secret, Signature, Signer, VerifyLayer};
use tower_layer::Layer;

use crate::support::{
    BODY, Step, Steps, Verdict, delivery, echo, judge, judged, policy, run, whole,
};

/// Each request also has all the faults of later checks, so the response shows the order. No body
/// is read.
#[test]
fn the_first_fault_counts_and_no_body_is_read_for_it() {
    let layer = VerifyLayer::new(policy().with_max_body(5));
    let good = Signature::from([0; 32]).encode();
    let cases = [
        (Method::GET, vec![], RejectionKind::Method),
        (Method::POST, vec![], RejectionKind::SignatureMissing),
        (
            Method::POST,
            vec!["bad", "bad"],
            RejectionKind::SignatureRepeated,
        ),
        (
            Method::POST,
            vec![good.as_str(), good.as_str()],
            RejectionKind::SignatureRepeated,
        ),
        (Method::POST, vec!["bad"], RejectionKind::SignatureMalformed),
        (Method::POST, vec![""], RejectionKind::SignatureMalformed),
        (Method::PUT, vec![good.as_str()], RejectionKind::TooLarge),
    ];
    for (method, signatures, kind) in cases {
        let mut request = Request::new(Steps::never().hinting(6));
        *request.method_mut() = method;
        for signature in signatures {
            request
                .headers_mut()
                .append(Signature::HEADER, signature.parse().unwrap());
        }
        assert_eq!(judge(&layer, request), Err(kind));
    }
}

#[test]
fn post_and_put_pass_unless_narrowed() {
    let with = |method: Method| {
        let mut request = whole(BODY);
        *request.method_mut() = method;
        request
    };
    let usual = VerifyLayer::new(policy());
    for method in [Method::POST, Method::PUT] {
        assert_eq!(judge(&usual, with(method)), Ok(BODY.into()));
    }
    let narrowed = VerifyLayer::new(policy().with_methods([Method::PUT]));
    assert_eq!(
        judge(&narrowed, with(Method::POST)),
        Err(RejectionKind::Method)
    );
    let never =
        VerifyLayer::new(policy().with_methods([Method::CONNECT, Method::TRACE, Method::PATCH]));
    for method in [Method::CONNECT, Method::TRACE, Method::POST] {
        assert_eq!(judge(&never, with(method)), Err(RejectionKind::Method));
    }
    assert_eq!(judge(&never, with(Method::PATCH)), Ok(BODY.into()));
}

#[test]
fn the_headers_name_is_the_policys() {
    let shopify = HeaderName::from_static("x-shopify-hmac-sha256");
    let layer = VerifyLayer::new(policy().with_header(shopify.clone()));
    assert_eq!(
        judge(&layer, whole(BODY)),
        Err(RejectionKind::SignatureMissing)
    );
    let mut request = whole(BODY);
    let value = request.headers_mut().remove(Signature::HEADER).unwrap();
    request.headers_mut().insert(shopify, value);
    assert_eq!(judge(&layer, request), Ok(BODY.into()));
}

fn shop(name: &str) -> Arc<Policy> {
    Arc::new(Policy::new(Keyring::single(
        Secret::new(format!("secret of {name}")).unwrap(),
    )))
}

#[test]
fn a_closure_chooses_by_the_head() {
    let (one, two) = (shop("one"), shop("two"));
    let layer = VerifyLayer::with_policy_source(move |head: &Parts| match head.uri.path() {
        "/one" => Some(Arc::clone(&one)),
        "/two" => Some(Arc::clone(&two)),
        _ => None,
    });
    let verdict = |path: &str, signed_by: &str| -> Verdict {
        let signer = Signer::new(&Secret::new(format!("secret of {signed_by}")).unwrap());
        let mut request = Request::post(path).body(BODY).unwrap();
        signer.sign_request(&mut request);
        let request = request.map(http_body_util::Full::<bytes::Bytes>::from);
        run(judged(layer.layer(tower::service_fn(echo)), request))
    };
    assert_eq!(verdict("/one", "one"), Ok(BODY.into()));
    assert_eq!(verdict("/two", "two"), Ok(BODY.into()));
    assert_eq!(verdict("/one", "two"), Err(RejectionKind::Mismatch));
    assert_eq!(verdict("/three", "one"), Err(RejectionKind::NoPolicy));
}

#[test]
fn a_request_is_judged_by_the_snapshot_taken_at_its_head() {
    let current = Arc::new(Mutex::new(Arc::new(policy())));
    let source = Arc::clone(&current);
    let layer =
        VerifyLayer::with_policy_source(move |_: &Parts| Some(Arc::clone(&source.lock().unwrap())));
    let mut service = layer.layer(tower::service_fn(echo));
    let slowly = || delivery(BODY, Steps::new([Step::Wait, Step::Data(BODY.into())]));

    let mut before = Box::pin(service.call(slowly()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(before.as_mut().poll(&mut context).is_pending());
    *current.lock().unwrap() = shop("rotated");
    let Poll::Ready(Ok::<_, Infallible>(response)) = before.as_mut().poll(&mut context) else {
        panic!("it has all it needs")
    };
    assert_eq!(response.status(), 200);
    assert_eq!(run(judged(service, slowly())), Err(RejectionKind::Mismatch));
}
