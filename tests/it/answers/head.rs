//! Decisions on the head of a request alone.

use crate::support::{App, BODY, Gate, Setup, genuine, request, signature_line};

fn exactly_hooks(app: &App) -> Setup {
    Setup::before(app).with(|setup| setup.path = "/hooks".parse().expect("a path"))
}

#[test]
fn a_path_without_an_endpoint_is_404_whatever_else_is_wrong() {
    let app = App::content();
    let gate = exactly_hooks(&app).start();
    let mut client = gate.client();
    for (line, lines) in [
        ("POST /other HTTP/1.1", signature_line(BODY)),
        ("POST /hooks/ HTTP/1.1", signature_line(BODY)),
        ("POST /Hooks HTTP/1.1", signature_line(BODY)),
        ("POST /h%6foks HTTP/1.1", signature_line(BODY)),
        ("POST //hooks HTTP/1.1", signature_line(BODY)),
        ("POST /./hooks HTTP/1.1", signature_line(BODY)),
        ("POST /hooks;a HTTP/1.1", signature_line(BODY)),
        ("GET /other HTTP/1.1", String::new()),
        ("OPTIONS * HTTP/1.1", signature_line(BODY)),
    ] {
        let answer = client.ask(request(line, &lines, BODY));
        assert_eq!(answer.status, 404, "{line}");
        assert_eq!(answer.error(), "http_request_denied");
    }
    // The connection stays open, and a query is no part of the path.
    let line = "POST /hooks?a=b HTTP/1.1";
    assert_eq!(
        client
            .ask(request(line, &signature_line(BODY), BODY))
            .status,
        200
    );
    assert_eq!(app.only().target, "/hooks?a=b");
}

#[test]
fn other_methods_are_405_with_those_that_are_allowed() {
    let app = App::content();
    let gate = Gate::before(&app);
    let mut client = gate.client();
    for method in [
        "GET", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "POSTS", "Post",
    ] {
        for lines in [signature_line(BODY), String::new()] {
            let answer = client.ask(request(&format!("{method} /hooks HTTP/1.1"), &lines, BODY));
            assert_eq!(answer.status, 405, "{method}");
            assert_eq!(answer.header("Allow"), Some("POST, PUT"));
        }
    }
    client.send(request("HEAD /hooks HTTP/1.1", &signature_line(BODY), BODY));
    assert_eq!(client.answer_to_head().status, 405);
    assert_eq!(
        client
            .ask(request("PUT /hooks HTTP/1.1", &signature_line(BODY), BODY))
            .status,
        200
    );
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    let methods: Vec<_> = app
        .requests()
        .into_iter()
        .map(|request| request.method)
        .collect();
    assert_eq!(methods, ["PUT", "POST"]);
}

#[test]
fn a_narrowed_endpoint_allows_what_it_was_told() {
    let app = App::content();
    let setup = Setup::before(&app)
        .with(|setup| setup.policy = Box::new(|policy| policy.with_methods([http::Method::PUT])));
    let gate = setup.start();
    let answer = gate.client().ask(genuine(BODY));
    assert_eq!((answer.status, answer.header("Allow")), (405, Some("PUT")));
    assert_eq!(app.count(), 0);
}

#[test]
fn a_target_that_is_too_long_is_414_however_it_comes() {
    let app = App::content();
    let gate = Gate::before(&app);
    let line = format!("POST /{} HTTP/1.1", "a".repeat(20_000));
    let whole = request(&line, &signature_line(BODY), BODY);
    for pieces in [1, 2, 40] {
        let mut client = gate.client();
        for piece in whole.chunks(whole.len().div_ceil(pieces)) {
            // The response may arrive before everything is written.
            let _ = client.try_send(piece);
        }
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (414, true));
        client.is_closed();
    }
    let fits = format!("POST /{} HTTP/1.1", "a".repeat(15_000));
    assert_eq!(
        gate.client()
            .ask(request(&fits, &signature_line(BODY), BODY))
            .status,
        200
    );
    assert_eq!(app.only().target.len(), 15_001);
}

