//! The life of the built program: reloads of secrets, drains, its end.

use std::time::Instant;

use crate::{
    program::Program,
    support::{
        App, BODY, SECRET, forged, genuine, many_sockets, ms, request, sign_with, signature_line,
        wait_until,
    },
};

const ANOTHER: &[u8] = b"another planted secret of the tests";

fn genuine_by_another() -> Vec<u8> {
    let lines = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign_with(ANOTHER, BODY));
    request("POST /hooks HTTP/1.1", &lines, BODY)
}

#[test]
fn a_hangup_reads_the_secrets_again() {
    let app = App::content();
    let program = Program::serve(&app, &[]);
    let mut client = program.client();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    assert_eq!(client.ask(genuine_by_another()).status, 401);

    program.write_secret(ANOTHER);
    assert_eq!(
        client.ask(genuine(BODY)).status,
        200,
        "not before it is asked to"
    );
    program.signal("HUP");
    program.line(&["in force"]);
    // On the same connection, the old secret is invalid from that line on.
    assert_eq!(client.ask(genuine(BODY)).status, 401);
    assert_eq!(client.ask(genuine_by_another()).status, 200);
    assert_eq!(app.count(), 3);
}

#[test]
fn a_signal_right_after_the_start_line_does_not_end_the_gate() {
    let app = App::content();
    for _ in 0..20 {
        let program = Program::serve(&app, &[]);
        program.signal("HUP");
        program.line(&["in force"]);
        assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    }
}

/// Starts a gate that waits for its secret, which comes through a pipe.
fn waiting_for_its_secret(app: &App) -> Program {
    let url = &app.url;
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[secret.current]\nfile = \"pipe\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\n\
         [[endpoint.destination]]\nurl = \"{url}\"\n"
    );
    let dir = tempfile::tempdir().expect("a directory");
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let text = text.replace("\"pipe\"", &format!("\"{}\"", pipe.display()));
    let program = Program::start_file(&text, &[], &[]).holding(dir);
    wait_until("it handles signals", || program.handles_hangups());
    program
}

#[test]
fn a_hangup_that_comes_before_the_gate_is_ready_waits() {
    let app = App::content();
    let mut program = waiting_for_its_secret(&app);
    for signal in ["HUP", "USR1", "USR2"] {
        program.signal(signal);
    }
    std::fs::write(program.held("pipe"), SECRET).expect("it reads");
    program.line(&["protecting"]);
    // The requested reload reads the pipe again.
    std::fs::write(program.held("pipe"), SECRET).expect("it reads");
    program.line(&["configuration in force"]);
    assert!(program.runs());
}

#[test]
fn a_signal_to_end_is_obeyed_before_the_gate_is_ready() {
    for signal in ["TERM", "INT", "QUIT"] {
        let app = App::content();
        let program = waiting_for_its_secret(&app);
        program.signal(signal);
        let (status, lines) = program.end();
        assert_eq!(status.code(), Some(0), "{lines:?}");
        assert!(lines.concat().contains("before the configuration was read"));
    }
}

#[test]
fn signals_that_mean_nothing_to_a_gate_do_not_end_it() {
    let app = App::content();
    let mut program = Program::serve(&app, &[]);
    for signal in ["USR1", "USR2"] {
        program.signal(signal);
        program.line(&[&format!("signal=SIG{signal}"), "ignored"]);
    }
    assert!(program.runs());
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
}

#[test]
fn a_quit_drains_as_a_termination_does() {
    let (app, hold) = App::holding();
    let program = Program::serve(&app, &[]);
    let mut busy = program.client();
    busy.send(genuine(BODY));
    app.wait_for(1);
    program.signal("QUIT");
    program.line(&["draining"]);
    hold.open();
    assert_eq!(busy.answer().status, 200);
    let (status, log) = program.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.iter().any(|line| line.contains("drained")), "{log:#?}");
}

#[test]
fn the_start_says_whether_the_app_can_be_reached() {
    let app = App::content();
    let address = format!("address={}", app.url);
    let program = Program::serve(&app, &[]);
    let line = program.line(&["app reachable", "destination=default", &address]);
    assert!(line.contains("INFO"), "{line}");

    let (_gone, url) = crate::answers::destination::taken_port();
    let program = Program::serve_at(&format!("{url}/hooks?key=planted"), &[]);
    let line = program.line(&["app not reachable", &format!("address={url} "), "cause="]);
    assert!(line.contains("WARN") && !line.contains("planted"), "{line}");
    assert_eq!(program.client().ask(genuine(BODY)).status, 502);
    let all = program.lines().concat();
    assert!(!all.contains("planted"), "{all}");
    assert!(all.contains("/hooks?..."), "{all}");
}

#[test]
fn a_secret_that_cannot_be_used_leaves_the_old_one_in_force() {
    let app = App::content();
    let program = Program::serve(&app, &[]);
    let mut client = program.client();
    let mut said = 0;
    let mut says_so = || {
        program.signal("HUP");
        said += 1;
        wait_until("a line that says so", || {
            let stays = |line: &&String| line.contains("ERROR") && line.contains("stays in force");
            program.lines().iter().filter(stays).count() >= said
        });
    };
    for useless in [&b""[..], b"\n", b"ends in NUL\0"] {
        program.write_secret(useless);
        says_so();
        assert_eq!(client.ask(genuine(BODY)).status, 200);
    }
    std::fs::remove_file(program.file("secret")).expect("removed");
    says_so();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    program.write_secret(ANOTHER);
    program.signal("HUP");
    program.line(&["configuration in force"]);
    assert_eq!(client.ask(genuine_by_another()).status, 200);
}

