//! A machine without a free thread or file descriptor: the gate reports it, keeps what it has, and
//! recovers once the machine does.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    process::{Command, Stdio},
};

use rustix::process::{Resource, Rlimit};

use crate::{
    program::Program,
    support::{App, BODY, PATIENCE, forged, genuine, wait_until},
};

const ADMIN: &str = "DIR/admin.sock";

/// A gate that has to look its app's name up, with an admin socket.
fn gate(app: &App) -> Program {
    let url = app.url.replace("127.0.0.1", "localhost");
    let text = format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
[admin]
listen = "unix:{ADMIN}"
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
    // A thread that has ended leaves its stack to the next one otherwise, which then needs no memory.
    let no_cache = ("GLIBC_TUNABLES", "glibc.pthread.stack_cache_size=0");
    let files = [("secret", crate::support::SECRET)];
    let program = Program::serve_file_with(&text, &files, &[no_cache]);
    // Its workers run, and the start has looked the name up.
    assert_eq!(program.client().ask(forged(BODY)).status, 401);
    program.line(&["app reachable"]);
    wait_until("the thread of the look-up ends", || {
        !program.has_thread("cartgate-aside")
    });
    program
}

/// Too little for the stack of a thread, and enough for all else.
fn no_more_threads(program: &Program) -> Rlimit {
    program.limit(Resource::As, Some(program.address_space() + 512 * 1024))
}

#[track_caller]
fn reload_fails(program: &Program, words: &str) {
    let failed = || {
        let all = program.lines();
        let stays = |line: &&String| line.contains("in force stay") && line.contains(words);
        all.iter().filter(stays).count()
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
            .filter(|line| line.contains("reloaded"))
            .count()
    };
    let before = reloads();
    program.signal("HUP");
    wait_until("a reload", || reloads() > before);
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
}

fn page(program: &Program, path: &str) -> u16 {
    let mut stream = UnixStream::connect(program.file("admin.sock")).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it takes it");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("a response");
    let status = std::str::from_utf8(&status[9..]).expect("digits");
    status.parse().expect("a number")
}

#[test]
fn without_a_free_thread_everything_is_answered_and_nothing_ends() {
    let app = App::content();
    let mut program = gate(&app);
    wait_until("all threads have started", || {
        page(&program, "/readyz") == 200
    });
    let before = no_more_threads(&program);
    for _ in 0..2 {
        reload_fails(&program, "no thread can be started");
        for path in ["/metrics", "/status", "/readyz"] {
            assert_eq!(page(&program, path), 200, "{path}");
        }
        assert_eq!(program.client().ask(genuine(BODY)).status, 502);
        program.line(&[
            "ERROR",
            "destination-unresolved",
            "no thread can be started",
        ]);
    }
    assert!(program.runs());
    program.limit(Resource::As, before.current);
    recovers(&program);
}

#[test]
fn without_a_free_descriptor_a_reload_leaves_the_old_configuration_in_force() {
    let app = App::content();
    let mut program = gate(&app);
    let (mut kept, mut other) = (program.client(), program.client());
    assert_eq!(kept.ask(genuine(BODY)).status, 200);
    let before = program.limit(Resource::Nofile, Some(3));
    reload_fails(&program, "");
    // The app's connection may have ended meanwhile; a further one is an error.
    let status = other.ask(genuine(BODY)).status;
    assert!([200, 502].contains(&status), "{status}");
    assert!(program.runs());
    program.limit(Resource::Nofile, before.current);
    recovers(&program);
    assert_eq!(kept.ask(genuine(BODY)).status, 200);
}

/// A thousand workers do not fit, and their threads are started one after the other.
#[test]
fn a_start_without_enough_threads_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("secret"), crate::support::SECRET).expect("a secret");
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 1000000 && exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_cartgate"))
        .args(["serve", "--listen", "127.0.0.1:0", "--workers", "1000"])
        .args([
            "--upstream",
            "http://127.0.0.1:9/hooks",
            "--secret-file",
            "secret",
        ])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    assert!(
        log.contains("Resource temporarily unavailable") || log.contains("Cannot allocate"),
        "{log}"
    );
}
