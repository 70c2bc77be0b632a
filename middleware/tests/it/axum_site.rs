//! Tests of an axum app with the layer: extractors, and other layers outside and inside of it.

use std::{
    collections::HashMap,
    io::Write,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    routing::{get, post},
};
use bytes::Bytes;
use http::{Request, Response, header, request::Parts};
use http_body_util::BodyExt;
use serde::Deserialize;
use tower::ServiceExt;
use tower_cartgate::{
    Observe, Policy, Rejection, RejectionKind, Signature, TracingObserver, Verified, VerifiedJson,
    VerifyLayer,
};
use tower_http::{
    decompression::RequestDecompressionLayer, limit::RequestBodyLimitLayer, trace::TraceLayer,
};

use crate::{
    log,
    support::{BODY, Step, policy, run, signer},
};

#[derive(Deserialize)]
struct Order {
    order: u32,
}

async fn bytes(verified: Verified) -> Bytes {
    verified.bytes()
}

async fn number(VerifiedJson(order): VerifiedJson<Order>) -> String {
    order.order.to_string()
}

fn layer() -> VerifyLayer {
    VerifyLayer::new(policy())
}

fn protected() -> Router {
    Router::new()
        .route("/bytes", post(bytes))
        .route("/number", post(number))
        .layer(layer())
}

fn signed(path: &str, content: impl Into<Bytes>) -> Request<Body> {
    let content = content.into();
    let signature = signer().sign(&content).to_header_value();
    Request::post(path)
        .header(Signature::HEADER, signature)
        .body(Body::from(content))
        .unwrap()
}

fn unsigned(path: &str) -> Request<Body> {
    Request::post(path).body(Body::from(BODY)).unwrap()
}

fn send(site: &Router, request: Request<Body>) -> Response<Bytes> {
    run(async {
        let (head, body) = site.clone().oneshot(request).await.unwrap().into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    })
}

fn status(site: &Router, request: Request<Body>) -> u16 {
    send(site, request).status().as_u16()
}

fn kind(response: &Response<Bytes>) -> Option<RejectionKind> {
    response.extensions().get().map(Rejection::kind)
}

#[test]
fn handlers_get_the_proof_and_its_json() {
    let site = protected();
    assert_eq!(send(&site, signed("/bytes", BODY)).body(), BODY);
    assert_eq!(send(&site, signed("/number", BODY)).body(), "1");
    assert_eq!(status(&site, unsigned("/bytes")), 401);
    assert_eq!(status(&site, unsigned("/number")), 401);
}

