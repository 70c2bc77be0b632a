//! Changes of the configuration file, of the files that it names, and of the watch itself.

use std::{fs, process::Command};

use serde_json::Value;

use super::{FAILED, IN_FORCE, a_few_looks, count, file, in_force, rename_over};
use crate::{
    program::{Program, write_secret},
    support::{
        App, BODY, SECRET, Then, app::answer, authority::Authority, genuine, request, sign_with,
        wait_until,
    },
};

const ANOTHER: &[u8] = b"another planted secret of the tests";
const THIRD: &[u8] = b"the third planted secret of the tests";

fn by(secret: &[u8]) -> Vec<u8> {
    let lines = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign_with(secret, BODY));
    request("POST /hooks HTTP/1.1", &lines, BODY)
}

fn serving(app: &App, watch: bool) -> Program {
    let files = [("one", SECRET), ("two", ANOTHER), ("three", THIRD)];
    Program::serve_file(&file(watch, &app.url, "one", "two"), &files)
}

/// Returns the output of `cartgate status`.
fn status(program: &Program, more: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    let ran = command
        .env_clear()
        .env("CARTGATE_ADMIN_TOKEN", program.token())
        .args(["status", &format!("http://{}", program.admin())])
        .args(more)
        .output();
    String::from_utf8(ran.expect("it runs").stdout).expect("text")
}

/// Returns the part of the report on the configuration.
fn reported(program: &Program) -> Value {
    let all: Value = serde_json::from_str(&status(program, &["--json"])).expect("JSON");
    all[0]["report"]["configuration"].clone()
}

#[test]
fn a_changed_file_is_in_force_and_the_files_that_it_names_are_watched() {
    let app = App::content();
    let program = serving(&app, true);
    let mut client = program.client();
    let report = reported(&program);
    assert_eq!(report["watch"], true);
    assert_eq!(report["trigger"], Value::Null);

    rename_over(
        &program.file("cartgate.toml"),
        file(true, &app.url, "one", "three").as_bytes(),
    );
    in_force(&program, 1);
    assert_eq!(client.ask(by(ANOTHER)).status, 401);
    assert_eq!(client.ask(by(THIRD)).status, 200);
    assert_eq!(reported(&program)["trigger"], "watch");
    let screen = status(&program, &[]);
    let shown = ", last reload by watch, files watched";
    assert!(screen.contains(shown), "{screen}");

    // This file was not watched at the start.
    write_secret(&program.file("three"), ANOTHER);
    in_force(&program, 2);
    assert_eq!(client.ask(by(ANOTHER)).status, 200);
    assert_eq!(client.ask(by(THIRD)).status, 401);

    // This one is no longer named.
    write_secret(&program.file("two"), THIRD);
    program.write_config(&file(false, &app.url, "one", "three"));
    program.line(&["no longer watched"]);
    in_force(&program, 3);
    assert_eq!(reported(&program)["watch"], false);
    write_secret(&program.file("three"), THIRD);
    a_few_looks();
    assert_eq!(client.ask(by(THIRD)).status, 401, "nothing watches");
    program.signal("HUP");
    in_force(&program, 4);
    assert_eq!(client.ask(by(THIRD)).status, 200);
    assert_eq!(reported(&program)["trigger"], "signal");
    assert_eq!(count(&program, IN_FORCE), 4);
}

#[test]
fn a_reload_by_signal_switches_the_watch_on_and_is_not_repeated_by_it() {
    let app = App::content();
    let program = serving(&app, false);
    program.write_config(&file(true, &app.url, "one", "three"));
    program.signal("HUP");
    program.line(&["watching the files", "files=3"]);
    in_force(&program, 1);
    write_secret(&program.file("one"), ANOTHER);
    program.signal("HUP");
    in_force(&program, 2);
    a_few_looks();
    assert_eq!(count(&program, IN_FORCE), 2);
    write_secret(&program.file("one"), SECRET);
    in_force(&program, 3);
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
}

#[test]
fn a_broken_file_is_reported_once_and_mended_without_a_signal() {
    let app = App::content();
    let program = serving(&app, true);
    let good = file(true, &app.url, "one", "three");
    let (before, after) = good.split_once("[[endpoint]]").expect("an endpoint");
    let broken = format!("{before}[[endpoint]]\nmistake = 1{after}");
    program.write_config(&broken);
    wait_until("the failure", || count(&program, FAILED) > 0);
    a_few_looks();
    assert_eq!(count(&program, FAILED), 1, "not at each look");
    let report = reported(&program);
    assert!(report["failed"].is_u64(), "{report}");
    let mut client = program.client();
    assert_eq!(client.ask(by(ANOTHER)).status, 200, "the old one");
    // The file may also be away for a while.
    fs::remove_file(program.file("cartgate.toml")).expect("removed");
    wait_until("the next failure", || count(&program, FAILED) == 2);
    program.write_config(&good);
    in_force(&program, 1);
    assert_eq!(client.ask(by(ANOTHER)).status, 401);
    assert_eq!(client.ask(by(THIRD)).status, 200);
    assert_eq!(reported(&program)["failed"], Value::Null);
}

#[test]
fn new_authorities_of_an_app_are_trusted() {
    let (old, new) = (Authority::new(), Authority::new());
    let app = App::tls(new.server("localhost"), |_, wire| {
        wire.write_all(&answer("200 OK", "", b"taken"))?;
        Ok(Then::Keep)
    });
    let text = file(true, &app.url, "one", "two") + "ca_file = \"ca.pem\"\n";
    let (old, new) = (old.pem(), new.pem());
    let files = [
        ("one", SECRET),
        ("two", ANOTHER),
        ("ca.pem", old.as_bytes()),
    ];
    let program = Program::serve_file(&text, &files);
    let mut client = program.client();
    assert_eq!(client.ask(genuine(BODY)).status, 502);
    fs::write(program.file("ca.pem"), new).expect("written");
    in_force(&program, 1);
    assert_eq!(client.ask(genuine(BODY)).status, 200);
}
