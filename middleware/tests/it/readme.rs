//! Tests of the README: its app responds as described, also to a body that arrives slowly, and its
//! text stands alone on crates.io.

use std::{fmt::Write as _, time::Duration};

use axum::{Router, body::Body, routing::post};
use http::Request;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::{Instant, interval, timeout},
};
use tower::ServiceExt as _;
use tower_cartgate::{Verified, VerifyLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::support::{BODY, policy, run, secret, signer};

#[allow(dead_code, reason = "the tests run the app without its `main`")]
#[path = "../../examples/axum.rs"]
mod example;

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_shows_the_example() {
    let file = include_str!("../../examples/axum.rs");
    let start = file.find("use std::").unwrap();
    let block = format!("```rust,no_run\n{}```", &file[start..]);
    assert!(README.contains(&block), "{block}");
}

/// crates.io and GitHub show the lines that rustdoc hides, and docs.rs resolves no relative link.
#[test]
fn the_readme_reads_the_same_everywhere() {
    let mut language = None;
    for (line, number) in README.lines().zip(1..) {
        if let Some(fence) = line.strip_prefix("```") {
            language = language.is_none().then_some(fence);
        } else if language.is_some_and(|language| language.starts_with("rust")) {
            assert!(!line.trim_start().starts_with("# "), "{number}: {line}");
        } else if language.is_none() {
            for target in line.split("](").skip(1) {
                let absolute = target.starts_with("https://") || target.starts_with('#');
                assert!(absolute, "{number}: {line}");
            }
        }
    }
}

#[test]
fn the_app_of_the_readme_verifies_its_webhooks_and_nothing_else() {
    let app = example::app(secret());
    for (method, path, status) in [
        ("GET", "/health", 200),
        ("GET", "/", 404),
        ("POST", "/webhooks", 404),
        ("POST", "/webhooks/carts", 404),
        ("GET", "/webhooks/orders", 405),
        ("POST", "/health", 405),
        ("POST", "/webhooks/orders", 401),
        ("POST", "/webhooks/archive", 401),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let response = run(app.clone().oneshot(request)).unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
    }
    for (path, body, status) in [
        ("/webhooks/orders", r#"{"number":"A-1"}"#, 200),
        ("/webhooks/orders", BODY, 422),
        ("/webhooks/archive", BODY, 200),
    ] {
        let mut request = Request::post(path).body(body).unwrap();
        signer().sign_request(&mut request);
        let response = run(app.clone().oneshot(request.map(Body::from))).unwrap();
        assert_eq!(response.status(), status, "{path} {body}");
    }
}

/// Sends the head of a genuine delivery, and then a byte of its body per second.
async fn trickle(mut client: DuplexStream, started: Instant) -> (String, Duration) {
    let body = "x".repeat(1000);
    let mut head = String::from("POST /webhooks/archive HTTP/1.1\r\nhost: shop\r\n");
    let mut request = Request::post("/").body(&body).unwrap();
    signer().sign_request(&mut request);
    for (name, value) in request.headers() {
        write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
    client.write_all(head.as_bytes()).await.unwrap();

    let (mut reader, mut writer) = tokio::io::split(client);
    let mut response = [0; 12];
    let mut seconds = interval(Duration::from_secs(1));
    let mut bytes = body.bytes();
    let read = reader.read_exact(&mut response);
    tokio::pin!(read);
    loop {
        tokio::select! {
            result = &mut read => {
                result.unwrap();
                break;
            }
            _ = seconds.tick() => writer.write_u8(bytes.next().unwrap()).await.unwrap(),
        }
    }
    (
        String::from_utf8(response.to_vec()).unwrap(),
        started.elapsed(),
    )
}

/// Returns the start of an app's response to a trickling body, and when it came. The clock is the
/// runtime's, which jumps to the next timer when all tasks wait.
fn response_to_a_trickle(app: Router) -> (String, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, server) = tokio::io::duplex(4096);
        let service = TowerToHyperService::new(app);
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(server), service));
        let limit = Duration::from_secs(3600);
        timeout(limit, trickle(client, Instant::now()))
            .await
            .unwrap()
    })
}

#[test]
fn a_slow_body_gets_its_response_at_the_deadline_of_the_readme() {
    let (response, after) = response_to_a_trickle(example::app(secret()));
    assert_eq!(response, "HTTP/1.1 400");
    assert_eq!(after.as_secs(), 10);
}

/// The README warns of this layer: each byte starts its time again.
#[test]
fn a_timeout_between_frames_does_not_end_a_slow_body() {
    async fn archive(_: Verified) {}
    let app = Router::new()
        .route("/webhooks/archive", post(archive))
        .route_layer(VerifyLayer::new(policy()))
        .layer(RequestBodyTimeoutLayer::new(Duration::from_secs(10)));
    let (response, after) = response_to_a_trickle(app);
    assert_eq!(response, "HTTP/1.1 200");
    assert_eq!(after.as_secs(), 999);
}
