//! A machine without a free file descriptor: the gate reports it, keeps its state, and recovers
//! once the machine does.

use rustix::process::Resource;

use crate::{
    program::Program,
    support::{App, BODY, forged, genuine, wait_until},
};

/// Starts a gate that must resolve the name of its app.
fn gate(app: &App) -> Program {
    let url = app.url.replace("127.0.0.1", "localhost");
    let text = format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
[[endpoint.destination]]
url = "{url}"
"#
    );
    let program = Program::serve_file(&text, &[("secret", crate::support::SECRET)]);
    // Its workers run, and the start has resolved the name.
    assert_eq!(program.client().ask(forged(BODY)).status, 401);
    program.line(&["app reachable"]);
    program
}

#[track_caller]
fn reload_fails(program: &Program) {
    let failed = || {
        let all = program.lines();
        all.iter()
            .filter(|line| line.contains("stays in force"))
            .count()
    };
    let before = failed();
    program.signal("HUP");
    wait_until("a line with the reason", || failed() > before);
}

#[track_caller]
fn recovers(program: &Program) {
    let reloads = || {
        program
            .lines()
            .iter()
            .filter(|line| line.contains("configuration in force"))
            .count()
    };
    let before = reloads();
    program.signal("HUP");
    wait_until("a reload", || reloads() > before);
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
}

#[test]
fn without_a_free_descriptor_a_reload_leaves_the_old_configuration_in_force() {
    let app = App::content();
    let mut program = gate(&app);
    let (mut kept, mut other) = (program.client(), program.client());
    assert_eq!(kept.ask(genuine(BODY)).status, 200);
    let before = program.limit(Resource::Nofile, Some(3));
    reload_fails(&program);
    // The connection to the app may have ended meanwhile; a new one is an error.
    let status = other.ask(genuine(BODY)).status;
    assert!([200, 502].contains(&status), "{status}");
    assert!(program.runs());
    program.limit(Resource::Nofile, before.current);
    recovers(&program);
    assert_eq!(kept.ask(genuine(BODY)).status, 200);
}

#[test]
fn without_a_free_descriptor_a_connection_waits_until_there_is_one() {
    let app = App::content();
    let mut program = gate(&app);
    let before = program.limit(Resource::Nofile, Some(3));
    let mut waiting = program.client();
    program.line(&["cannot accept connections", "listener=public", "ERROR"]);
    assert!(program.runs());
    program.limit(Resource::Nofile, before.current);
    assert_eq!(waiting.ask(genuine(BODY)).status, 200);
    let failures = program
        .lines()
        .iter()
        .filter(|line| line.contains("cannot accept connections"))
        .count();
    assert_eq!(failures, 1, "one line for a series of errors");
}
