//! `cartgate healthcheck`, against gates that have nothing else to ask.

use std::process::{Command, Output};

use crate::{
    program::Program,
    support::{App, BODY, genuine, wait_until},
};

/// Returns the exit status and the output of a check of one gate.
fn check(process: u32, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    command
        .env_clear()
        .args(["healthcheck", "--pid", &process.to_string()]);
    let Output {
        status,
        stdout,
        stderr,
    } = command.args(more).output().expect("it runs");
    let all = [stdout, stderr].concat();
    (status.code(), String::from_utf8(all).expect("text"))
}

/// Waits until a check finds that the gate is ready.
fn wait_until_ready(program: &Program) {
    let ready = (Some(0), format!("process {}: ready\n", program.id()));
    wait_until("the gate is ready", || check(program.id(), &[]) == ready);
}

#[test]
fn a_gate_without_any_admin_listener_or_directory_is_ready() {
    let app = App::content();
    let program = Program::serve(&app, &[]);
    let id = program.id();
    wait_until_ready(&program);
    // It costs no delivery anything: neither a log line nor a count.
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    assert_eq!(check(id, &[]).0, Some(0));
    program.signal("TERM");
    let (status, lines) = program.end();
    assert!(status.success());
    let requests = lines
        .iter()
        .filter(|line| line.contains("cartgate::access"));
    assert_eq!(requests.count(), 1, "{lines:#?}");
    let gone = format!("cartgate: process {id} is no gate of this user that serves\n");
    assert_eq!(check(id, &[]), (Some(1), gone));
}

#[test]
fn a_gate_that_drains_is_not_ready() {
    let program = Program::serve(&App::content(), &["--drain-delay", "30s"]);
    wait_until_ready(&program);
    program.signal("TERM");
    program.line(&["draining"]);
    let draining = (Some(1), format!("process {}: draining\n", program.id()));
    wait_until("it drains", || check(program.id(), &[]) == draining);
}

#[test]
fn a_gate_that_hangs_is_not_ready() {
    let program = Program::serve(&App::content(), &[]);
    wait_until_ready(&program);
    program.suspend();
    let (status, output) = check(program.id(), &["--timeout", "50ms"]);
    let hangs = format!("process {}: does not respond within 50ms\n", program.id());
    assert_eq!((status, output), (Some(1), hangs));
}

#[test]
fn another_program_is_no_gate() {
    let (status, output) = check(std::process::id(), &[]);
    assert_eq!(status, Some(1), "{output}");
    assert!(output.contains("is no gate"), "{output}");
}
