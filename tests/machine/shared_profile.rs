//! Two gates on one PostgreSQL share the profile of an endpoint.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
};

use crate::{
    program::Program,
    servers::postgres::Postgres,
    support::{App, PATIENCE, SECRET, request, signature_line, wait_until},
};

fn config(url: &str, app: &App) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
[admin]
listen = "127.0.0.1:0"
[inbox]
store = "{url}"
key = {{ file = "key" }}
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
durable = true
[[endpoint.destination]]
name = "shop"
url = "{}"
"#,
        app.url
    )
}

/// Sends a request to the API of a gate. Returns the number of deliveries in the first profile of
/// the response.
fn deliveries(gate: &Program, first_line: &str) -> u64 {
    let mut stream = TcpStream::connect(gate.admin()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    let token = gate.token();
    let request = format!(
        "{first_line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it takes it");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("text");
    first_number(&text)
}

fn first_number(text: &str) -> u64 {
    let (_, rest) = text.split_once("\"deliveries\":").expect("a profile");
    let digits = rest
        .trim_start()
        .split(|character: char| !character.is_ascii_digit());
    let digits = digits.into_iter().next().expect("a first part");
    digits.parse().expect("a number")
}

fn send(gate: &Program, index: u64) {
    let body = format!(r#"{{"id":"{index}","planted":"planted-value"}}"#);
    let signature = signature_line(body.as_bytes());
    let delivery = request("POST /hooks HTTP/1.1", &signature, body.as_bytes());
    assert_eq!(gate.client().ask(delivery).status, 200);
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn a_gate_takes_over_the_profile_that_another_has_stored() {
    let (postgres, app) = (Postgres::shared(), App::content());
    let url = postgres.database("shared_profile");
    let text = config(&url, &app);
    let files: [(&str, &[u8]); 2] = [
        ("secret", SECRET),
        ("key", b"planted-key-of-the-seals-of-a-test"),
    ];
    let (first, second) = (
        Program::serve_file(&text, &files),
        Program::serve_file(&text, &files),
    );
    let mut index = 0;
    wait_until("it has learned some", || {
        index += 1;
        send(&first, index);
        deliveries(&first, "GET /api/v1/profile") >= 20
    });
    let learned = deliveries(&first, "GET /api/v1/profile");
    assert_eq!(deliveries(&second, "GET /api/v1/profile"), 0);
    first.signal("TERM");
    assert!(first.end().0.success());

    // The second looks into the store before it accepts, so it overrules nobody.
    let accepted = deliveries(&second, "POST /api/v1/profile/orders/accept");
    assert!(accepted >= learned, "{accepted} of {learned}");
    // The JSON follows the version and the tag.
    let sql =
        "SELECT convert_from(substr(value, 52), 'UTF8') FROM meta WHERE name = 'profile:orders'";
    let stored = Postgres::ask(&url, sql).expect("a profile");
    assert_eq!(first_number(&stored), accepted);
    assert!(!stored.contains("planted-value"));

    let dir = second.file("secret");
    let shown = Command::new(env!("CARGO_BIN_EXE_cartgate"))
        .env_clear()
        .current_dir(dir.parent().expect("a directory"))
        .args(["inbox", "profile", "--json", "--config", "cartgate.toml"])
        .output()
        .expect("it runs");
    assert!(shown.status.success(), "{shown:?}");
    let shown = String::from_utf8(shown.stdout).expect("text");
    assert_eq!(first_number(&shown), accepted);
}
