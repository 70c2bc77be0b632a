//! Benchmarks of a verification and of the layer around a handler, beside the hash alone
//! (`make bench-layer`).

#![allow(missing_docs, clippy::print_stderr, reason = "a bench")]

use std::{
    convert::Infallible,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use allocation_counter::measure;
use bytes::Bytes;
use criterion::{BatchSize, Bencher, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::Service;
use tower_cartgate::{Keyring, Policy, Secret, Signature, Signer, VerifyLayer, verify};
use tower_layer::Layer;

const SIZES: [usize; 4] = [200, 2 * 1024, 64 * 1024, 1024 * 1024];
const SECRETS: [usize; 3] = [1, 2, 4];

fn benches(criterion: &mut Criterion) {
    for size in SIZES {
        let mut group = criterion.benchmark_group(format!("{size} B"));
        group.throughput(Throughput::Bytes(size as u64));
        let delivery = Delivery::new(size);
        let signer = Signer::new(&secret(0));
        group.bench_function("hash alone", |bencher| {
            bencher.iter(|| signer.sign(black_box(&delivery.body)));
        });
        for secrets in SECRETS {
            let policy = policy(secrets);
            group.bench_function(format!("verify, secrets: {secrets}"), |bencher| {
                bencher.iter(|| delivery.verify(black_box(&policy)));
            });
        }
        let mut bare = tower::service_fn(async |_: Request<Full<Bytes>>| answer());
        group.bench_function("bare handler", |bencher| {
            delivery.bench(&mut bare, bencher);
        });
        let mut layered = VerifyLayer::new(policy(1)).layer(tower::service_fn(async |_| answer()));
        group.bench_function("handler under the layer", |bencher| {
            delivery.bench(&mut layered, bencher);
        });
        group.finish();
        eprintln!(
            "{size} B: allocations of a bare handler: {}, under the layer: {}",
            delivery.allocations(&mut bare),
            delivery.allocations(&mut layered)
        );
    }
}

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

/// A body with its headers.
struct Delivery {
    body: Bytes,
    headers: HeaderMap,
}

impl Delivery {
    fn new(size: usize) -> Self {
        let body = Bytes::from(vec![b'x'; size]);
        let signature = Signer::new(&secret(0)).sign(&body);
        let headers = HeaderMap::from_iter([(Signature::HEADER, signature.to_header_value())]);
        Self { body, headers }
    }

    fn verify(&self, policy: &Policy) {
        verify(policy, &self.headers, self.body.clone()).expect("it is genuine");
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = http::Method::POST;
        request.headers_mut().clone_from(&self.headers);
        request
    }

    fn bench<S, B>(&self, service: &mut S, bencher: &mut Bencher<'_>)
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
        B: Body,
    {
        bencher.iter_batched(
            || self.request(),
            |request| ready(service.call(request)),
            BatchSize::SmallInput,
        );
    }

    fn allocations<S, B>(&self, service: &mut S) -> u64
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
        B: Body,
    {
        let request = self.request();
        measure(|| drop(ready(service.call(request)))).count_total
    }
}

fn answer() -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::default())
}

/// Returns the output of a future that never waits.
fn ready<B>(future: impl Future<Output = Result<Response<B>, Infallible>>) -> Response<B> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => {
            assert_eq!(response.status(), 200);
            response
        }
        Poll::Pending => unreachable!("all of the body is there"),
    }
}

/// Takes enough samples of each for a median. All rows take a minute and a half.
fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
}

criterion_group! {
    name = layer;
    config = criterion();
    targets = benches
}
criterion_main!(layer);
