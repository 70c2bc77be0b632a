//! The shell line that sends a stored body again, run in a shell.

use std::{path::Path, process::Command};

use cartgate::net::listener::ListenAddress;

use super::{get, get_with};
use crate::support::{App, Gate, Setup, request, signature_line};

fn durable(app: &App, dir: &Path, change: impl FnOnce(&mut Setup)) -> Gate {
    Setup::durable(app, dir)
        .with(|setup| {
            setup.admin = Some("127.0.0.1:0".parse().expect("an address"));
            change(setup);
        })
        .start()
}

/// Sends a delivery, runs the line of its event, and checks that the app gets the same again.
fn again(gate: &Gate, app: &App, first_line: &str, body: &[u8]) {
    let lines = format!(
        "{}Content-Type: application/x-it's\r\n",
        signature_line(body)
    );
    let before = app.count();
    let answer = gate.client().ask(request(first_line, &lines, body));
    assert_eq!(answer.status, 200);
    let id = answer.header("X-Cartgate-Delivery").expect("an id");
    let reply = get(gate, &format!("/deliveries/{id}/curl"));
    assert_eq!(reply.status, 200, "{reply:?}");
    let ran = Command::new("sh").args(["-c", &reply.body]).output();
    let ran = ran.expect("a shell");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(said.starts_with("HTTP/1.1 200"), "{reply:?} {ran:?}");
    app.wait_for(before + 2);
    let got = app.requests().split_off(before);
    for key in ["content-type", "x-cartfunnel-hmac-sha256"] {
        assert_eq!(got[0].header(key), got[1].header(key));
    }
    let facts = |index: usize| (&got[index].method, &got[index].target, &got[index].body);
    assert_eq!(facts(0), facts(1));
    assert_eq!(got[1].body, body);
}

#[test]
fn the_line_sends_any_body_to_any_path() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let gate = durable(&app, dir.path(), |_| {});
    let binary: Vec<u8> = (0..=255).collect();
    again(&gate, &app, "POST /hooks HTTP/1.1", b"{\"a\": \"it's $5\"}");
    again(
        &gate,
        &app,
        "PUT /a/../';id;'$(id)?b='c'&d=!*,(e) HTTP/1.1",
        &binary,
    );
    again(&gate, &app, "POST /hooks HTTP/1.1", b"");
    again(
        &gate,
        &app,
        "POST /hooks HTTP/1.1",
        "\u{1b}[2J\ngr\u{fc}n".as_bytes(),
    );
}

#[test]
fn the_line_leads_to_a_socket_too() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let socket = dir.path().join("it's a gate.sock");
    let gate = durable(&app, dir.path(), |setup| {
        setup.listen = ListenAddress::Unix(socket);
    });
    again(&gate, &app, "POST /hooks HTTP/1.1", b"hello");
}

#[test]
fn nobody_but_an_operator_gets_a_line_and_only_of_a_stored_event() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let gate = durable(&app, dir.path(), |_| {});
    let answer = gate.client().ask(crate::support::forged(b"hello"));
    let id = answer.header("X-Cartgate-Delivery").expect("an id");
    let path = format!("/deliveries/{id}/curl");
    assert_eq!(get(&gate, &path).status, 404, "the gate signs no forgery");
    assert_eq!(get_with(&gate, &path, "").status, 401);
}
