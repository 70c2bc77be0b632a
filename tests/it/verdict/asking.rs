//! The verdict and its headers, as a proxy gets them, and as the gate reports them to its operator.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use tower_cartgate::{EventKind, EventRule, Policy};

use super::{stated, states_nothing, verdicts};
use crate::{
    program::Program,
    support::{
        App, BODY, Gate, SECRET, Setup, forged, genuine, genuine_in_chunks, request, signature_line,
    },
};

/// A delivery that states its kind.
const ORDER: &[u8] = br#"{"event":"order.paid"}"#;

fn by_field(policy: Policy) -> Policy {
    let rule = EventRule::pointer("/event").expect("a pointer");
    policy.with_event_rule(rule.order(["order.paid"]))
}

#[test]
fn a_verdict_states_what_an_app_would_get_and_forwards_nothing() {
    let policies: [fn(Policy) -> Policy; 3] = [
        |policy| policy,
        |policy| policy.with_event_rule(EventRule::given(EventKind::AbandonedCart)),
        by_field,
    ];
    for (policy, own) in policies.into_iter().zip([3, 5, 5]) {
        let app = App::content();
        let direct = Setup::before(&app).with(|setup| setup.policy = Box::new(policy));
        assert_eq!(direct.start().client().ask(genuine(ORDER)).status, 200);
        let expected = stated(&app.only().headers);
        assert_eq!(expected.len(), own, "{expected:?}");

        let unused = App::content();
        let gate = verdicts(&unused, |setup| setup.policy = Box::new(policy));
        let answer = gate.client().ask(genuine(ORDER));
        assert_eq!((answer.status, &answer.body[..]), (200, &b""[..]));
        assert_eq!(stated(&answer.headers), expected);
        assert_eq!(answer.header("content-length"), Some("0"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("x-cartgate-delivery").is_some());
        assert_eq!(answer.header("proxy-status"), None);
        assert_eq!(unused.connections(), 0);
    }
}

#[test]
fn each_rejection_is_the_one_of_a_gate_that_forwards() {
    let policy = |policy: Policy| {
        let rule = EventRule::pointer("/event").expect("a pointer");
        let rule = rule.order(["order.paid"]).only([EventKind::Order]);
        policy.with_event_rule(rule).with_max_body(100)
    };
    let (app, unused) = (App::content(), App::content());
    let strict = |setup: &mut Setup| {
        setup.policy = Box::new(policy);
        setup.path = "/hooks".parse().expect("a path");
        setup.query = cartgate::endpoint::Query::Refuse;
    };
    let forwarding = Setup::before(&app).with(strict).start();
    let asked = verdicts(&unused, strict);
    let large = [b'x'; 101];
    let line = |first: &str| request(first, &signature_line(ORDER), ORDER);
    for (sent, status) in [
        (genuine(ORDER), 200),
        (genuine_in_chunks(ORDER, 7), 200),
        (line("GET /hooks HTTP/1.1"), 405),
        (line("DELETE /hooks HTTP/1.1"), 405),
        (line("POST /other HTTP/1.1"), 404),
        (line("POST /hooks?a HTTP/1.1"), 400),
        (request("POST /hooks HTTP/1.1", "", ORDER), 401),
        (forged(ORDER), 401),
        (genuine(b""), 422),
        (genuine(b"{\"event\":\"cart.left\"}"), 422),
        (genuine(&large), 413),
        (genuine_in_chunks(&large, 50), 413),
    ] {
        let shown = String::from_utf8_lossy(&sent).into_owned();
        let expected = forwarding.client().ask(&sent);
        let answer = asked.client().ask(&sent);
        assert_eq!(
            (answer.status, expected.status),
            (status, status),
            "{shown}"
        );
        if status != 200 {
            states_nothing(&answer);
            assert_eq!(answer.body, expected.body);
            assert_eq!(answer.error(), expected.error());
            assert_eq!(answer.header("allow"), expected.header("allow"));
        }
    }
    assert_eq!(unused.connections(), 0);
}

#[test]
fn a_proxy_asks_again_and_again_on_one_connection() {
    let app = App::content();
    let gate = verdicts(&app, |_| {});
    let mut client = gate.client();
    for _ in 0..3 {
        assert_eq!(client.ask(genuine(BODY)).status, 200);
        assert_eq!(client.ask(forged(BODY)).status, 401);
    }
    client.send(request("HEAD /hooks HTTP/1.1", &signature_line(BODY), BODY));
    assert_eq!(client.answer_to_head().status, 405);
}

#[test]
fn a_large_body_gives_its_memory_back_with_the_verdict() {
    let app = App::content();
    let body = vec![b'x'; 1_000_000];
    let gate = verdicts(&app, |setup| {
        setup.policy = Box::new(|policy| policy.with_max_body(1 << 20));
        setup.config.limits.memory = 3 << 20;
    });
    // Together, these hold ten times the limit.
    for _ in 0..30 {
        assert_eq!(gate.client().ask(genuine(&body)).status, 200);
    }
}

/// Returns the configuration of a gate with an endpoint of each kind.
fn file(app: &App) -> String {
    format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        [admin]
        listen = "127.0.0.1:0"
        [secret.current]
        file = "secret"
        [[endpoint]]
        name = "asked"
        path = "/hooks"
        secrets = ["current"]
        verdict = true
        [[endpoint]]
        name = "direct"
        path = "/direct"
        secrets = ["current"]
        [[endpoint.destination]]
        url = "{}"
        "#,
        app.url
    )
}

