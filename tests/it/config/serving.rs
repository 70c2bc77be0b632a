//! Several endpoints from one file, and changes of the file while they serve.

use std::{net::TcpStream, sync::Arc};

use super::two_shops;
use crate::{
    program::Program,
    support::{
        self, App, BODY, Client, SECRET,
        authority::Authority,
        session::{BOTH, NAME, shake},
        sign_with, wait_until,
        wire::patient,
    },
};

const ANOTHER: &[u8] = support::SECRETS[1];
const SECRETS: [(&str, &[u8]); 2] = [("secret", SECRET), ("another", ANOTHER)];

/// Returns a delivery to a path and host, signed by `secret` in `header`.
fn delivery(line: &str, host: &str, header: &str, secret: &[u8]) -> Vec<u8> {
    let (signature, length) = (sign_with(secret, BODY), BODY.len());
    let head = format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\n{header}: {signature}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), BODY].concat()
}

const CARTFUNNEL: &str = "X-Cartfunnel-Hmac-SHA256";
const SHOPIFY: &str = "X-Shopify-Hmac-SHA256";

#[test]
fn each_endpoint_has_its_own_secret_header_methods_and_way() {
    let app = App::content();
    let program = Program::serve_file(&two_shops(&app), &SECRETS);
    let mut client = program.client();
    for (line, host, header, secret, status) in [
        ("POST /orders", "one.example", CARTFUNNEL, SECRET, 200),
        ("PUT /carts", "anything.example", CARTFUNNEL, SECRET, 200),
        ("POST /orders", "TWO.example:80", SHOPIFY, ANOTHER, 200),
        ("POST /orders", "two.example", SHOPIFY, SECRET, 401),
        ("POST /orders", "two.example", CARTFUNNEL, ANOTHER, 401),
        ("POST /orders", "one.example", CARTFUNNEL, ANOTHER, 401),
        ("PUT /orders", "two.example", SHOPIFY, ANOTHER, 405),
        ("POST /orders", "three.example", CARTFUNNEL, SECRET, 404),
        ("POST /other", "one.example", CARTFUNNEL, SECRET, 404),
    ] {
        let answer = client.ask(delivery(line, host, header, secret));
        assert_eq!(answer.status, status, "{line} {host} {header}");
        // The connection ends after a body that the gate did not read.
        if answer.closes() {
            client = program.client();
        }
    }
    let came: Vec<_> = app
        .requests()
        .iter()
        .map(|request| {
            let header = |name| request.header(name).unwrap_or_default().to_owned();
            let (endpoint, event) = (header("x-cartgate-endpoint"), header("x-cartgate-event"));
            format!("{} {endpoint} {event}", request.target)
        })
        .collect();
    assert_eq!(
        came,
        [
            "/app/orders orders order",
            "/app/carts carts abandoned-cart",
            "/orders other "
        ]
    );
    let shared = program.line(&["accept each other's captured deliveries"]);
    assert!(
        shared.contains("orders, carts") && !shared.contains("other,"),
        "{shared}"
    );
}

#[test]
fn two_shops_under_tls_have_each_two_secrets() {
    let app = App::content();
    let authority = Authority::new();
    let dir = tempfile::tempdir().expect("a directory");
    let (chain, key) = authority.leaf(NAME).files(dir.path());
    let tls = format!("tls = {{ cert = {chain:?}, key = {key:?} }}\n[secret.current]");
    let older = "[secret.older]\nfile = \"older\"\n[secret.other-older]\nfile = \"other-older\"\n";
    let text = two_shops(&app)
        .replace("[secret.current]", &tls)
        .replace("[\"current\"]", "[\"current\", \"older\"]")
        .replace("[\"other-shop\"]", "[\"other-shop\", \"other-older\"]");
    let [one, other, older_one, older_other] = support::SECRETS;
    let files = [
        ("secret", one),
        ("another", other),
        ("older", older_one),
        ("other-older", older_other),
    ];
    let program = Program::serve_file(&(text + older), &files);
    let config = Arc::new(authority.client(&BOTH));
    let connect = || {
        let tcp = TcpStream::connect(program.address()).expect("a connection");
        let session = shake(patient(tcp), Arc::clone(&config));
        Client::over(session.expect("a handshake"))
    };
    let mut client = connect();
    for (path, host, header, own, others) in [
        (
            "/orders",
            "one.example",
            CARTFUNNEL,
            [one, older_one],
            [other, older_other],
        ),
        (
            "/carts",
            "any.example",
            CARTFUNNEL,
            [one, older_one],
            [other, older_other],
        ),
        (
            "/orders",
            "two.example",
            SHOPIFY,
            [other, older_other],
            [one, older_one],
        ),
    ] {
        let line = format!("POST {path}");
        for (secrets, status) in [(own, 200), (others, 401)] {
            for secret in secrets {
                let answer = client.ask(delivery(&line, host, header, secret));
                assert_eq!(answer.status, status, "{line} {host}");
            }
        }
    }
    let requests = app.requests();
    let matched: Vec<_> = requests
        .iter()
        .map(|request| request.header("x-cartgate-secret-name").unwrap_or_default())
        .collect();
    let of_the_first = ["current", "older"].repeat(2);
    assert_eq!(
        matched,
        [&of_the_first[..], &["other-shop", "other-older"]].concat()
    );
}

