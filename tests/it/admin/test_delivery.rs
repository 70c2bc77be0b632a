//! Test deliveries: signed by the gate, sent through its own front door, and to no other place.

use cartgate::{client::ForgeryKind, endpoint::Endpoint, proxy::config::admin::ConsoleMode};
use serde_json::{Value, json};

use super::{Reply, ask, setup};
use crate::support::{App, Gate, Setup, Then, app::answer};

/// Returns a gate whose endpoint reads the method of the test's app.
fn gate(app: &App) -> Gate {
    setup(app).start()
}

/// Sends JSON to the API with the token.
fn post(gate: &Gate, path: &str, body: &Value) -> Reply {
    post_text(gate, path, &body.to_string())
}

fn post_text(gate: &Gate, path: &str, body: &str) -> Reply {
    let (token, length) = (gate.token(), body.len());
    let lines = format!(
        "Host: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n"
    );
    // The body follows the head, whose last line `ask` adds.
    let lines = format!("{lines}Connection: close\r\n\r\n{body}");
    ask(gate.admin(), &format!("POST {path}"), &lines)
}

#[track_caller]
fn tested(gate: &Gate, body: &Value) -> Value {
    let reply = post(gate, "/api/v1/test", body);
    assert_eq!(reply.status, 200, "{body}: {}", reply.body);
    serde_json::from_str(&reply.body).expect("JSON")
}

#[test]
fn a_genuine_test_reaches_the_app_like_any_delivery() {
    let app = App::content();
    let gate = gate(&app);
    let result = tested(&gate, &json!({"endpoint": "hooks"}));
    assert_eq!(result["status"], 200);
    assert_eq!(result["verdict"], "accepted");
    assert_eq!(result["expected"], "2xx");
    assert_eq!(result["body"], "taken");
    // The app checks the signature of every request.
    let received = app.only();
    assert_eq!(received.method, "POST");
    assert_eq!(received.target, "/hooks");
    assert_eq!(
        received.header("x-cartgate-delivery"),
        result["id"].as_str()
    );
    let body: Value = serde_json::from_slice(&received.body).expect("JSON");
    assert_eq!(body["test"], true);
    assert!(!result.to_string().contains(&gate.token()));
}

#[test]
fn the_body_arrives_byte_for_byte_and_by_the_chosen_method() {
    let app = App::content();
    let gate = gate(&app);
    let body = "{ \"a\" : 1.10,\n \"é\" : \"\\u0000\" }";
    let result = tested(
        &gate,
        &json!({"endpoint": "hooks", "sample": "abandoned-cart", "method": "PUT", "body": body}),
    );
    assert_eq!(result["verdict"], "accepted", "{result}");
    let received = app.only();
    assert_eq!(received.method, "PUT");
    assert_eq!(received.body, body.as_bytes());
}

#[test]
fn every_forgery_is_sent_and_only_the_replay_passes() {
    let app = App::content();
    let gate = gate(&app);
    for kind in ForgeryKind::ALL {
        let before = app.count();
        let result = tested(
            &gate,
            &json!({"endpoint": "hooks", "forgery": kind.as_str()}),
        );
        if kind.is_genuine_by_the_scheme() {
            assert_eq!(result["verdict"], "genuine", "{kind}");
            assert_eq!(app.count(), before + 1, "{kind}");
        } else {
            assert_eq!(result["verdict"], "rejected", "{kind}: {result}");
            assert_eq!(result["status"], 401, "{kind}");
            assert_eq!(app.count(), before, "{kind}");
        }
    }
    let unsent = json!({"endpoint": "hooks", "forgery": "re-serialized-json", "body": "no JSON"});
    let unsent = tested(&gate, &unsent);
    assert_eq!(unsent["verdict"], "not-sent");
    assert_eq!(unsent["status"], Value::Null);
}

#[test]
fn the_response_of_the_app_is_shown_in_part() {
    let app = App::tcp(|_, wire| {
        let long = vec![b'x'; 100 * 1024];
        wire.write_all(&answer(
            "422 Unprocessable Content",
            "X-App: own\r\nSet-Cookie: app=planted\r\n",
            &long,
        ))?;
        Ok(Then::Keep)
    });
    let gate = gate(&app);
    let result = tested(&gate, &json!({"endpoint": "hooks"}));
    assert_eq!(result["status"], 422);
    assert_eq!(result["verdict"], "not-accepted");
    assert_eq!(result["explanation"], "the app responded with 422");
    assert_eq!(result["truncated"], true);
    assert_eq!(result["body"].as_str().map(str::len), Some(64 * 1024));
    let headers = result["headers"].as_array().expect("a list");
    assert!(headers.contains(&json!(["x-app", "own"])), "{headers:?}");
    assert!(!result.to_string().contains("planted"), "{headers:?}");
}