/// Returns the body of a response of the admin listener.
fn admin(program: &Program, path: &str) -> String {
    let (address, token) = (program.admin(), program.token());
    let mut stream = TcpStream::connect(address).expect("a connection");
    let asked = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(asked.as_bytes()).expect("it takes it");
    let mut whole = String::new();
    stream.read_to_string(&mut whole).expect("text");
    assert!(whole.starts_with("HTTP/1.1 200"), "{whole}");
    let (_, body) = whole.split_once("\r\n\r\n").expect("a body");
    body.to_owned()
}

#[test]
fn an_operator_sees_which_endpoint_forwards_nothing() {
    let app = App::content();
    let program = Program::serve_file(&file(&app), &[("secret", SECRET)]);
    program.line(&[
        "protecting",
        "endpoint=asked",
        "mapping=\"/hooks -> verdict\"",
    ]);
    let answer = program.client().ask(genuine(BODY));
    assert_eq!(answer.status, 200);
    let id = answer.header("x-cartgate-delivery").expect("an id");
    let line = program.line(&[id]);
    assert!(line.contains("verdict=verified secret=current"), "{line}");
    assert!(!line.contains("destination="), "{line}");

    let get = |path: &str| admin(&program, path);
    let json = |path: &str| serde_json::from_str::<serde_json::Value>(&get(path)).expect("JSON");
    let endpoints = json("/api/v1/endpoints");
    let asked = &endpoints["items"][0];
    assert_eq!(asked["name"], "asked");
    assert_eq!(asked["verdict"], true);
    assert_eq!(asked["durable"], false);
    assert_eq!(asked["destinations"], serde_json::json!([]));
    assert_eq!(asked["verified"], 1);
    assert_eq!(endpoints["items"][1]["verdict"], false);
    let status = json("/api/v1/status");
    assert_eq!(status["endpoints"][0]["verdict"], true);
    let sample = "cartgate_requests_total{endpoint=\"asked\",verdict=\"verified\",reason=\"\"} 1";
    assert!(get("/metrics").contains(sample));
    assert_eq!(app.count(), 0);
}

#[test]
fn a_reload_turns_an_endpoint_into_the_other_kind() {
    let app = App::content();
    let gate = Gate::before(&app);
    let mut client = gate.client();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    let setup = Setup::before(&app).with(|setup| setup.verdict = true);
    let asked = setup.config(&[("current", SECRET)]);
    gate.config.send(asked).expect("it runs");
    crate::support::wait_until("the new configuration", || {
        let answer = client.ask(genuine(BODY));
        answer.header("x-cartgate-verdict") == Some("verified")
    });
    let before = app.count();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    assert_eq!(app.count(), before);
}

#[test]
fn flags_suffice() {
    let secret = std::str::from_utf8(SECRET).expect("text");
    let program = Program::serve_by_variables(
        &["--listen", "127.0.0.1:0", "--verdict", "--path", "/hooks"],
        &[("CARTGATE_SECRET", secret)],
    );
    let answer = program.client().ask(genuine(BODY));
    assert_eq!(answer.header("x-cartgate-verdict"), Some("verified"));
}
