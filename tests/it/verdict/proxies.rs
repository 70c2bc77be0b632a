//! Requests as Envoy (`ext_authz` over HTTP) and Traefik (`forwardAuth`) send them, well and badly
//! configured. `tests/deploy/proxies.rs` runs both programs with the examples.

use super::verdicts;
use crate::{
    program::Program,
    support::{Answer, App, BODY, Client, SECRET, Setup, sign},
};

/// Returns the request of Envoy 1.40 about a delivery to `/hooks?a=b`. Besides the method, the
/// target, `Host` and the length it sends only headers in `allowed_headers`.
fn envoy(allowed: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /hooks?a=b HTTP/1.1\r\nhost: shop.example\r\ncontent-length: {}\r\n{allowed}\
         x-envoy-internal: true\r\nx-envoy-expected-rq-timeout-ms: 10000\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Returns the request of Traefik 3.7 about the same delivery, to its fixed `address`.
fn traefik(method: &str, signature: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} /hooks HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Cartfunnel/1\r\n\
         Content-Length: {}\r\nContent-Type: application/json\r\n{signature}\
         X-Cartgate-Event: forged\r\nX-Forwarded-For: 203.0.113.9\r\n\
         X-Forwarded-Host: shop.example\r\nX-Forwarded-Method: POST\r\nX-Forwarded-Port: 443\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Server: vm\r\nX-Forwarded-Uri: /hooks?a=b\r\n\
         X-Real-Ip: 203.0.113.9\r\nX_cartgate_verdict: forged\r\nAccept-Encoding: gzip\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn signature(body: &[u8]) -> String {
    format!("x-cartfunnel-hmac-sha256: {}\r\n", sign(body))
}

/// Returns all headers that the example of Envoy allows.
fn allowed(body: &[u8]) -> String {
    let others = "x-forwarded-for: 203.0.113.9\r\nx-envoy-auth-partial-body: false\r\n";
    signature(body) + others
}

fn is_verdict(answer: &Answer) -> bool {
    answer.status == 200 && answer.header("x-cartgate-verdict") == Some("verified")
}

#[test]
fn both_get_a_verdict_if_they_hand_over_the_whole_request() {
    let app = App::content();
    let gate = verdicts(&app, |setup: &mut Setup| {
        setup.path = "/hooks".parse().expect("a path");
    });
    let binary: Vec<u8> = (0..=255).collect();
    for body in [BODY, &binary, b""] {
        for sent in [
            envoy(&allowed(body), body),
            traefik("POST", &signature(body), body),
            traefik("PUT", &signature(body), body),
        ] {
            let answer = gate.client().ask(sent);
            assert!(is_verdict(&answer), "{answer:?}");
        }
        let forged = signature(b"something else");
        for sent in [envoy(&forged, body), traefik("POST", &forged, body)] {
            assert_eq!(gate.client().ask(sent).status, 401);
        }
    }
    assert_eq!(app.connections(), 0);
}

#[test]
fn the_log_says_what_a_proxy_leaves_out() {
    let file = r#"
        [server]
        listen = "127.0.0.1:0"
        [secret.current]
        file = "secret"
        [[endpoint]]
        name = "orders"
        path = "/hooks"
        secrets = ["current"]
        verdict = true
    "#;
    let program = Program::serve_file(file, &[("secret", SECRET)]);
    let partial = signature(BODY) + "x-envoy-auth-partial-body: true\r\n";
    for (sent, status, hint) in [
        (
            traefik("GET", &signature(BODY), BODY),
            405,
            "preserveRequestMethod",
        ),
        (traefik("POST", &signature(BODY), b""), 401, "forwardBody"),
        (traefik("POST", "", BODY), 401, "authRequestHeaders"),
        (envoy(&signature(BODY), b""), 401, "with_request_body"),
        (envoy("", BODY), 401, "allowed_headers"),
        (envoy(&partial, BODY), 413, "allow_partial_message"),
    ] {
        let answer = program.client().ask(sent);
        assert_eq!(answer.status, status, "{hint}");
        let id = answer.header("x-cartgate-delivery").expect("an id");
        let line = program.line(&[id]);
        assert!(line.contains("hint=\"") && line.contains(hint), "{line}");
    }
    let answer = program
        .client()
        .ask(traefik("POST", &signature(b"other"), BODY));
    let line = program.line(&[answer.header("x-cartgate-delivery").expect("an id")]);
    assert!(
        line.contains("reason=mismatch") && !line.contains("hint="),
        "{line}"
    );
}

#[test]
fn an_endpoint_that_forwards_has_no_hints() {
    let app = App::content();
    let program = Program::serve(&app, &[]);
    let answer = Client::tcp(program.address()).ask(traefik("GET", &signature(BODY), BODY));
    let line = program.line(&[answer.header("x-cartgate-delivery").expect("an id")]);
    assert!(
        line.contains("reason=method") && !line.contains("hint="),
        "{line}"
    );
}