#[test]
fn a_request_is_judged_by_the_secrets_at_its_head() {
    let app = App::content();
    let program = Program::serve(&app, &[]);
    let mut client = program.client();
    let lines = signature_line(BODY) + "Expect: 100-continue\r\n";
    let whole = request("POST /hooks HTTP/1.1", &lines, BODY);
    let (head, rest) = whole.split_at(whole.len() - BODY.len());
    client.send(head);
    assert_eq!(client.answer_head().status, 100, "the head was judged");
    program.write_secret(ANOTHER);
    program.signal("HUP");
    program.line(&["in force"]);
    assert_eq!(client.ask(rest).status, 200);
    assert_eq!(client.ask(genuine(BODY)).status, 401);
}

#[test]
fn a_drain_lets_what_is_under_way_end_and_closes_the_rest() {
    let (app, hold) = App::holding();
    let mut program = Program::serve(&app, &[]);
    let mut idle = program.client();
    assert_eq!(idle.ask(forged(BODY)).status, 401);
    let mut busy = program.client();
    busy.send(genuine(BODY));
    app.wait_for(1);
    let mut receiving = program.client();
    let late = genuine(BODY);
    receiving.send(&late[..late.len() - 1]);
    assert_eq!(program.client().ask(forged(BODY)).status, 401);

    program.signal("TERM");
    program.line(&["draining"]);
    idle.is_closed();
    assert!(program.runs(), "it waits for what is under way");
    receiving.send(&late[late.len() - 1..]);
    hold.open();
    for client in [&mut busy, &mut receiving] {
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (200, true));
        client.is_closed();
    }
    let (status, log) = program.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.iter().any(|line| line.contains("drained")), "{log:#?}");
    assert_eq!(app.count(), 2);
}

#[test]
fn connections_that_wait_when_the_drain_begins_are_served() {
    let _many = many_sockets();
    let app = App::content();
    let program = Program::serve(&app, &[]);
    program.suspend();
    let mut queued: Vec<_> = (0..300).map(|_| program.client()).collect();
    for client in &mut queued {
        client.send(genuine(BODY));
    }
    wait_until("they are queued", || program.queued() == queued.len());
    program.signal("TERM");
    program.signal("CONT");
    for client in &mut queued {
        assert_eq!(client.answer().status, 200);
        client.is_closed();
    }
    assert_eq!(program.end().0.code(), Some(0));
    assert_eq!(app.count(), 300);
}

#[test]
fn deliveries_that_have_come_on_kept_connections_when_the_drain_begins_are_served() {
    let app = App::content();
    let program = Program::serve(&app, &[]);
    let mut kept: Vec<_> = (0..50).map(|_| program.client()).collect();
    for client in &mut kept {
        assert_eq!(client.ask(genuine(BODY)).status, 200);
    }
    program.suspend();
    for client in &mut kept {
        client.send(genuine(BODY));
    }
    program.signal("TERM");
    program.signal("CONT");
    for client in &mut kept {
        assert_eq!(client.answer().status, 200);
        client.is_closed();
    }
    assert_eq!(program.end().0.code(), Some(0));
    assert_eq!(app.count(), 100);
}

#[test]
fn the_drains_delay_goes_on_serving_and_closes_after_each_answer() {
    let app = App::content();
    let program = Program::serve(&app, &["--drain-delay", "1s"]);
    let mut before = program.client();
    assert!(!before.ask(genuine(BODY)).closes());
    let begun = Instant::now();
    program.signal("TERM");
    program.line(&["draining"]);
    // A load balancer that has not noticed the drain yet opens new connections.
    for client in [&mut before, &mut program.client()] {
        let answer = client.ask(genuine(BODY));
        assert_eq!((answer.status, answer.closes()), (200, true));
        client.is_closed();
    }
    assert_eq!(program.end().0.code(), Some(0));
    assert!(begun.elapsed() >= ms(1000));
}

#[test]
fn the_drains_limit_ends_what_never_ends() {
    let (app, hold) = App::holding();
    let program = Program::serve(&app, &["--drain-limit", "200ms"]);
    let mut busy = program.client();
    busy.send(genuine(BODY));
    app.wait_for(1);
    let begun = Instant::now();
    program.signal("TERM");
    let (status, log) = program.end();
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() >= ms(200));
    assert!(
        log.iter().any(|line| line.contains("drain limit")),
        "{log:#?}"
    );
    busy.is_gone();
    hold.open();
}

#[test]
fn a_second_signal_ends_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("TERM", "INT")] {
        let (app, hold) = App::holding();
        let mut program = Program::serve(&app, &["--drain-limit", "10m"]);
        let mut busy = program.client();
        busy.send(genuine(BODY));
        app.wait_for(1);
        program.signal(first);
        program.line(&["draining"]);
        assert!(program.runs());
        program.signal(second);
        let (status, log) = program.end();
        assert!(status.code().is_some(), "it ended by itself");
        assert!(
            log.iter().any(|line| line.contains("second signal")),
            "{log:#?}"
        );
        hold.open();
    }
}

#[test]
fn an_address_in_use_is_an_error_of_usage() {
    let app = App::content();
    let program = Program::serve(&app, &[]);
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    let address = program.address().to_string();
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_cartgate"))
        .env_clear()
        .env(
            "CARTGATE_SECRET",
            std::str::from_utf8(SECRET).expect("text"),
        )
        .args(["serve", "--listen", &address, "--upstream", &app.url])
        .output()
        .expect("it runs");
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("in use") && said.contains(&address), "{said}");
    assert_eq!(
        program.client().ask(genuine(BODY)).status,
        200,
        "the first one goes on"
    );
}
