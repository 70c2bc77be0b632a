//! What a verification costs by itself, and what the layer adds to a handler: `cargo bench --package tower-cartgate`.

#![allow(missing_docs, reason = "a bench")]

use std::{
    convert::Infallible,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use tower::Service;
use tower_cartgate::{Keyring, Policy, Secret, Signature, Signer, VerifyLayer, verify};
use tower_layer::Layer;

const SIZES: [usize; 4] = [200, 2 * 1024, 64 * 1024, 1024 * 1024];

fn secret(number: usize) -> Secret {
    Secret::new(format!("secret of the bench, number {number}")).expect("it is not empty")
}

fn policy(secrets: usize) -> Policy {
    let named = (0..secrets).map(|number| {
        let name = format!("s{number}").parse().expect("a name");
        (name, secret(number))
    });
    Policy::new(Keyring::new(named).expect("few, and all different"))
}

/// A body with the headers of a delivery of it.
fn delivery(size: usize) -> (Bytes, HeaderMap) {
    let body = Bytes::from(vec![b'x'; size]);
    let signature = Signer::new(&secret(0)).sign(&body);
    let mut headers = HeaderMap::new();
    headers.insert(Signature::HEADER, signature.to_header_value());
    (body, headers)
}

fn verification(criterion: &mut Criterion) {
    for secrets in [1, 2] {
        let mut group = criterion.benchmark_group(format!("verify, secrets: {secrets}"));
        let policy = policy(secrets);
        for size in SIZES {
            let (body, headers) = delivery(size);
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(size.to_string(), |bencher| {
                bencher.iter(|| {
                    let verified = verify(&policy, black_box(&headers), body.clone());
                    verified.expect("it is genuine")
                });
            });
        }
        group.finish();
    }
}

fn layer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("handler, 2 KiB");
    let (body, headers) = delivery(2 * 1024);
    let request = || {
        let mut request = Request::post("/").body(Full::new(body.clone()));
        if let Ok(request) = &mut request {
            request.headers_mut().clone_from(&headers);
        }
        request.expect("a request")
    };
    let mut bare = tower::service_fn(async |_: Request<Full<Bytes>>| answer());
    group.bench_function("bare", |bencher| {
        bencher.iter_batched(request, |one| ready(bare.call(one)), BatchSize::SmallInput);
    });
    let mut guarded = VerifyLayer::new(policy(1)).layer(tower::service_fn(async |_| answer()));
    group.bench_function("under the layer", |bencher| {
        bencher.iter_batched(
            request,
            |one| ready(guarded.call(one)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn answer() -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::default())
}

/// The outcome of a future that has nothing to wait for.
fn ready<T>(future: impl Future<Output = Result<Response<T>, Infallible>>) -> Response<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => {
            assert_eq!(response.status(), 200);
            response
        }
        Poll::Pending => unreachable!("all of the body is there"),
    }
}

criterion_group!(benches, verification, layer);
criterion_main!(benches);