#[test]
fn a_payload_that_does_not_fit_is_told_apart_from_a_forgery() {
    let response = send(&protected(), signed("/number", r#"{"order":"one"}"#));
    assert_eq!(response.status(), 422);
    assert_eq!(kind(&response), Some(RejectionKind::InvalidPayload));
    let mut forged = signed("/number", "another");
    *forged.body_mut() = Body::from(r#"{"order":"one"}"#);
    assert_eq!(
        kind(&send(&protected(), forged)),
        Some(RejectionKind::Mismatch)
    );
}

/// Uses the proof, and the body as any handler of axum does.
#[test]
fn the_body_is_still_there_for_other_extractors() {
    async fn both(verified: Verified, body: String) -> String {
        assert_eq!(verified.bytes(), body);
        body
    }
    let site = Router::new().route("/", post(both)).layer(layer());
    assert_eq!(send(&site, signed("/", BODY)).body(), BODY);
}

#[test]
fn a_state_makes_no_difference() {
    async fn with_state(State(greeting): State<&'static str>, verified: Verified) -> String {
        format!("{greeting} {}", verified.secret_name())
    }
    let site = Router::new()
        .route("/", post(with_state))
        .layer(layer())
        .with_state("hello");
    assert_eq!(send(&site, signed("/", BODY)).body(), "hello default");
}

#[test]
fn a_merged_site_keeps_its_unprotected_routes() {
    let open = Router::new().route("/health", get(async || "well"));
    let site = protected().merge(open);
    let health = Request::get("/health").body(Body::empty()).unwrap();
    assert_eq!(send(&site, health).body(), "well");
    assert_eq!(status(&site, unsigned("/bytes")), 401);
    assert_eq!(status(&site, signed("/bytes", BODY)), 200);
    assert_eq!(status(&site, unsigned("/nowhere")), 404);
}

/// Unknown paths are rejected like forgeries, so that a client cannot find out which paths exist.
#[test]
fn a_layer_guards_the_404s_of_its_router_as_well() {
    assert_eq!(status(&protected(), unsigned("/nowhere")), 401);
    assert_eq!(status(&protected(), signed("/nowhere", BODY)), 404);
}

#[test]
fn a_route_layer_guards_routes_and_leaves_404_and_405_to_axum() {
    let site = Router::new()
        .route("/bytes", post(bytes))
        .route_layer(layer());
    assert_eq!(status(&site, signed("/bytes", BODY)), 200);
    assert_eq!(status(&site, unsigned("/bytes")), 401);
    assert_eq!(status(&site, unsigned("/nowhere")), 404);
    let get = Request::get("/bytes").body(Body::empty()).unwrap();
    assert_eq!(status(&site, get), 405);
    // It also works on one method of one route.
    let site = Router::new().route("/bytes", post(bytes).layer(layer()).get(async || "form"));
    assert_eq!(status(&site, unsigned("/bytes")), 401);
    assert_eq!(
        status(&site, Request::get("/bytes").body(Body::empty()).unwrap()),
        200
    );
}

#[test]
fn axums_own_limit_does_not_bite_again() {
    let large = vec![b' '; 3 * 1024 * 1024];
    let guard = || VerifyLayer::new(policy().with_max_body(4 * 1024 * 1024));
    let site = Router::new().route("/", post(bytes)).layer(guard());
    assert_eq!(
        send(&site, signed("/", large.clone())).body().len(),
        large.len()
    );
    // The proof may exceed axum's 2 MB and a smaller inner limit.
    let site = Router::new()
        .route("/", post(bytes))
        .layer(DefaultBodyLimit::max(10))
        .layer(guard());
    assert_eq!(status(&site, signed("/", large)), 200);
}

#[test]
fn a_limit_outside_stays_a_413() {
    let site = protected().layer(RequestBodyLimitLayer::new(BODY.len() - 1));
    // The length is unknown, so the limit applies within the body.
    let stream = |content: &'static str| {
        let body = crate::support::Steps::data([&content[..5], &content[5..]]);
        signed("/bytes", content).map(|_| Body::new(body))
    };
    let response = send(&site, stream(BODY));
    assert_eq!(
        (response.status().as_u16(), kind(&response)),
        (413, Some(RejectionKind::TooLarge))
    );
    let site = protected().layer(RequestBodyLimitLayer::new(BODY.len()));
    assert_eq!(status(&site, stream(BODY)), 200);
}

fn gzipped(content: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The signature covers the bytes as sent, which are compressed.
fn compressed(path: &str) -> Request<Body> {
    let mut request = signed(path, gzipped(BODY));
    request
        .headers_mut()
        .insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    request
}

#[test]
fn decompression_outside_makes_every_compressed_delivery_a_401() {
    let site = Router::new().route("/", post(bytes)).layer(layer());
    let outside = site.clone().layer(RequestDecompressionLayer::new());
    assert_eq!(send(&site, compressed("/")).body(), &gzipped(BODY));
    let response = send(&outside, compressed("/"));
    assert_eq!(
        (response.status().as_u16(), kind(&response)),
        (401, Some(RejectionKind::Mismatch))
    );
}

#[test]
fn decompression_inside_changes_the_body_and_not_the_proof() {
    async fn both(verified: Verified, body: String) -> Bytes {
        assert_eq!(body, BODY);
        verified.bytes()
    }
    let site = Router::new()
        .route("/", post(both))
        .layer(RequestDecompressionLayer::new())
        .layer(layer());
    assert_eq!(send(&site, compressed("/")).body(), &gzipped(BODY));
}

#[test]
fn tracing_works_on_both_sides() {
    let site = Router::new()
        .route("/", post(bytes))
        .layer(TraceLayer::new_for_http())
        .layer(layer())
        .layer(TraceLayer::new_for_http());
    assert_eq!(status(&site, signed("/", BODY)), 200);
    assert_eq!(status(&site, unsigned("/")), 401);
}

/// Returns the response and the log lines of the request.
fn logged(site: &Router, request: Request<Body>) -> (Response<Bytes>, String) {
    log::take();
    let response = send(site, request);
    (response, log::take())
}

#[test]
fn without_the_layer_the_answer_is_500_and_the_log_says_what_is_missing() {
    let site = Router::new()
        .route("/bytes", post(bytes))
        .route("/number", post(number));
    for path in ["/bytes", "/number"] {
        let (response, log) = logged(&site, signed(path, BODY));
        assert_eq!(
            (response.status().as_u16(), kind(&response)),
            (500, Some(RejectionKind::MissingLayer))
        );
        assert!(
            log.contains("ERROR") && log.contains("VerifyLayer") && log.contains(path),
            "{log}"
        );
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    #[serde(rename = "items")]
    _items: Vec<Item>,
    #[serde(rename = "emails", default)]
    _emails: HashMap<String, u32>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "price")]
    _price: u32,
    #[serde(rename = "state", default)]
    _state: Payment,
}

#[derive(Deserialize, Default)]
enum Payment {
    #[default]
    #[serde(rename = "paid")]
    Paid,
}

async fn strict(_: VerifiedJson<Strict>) {}

/// The handler parses the JSON.
async fn by_hand(verified: Verified) -> Result<(), Rejection> {
    verified.json::<Strict>().map(drop)
}

#[test]
fn a_payload_that_does_not_fit_is_logged_by_its_place_and_never_by_a_value() {
    let site = Router::new()
        .route("/strict", post(strict))
        .route("/by-hand", post(by_hand))
        .route_layer(layer());
    for (body, words) in [
        (
            r#"{"items":[{"price":1},{"price":"PLANTED"}]}"#,
            &["kind=\"wrong type\"", "pointer=\"/items/1/price\""][..],
        ),
        (
            r#"{"items":[{}],"x":"PLANTED"}"#,
            &[
                "kind=\"missing field\"",
                "field=\"price\"",
                "pointer=\"/items/0\"",
            ],
        ),
        (
            r#"{"items":[],"extra":"PLANTED"}"#,
            &["kind=\"unknown field\"", "field=\"extra\""],
        ),
        (
            r#"{"items":[],"items":["PLANTED"]}"#,
            &["kind=\"duplicate field\"", "field=\"items\""],
        ),
        (
            r#"{"items":[{"price":1,"state":"PLANTED"}]}"#,
            &["kind=\"unknown variant\"", "pointer=\"/items/0/state"],
        ),
        (
            r#"{"items":[],"emails":{"PLANTED@example.com":-1}}"#,
            &["kind=\"wrong value\"", "pointer=\"/emails/*\""],
        ),
        (r#"PLANTED"#, &["kind=\"not JSON\"", "line=1 column=1"]),
        (r#"["PLANTED"#, &["kind=\"not JSON\""]),
    ] {
        for path in ["/strict", "/by-hand"] {
            let (response, log) = logged(&site, signed(path, body));
            assert_eq!(response.status(), 422, "{body}");
            assert!(!log.contains("PLANTED"), "{log}");
            let errors: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
            assert_eq!(errors.len(), 1, "{body}: {log}");
            for word in words {
                assert!(errors[0].contains(word), "{body}: {log}");
            }
        }
        let (_, log) = logged(&site, signed("/strict", body));
        assert!(log.contains("method=POST path=\"/strict\""), "{log}");
    }
}

/// Records each verdict with the path that the layer receives.
fn noting(notes: &Arc<Mutex<Vec<String>>>) -> impl Observe + Send + Sync + 'static + use<> {
    let notes = Arc::clone(notes);
    move |verdict: Result<&Verified, &Rejection>, head: &Parts| {
        let verdict = match verdict {
            Ok(verified) => format!("verified {}", verified.len()),
            Err(rejection) => rejection.kind().to_string(),
        };
        let signed = head.headers.contains_key(Signature::HEADER);
        let note = format!("{} {} {verdict} {signed}", head.method, head.uri);
        notes.lock().unwrap().push(note);
    }
}

#[test]
fn the_observer_hears_that_a_payload_did_not_fit() {
    let notes = Arc::default();
    let inner = Router::new().route("/number", post(number));
    let site = Router::new()
        .nest("/webhooks", inner)
        .route_layer(layer().observe(noting(&notes)));
    let body = r#"{"order":"one"}"#;
    assert_eq!(status(&site, signed("/webhooks/number", body)), 422);
    assert_eq!(status(&site, unsigned("/webhooks/number")), 401);
    assert_eq!(
        *notes.lock().unwrap(),
        [
            "POST /webhooks/number verified 15 true",
            "POST /webhooks/number invalid-payload true",
            "POST /webhooks/number signature-missing false",
        ]
    );
}

#[test]
fn one_of_two_layers_reports_a_payload_that_does_not_fit() {
    let notes = Arc::default();
    let site = Router::new()
        .route("/number", post(number))
        .route_layer(layer().observe(noting(&notes)))
        .route_layer(layer().observe(noting(&notes)));
    assert_eq!(status(&site, signed("/number", r#"{"order":"one"}"#)), 422);
    let notes = notes.lock().unwrap();
    let told = notes.iter().filter(|note| note.contains("invalid-payload"));
    assert_eq!(told.count(), 1, "{notes:?}");
}

/// The sender gets the response of `respond` for rejections by the layer and by handlers.
#[test]
fn respond_shapes_the_responses_of_the_extractors_as_well() {
    let lose_the_proof = axum::middleware::map_request(async |mut request: Request<Body>| {
        request.extensions_mut().remove::<Verified>();
        request
    });
    let notes = Arc::default();
    let layer = layer()
        .respond(|rejection: &Rejection, policy: Option<&Policy>| {
            assert!(policy.is_some());
            let own = [("x-own", "yes")];
            (
                rejection.status(),
                own,
                format!("no: {}", rejection.status().as_u16()),
            )
        })
        .observe(noting(&notes));
    let site = Router::new()
        .route("/lost", post(bytes).layer(lose_the_proof))
        .route("/number", post(number))
        .route_layer(layer);
    for (request, status) in [
        (unsigned("/number"), 401),
        (signed("/number", r#"{"order":"one"}"#), 422),
        (signed("/lost", BODY), 500),
    ] {
        let response = send(&site, request);
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["x-own"], "yes");
        assert_eq!(response.body(), &format!("no: {status}"));
        assert!(kind(&response).is_some());
    }
    assert!(
        notes
            .lock()
            .unwrap()
            .last()
            .unwrap()
            .contains("missing-layer")
    );
}

/// The layer reads a body in several frames before it responds.
#[test]
fn any_body_can_be_the_response_to_a_rejection() {
    let pieces = || {
        crate::support::Steps::new([
            Step::Data("a".into()),
            Step::Wait,
            Step::Data("b".into()),
            Step::Trailers,
        ])
    };
    let layer = layer().respond(move |_: &Rejection, _: Option<&Policy>| Body::new(pieces()));
    let site = Router::new().route("/", post(bytes)).route_layer(layer);
    let response = send(&site, unsigned("/"));
    assert_eq!(
        (response.status().as_u16(), &response.body()[..]),
        (200, &b"ab"[..])
    );
}

#[test]
fn the_tracing_observer_logs_each_verdict_once() {
    let layer = layer().observe((TracingObserver, ()));
    let site = Router::new()
        .route("/number", post(number))
        .route_layer(layer);
    let only = |request, level: &str| {
        let (_, log) = logged(&site, request);
        let mut lines = log.lines().filter(|line| line.contains(level));
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("{level}: {log}"))
            .to_owned();
        assert!(lines.next().is_none(), "{log}");
        line
    };
    let line = only(unsigned("/number"), "WARN");
    let words = "method=POST path=\"/number\" reason=signature-missing status=401";
    assert!(line.contains(words), "{line}");
    let mut forged = signed("/number", "another");
    *forged.body_mut() = Body::from("PLANTED");
    let line = only(forged, "WARN");
    assert!(line.contains("reason=mismatch status=401"), "{line}");
    assert!(!line.contains("PLANTED"), "{line}");
    let line = only(signed("/number", BODY), "DEBUG");
    assert!(
        line.contains("secret=default event=other bytes=11"),
        "{line}"
    );
    let line = only(signed("/number", "{}"), "ERROR");
    assert!(line.contains("missing field"), "{line}");
}

#[test]
fn the_proof_and_its_json_are_what_they_hold() {
    async fn both(verified: Verified, mut order: VerifiedJson<Order>) -> String {
        order.order += 1;
        let bytes: &[u8] = verified.as_ref();
        assert!(verified.starts_with(b"{") && bytes == BODY.as_bytes());
        order.order.to_string()
    }
    let site = Router::new().route("/", post(both)).route_layer(layer());
    assert_eq!(send(&site, signed("/", BODY)).body(), "2");
}