#[test]
fn the_start_says_where_each_path_goes() {
    let app = App::content();
    let text = two_shops(&app).replace(
        &format!("url = \"{}\"", app.url),
        "url = \"unix:/run/app.sock\"",
    );
    let program = Program::serve_file(&text, &SECRETS);
    program.line(&["mapping=\"one.example/orders -> ", "/app/orders"]);
    program.line(&["mapping=\"two.example/orders -> unix:/run/app.sock:/orders\""]);
}

#[test]
fn a_hangup_takes_up_another_endpoint_and_lets_one_go() {
    let app = App::content();
    let text = two_shops(&app);
    let program = Program::serve_file(&text, &SECRETS);
    let mut client = program.client();
    let new = || delivery("POST /new", "one.example", CARTFUNNEL, SECRET);
    let old = || delivery("POST /carts", "one.example", CARTFUNNEL, SECRET);
    assert_eq!(client.ask(new()).status, 404);
    assert_eq!(client.ask(old()).status, 200);
    program.write_config(&text.replace("\"/carts\"", "\"/new\""));
    program.signal("HUP");
    program.line(&["configuration in force"]);
    assert_eq!(client.ask(new()).status, 200);
    assert_eq!(client.ask(old()).status, 404);
}

#[test]
fn a_bad_file_leaves_the_old_in_force_and_says_each_mistake() {
    let app = App::content();
    let text = two_shops(&app);
    let program = Program::serve_file(&text, &SECRETS);
    let mut client = program.client();
    let broken = text
        .replace("listen =", "lisen =")
        .replace("\"POST\"", "\"TRACE\"");
    program.write_config(&broken);
    program.signal("HUP");
    program.line(&["ERROR", "cartgate.toml:3:1", "did you mean `listen`"]);
    program.line(&["ERROR", "CONNECT, TRACE", "stays in force"]);
    let carts = delivery("POST /carts", "one.example", CARTFUNNEL, SECRET);
    assert_eq!(client.ask(carts).status, 200);
}

#[test]
fn what_only_a_restart_takes_up_is_said() {
    let app = App::content();
    let text = two_shops(&app);
    let program = Program::serve_file(&text, &SECRETS);
    program.write_config(&text.replace("workers = 2", "workers = 1\nmax_connections = 7"));
    program.signal("HUP");
    program.line(&["WARN", "workers", "restart"]);
    program.line(&["WARN", "max_connections", "restart"]);
    wait_until("the rest is in force", || {
        program
            .lines()
            .iter()
            .any(|line| line.contains("configuration in force"))
    });
}

#[test]
fn a_stale_delivery_is_refused_and_the_log_says_why() {
    let app = App::content();
    let fresh = "fresh = { pointer = \"/sent_at\", within = \"10m\" }\nevent = { kind = \"abandoned-cart\" }";
    let text = two_shops(&app).replace("event = { kind = \"abandoned-cart\" }", fresh);
    let program = Program::serve_file(&text, &SECRETS);
    let mut client = program.client();
    for (body, why) in [
        (r#"{"sent_at":"2020-01-01T00:00:00Z"}"#, "stale-too-old"),
        (r#"{"sent_at":"9999-01-01T00:00:00Z"}"#, "stale-too-early"),
        (r#"{"sent":1}"#, "stale-no-time"),
    ] {
        let (signature, length) = (sign_with(SECRET, body.as_bytes()), body.len());
        let request = format!(
            "POST /carts HTTP/1.1\r\nHost: a\r\n{CARTFUNNEL}: {signature}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        assert_eq!(client.ask(request).status, 422, "{body}");
        program.line(&[why, "status=422"]);
    }
    assert_eq!(app.count(), 0);
}