/// Adds an endpoint for one host, with the rest of the first.
fn with_host(setup: Setup) -> Gate {
    let gate = setup.start();
    let config = gate.config.borrow().clone();
    let first = config.endpoints.iter().next().expect("an endpoint");
    let of = |name: &str, host: Option<&str>| Endpoint {
        name: name.into(),
        path: first.path.clone(),
        host: host.map(|host| host.parse().expect("a host")),
        policy: first.policy.clone(),
        secrets: first.secrets.clone(),
        query: first.query,
        headers: first.headers.clone(),
        target: first.target.clone(),
        silence: None,
    };
    let endpoints = vec![
        of("hooks", None),
        of("shop", Some("shop.example")),
        of("hidden", Some("shop.example")),
    ];
    let endpoints = cartgate::endpoint::Endpoints::new(endpoints);
    let changed = config.with_endpoints(endpoints);
    gate.config.send_replace(changed);
    gate
}

#[test]
fn an_endpoint_of_a_host_is_tested_by_its_host() {
    let app = App::content();
    let gate = with_host(setup(&app));
    crate::support::wait_until("the endpoints are in force", || {
        post(&gate, "/api/v1/test", &json!({"endpoint": "shop"})).status == 200
    });
    let received = app.requests().pop().expect("a request");
    assert_eq!(received.header("x-cartgate-endpoint"), Some("shop"));
    let reply = post(&gate, "/api/v1/test", &json!({"endpoint": "hidden"}));
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert!(reply.body.contains("endpoint-hidden"));
}

#[test]
fn no_test_goes_to_another_address() {
    let app = App::content();
    let other = App::content();
    let gate = gate(&app);
    for key in [
        "url", "target", "address", "host", "upstream", "headers", "path",
    ] {
        let mut body = json!({"endpoint": "hooks"});
        body[key] = json!(other.url);
        let reply = post(&gate, "/api/v1/test", &body);
        assert_eq!(reply.status, 422, "{key}: {}", reply.body);
    }
    for body in [
        json!({"endpoint": other.url}),
        json!({"endpoint": "hooks", "method": other.url}),
        json!({"endpoint": "hooks", "method": "POST / HTTP/1.1\r\nHost: other"}),
        json!({"endpoint": "hooks", "sample": other.url}),
    ] {
        let reply = post(&gate, "/api/v1/test", &body);
        assert!([400, 404].contains(&reply.status), "{body}: {}", reply.body);
    }
    assert_eq!((app.count(), other.connections()), (0, 0));
}

#[test]
fn what_makes_no_test_is_refused_with_its_reason() {
    let app = App::content();
    let gate = gate(&app);
    let hooks = |key: &str, value: &str| {
        let mut body = json!({"endpoint": "hooks"});
        body[key] = json!(value);
        body
    };
    for (body, status, reason) in [
        (json!({"endpoint": "nowhere"}), 404, "not-found"),
        (hooks("forgery", "rubbish"), 400, "unknown-forgery"),
        (hooks("sample", "other"), 400, "unknown-sample"),
        (hooks("sample", "rubbish"), 400, "unknown-sample"),
        (hooks("method", "CONNECT"), 400, "unknown-method"),
        (hooks("method", ""), 400, "unknown-method"),
        (
            hooks("body", &"x".repeat(1024 * 1024 + 1)),
            413,
            "body-too-large",
        ),
        (json!([]), 422, "bad-request"),
    ] {
        let reply = post(&gate, "/api/v1/test", &body);
        assert_eq!(reply.status, status, "{reason}: {}", reply.body);
        assert!(
            reply.body.contains(&format!("\"{reason}\"")),
            "{}",
            reply.body
        );
    }
    let longest = hooks("body", &"\"".repeat(1024 * 1024));
    assert_eq!(tested(&gate, &longest)["verdict"], "accepted");
    assert_eq!(app.count(), 1);
}

#[test]
fn a_few_tests_run_at_the_same_time() {
    let (app, hold) = App::holding();
    let gate = gate(&app);
    let body = json!({"endpoint": "hooks"});
    std::thread::scope(|scope| {
        let send = || scope.spawn(|| post(&gate, "/api/v1/test", &body));
        let running: Vec<_> = (0..4).map(|_| send()).collect();
        app.wait_for(4);
        let further = post(&gate, "/api/v1/test", &body);
        assert_eq!(further.status, 429, "{}", further.body);
        hold.open();
        for one in running {
            assert_eq!(one.join().expect("no panic").status, 200);
        }
    });
    assert_eq!(tested(&gate, &body)["verdict"], "accepted");
}

#[test]
fn the_samples_are_what_a_test_sends() {
    let app = App::content();
    let gate = setup(&app)
        .with(|setup| setup.config.admin.console = ConsoleMode::Look)
        .start();
    let lines = format!(
        "Host: localhost\r\nAuthorization: Bearer {}\r\n",
        gate.token()
    );
    let reply = ask(gate.admin(), "GET /api/v1/test/samples", &lines);
    assert_eq!(reply.status, 200);
    let parts: Value = serde_json::from_str(&reply.body).expect("JSON");
    assert_eq!(
        parts["forgeries"].as_array().map(Vec::len),
        Some(ForgeryKind::ALL.len())
    );
    for kind in ["order", "abandoned-cart"] {
        let body = parts["samples"][kind].as_str().expect("text");
        assert!(body.lines().count() > 10, "it is easy to edit: {body}");
        let result = tested(&gate, &json!({"endpoint": "hooks", "body": body}));
        assert_eq!(result["verdict"], "accepted", "{result}");
    }
}
