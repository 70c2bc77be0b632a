//! `cartgate reload` and its path on the admin listener, through the built program.

use std::process::{Command, Output};

use cartgate::net::listener::ListenAddress;
use serde_json::Value;

use super::{api_with, ask, setup};
use crate::{
    program::{Program, write_secret},
    support::{App, BODY, SECRET, genuine, request, sign_with},
};

const ANOTHER: &[u8] = b"another planted secret of the tests";

const TOKEN: &[u8] = b"a-planted-admin-token";

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n";

fn file(app: &App, admin: &str) -> String {
    let url = &app.url;
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\n{admin}\n[secret.current]\nfile = \"secret\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\n\
         [[endpoint.destination]]\nurl = \"{url}\"\n"
    )
}

fn reload(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    let command = command.env_clear().arg("reload").args(args);
    command.output().expect("it runs")
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    text(&output.stdout) + &text(&output.stderr)
}

fn by_another() -> Vec<u8> {
    let lines = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign_with(ANOTHER, BODY));
    request("POST /hooks HTTP/1.1", &lines, BODY)
}

/// Returns the TCP address of the admin listener, from the log line of the start.
fn admin_of(program: &Program) -> ListenAddress {
    ListenAddress::Tcp(program.admin().to_string())
}

#[test]
fn a_reload_by_command_is_in_force_when_it_ends() {
    let app = App::content();
    let text = file(&app, "listen = \"unix:DIR/admin.sock\"");
    let program = Program::serve_file(&text, &[("secret", SECRET)]);
    let gate = format!("unix:{}", program.file("admin.sock").display());
    let mut client = program.client();
    assert_eq!(client.ask(genuine(BODY)).status, 200);

    program.write_secret(ANOTHER);
    let output = reload(&[&gate]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("the new configuration is in force"));
    // On the same connection, and without a wait.
    assert_eq!(client.ask(genuine(BODY)).status, 401);
    assert_eq!(client.ask(by_another()).status, 200);
}

#[test]
fn a_reload_that_leaves_the_old_configuration_in_force_says_why_and_exits_with_1() {
    let app = App::content();
    let text = file(&app, "listen = \"unix:DIR/admin.sock\"");
    let program = Program::serve_file(&text, &[("secret", SECRET)]);
    let gate = format!("unix:{}", program.file("admin.sock").display());
    let text = text.replace("DIR/", &format!("{}/", program.file("").display()));

    program.write_config(&(text.clone() + "[endpoint.nonsense]\nkey = 1\n"));
    let output = reload(&[&gate]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    for part in [
        "cartgate.toml:",
        "this key is unknown",
        "old configuration stays",
    ] {
        assert!(said(&output).contains(part), "{part} in {}", said(&output));
    }
    let output = reload(&[&gate, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json[0]["reloaded"]["in_force"], false);
    let error = json[0]["reloaded"]["errors"][0].as_str().expect("a line");
    assert!(error.contains("this key is unknown"), "{error}");
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);

    // A change that needs a restart is a warning in the same response.
    program.write_config(&text.replace("[admin]", "workers = 3\n[admin]"));
    let output = reload(&[&gate]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("workers"), "{}", said(&output));
}

#[test]
fn without_a_gate_a_reload_names_the_next_step() {
    let (_free, url) = crate::answers::destination::taken_port();
    let output = reload(&[&url]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("--admin"), "{}", said(&output));
    for usage in [&["127.0.0.1:9180"][..], &["http://127.0.0.1:1/reload"]] {
        assert_eq!(reload(usage).status.code(), Some(2), "{usage:?}");
    }
}

#[test]
fn a_reload_needs_the_token() {
    let app = App::content();
    let text = file(
        &app,
        "listen = \"127.0.0.1:0\"\ntoken = { file = \"token\" }",
    );
    let program = Program::serve_file(&text, &[("secret", SECRET), ("token", TOKEN)]);
    let gate = format!("http://{}", admin_of(&program));
    let output = reload(&[&gate]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("--token-file"), "{}", said(&output));
    let wrong = program.file("wrong");
    write_secret(&wrong, b"not-the-planted-admin-token");
    for (file, status) in [(wrong, 1), (program.file("token"), 0)] {
        let output = reload(&[&gate, "--token-file", &file.display().to_string()]);
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
    }
}

#[test]
fn no_web_page_can_make_a_gate_reload() {
    let app = App::content();
    let program = Program::serve_file(
        &file(&app, "listen = \"127.0.0.1:0\"\nconsole = \"act\""),
        &[("secret", SECRET)],
    );
    program.write_secret(ANOTHER);
    let admin = admin_of(&program);
    let token = format!("Authorization: Bearer {}\r\n", program.token());
    let post = |lines: &str| {
        let lines = format!("Host: {admin}\r\n{FORM}{token}{lines}");
        ask(&admin, "POST /api/v1/reload", &lines).status
    };
    // Even a page that has the token.
    assert_eq!(post("Origin: null\r\n"), 403);
    assert_eq!(post("Origin: http://evil.example\r\n"), 403);
    assert_eq!(post("Sec-Fetch-Site: same-site\r\n"), 403);
    let rebound = format!("Host: evil.example\r\n{FORM}{token}");
    let rebound = ask(&admin, "POST /api/v1/reload", &rebound);
    assert_eq!(rebound.status, 421);
    let preflight = format!(
        "Host: {admin}\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n"
    );
    let preflight = ask(&admin, "OPTIONS /api/v1/reload", &preflight);
    assert_eq!(preflight.status, 403);
    assert!(!preflight.head.contains("access-control"), "{preflight:?}");
    let by_get = format!("Host: {admin}\r\n{token}");
    let by_get = ask(&admin, "GET /api/v1/reload", &by_get);
    assert_eq!(by_get.status, 405);
    assert!(by_get.has("Allow: POST"), "{}", by_get.head);
    assert_eq!(
        program.client().ask(genuine(BODY)).status,
        200,
        "none of these changed the secret"
    );
    assert_eq!(post(""), 200);
    assert_eq!(program.client().ask(by_another()).status, 200);
}

#[test]
fn a_gate_that_nobody_reloads_says_so() {
    let app = App::content();
    let gate = setup(&app).start();
    let reply = api_with(&gate, "POST /api/v1/reload", FORM);
    assert_eq!(reply.status, 404);
    assert!(reply.body.contains("nothing reloads"), "{}", reply.body);
}
