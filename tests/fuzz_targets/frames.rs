//! The layer over a body in any frames: the cuts change neither the verdict nor the bytes that
//! pass.
//!
//! Input: flags (bit 0: forged, bit 1: signed with the second secret, bit 2: the length is
//! declared), the number of cuts, the cuts, the body.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tower::{ServiceExt as _, service_fn};
use tower_cartgate::{
    EventRule, Keyring, Policy, Rejection, RejectionKind, Secret, Signature, Signer, Verified,
    VerifiedBody, VerifyService, verify,
};

const SECRETS: [&str; 2] = ["a secret for fuzzing", "another secret for fuzzing"];
/// Low enough that a fuzzer exceeds it.
const LIMIT: u64 = 4096;

pub fn run(data: &[u8]) {
    let [flags, count, rest @ ..] = data else {
        return;
    };
    let (cuts, body) = rest.split_at(usize::from(*count).min(rest.len()));
    let head = head(*flags, body);
    let whole = verify(&policy(), &head, Bytes::copy_from_slice(body));
    let framed = through_the_layer(&head, frames(cuts, body));
    match (whole, framed) {
        (Ok(whole), Ok(framed)) => {
            assert_eq!(flags & 1, 0, "a forgery passed");
            assert_eq!(framed.bytes, body);
            assert_eq!(whole.bytes(), body);
            assert_eq!(framed.proof.bytes(), body);
            assert_eq!(framed.proof.secret_name(), whole.secret_name());
            assert_eq!(framed.proof.event(), whole.event());
        }
        (Err(whole), Err(framed)) => {
            assert_eq!(framed, whole.kind());
            let too_large = u64::try_from(body.len()).is_ok_and(|length| length > LIMIT);
            assert!(flags & 1 == 1 || too_large, "a genuine body was refused");
        }
        (whole, framed) => panic!(
            "the frames decided: whole {:?}, framed {:?}",
            whole.map(drop),
            framed.map(drop)
        ),
    }
}

fn policy() -> Policy {
    let secrets = SECRETS.map(|text| Secret::new(text).expect("a secret"));
    let names = ["first", "second"].map(|name| name.parse().expect("a name"));
    let keyring = Keyring::new(names.into_iter().zip(secrets)).expect("two secrets");
    let rule = EventRule::pointer("/event").expect("a pointer");
    Policy::new(keyring)
        .with_max_body(LIMIT)
        .with_event_rule(rule.order(["order.paid"]))
}

fn head(flags: u8, body: &[u8]) -> HeaderMap {
    let secret = SECRETS[usize::from(flags >> 1 & 1)];
    let signer = Signer::new(&Secret::new(secret).expect("a secret"));
    let mut signature = *signer.sign(body).as_bytes();
    signature[usize::from(flags >> 3)] ^= flags & 1;
    let mut headers = HeaderMap::new();
    headers.insert(
        Signature::HEADER,
        Signature::from(signature).to_header_value(),
    );
    if flags & 4 != 0 {
        headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    }
    headers
}

/// Returns the frames. Each cut is the length of one, empty ones included; the rest is the last.
fn frames(cuts: &[u8], mut body: &[u8]) -> Vec<Bytes> {
    let mut frames = Vec::new();
    for &cut in cuts {
        let (frame, rest) = body.split_at(usize::from(cut).min(body.len()));
        frames.push(Bytes::copy_from_slice(frame));
        body = rest;
    }
    frames.push(Bytes::copy_from_slice(body));
    frames
}

/// The request that the protected service got.
struct Passed {
    proof: Verified,
    bytes: Bytes,
}

fn through_the_layer(headers: &HeaderMap, frames: Vec<Bytes>) -> Result<Passed, RejectionKind> {
    let passed = Arc::new(Mutex::new(None));
    let service = VerifyService::new(recorder(Arc::clone(&passed)), policy());
    let frames = frames
        .into_iter()
        .map(|frame| Ok::<_, Infallible>(Frame::data(frame)));
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let mut request = Request::post("/").body(body).expect("a request");
    *request.headers_mut() = headers.clone();
    let response = service
        .oneshot(request)
        .now_or_never()
        .expect("nothing here waits");
    let response = response.unwrap_or_else(|never| match never {});
    let rejection = response.extensions().get::<Rejection>();
    let passed = passed.lock().expect("no panic yet").take();
    passed.ok_or_else(|| rejection.expect("it says why").kind())
}

fn recorder(
    passed: Arc<Mutex<Option<Passed>>>,
) -> impl tower::Service<
    Request<VerifiedBody>,
    Response = Response<String>,
    Error = Infallible,
    Future: Send,
> + Clone {
    service_fn(move |request: Request<VerifiedBody>| {
        let proof = request.extensions().get::<Verified>().cloned();
        let body = request.into_body().collect().now_or_never();
        let bytes = body
            .expect("it is all there")
            .unwrap_or_else(|never| match never {})
            .to_bytes();
        let proof = proof.expect("the layer leaves its proof");
        *passed.lock().expect("no panic yet") = Some(Passed { proof, bytes });
        std::future::ready(Ok(Response::new(String::new())))
    })
}
