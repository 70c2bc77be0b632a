//! Tests of the number of allocations per request.

use std::{
    convert::Infallible,
    task::{Context, Poll, Waker},
};

use allocation_counter::measure;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::Service;
use tower_cartgate::{Keyring, Policy, Secret, VerifiedBody, VerifyLayer};
use tower_layer::Layer;

use crate::support::{BODY, BoxError, Step, Steps, delivery, secret, signer, whole};

fn keyring(secrets: usize) -> Keyring {
    let others = (1..secrets).map(|n| {
        let name = format!("s{n}").parse().unwrap();
        (name, Secret::new(format!("another, {n}")).unwrap())
    });
    let first = ("s0".parse().unwrap(), secret());
    Keyring::new(std::iter::once(first).chain(others)).unwrap()
}

#[test]
fn a_further_secret_costs_a_verifier_no_allocation() {
    for secrets in [1, 2, Keyring::MAX_SECRETS] {
        let (keyring, signature) = (keyring(secrets), signer().sign(BODY.as_bytes()));
        let info = measure(|| {
            let mut verifier = keyring.verifier();
            verifier.update(BODY.as_bytes());
            assert!(verifier.finish(&signature).is_some());
        });
        assert_eq!(info.count_total, 1, "{secrets} secrets");
    }
}

/// Returns the number of allocations for a request by a layer with this number of secrets.
fn allocations<B>(secrets: usize, request: Request<B>) -> u64
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let layer = VerifyLayer::new(Policy::new(keyring(secrets)));
    let mut service = layer.layer(tower::service_fn(async |_: Request<VerifiedBody>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    let mut context = Context::from_waker(Waker::noop());
    // hyper shares the bytes of a URI from the start; a URI parsed from a text shares them after a
    // clone.
    let _shared = request.uri().clone();
    let info = measure(|| {
        let mut answer = std::pin::pin!(service.call(request));
        let response = loop {
            if let Poll::Ready(Ok(response)) = answer.as_mut().poll(&mut context) {
                break response;
            }
        };
        assert_eq!(response.status(), 200);
    });
    info.count_total
}

/// The proof, its clone in the extensions, and the first entry of `http::Extensions`.
#[test]
fn a_common_request_costs_two_allocations() {
    let first_entry = measure(|| assert!(http::Extensions::new().insert(()).is_none()));
    for secrets in [1, 2, Keyring::MAX_SECRETS] {
        let request = whole(BODY);
        assert_eq!(allocations(secrets, request), 2 + first_entry.count_total);
        let mut request = whole(BODY);
        request.extensions_mut().insert("of the server");
        assert_eq!(allocations(secrets, request), 2);
        // As from a server that reads the body on demand.
        let steps = [Step::Wait, Step::Data(BODY.into()), Step::End];
        let mut request = delivery(BODY, Steps::new(steps));
        request.extensions_mut().insert("of the server");
        assert_eq!(allocations(secrets, request), 2);
    }
}