#[test]
fn headers_that_are_too_long_or_too_many_are_431() {
    let app = App::content();
    let gate = Gate::before(&app);
    let long = format!("X: {}\r\n", "a".repeat(20_000));
    let many: String = (0..120).map(|n| format!("X-{n}: 1\r\n")).collect();
    for lines in [long, many] {
        let lines = signature_line(BODY) + &lines;
        let mut client = gate.client();
        let answer = client.ask(request("POST /hooks HTTP/1.1", &lines, BODY));
        assert_eq!((answer.status, answer.closes()), (431, true));
        client.is_closed();
    }
    let fewer: String = (0..90).map(|n| format!("X-{n}: 1\r\n")).collect();
    let fewer = signature_line(BODY) + &fewer;
    assert_eq!(
        gate.client()
            .ask(request("POST /hooks HTTP/1.1", &fewer, BODY))
            .status,
        200
    );
    assert_eq!(app.count(), 1);
}

fn expecting(expectation: &str, lines: &str) -> String {
    format!(
        "POST /hooks HTTP/1.1\r\nHost: gate\r\n{lines}Content-Length: 5\r\nExpect: {expectation}\r\n\r\n"
    )
}

#[test]
fn a_client_is_told_to_continue_once_its_body_will_be_read() {
    let app = App::content();
    let gate = Gate::before(&app);
    let mut client = gate.client();
    client.send(expecting("100-Continue", &signature_line(BODY)));
    assert_eq!(client.answer_head().status, 100);
    assert_eq!(app.count(), 0);
    assert_eq!(client.ask(BODY).status, 200);
    assert_eq!(app.only().header("expect"), None);
}

#[test]
fn a_client_whose_body_nobody_will_read_is_never_told_to_continue() {
    let app = App::content();
    let gate = exactly_hooks(&app).start();
    let signature = signature_line(BODY);
    let head = expecting("100-continue", &signature);
    for (head, status) in [
        (expecting("100-continue", ""), 401),
        (head.replace("/hooks", "/other"), 404),
        (head.replace("POST", "PATCH"), 405),
        (head.replace("Length: 5", "Length: 5000000"), 413),
    ] {
        let mut client = gate.client();
        // The first response must be the final one, not `100 Continue`.
        assert_eq!(client.ask(head).status, status);
        client.end();
        client.is_closed();
    }
}

#[test]
fn other_expectations_are_417() {
    let app = App::content();
    let gate = Gate::before(&app);
    for expectation in ["200-ok", "100-continue, 200-ok", "100-continue;a=b", ""] {
        let mut client = gate.client();
        let answer = client
            .send(expecting(expectation, &signature_line(BODY)))
            .ask(BODY);
        assert_eq!(
            (answer.status, answer.closes()),
            (417, true),
            "{expectation:?}"
        );
        client.is_closed();
    }
    assert_eq!(app.count(), 0);
}

#[test]
fn an_offer_to_change_the_protocol_is_ignored_and_dropped() {
    let app = App::content();
    let gate = Gate::before(&app);
    let mut client = gate.client();
    for lines in [
        // curl --http2
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n",
        // JDK's HttpClient
        "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAA\r\nUpgrade: h2c\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n",
        "Upgrade: TLS/1.3\r\n",
    ] {
        let lines = signature_line(BODY) + lines;
        let answer = client.ask(request("POST /hooks HTTP/1.1", &lines, BODY));
        assert_eq!(answer.status, 200, "{lines}");
    }
    for request in app.requests() {
        for name in ["upgrade", "connection", "http2-settings"] {
            assert_eq!(request.header(name), None);
        }
    }
    assert_eq!(app.count(), 4);
}

#[test]
fn http_1_0_with_host_and_length_is_served() {
    let app = App::content();
    let gate = Gate::before(&app);
    let mut client = gate.client();
    let answer = client.ask(request("POST /hooks HTTP/1.0", &signature_line(BODY), BODY));
    assert_eq!((answer.status, &answer.body[..]), (200, &b"taken"[..]));
    client.is_closed();
    let forged = request("POST /hooks HTTP/1.0", &signature_line(b"else"), BODY);
    let mut client = gate.client();
    assert_eq!(client.ask(forged).status, 401);
    client.is_closed();
    assert_eq!(app.only().body, BODY);
}
