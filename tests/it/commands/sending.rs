//! `cartgate send` with genuine deliveries.

use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};

use serde_json::Value;

use super::server::{HEADER, Server, verifying};
use super::{Bench, signature};

#[test]
fn send_sends_a_true_delivery() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    let ran = bench
        .run(&["send", &server.url, "--secret-file", "secret"])
        .ends(0);
    assert!(
        ran.stdout.contains("200") && ran.stdout.contains("test-id"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("line") && !ran.stdout.contains('\x1b'),
        "{:?}",
        ran.stdout
    );
    let raw = server.only();
    assert_eq!((&*raw.method, &*raw.target), ("POST", "/hooks?shop=1"));
    assert_eq!(raw.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&raw.body).expect("JSON");
    assert_eq!(
        (&body["event"], &body["test"]),
        (&Value::from("order.processed"), &Value::from(true))
    );
}

#[test]
fn send_obeys_its_flags() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    let ran = bench.run(&[
        "send",
        &server.url,
        "--secret-file",
        "secret",
        "--json",
        "--event",
        "abandoned-cart",
        "--method",
        "put",
        "--set",
        "/cart/email=me@example.com",
        "--set",
        "/cart/total:=1.5",
        "--header",
        "X-Extra: yes",
    ]);
    assert_eq!(ran.ends(0).json()["status"], 200);
    let raw = server.only();
    assert_eq!(raw.method, "PUT");
    assert_eq!(raw.headers["x-extra"], "yes");
    let body: Value = serde_json::from_slice(&raw.body).expect("JSON");
    assert_eq!(body["event"], "cart.abandoned");
    assert_eq!(body["cart"]["email"], "me@example.com");
    assert_eq!(body["cart"]["total"], 1.5);
}

#[test]
fn a_given_body_goes_out_untouched() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    let body = b"\xff\x00 not JSON \r\n\n";
    let args = [
        "send",
        &server.url,
        "--secret-file",
        "secret",
        "--body",
        "-",
        "--header-name",
        "x-shopify-hmac-sha256",
    ];
    bench.run_with(&args, body, &[]).ends(1);
    let raw = server.only();
    assert_eq!(raw.body, body);
    assert_eq!(raw.headers["x-shopify-hmac-sha256"], signature(body));
    assert!(!raw.headers.contains_key(HEADER));
}

#[test]
fn send_reaches_a_unix_socket() {
    let bench = Bench::new();
    let server = Server::unix(&bench.path("gate.sock"), verifying);
    bench
        .run(&["send", &server.url, "--secret-file", "secret"])
        .ends(0);
    assert_eq!(server.only().target, "/hooks");
}

#[test]
fn no_2xx_and_nobody_there_are_a_no() {
    let (bench, server) = (Bench::new(), Server::tcp(|_| "503 Service Unavailable"));
    let ran = bench
        .run(&["send", &server.url, "--secret-file", "secret"])
        .ends(1);
    assert!(ran.stdout.contains("503"), "{}", ran.stdout);

    // Bound and released: no other process gets this port soon.
    let free: SocketAddr = TcpListener::bind("127.0.0.1:0")
        .and_then(|it| it.local_addr())
        .expect("a port");
    for more in [&["--count", "1"][..], &["--forge", "all"]] {
        let url = format!("http://{free}/");
        let ran = bench
            .run(&[&["send", &url, "--secret-file", "secret"], more].concat())
            .ends(1);
        assert!(ran.stderr.contains("no listener"), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn many_deliveries_differ_and_are_counted() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    let args = [
        "send",
        &server.url,
        "--secret-file",
        "secret",
        "--count",
        "40",
        "--concurrency",
        "4",
    ];
    let ran = bench.run(&args).ends(0);
    assert!(ran.stdout.contains("200        40"), "{}", ran.stdout);
    assert!(ran.stdout.contains("p99"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "", "no bar where there is no terminal");
    let bodies: HashSet<_> = server.requests().into_iter().map(|raw| raw.body).collect();
    assert_eq!(bodies.len(), 40);

    let figures = bench
        .run(&[&args[..], &["--json", "--rate", "1000"]].concat())
        .ends(0)
        .json();
    assert_eq!(figures["statuses"]["200"], 40);
    assert!(figures["latency_us"]["p50"].as_u64() <= figures["latency_us"]["max"].as_u64());
}

#[test]
fn one_refusal_among_many_is_a_no() {
    let server = Server::tcp(|raw| {
        let last = raw
            .body
            .windows(18)
            .any(|part| part == b"test-order-100001-");
        if last { "200 OK" } else { "500 Oops" }
    });
    let args = [
        "send",
        &server.url,
        "--secret-file",
        "secret",
        "--count",
        "5",
        "--json",
    ];
    let figures = Bench::new().run(&args).ends(1).json();
    assert_eq!(
        (&figures["statuses"]["200"], &figures["statuses"]["500"]),
        (&4.into(), &1.into())
    );
}

#[test]
fn a_number_is_sent_as_it_was_typed() {
    for number in ["19.90", "1.0", "1e3", "12345678901234567890.10"] {
        let (bench, server) = (Bench::new(), Server::tcp(verifying));
        let edit = format!("/order/total:={number}");
        let args = [
            "send",
            &server.url,
            "--secret-file",
            "secret",
            "--set",
            &edit,
        ];
        bench.run(&args).ends(0);
        let body = String::from_utf8(server.only().body).expect("text");
        assert!(body.contains(&format!("\"total\":{number}")), "{body}");
        assert!(!body.contains("number:"), "{body}");
    }
}
